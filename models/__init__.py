"""Formulas of the fleet: plain functions of floats, and the parameter and view tuples they take.

A formula is written for one vehicle. The simulation calls it as Python in one lane and compiles the same function in
the other; `elementwise` serves arrays in notebooks, tables and plots.
"""

from collections.abc import Callable
from typing import Any

import numpy as np


def elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of floats over arrays, plainly looped.

    Numbers and arrays are broadcast against each other; tuples (a `Loss`, `Params`, ...) reach every call unchanged.
    The result is a float array of the broadcast shape, or a tuple of such arrays, named as the function names it.
    Each element gets plain Python floats, so the bits are those of a single call.
    """

    def over_arrays(*arguments: Any) -> Any:
        varying = [k for k, argument in enumerate(arguments) if not isinstance(argument, tuple)]
        arrays = np.broadcast_arrays(*(np.asarray(arguments[k], dtype=np.float64) for k in varying))
        shape = arrays[0].shape if arrays else ()
        one = list(arguments)
        results = []
        for values in zip(*(array.ravel().tolist() for array in arrays), strict=True):
            for k, value in zip(varying, values, strict=True):
                one[k] = value
            results.append(function(*one))
        if results and isinstance(results[0], tuple):
            columns = [np.array(column, dtype=np.float64).reshape(shape) for column in zip(*results, strict=True)]
            kind = type(results[0])
            return kind(*columns) if hasattr(kind, "_fields") else tuple(columns)
        return np.array(results, dtype=np.float64).reshape(shape)

    return over_arrays
