"""Power and frequency over time: disturbances as steps and ramps, sampled series, values and exact means.

Plain functions of tuples; nothing here remembers where it was.
"""

from collections.abc import Sequence
from typing import NamedTuple


class PowerEvent(NamedTuple):
    """A lasting change of power: a trip, a load switched, a link lost. Positive supports low frequency."""

    start_s: float
    power_mw: float
    ramp_s: float = 0.0  # 0 is a step


def power_mw(events: Sequence[PowerEvent], time_s: float) -> float:
    """Power of all events together at an instant [MW]; a step is complete at its own instant."""
    total_mw = 0.0
    for event in events:
        since_s = time_s - event.start_s
        if since_s >= event.ramp_s:
            total_mw += event.power_mw
        elif since_s > 0.0:
            total_mw += event.power_mw * since_s / event.ramp_s
    return total_mw


def mean_power_mw(events: Sequence[PowerEvent], start_s: float, end_s: float) -> float:
    """Exact mean power of all events from `start_s` to `end_s` [MW], which must be later."""
    total_mw = 0.0
    for event in events:
        if end_s <= event.start_s:
            continue
        if start_s >= event.start_s + event.ramp_s:
            total_mw += event.power_mw
            continue
        full_s = _full_seconds(event, end_s) - _full_seconds(event, start_s)
        total_mw += event.power_mw * full_s / (end_s - start_s)
    return total_mw


def _full_seconds(event: PowerEvent, time_s: float) -> float:
    """Energy of an event until an instant, as seconds of its full power [s]."""
    since_s = time_s - event.start_s
    if since_s <= 0.0:
        return 0.0
    if since_s >= event.ramp_s:
        return since_s - 0.5 * event.ramp_s
    return 0.5 * since_s * since_s / event.ramp_s


def sampled(times_s: Sequence[float], values: Sequence[float], time_s: float) -> float:
    """Value of a series at an instant: linear between samples, the first and the last value held.

    Times must rise; values of equal times are a jump, of which the later one counts. Pass tuples or lists: looking
    into a numpy array costs several times as much.
    """
    after = position(times_s, time_s)
    if after == 0:
        return values[0]
    if after == len(times_s):
        return values[-1]
    return _between(times_s, values, after, time_s)


def position(times_s: Sequence[float], time_s: float) -> int:
    """How many of the rising times are not after `time_s`. Written out, because the compiled lane calls it too."""
    low, high = 0, len(times_s)
    while low < high:
        middle = (low + high) // 2
        if time_s < times_s[middle]:
            high = middle
        else:
            low = middle + 1
    return low


def held(times_s: Sequence[float], values: Sequence[float], time_s: float) -> float:
    """Value of a series whose values hold until the next one, such as a market plan; before the first, the first."""
    after = position(times_s, time_s)
    return values[after - 1] if after else values[0]


def mean_sampled(times_s: Sequence[float], values: Sequence[float], start_s: float, end_s: float) -> float:
    """Exact mean of `sampled` from `start_s` to `end_s`, which must be later."""
    area = 0.0
    from_s, value = start_s, sampled(times_s, values, start_s)
    after = position(times_s, start_s)
    while after < len(times_s) and times_s[after] < end_s:
        area += 0.5 * (value + values[after]) * (times_s[after] - from_s)
        from_s, value = times_s[after], values[after]
        after += 1
    # The line that ends at `after`, so that a jump at `end_s` itself is not part of the span.
    last = _between(times_s, values, after, end_s) if 0 < after < len(times_s) else value
    area += 0.5 * (value + last) * (end_s - from_s)
    return area / (end_s - start_s)


def _between(times_s: Sequence[float], values: Sequence[float], after: int, time_s: float) -> float:
    t0, t1 = times_s[after - 1], times_s[after]
    v0, v1 = values[after - 1], values[after]
    return v0 + (v1 - v0) * (time_s - t0) / (t1 - t0)
