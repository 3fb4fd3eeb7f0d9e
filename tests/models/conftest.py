"""What the model tests share: interpreted against compiled, and the packaged tables."""

import csv
import struct
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

FLEET = Path(__file__).parents[2] / "experiments" / "data" / "fleet"


def compiled(function: types.FunctionType, done: dict[types.FunctionType, Any] | None = None) -> Any:
    """`function` compiled, with every function of ours that it calls."""
    done = {} if done is None else done
    if function not in done:
        scope = dict(function.__globals__)
        for name in function.__code__.co_names:
            called = scope.get(name)
            if isinstance(called, types.FunctionType) and called.__module__.startswith("models"):
                scope[name] = compiled(called, done)
        copy = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__)
        done[function] = numba.njit(error_model="python")(copy)
    return done[function]


def bit_pattern(value: Any) -> Any:
    """A value as bits, so that -0.0 differs from 0.0 and nan equals nan."""
    if isinstance(value, tuple):
        return tuple(bit_pattern(part) for part in value)
    return struct.pack("<d", value) if isinstance(value, float) else int(value)


@pytest.fixture(scope="session")
def same_bits() -> Callable[..., None]:
    """Assert that a function gives the same bits interpreted and compiled, for every row of arguments.

    An argument given as uint64 (see `models.draws`) is a plain integer in Python.
    """

    def check(function: Any, rows: Iterable[tuple[Any, ...]]) -> None:
        fast = compiled(function)
        for row in rows:
            plain = tuple(int(value) if isinstance(value, np.uint64) else value for value in row)
            assert bit_pattern(fast(*row)) == bit_pattern(function(*plain)), row

    return check


@pytest.fixture(scope="session")
def fleet_table() -> Callable[[str], list[dict[str, str]]]:
    """Rows of a packaged fleet table."""

    def read(name: str) -> list[dict[str, str]]:
        with (FLEET / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    return read
