"""What pydantic finds wrong with a scenario, said in one line each: where, what was expected, what was found."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from experiments.keys import did_you_mean
from experiments.layers import Layer

WORDS = {
    "missing": "is required",
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be above {gt:g}",
    "less_than_equal": "must be at most {le:g}",
    "less_than": "must be below {lt:g}",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
}


def problem_lines(error: ValidationError, origins: dict[str, Layer]) -> Iterator[str]:
    """One line for each problem."""
    for problem in error.errors(include_url=False):
        location = [str(part) for part in problem["loc"]]
        key = ".".join(location)
        if problem["type"] == "value_error":  # several values of a section together; the message begins with one's name
            message = problem["msg"].removeprefix("Value error, ")
            first = [*location, message.partition(" ")[0]]
            yield f"{_place(first, origins) if '.'.join(first) in origins else ''}{f'{key}: ' if key else ''}{message}"
        else:
            yield f"{_place(location, origins)}{key} {_complaint(problem)}"


def _place(location: list[str], origins: dict[str, Layer]) -> str:
    """The layer that set the key, or the nearest table around it."""
    for length in range(len(location), 0, -1):
        key = ".".join(location[:length])
        inside = [name for name in origins if name == key or name.startswith(f"{key}.")]
        if inside:
            layer = origins[inside[-1]]
            return f"{layer.where(key if key in origins else inside[-1])}: "
    return ""


def _complaint(problem: Any) -> str:
    kind, context, found = problem["type"], problem.get("ctx", {}), problem["input"]
    if kind == "literal_error":
        expected = str(context["expected"])
        names = [part.strip("' ") for part in expected.replace(" or ", ",").split(",")]
        return f"must be {expected}, got {found!r}.{did_you_mean(str(found), names) if len(names) > 12 else ''}".rstrip(
            "."
        )
    words = WORDS.get(kind)
    if words is None:
        return f"does not hold: {problem['msg']}, got {found!r}"
    text = words.format(**context)
    return text if kind == "missing" else f"{text}, got {found!r}"
