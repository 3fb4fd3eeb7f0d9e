"""Small dense matrices of plain floats: the exact step of a linear system.

Plain Python on purpose. A few states per step are faster without array overhead, and the bits do not depend on
the linear algebra library or the processor, so a run has the same digest on every machine.
"""

import functools
import math
from collections.abc import Sequence
from operator import mul

Row = tuple[float, ...]
Matrix = tuple[Row, ...]

TAYLOR_TERMS = 18  # 0.5**19 / 19! is below 1e-22: the series is exact in double precision
TAYLOR_NORM = 0.5


def dot(row: Sequence[float], column: Sequence[float]) -> float:
    """Scalar product of two equally long rows, the products added without rounding in between.

    `fsum`, not `sum`: since Python 3.12 `sum` compensates, so its last bit depends on the version.
    """
    return math.fsum(map(mul, row, column))


def identity(size: int) -> Matrix:
    """Unit matrix, shape `(size, size)`."""
    return tuple(tuple(1.0 if i == j else 0.0 for j in range(size)) for i in range(size))


def multiply(left: Matrix, right: Matrix) -> Matrix:
    """Matrix product; shapes `(n, k)` and `(k, m)`."""
    columns = tuple(zip(*right, strict=True))
    return tuple(tuple(dot(row, column) for column in columns) for row in left)


def exponential(matrix: Matrix) -> Matrix:
    """Matrix exponential by scaling, Taylor series and squaring; shape `(n, n)`.

    Source
    ------
    Moler and Van Loan, Nineteen dubious ways to compute the exponential of a matrix, SIAM Review 2003, method 3.
    """
    size = len(matrix)
    norm = max(sum(abs(a) for a in row) for row in matrix)
    halvings = max(0, math.ceil(math.log2(norm / TAYLOR_NORM))) if norm > 0.0 else 0
    scaled = tuple(tuple(a / 2.0**halvings for a in row) for row in matrix)
    result = identity(size)
    for k in range(TAYLOR_TERMS, 0, -1):  # Horner: I + A/1 (I + A/2 (I + ...))
        product = multiply(scaled, result)
        result = tuple(tuple((1.0 if i == j else 0.0) + product[i][j] / k for j in range(size)) for i in range(size))
    for _ in range(halvings):
        result = multiply(result, result)
    return result


@functools.lru_cache(maxsize=512)  # an area is often stepped anew: by lanes, variants, searches for a power
def held_input_step(a: Matrix, b: Matrix, dt_s: float) -> Matrix:
    """Exact step of x' = A x + B u while u is held: rows of `[Ad Bd]`, so that x(t + dt) = `[Ad Bd]` `[x; u]`.

    Parameters
    ----------
    a : Matrix
        Shape `(n, n)` [1/s].
    b : Matrix
        Shape `(n, m)`.
    dt_s : float
        Step [s].

    Returns
    -------
    Matrix
        Shape `(n, n + m)`.

    Source
    ------
    Van Loan, Computing integrals involving the matrix exponential, IEEE TAC 1978: expm([A B; 0 0] dt).
    """
    states, inputs = len(a), len(b[0])
    rows = [tuple(entry * dt_s for entry in row_a + row_b) for row_a, row_b in zip(a, b, strict=True)]
    rows += [(0.0,) * (states + inputs)] * inputs
    return exponential(tuple(rows))[:states]
