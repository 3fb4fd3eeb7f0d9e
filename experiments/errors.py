"""What went wrong: on the user's side, or within a simulation."""

import traceback
from pathlib import Path


class UserError(ValueError):
    """A mistake in what the user gave: a scenario, a file, an option.

    Its message is one line that names what was found, what was expected and where.
    """


def broke_off(error: BaseException) -> tuple[str, str]:
    """What broke a simulation off, in one line, and its traceback."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = f"{type(error).__name__}: {error} ({Path(place.filename).name} line {place.lineno})"
    return text, "".join(traceback.format_exception(error))
