"""Under-frequency load shedding: feeders that go in stages, with everything that stands on them.

A stage trips a share of the area's demand. What the grid gains is the net flow of those feeders: generation on
them (photovoltaics, vehicles feeding back) is lost with the load. Feeders stay off; restoring them is a human's work.
"""

import math
from typing import NamedTuple


class Stage(NamedTuple):
    """One stage of relays that trip feeders."""

    threshold_hz: float  # absolute frequency
    demand_share: float  # of the area's demand, gross
    delay_s: float  # relay and breaker: below the threshold for so long
    embedded_share: float = 0.0  # generation on these feeders, as a share of their demand
    contracted: bool = False  # interruptible load: reserve bought, not feeders cut off
    name: str = ""

    def net_mw(self, demand_mw: float) -> float:
        """Power that the grid gains when the stage trips [MW]."""
        return self.demand_share * demand_mw * (1.0 - self.embedded_share)


class Relays(NamedTuple):
    """Where each stage of an area stands."""

    since_s: tuple[float, ...]  # when frequency fell below the threshold; inf: it is above
    tripped: tuple[bool, ...]


class Trip(NamedTuple):
    """A stage that has tripped."""

    time_s: float
    area: int
    stage: int
    net_mw: float


def at_rest(stages: tuple[Stage, ...]) -> Relays:
    """All feeders connected, no relay timing."""
    return Relays((math.inf,) * len(stages), (False,) * len(stages))


def noted(stages: tuple[Stage, ...], relays: Relays, deviation_hz: float, nominal_hz: float, time_s: float) -> Relays:
    """Relays after they saw a frequency: timing from now, or reset."""
    since = tuple(
        math.inf if deviation_hz > stage.threshold_hz - nominal_hz else min(before, time_s)
        for stage, before in zip(stages, relays.since_s, strict=True)
    )
    return relays._replace(since_s=since)


def due_s(stages: tuple[Stage, ...], relays: Relays) -> float:
    """Instant at which the next stage trips if frequency stays where it is [s]; inf when none is timing."""
    return min(
        (
            since + stage.delay_s
            for stage, since, gone in zip(stages, relays.since_s, relays.tripped, strict=True)
            if not gone
        ),
        default=math.inf,
    )


def watched_hz(stages: tuple[Stage, ...], relays: Relays) -> tuple[float, ...]:
    """Thresholds whose crossing changes a relay, falling or recovering."""
    return tuple(stage.threshold_hz for stage, gone in zip(stages, relays.tripped, strict=True) if not gone)


def check_stages(stages: tuple[Stage, ...]) -> None:
    """Raise ValueError for stages that cannot be, naming the number."""
    for stage in stages:
        if not 0.0 < stage.threshold_hz < math.inf:
            raise ValueError(f"threshold_hz of a shedding stage must be positive, got {stage.threshold_hz}")
        if not 0.0 <= stage.delay_s < math.inf:
            raise ValueError(f"delay_s of a shedding stage must not be negative, got {stage.delay_s}")
        for name in ("demand_share", "embedded_share"):
            if not 0.0 <= getattr(stage, name) <= 1.0:
                raise ValueError(f"{name} of a shedding stage must be within 0 and 1, got {getattr(stage, name)}")
    if sum(stage.demand_share for stage in stages) > 1.0 + 1e-9:
        raise ValueError("shedding stages take more than the whole demand")
