"""Where frequency comes from: the model with the fleet in the loop, a recording, or nothing that moves."""

from typing import NamedTuple, Protocol

from cosim.inputs import Inputs, Series
from cosim.scenario import GridEvent, Scenario, to_ns
from models.grid.area import GridParams, TieLine
from models.grid.frequency import scaled_held
from models.grid.imbalance import sampled
from models.grid.interconnection import Interconnection
from models.grid.shedding import Trip


class Beside(NamedTuple):
    """What a grid shows beside its frequency; None where there is no such thing."""

    secondary_mw: float | None = None
    shed_mw: float | None = None
    tie_mw: float | None = None  # export of the home area beyond schedule
    neighbour_hz: float | None = None


class Source(Protocol):
    """Where frequency comes from."""

    def step(self, from_ns: int, to_ns: int, disturbance_mw: tuple[float, ...], service_mw: float) -> float:
        """Advance one tick and return the frequency at its end [Hz]."""

    def beside(self) -> Beside:
        """What else there is to record at the end of the tick."""

    def trips(self) -> list[Trip]:
        """Stages of load shedding in the home area so far."""


class ClosedLoop:
    """The frequency model with the fleet in the loop, in the home area if there are two."""

    def __init__(
        self, areas: tuple[GridParams, ...], tie: TieLine | None, events: tuple[GridEvent, ...], secondary: bool
    ) -> None:
        self._system = Interconnection(areas, tie)
        self._secondary = secondary
        self._losses = sorted((event for event in events if _takes_along(event)), key=lambda event: event.t_s)

    def step(self, from_ns: int, to_ns: int, disturbance_mw: tuple[float, ...], service_mw: float) -> float:
        """One tick under constant power; what a trip takes along is gone from the tick in which it happens."""
        while self._losses and _instant_ns(self._losses[0]) < to_ns:
            event = self._losses.pop(0)
            area = 0 if event.area == "home" else 1
            if event.inertia_lost_mws > 0.0:
                self._system.lose_inertia(event.inertia_lost_mws, area)
            if event.governor_lost:
                self._system.lose_governor_share(event.governor_lost, event.governor_lost_share, area)
        home_mw, *neighbour_mw = disturbance_mw
        return self._system.step((to_ns - from_ns) * 1e-9, (home_mw + service_mw, *neighbour_mw))[0]

    def beside(self) -> Beside:
        """The home area's secondary control and shed load; line and neighbour where there are two areas."""
        system = self._system
        return Beside(
            system.secondary_mw[0] if self._secondary else None,
            system.shed_mw[0],
            system.tie_mw if len(system.areas) > 1 else None,
            system.frequencies_hz[1] if len(system.areas) > 1 else None,
        )

    def trips(self) -> list[Trip]:
        """Stages that have tripped in the home area."""
        return [trip for trip in self._system.trips if trip.area == 0]


class Replay:
    """A recorded frequency: linear between samples, the first and the last held. The fleet does not change it."""

    def __init__(self, series: Series, start_s: float) -> None:
        self._series = series
        self._start_s = start_s

    def step(self, from_ns: int, to_ns: int, disturbance_mw: tuple[float, ...], service_mw: float) -> float:
        """The recorded value at the end of the tick."""
        return sampled(self._series.t_s, self._series.value, to_ns * 1e-9 - self._start_s)

    def beside(self) -> Beside:
        """Nothing is known."""
        return Beside()

    def trips(self) -> list[Trip]:
        """None that are known."""
        return []


class Nominal:
    """A frequency that never moves."""

    def __init__(self, nominal_hz: float) -> None:
        self._nominal_hz = nominal_hz

    def step(self, from_ns: int, to_ns: int, disturbance_mw: tuple[float, ...], service_mw: float) -> float:
        """Nominal."""
        return self._nominal_hz

    def beside(self) -> Beside:
        """Nothing."""
        return Beside()

    def trips(self) -> list[Trip]:
        """None."""
        return []


def source_of(scenario: Scenario, inputs: Inputs, held_back_mw: float = 0.0) -> Source:
    """The source of frequency that the scenario names; `held_back_mw` of its held response are left out [MW]."""
    section = scenario.grid
    if section.model == "replay":
        assert inputs.frequency is not None, "a recorded frequency is read before the run"
        return Replay(inputs.frequency, section.start_s)
    if section.model == "nominal":
        return Nominal(nominal_hz(scenario, inputs))
    assert inputs.grid is not None, "a preset is read before the run"
    home = scaled_held(inputs.grid, held_back_mw) if held_back_mw else inputs.grid
    secondary = home.secondary is not None
    if inputs.neighbour is None:
        return ClosedLoop((home,), None, section.events, secondary)
    return ClosedLoop((home, inputs.neighbour), TieLine(section.tie_mw_per_hz_s), section.events, secondary)


def nominal_hz(scenario: Scenario, inputs: Inputs) -> float:
    """Nominal frequency: the scenario's, else the preset's, else 50 Hz."""
    if scenario.grid.nominal_hz is not None:
        return scenario.grid.nominal_hz
    return inputs.grid.nominal_hz if inputs.grid is not None else 50.0


def _takes_along(event: GridEvent) -> bool:
    return event.inertia_lost_mws > 0.0 or event.governor_lost != ""


def _instant_ns(event: GridEvent) -> int:
    return to_ns(event.t_s)
