"""The grid: each tick it takes the fleet's mean power, steps the frequency, and holds it until the next tick.

Here, and only here, signs turn: in the fleet positive power flows into vehicles, for the grid positive power lifts the
frequency. Here, and only here, `cars_per_ev` applies.
"""

import math
from array import array
from collections.abc import Callable, Generator
from typing import Protocol

from simpy import Event

from cosim.checks import Checks
from cosim.driver import GRID, At, Clock, place
from cosim.fleet import Fleet
from cosim.inputs import Inputs, Series
from cosim.kpis import Kpis
from cosim.recorder import Recorder
from cosim.scenario import GridEvent, Scenario, to_ns
from models.control.measurement import filtered_hz, filtered_rocof
from models.grid.frequency import FrequencyModel, GridParams, scaled_held
from models.grid.imbalance import PowerEvent, mean_power_mw, sampled


class Source(Protocol):
    """Where frequency comes from."""

    def step(self, from_ns: int, to_ns: int, disturbance_mw: float, service_mw: float) -> float:
        """Advance one tick and return the frequency at its end [Hz]."""


class ClosedLoop:
    """The frequency model with the fleet in the loop."""

    def __init__(self, params: GridParams, events: tuple[GridEvent, ...]) -> None:
        self._model = FrequencyModel(params)
        self._inertia_losses = sorted(
            (to_ns(event.t_s), event.inertia_lost_mws) for event in events if event.inertia_lost_mws > 0.0
        )

    def step(self, from_ns: int, to_ns: int, disturbance_mw: float, service_mw: float) -> float:
        """One tick under constant power; inertia that a trip takes along is gone from the tick in which it happens."""
        while self._inertia_losses and self._inertia_losses[0][0] < to_ns:
            self._model.lose_inertia(self._inertia_losses.pop(0)[1])
        return self._model.step((to_ns - from_ns) * 1e-9, disturbance_mw + service_mw)


class Replay:
    """A recorded frequency: linear between samples, the first and the last held. The fleet does not change it."""

    def __init__(self, series: Series, start_s: float) -> None:
        self._series = series
        self._start_s = start_s

    def step(self, from_ns: int, to_ns: int, disturbance_mw: float, service_mw: float) -> float:
        """The recorded value at the end of the tick."""
        return sampled(self._series.t_s, self._series.value, to_ns * 1e-9 - self._start_s)


class Nominal:
    """A frequency that never moves."""

    def __init__(self, nominal_hz: float) -> None:
        self._nominal_hz = nominal_hz

    def step(self, from_ns: int, to_ns: int, disturbance_mw: float, service_mw: float) -> float:
        """Nominal."""
        return self._nominal_hz


class Filter:
    """Frequency behind the measuring filter that all stations of one time constant share; exact between ticks."""

    def __init__(self, frequency_hz: float, time_constant_s: float) -> None:
        self._time_constant_s = time_constant_s
        self._held_hz = self._state_hz = frequency_hz
        self._since_ns = 0

    def hold(self, frequency_hz: float, now_ns: int) -> None:
        """A new frequency holds from now on."""
        self._state_hz = self.frequency_hz(now_ns)
        self._held_hz = frequency_hz
        self._since_ns = now_ns

    def frequency_hz(self, now_ns: int) -> float:
        """Filtered frequency [Hz]."""
        return filtered_hz(self._state_hz, self._held_hz, self._time_constant_s, (now_ns - self._since_ns) * 1e-9)

    def sample(self, now_ns: int) -> tuple[float, float]:
        """Filtered frequency [Hz] and its rate of change [Hz/s]."""
        time_constant_s = self._time_constant_s
        filtered = filtered_hz(self._state_hz, self._held_hz, time_constant_s, (now_ns - self._since_ns) * 1e-9)
        return filtered, filtered_rocof(filtered, self._held_hz, time_constant_s)


def source_of(scenario: Scenario, inputs: Inputs, held_back_mw: float = 0.0) -> Source:
    """The source of frequency that the scenario names; `held_back_mw` of its held response are left out [MW]."""
    section = scenario.grid
    if section.model == "replay":
        assert inputs.frequency is not None, "a recorded frequency is read before the run"
        return Replay(inputs.frequency, section.start_s)
    if section.model == "nominal":
        return Nominal(nominal_hz(scenario, inputs))
    assert inputs.grid is not None, "a preset is read before the run"
    params = scaled_held(inputs.grid, held_back_mw) if held_back_mw else inputs.grid
    return ClosedLoop(params, section.events)


def nominal_hz(scenario: Scenario, inputs: Inputs) -> float:
    """Nominal frequency: the scenario's, else the preset's, else 50 Hz."""
    if scenario.grid.nominal_hz is not None:
        return scenario.grid.nominal_hz
    return inputs.grid.nominal_hz if inputs.grid is not None else 50.0


class Grid:
    """The grid process: one event per tick."""

    def __init__(
        self,
        env: Clock,
        scenario: Scenario,
        inputs: Inputs,
        held_back_mw: float,
        fleet: Fleet,
        recorder: Recorder,
        kpis: Kpis,
        checks: Checks,
    ) -> None:
        section = scenario.grid
        self.env = env
        self.nominal_hz = nominal_hz(scenario, inputs)
        self.tick_ns = to_ns(section.tick_s)
        self.fleet_power_w = array("d")  # mean over each tick so far, simulated cars
        self._fleet = fleet
        self._checks = checks
        self._recorder = recorder
        self._kpis = kpis
        self._cars_per_ev = scenario.fleet.cars_per_ev
        self._baseline_kind = section.baseline
        self._baseline = inputs.baseline
        self._record_every = scenario.record.grid_every
        disturbances = section.events if section.model == "closed_loop" else ()  # elsewhere they move nothing
        self._events = tuple(PowerEvent(event.t_s, event.power_mw, event.ramp_s) for event in disturbances)
        self._source = source_of(scenario, inputs, held_back_mw)
        self._without = source_of(scenario, inputs) if section.model == "closed_loop" else None
        self.frequency_hz = self.nominal_hz
        if isinstance(self._source, Replay):
            self.frequency_hz = self._source.step(0, 0, 0.0, 0.0)
        self.measured = Filter(self.frequency_hz, scenario.measurement.time_constant_s)

    def run(self, each_tick: Callable[[int], None]) -> Generator[Event, None, None]:
        """Tick for ever; `each_tick` is called with now_ns after everything of the tick is done."""
        ticks = 0
        while True:
            ticks += 1
            yield At(self.env, ticks * self.tick_ns, place(GRID))
            self._tick(ticks)
            each_tick(ticks * self.tick_ns)

    def _tick(self, ticks: int) -> None:
        now_ns = ticks * self.tick_ns
        before_ns = now_ns - self.tick_ns
        tick_s = self.tick_ns * 1e-9
        tick = self._fleet.close_tick(now_ns)
        fleet_w = tick.energy_uj * 1e-6 / tick_s
        declared_w = tick.baseline_uj * 1e-6 / tick_s
        self.fleet_power_w.append(fleet_w)
        baseline_w = self._baseline_w(declared_w, fleet_w, now_ns)
        service_w = (baseline_w - fleet_w) * self._cars_per_ev
        disturbance_mw = mean_power_mw(self._events, before_ns * 1e-9, now_ns * 1e-9)

        before_hz = self.frequency_hz
        self.frequency_hz = self._source.step(before_ns, now_ns, disturbance_mw, service_w * 1e-6)
        without_hz = math.nan
        if self._without is not None:
            without_hz = self._without.step(before_ns, now_ns, disturbance_mw, 0.0)
        if not math.isfinite(self.frequency_hz):
            self._checks.broken("frequency_finite", f"{self.frequency_hz} Hz at {now_ns * 1e-9:.3f} s")
        rocof_hz_per_s = (self.frequency_hz - before_hz) / tick_s
        self.measured.hold(self.frequency_hz, now_ns)

        setpoint_w = tick.setpoint_uw * 1e-6
        self._kpis.tick(self.frequency_hz, without_hz, rocof_hz_per_s, fleet_w, setpoint_w, service_w)
        if ticks % self._record_every == 0:
            scale = self._cars_per_ev
            self._recorder.grid.append(
                now_ns, self.frequency_hz, rocof_hz_per_s, without_hz, fleet_w * scale, baseline_w * scale, service_w,
                setpoint_w * scale, disturbance_mw * 1e6,
            )  # fmt: skip

    def _baseline_w(self, declared_w: float, fleet_w: float, now_ns: int) -> float:
        """What the fleet was expected to draw over the tick, in simulated cars [W]."""
        kind = self._baseline_kind
        if kind == "declared":
            return declared_w
        if kind == "zero":
            return 0.0
        assert self._baseline is not None, "a baseline series is read before the run"
        return sampled(self._baseline.t_s, self._baseline.value, now_ns * 1e-9)
