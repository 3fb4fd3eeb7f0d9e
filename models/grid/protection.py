"""Interface protection of a station: at which frequency, and how fast a change of it, it leaves the grid.

Settings are parameters with a source, since each country has its own and they change. A stage trips when frequency has
been beyond its threshold for its delay; rate of change is measured over a window, as the rules ask.
"""

import math
from typing import NamedTuple


class Level(NamedTuple):
    """One stage: beyond the threshold for so long."""

    threshold_hz: float
    delay_s: float


class Protection(NamedTuple):
    """Settings of a station."""

    under: tuple[Level, ...] = ()
    over: tuple[Level, ...] = ()
    rocof_hz_per_s: float = math.inf
    rocof_delay_s: float = 0.5
    rocof_window_s: float = 0.5
    source: str = ""


SETTINGS = {
    "none": Protection(source="the station never leaves"),
    "en50549": Protection(
        (Level(47.5, 0.5),), (Level(51.5, 0.5),), 2.5, 0.5, 0.5, "EN 50549-1:2019, default interface protection [M]"
    ),
    "g99": Protection(
        (Level(47.5, 20.0), Level(47.0, 0.5)),
        (Level(52.0, 0.5),),
        1.0,
        0.5,
        0.5,
        "Engineering Recommendation G99, Great Britain, since 2019 [M]",
    ),
    "g59-2018": Protection(
        (Level(47.5, 20.0), Level(47.0, 0.5)),
        (Level(51.5, 90.0), Level(52.0, 0.5)),
        0.125,
        0.0,
        0.5,
        "Engineering Recommendation G59 as fitted before the change programme: 0.125 Hz/s [M]",
    ),
    "ieee1547": Protection(
        (Level(58.5, 300.0), Level(56.5, 0.16)),
        (Level(61.2, 300.0), Level(62.0, 0.16)),
        math.inf,
        0.5,
        0.5,
        "IEEE 1547-2018, default trip settings, table 18 [M]",
    ),
}


class Watch(NamedTuple):
    """What the relays of all stations with one setting have seen so far; they measure the same frequency."""

    under_since_s: tuple[float, ...]  # inf: not beyond
    over_since_s: tuple[float, ...]
    rocof_since_s: float


def watch(protection: Protection) -> Watch:
    """Relays at rest."""
    return Watch((math.inf,) * len(protection.under), (math.inf,) * len(protection.over), math.inf)


def looked(
    protection: Protection,
    seen: Watch,
    before: tuple[float, float],
    now: tuple[float, float],
    rocof_hz_per_s: float,
) -> Watch:
    """Relays after frequency moved in a line from `before` to `now`, each (time [s], frequency [Hz]).

    A crossing inside the line is located on it, so that timers do not depend on the step.
    """
    return Watch(
        tuple(
            _since(level, since, before, now, -1.0)
            for level, since in zip(protection.under, seen.under_since_s, strict=True)
        ),
        tuple(
            _since(level, since, before, now, 1.0)
            for level, since in zip(protection.over, seen.over_since_s, strict=True)
        ),
        min(seen.rocof_since_s, now[0]) if abs(rocof_hz_per_s) > protection.rocof_hz_per_s else math.inf,
    )


def tripped(protection: Protection, seen: Watch, time_s: float) -> str:
    """Which stage has run out by now, in words; empty if none."""
    slack_s = 1e-9
    for name, levels, since in (
        ("under-frequency", protection.under, seen.under_since_s),
        ("over-frequency", protection.over, seen.over_since_s),
    ):
        for level, start_s in zip(levels, since, strict=True):
            if time_s - start_s >= level.delay_s - slack_s:
                return f"{name} {level.threshold_hz:g} Hz"
    if time_s - seen.rocof_since_s >= protection.rocof_delay_s - slack_s:
        return f"rate of change {protection.rocof_hz_per_s:g} Hz/s"
    return ""


def _since(level: Level, since_s: float, before: tuple[float, float], now: tuple[float, float], side: float) -> float:
    """Instant from which frequency has been beyond a level; inf if it is not."""
    beyond_now = (now[1] - level.threshold_hz) * side
    beyond_before = (before[1] - level.threshold_hz) * side
    if beyond_now <= 0.0:
        return math.inf
    if since_s < math.inf:
        return since_s
    if beyond_before >= 0.0:
        return before[0]
    return before[0] + (now[0] - before[0]) * beyond_before / (beyond_before - beyond_now)
