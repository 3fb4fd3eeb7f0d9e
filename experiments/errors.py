"""What went wrong on the user's side."""


class UserError(ValueError):
    """A mistake in what the user gave: a scenario, a file, an option.

    Its message is one line that names what was found, what was expected and where.
    """
