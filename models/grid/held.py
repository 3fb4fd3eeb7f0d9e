"""Held response: reserve bought by the megawatt, that follows a curve of frequency deviation and then saturates.

What holds a grid such as Great Britain's, and the primary reserve elsewhere.
Sign: positive power supports low frequency.
"""

import math
from itertools import pairwise
from typing import NamedTuple


class CurvePoint(NamedTuple):
    """A corner of a response curve."""

    deviation_hz: float  # magnitude of the deviation from nominal
    share: float  # of the megawatts held, 0 to 1


class HeldResponse(NamedTuple):
    """A block of reserve: curve, then dead time, then first-order lag.

    The curve is linear between its points, zero before the first and constant after the last.
    """

    name: str
    low_mw: float  # held for low frequency
    high_mw: float  # held for high frequency
    curve: tuple[CurvePoint, ...]  # rising in both columns; the first share is zero
    delay_s: float
    lag_s: float


def held_share(curve: tuple[CurvePoint, ...], deviation_hz: float) -> float:
    """Share of the held megawatts that the curve asks for at a magnitude of deviation [-]."""
    before = curve[0]
    if deviation_hz <= before[0]:
        return 0.0
    for point in curve:
        if deviation_hz < point[0]:
            return before[1] + (point[1] - before[1]) * (deviation_hz - before[0]) / (point[0] - before[0])
        before = point
    return before[1]


def held_power_mw(response: HeldResponse, deviation_hz: float) -> float:
    """Power the curve asks for at a signed deviation from nominal [MW]; delay and lag come after it."""
    if deviation_hz < 0.0:
        return response.low_mw * held_share(response.curve, -deviation_hz)
    return -response.high_mw * held_share(response.curve, deviation_hz)


def check_held(response: HeldResponse) -> None:
    """Raise ValueError for a block that cannot be simulated, naming the number."""
    name = response.name
    for what in ("low_mw", "high_mw", "delay_s", "lag_s"):
        value = getattr(response, what)
        if not 0.0 <= value < math.inf:
            raise ValueError(f"{what} of {name} must not be negative, got {value}")
    curve = response.curve
    if len(curve) < 2 or curve[0].deviation_hz < 0.0 or curve[0].share != 0.0 or curve[-1].share > 1.0:
        raise ValueError(f"the curve of {name} must begin with share 0 and end with at most 1, got {curve}")
    for a, b in pairwise(curve):
        if not (a.deviation_hz < b.deviation_hz and a.share <= b.share):
            raise ValueError(f"the curve of {name} must rise, got {tuple(a)} before {tuple(b)}")
