"""Who is without supply: stations on feeders that were shed, and stations whose protection has left the grid.

Decided at the end of each grid tick, for all stations alike: no draw depends on the order in which they are asked.

The instant at which a stage trips, or protection opens, is located within the tick; the cars concerned are counted
until the end of it. By then their messages, their energy and the tick's mean are in the past, in either lane. So each
car lasts at most one tick too long, its energy is too much by at most its power times the tick, and frequency is off by
at most f0 / (2 Ek) times that energy: 0.9 mHz where 48 MW of cars on a shed feeder last 0.1 s on 140 GW s. A shorter
`grid.tick_s` is nearer.
"""

from collections.abc import Sequence
from typing import NamedTuple

from cosim.scenario import Scenario
from models.draws import stream_key, uniform
from models.grid.protection import SETTINGS, Protection, looked, tripped, watch
from models.grid.shedding import Stage


class Outage(NamedTuple):
    """Stations that lose their supply at one instant: those on a feeder of the stage, or all."""

    cause: str
    stage: int | None = None  # None: every station


class Supply:
    """Feeders of a scenario's stations, and their protection."""

    def __init__(self, scenario: Scenario, stages: Sequence[Stage], tick_s: float, nominal_hz: float) -> None:
        self._stages = tuple(stages)
        self._key = stream_key(scenario.seed, "grid.feeder")
        self._protection: Protection = SETTINGS[scenario.evse.protection]
        self._watch = watch(self._protection)
        self._tick_s = tick_s
        self._window_ticks = max(1, round(self._protection.rocof_window_s / tick_s))
        self._nominal_hz = nominal_hz
        self._dark: set[int] = set()  # stages that have tripped
        self._on_feeders = scenario.grid.cars_on_feeders
        self._left = False  # protection: all have left, and those that come later find the grid as it then is
        self._seen = 0

    def tick(self, ticks: int, frequencies_hz: Sequence[float], stages_tripped: Sequence[int]) -> list[Outage]:
        """What is lost at the end of a tick; `frequencies_hz` has a value for each tick so far."""
        outages = []
        for stage in stages_tripped[self._seen :]:
            self._dark.add(stage)
            if self._on_feeders and not self._stages[stage].contracted:
                outages.append(Outage(f"feeder shed at {self._stages[stage].threshold_hz:g} Hz", stage))
        self._seen = len(stages_tripped)
        cause = self._protect(ticks, frequencies_hz)
        if cause and not self._left:
            outages.append(Outage(f"station protection: {cause}"))
        self._left = cause != ""
        return outages

    def _protect(self, ticks: int, frequencies_hz: Sequence[float]) -> str:
        if not self._protection.under and not self._protection.over:
            return ""
        now_hz = frequencies_hz[ticks - 1]
        before_hz = frequencies_hz[ticks - 2] if ticks > 1 else self._nominal_hz
        window = min(self._window_ticks, ticks)
        then_hz = frequencies_hz[ticks - 1 - window] if ticks > window else self._nominal_hz
        self._watch = looked(
            self._protection,
            self._watch,
            ((ticks - 1) * self._tick_s, before_hz),
            (ticks * self._tick_s, now_hz),
            (now_hz - then_hz) / (self._window_ticks * self._tick_s),
        )
        return tripped(self._protection, self._watch, ticks * self._tick_s)

    def stage_of(self, evse_id: int) -> int | None:
        """Stage of load shedding on whose feeders a station stands; None for the rest of the demand.

        Stations stand on feeders as demand does: a stage that sheds 5 % of it takes 5 % of the stations.
        """
        position = uniform(self._key, evse_id, 0)
        for number, stage in enumerate(self._stages):
            if not stage.contracted:
                if position < stage.demand_share:
                    return number
                position -= stage.demand_share
        return None

    def dark(self, evse_id: int) -> str:
        """Why a station has no supply when a vehicle comes; empty if it has."""
        if not self._dark or not self._on_feeders:
            return ""
        stage = self.stage_of(evse_id)
        return (
            f"feeder shed at {self._stages[stage].threshold_hz:g} Hz"
            if stage in self._dark and stage is not None
            else ""
        )
