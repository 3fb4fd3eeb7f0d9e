"""Random numbers as a function of (seed, stream, entity, counter), never of the order in which they are asked for.

SplitMix64 with a state computed instead of stepped: key + entity x A + counter x B, then the finaliser. Along either
argument this is the published generator with its own odd increment.

A compiled caller passes key, entity and counter as uint64: all constants but the shifts are unsigned 64-bit numbers,
and the wrap-around of the machine is the mask of the Python integers. Signed arguments would give other bits.

Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix64).
"""

import hashlib
import math
from array import array
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import chain, count, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

MASK = 0xFFFF_FFFF_FFFF_FFFF
ENTITY_STEP = 0x9E37_79B9_7F4A_7C15  # 2^64 divided by the golden ratio, the published increment
COUNTER_STEP = 0xD134_2543_DE82_EF95  # odd; Steele, Vigna, 2022: a spectrally good multiplier
MULTIPLY_1 = 0xBF58_476D_1CE4_E5B9
MULTIPLY_2 = 0x94D0_49BB_1331_11EB
TO_UNIT = 1.0 / 9007199254740992.0  # 2^-53
TO_MIDPOINT = 1.0 / 4503599627370496.0  # 2^-52
TAIL = 0.02425  # where the formula of a normal draw's tails begins
LN_2 = 0.6931471805599453
AHEAD = 256  # draws at a time: they cost as much as thirty single ones
TWO_64 = 18446744073709551616.0
TWO_128 = TWO_64 * TWO_64
TWO_256 = TWO_128 * TWO_128
TWO_512 = TWO_256 * TWO_256


@cache
def stream_key(seed: int, stream: str) -> int:
    """Key of a named stream; the same in every process and version (Python's own `hash` is not)."""
    digest = hashlib.blake2b(f"{seed}/{stream}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def bits(key: int, entity: int, counter: int) -> int:
    """64 random bits."""
    x = (key + entity * ENTITY_STEP + counter * COUNTER_STEP) & MASK
    x = ((x ^ (x >> 30)) * MULTIPLY_1) & MASK
    x = ((x ^ (x >> 27)) * MULTIPLY_2) & MASK
    return x ^ (x >> 31)


def uniform(key: int, entity: int, counter: int) -> float:
    """Uniform in [0, 1), 53 bits. `bits` is written out here: the call would cost a fifth of the draw."""
    x = (key + entity * ENTITY_STEP + counter * COUNTER_STEP) & MASK
    x = ((x ^ (x >> 30)) * MULTIPLY_1) & MASK
    x = ((x ^ (x >> 27)) * MULTIPLY_2) & MASK
    return ((x ^ (x >> 31)) >> 11) * TO_UNIT


def normal(key: int, entity: int, counter: int) -> float:
    """Standard normal: the inverse distribution function at an even draw; within about 8.2."""
    return inverse_normal(chance(key, entity, counter))


def chance(key: int, entity: int, counter: int) -> float:
    """Uniform in (0, 1): the middle of one of 2^52 cells."""
    return ((bits(key, entity, counter) >> 12) + 0.5) * TO_MIDPOINT


def inverse_normal(p: float) -> float:
    """Value below which a standard normal lies with probability `p`, 0 < p < 1; relative error below 1.2e-9.

    Source: P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function", 2003.
    """
    if TAIL <= p <= 1.0 - TAIL:
        middle: float = centre(p - 0.5)
        return middle
    lower = _tail(math.sqrt(-2.0 * log(p if p < 0.5 else 1.0 - p)))
    return lower if p < 0.5 else 0.0 - lower


def centre(q: Any) -> Any:
    """The middle of `inverse_normal`, at q = p - 0.5; a float or an array of them."""
    r = q * q
    above = -3.969683028665376e01 * r + 2.209460984245205e02
    above = ((above * r - 2.759285104469687e02) * r + 1.383577518672690e02) * r - 3.066479806614716e01
    below = -5.447609879822406e01 * r + 1.615858368580409e02
    below = ((below * r - 1.556989798598866e02) * r + 6.680131188771972e01) * r - 1.328068155288572e01
    return (above * r + 2.506628277459239e00) * q / (below * r + 1.0)


def _tail(q: float) -> float:
    """The lower tail of `inverse_normal`, at q = sqrt(-2 ln p)."""
    above = ((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838e00) * q
    above = ((above - 2.549732539343734e00) * q + 4.374664141464968e00) * q + 2.938163982698783e00
    below = ((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996e00) * q + 3.754408661907416e00
    return above / (below * q + 1.0)


def log(x: float) -> float:
    """Natural logarithm for 1e-300 <= x <= 1, absolute error below 1e-13, from `+ - * /` alone.

    `math.log` is a library's, whose last bit may differ from a compiled one. ln x = ln m - n ln 2 with m in
    [0.75, 1.5), and ln m = 2 artanh((m - 1) / (m + 1)) by its series.
    """
    n = 0.0  # doublings; not a loop, so that it compiles to vector code
    if x < 1.5 / TWO_512:
        x, n = x * TWO_512, n + 512.0
    if x < 1.5 / TWO_256:
        x, n = x * TWO_256, n + 256.0
    if x < 1.5 / TWO_128:
        x, n = x * TWO_128, n + 128.0
    if x < 1.5 / TWO_64:
        x, n = x * TWO_64, n + 64.0
    if x < 1.5 / 4294967296.0:
        x, n = x * 4294967296.0, n + 32.0
    if x < 1.5 / 65536.0:
        x, n = x * 65536.0, n + 16.0
    if x < 1.5 / 256.0:
        x, n = x * 256.0, n + 8.0
    if x < 1.5 / 16.0:
        x, n = x * 16.0, n + 4.0
    if x < 1.5 / 4.0:
        x, n = x * 4.0, n + 2.0
    if x < 1.5 / 2.0:
        x, n = x * 2.0, n + 1.0
    s = (x - 1.0) / (x + 1.0)
    t = s * s
    series = ((1.0 / 19.0 * t + 1.0 / 17.0) * t + 1.0 / 15.0) * t + 1.0 / 13.0
    series = ((series * t + 1.0 / 11.0) * t + 1.0 / 9.0) * t + 1.0 / 7.0
    series = ((series * t + 1.0 / 5.0) * t + 1.0 / 3.0) * t + 1.0
    return 2.0 * s * series - n * LN_2


# --- many at once ---


def uniforms(key: int, entity: int, first: int, count: int) -> NDArray[np.float64]:
    """`uniform` at `count` counters from `first` on; the same bits."""
    drawn: NDArray[np.float64] = (_mixed(key, entity, first, count) >> np.uint64(11)) * TO_UNIT  # type: ignore[assignment]
    return drawn


def uniforms_of(keys: Sequence[int], entities: Sequence[int], first: int, count: int) -> NDArray[np.float64]:
    """`uniforms` of several streams and entities at once, shape (len(keys), len(entities), count); the same bits."""
    starts = [[_start(key, entity, first) for entity in entities] for key in keys]
    states = _steps(count) + np.array(starts, np.uint64)[:, :, np.newaxis]
    drawn: NDArray[np.float64] = (_finalised(states) >> np.uint64(11)) * TO_UNIT  # type: ignore[assignment]
    return drawn


def normals(key: int, entity: int, first: int, count: int) -> NDArray[np.float64]:
    """`normal` at `count` counters from `first` on; the same bits."""
    p = ((_mixed(key, entity, first, count) >> np.uint64(12)) + 0.5) * TO_MIDPOINT
    q = p - 0.5
    found: NDArray[np.float64] = centre(q)
    for index in np.flatnonzero(np.abs(q) >= 0.475).tolist():  # every tail, and the edge of it
        found[index] = inverse_normal(float(p[index]))
    return found


def _mixed(key: int, entity: int, first: int, count: int) -> NDArray[np.uint64]:
    """`bits`, on an array that wraps around by itself: no masks."""
    return _finalised(_steps(count) + np.uint64(_start(key, entity, first)))


def _start(key: int, entity: int, first: int) -> int:
    return (key + entity * ENTITY_STEP + first * COUNTER_STEP) & MASK


def _finalised(x: Any) -> NDArray[np.uint64]:
    x = (x ^ (x >> 30)) * MULTIPLY_1
    x = (x ^ (x >> 27)) * MULTIPLY_2
    mixed: NDArray[np.uint64] = x ^ (x >> 31)
    return mixed


def _steps(count: int) -> NDArray[np.uint64]:
    return _COUNTER_STEPS[:count] if count <= len(_COUNTER_STEPS) else _counter_steps(count)


def _counter_steps(count: int) -> NDArray[np.uint64]:
    return np.arange(count, dtype=np.uint64) * COUNTER_STEP


_COUNTER_STEPS = _counter_steps(256)


def ahead(make: Callable[[int, int], "array[Any]"], first: int) -> Callable[[int], Any]:
    """What one entity draws from one stream, asked for by counter: `first`, and from there on one after the other.

    `make(first, count)` gives a block of values: as an `array`, they take eight bytes each until the next is made. An
    iterator in C hands them out, a third of the price of looking one up; it knows the counter itself.
    """
    blocks = map(make, count(first, AHEAD), repeat(AHEAD))
    return partial(next, chain.from_iterable(blocks))  # the counter is taken for what `next` may fall back on: never
