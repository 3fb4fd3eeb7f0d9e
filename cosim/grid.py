"""The grid: each tick it takes the fleet's mean power, steps the frequency, and holds it until the next tick.

Here, and only here, signs turn: in the fleet positive power flows into vehicles, for the grid positive power lifts the
frequency. Here, and only here, `cars_per_ev` applies.
"""

import math
from array import array
from collections.abc import Callable, Generator
from typing import Any

from cosim.after import late_swing_hz, second_fall_hz, without_nothing
from cosim.checks import Checks
from cosim.clock import Clock
from cosim.driver import GRID, At, place
from cosim.fleet import Fleet, Tick
from cosim.imbalance import Imbalance
from cosim.inputs import Inputs
from cosim.kpis import Kpis
from cosim.recorder import Recorder
from cosim.scenario import Scenario, to_ns
from cosim.sources import Beside, Replay, nominal_hz, source_of
from cosim.sums import micro
from models.control.measurement import filtered_hz, filtered_rocof
from models.grid.imbalance import sampled


class Filter:
    """Frequency behind the measuring filter that all stations of one time constant share; exact between ticks."""

    def __init__(self, frequency_hz: float, time_constant_s: float) -> None:
        self.time_constant_s = time_constant_s
        self.held_hz = self.state_hz = frequency_hz
        self.since_ns = 0

    def hold(self, frequency_hz: float, now_ns: int) -> None:
        """A new frequency holds from now on."""
        self.state_hz = self.frequency_hz(now_ns)
        self.held_hz = frequency_hz
        self.since_ns = now_ns

    def frequency_hz(self, now_ns: int) -> float:
        """Filtered frequency [Hz]."""
        return filtered_hz(self.state_hz, self.held_hz, self.time_constant_s, (now_ns - self.since_ns) * 1e-9)

    def sample(self, now_ns: int) -> tuple[float, float]:
        """Filtered frequency [Hz] and its rate of change [Hz/s]."""
        time_constant_s = self.time_constant_s
        if time_constant_s == 0.0 or self.state_hz == self.held_hz:
            return self.held_hz, 0.0  # no filter, or nothing to follow: what the formulas say, without asking them
        filtered = filtered_hz(self.state_hz, self.held_hz, time_constant_s, (now_ns - self.since_ns) * 1e-9)
        return filtered, filtered_rocof(filtered, self.held_hz, time_constant_s)


class Grid:
    """The grid process: one event per tick."""

    def __init__(
        self,
        env: Clock,
        scenario: Scenario,
        inputs: Inputs,
        held_back_mw: float,
        fleet: Fleet,
        recorder: Recorder | None,
        kpis: Kpis,
        checks: Checks,
        total: Callable[[Tick], Tick] = lambda tick: tick,
    ) -> None:
        """`total` adds to a tick of this shard's fleet those of all others; no `recorder`: another shard has it."""
        section = scenario.grid
        self.env = env
        self.nominal_hz = nominal_hz(scenario, inputs)
        self.tick_ns = to_ns(section.tick_s)
        self.fleet_power_w = array("d")  # mean over each tick so far, simulated cars
        self._fleet = fleet
        self._total = total
        self._checks = checks
        self._recorder = recorder
        self._kpis = kpis
        self._cars_per_ev = scenario.fleet.cars_per_ev
        self._baseline_kind = section.baseline
        self._baseline = inputs.baseline
        self._record_every = scenario.record.grid_every
        answers = section.model in ("closed_loop", "reconstructed")
        self._imbalance = Imbalance(scenario, inputs) if answers else None  # elsewhere it moves nothing
        self._source = source_of(scenario, inputs, held_back_mw)
        self._without = source_of(scenario, inputs) if answers else None
        self.frequencies_hz = array("d")  # at the end of each tick so far
        self._most_tie_mw = 0.0
        self._lowest_neighbour_hz = math.inf
        self._stages_seen = 0
        self._lost_baseline_uw = 0  # of sessions whose supply was lost: still in the plan of the grid
        self.frequency_hz = self.nominal_hz
        if isinstance(self._source, Replay):
            self.frequency_hz = self._source.step(0, 0, (0.0,), 0.0)
        self.measured = Filter(self.frequency_hz, scenario.measurement.time_constant_s)

    def run(self, each_tick: Callable[[int], None]) -> Generator[Any, None, None]:
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
        tick = self._total(self._fleet.close_tick(now_ns)._replace(lost_baseline_uw=self._lost_baseline_uw))
        fleet_w = tick.energy_uj * 1e-6 / tick_s
        declared_w = tick.baseline_uj * 1e-6 / tick_s
        self.fleet_power_w.append(fleet_w)
        baseline_w = self._baseline_w(declared_w + tick.lost_baseline_uw * 1e-6, now_ns)
        service_w = (baseline_w - fleet_w) * self._cars_per_ev
        disturbance_mw = self._imbalance.mean_mw(before_ns, now_ns) if self._imbalance is not None else (0.0,)

        before_hz = self.frequency_hz
        self.frequency_hz = self._source.step(before_ns, now_ns, disturbance_mw, service_w * 1e-6)
        without_hz = math.nan
        if self._without is not None:
            without_hz = self._without.step(before_ns, now_ns, disturbance_mw, 0.0)
        if not math.isfinite(self.frequency_hz):
            self._checks.broken("frequency_finite", f"{self.frequency_hz} Hz at {now_ns * 1e-9:.3f} s")
        rocof_hz_per_s = (self.frequency_hz - before_hz) / tick_s
        self.measured.hold(self.frequency_hz, now_ns)
        self.frequencies_hz.append(self.frequency_hz)
        beside = self._look_beside(now_ns)

        setpoint_w = tick.setpoint_uw * 1e-6
        self._kpis.tick(self.frequency_hz, without_hz, rocof_hz_per_s, fleet_w, setpoint_w, service_w)
        if self._recorder is not None and ticks % self._record_every == 0:
            scale = self._cars_per_ev
            self._recorder.grid.append(
                now_ns, self.frequency_hz, rocof_hz_per_s, without_hz, fleet_w * scale, baseline_w * scale, service_w,
                setpoint_w * scale, disturbance_mw[0] * 1e6,
                *_columns(beside),
                *_phases_w(tick, tick_s, scale),
            )  # fmt: skip

    def _look_beside(self, now_ns: int) -> Beside:
        """Line, neighbour and load shedding, noted as they come."""
        beside = self._source.beside()
        if beside.tie_mw is not None and beside.neighbour_hz is not None:
            self._most_tie_mw = max(self._most_tie_mw, abs(beside.tie_mw))
            self._lowest_neighbour_hz = min(self._lowest_neighbour_hz, beside.neighbour_hz)
        trips = self._source.trips()
        for trip in trips[self._stages_seen :]:
            if self._recorder is None:
                break
            detail = f"stage {trip.stage + 1} at {trip.time_s:.3f} s: {trip.net_mw:.1f} MW net"
            self._recorder.event(now_ns, -1, "load_shed", detail)
        self._stages_seen = len(trips)
        return beside

    def stages_tripped(self) -> list[int]:
        """Stages of load shedding in the home area that have tripped so far, in order."""
        return [trip.stage for trip in self._source.trips()]

    def lose_baseline(self, baseline_w: float) -> None:
        """A car without supply draws nothing where this was expected: the grid is relieved of it, as of any load."""
        self._lost_baseline_uw += micro(baseline_w)

    def figures(self) -> dict[str, Any]:
        """Key figures of a grid that answers: swings, what was shed, line and neighbour."""
        if self._imbalance is None:
            return {}
        trips = self._source.trips()
        return without_nothing(
            {
                "late_swing_hz": late_swing_hz(self.frequencies_hz),
                "second_fall_hz": second_fall_hz(self.frequencies_hz, self.nominal_hz),
                "shed_stages": len(trips) or None,
                "shed_w": sum(trip.net_mw for trip in trips) * 1e6 or None,
                "first_shed_s": trips[0].time_s if trips else None,
                "maximum_tie_w": self._most_tie_mw * 1e6 or None,
                "neighbour_nadir_hz": self._lowest_neighbour_hz if math.isfinite(self._lowest_neighbour_hz) else None,
            }
        )

    def _baseline_w(self, declared_w: float, now_ns: int) -> float:
        """What the fleet was expected to draw over the tick, in simulated cars [W]."""
        kind = self._baseline_kind
        if kind == "declared":
            return declared_w
        if kind == "zero":
            return 0.0
        assert self._baseline is not None, "a baseline series is read before the run"
        return sampled(self._baseline.t_s, self._baseline.value, now_ns * 1e-9)


def _phases_w(tick: Tick, tick_s: float, scale: float) -> tuple[float, float, float]:
    """The fleet's power on each phase [W]: a third of what lies on all, and what lies on it alone."""
    single_uj = (tick.l1_uj, tick.l2_uj, tick.l3_uj)
    third_uj = (tick.energy_uj - sum(single_uj)) / 3.0
    l1_uj, l2_uj, l3_uj = single_uj
    to_w = 1e-6 / tick_s * scale
    return (third_uj + l1_uj) * to_w, (third_uj + l2_uj) * to_w, (third_uj + l3_uj) * to_w


def _columns(beside: Beside) -> tuple[float, ...]:
    """Cells of the grid table; nan is absent."""
    powers = (beside.secondary_mw, beside.shed_mw, beside.tie_mw)
    cells = [math.nan if mw is None else mw * 1e6 for mw in powers]
    return (*cells, math.nan if beside.neighbour_hz is None else beside.neighbour_hz)
