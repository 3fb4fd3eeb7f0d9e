"""How one or two areas move while nothing is switched: the exact linear step, with valves and curves over sub-steps.

The linear part is advanced exactly while its inputs are held. What is not linear, the curve of a held response or a
valve with dead band and limits, is held over sub-steps at the value of their middle (second-order accurate).
Signs and units are those of `interconnection`.
"""

from bisect import bisect_right
from typing import NamedTuple

from models.grid.area import GridParams, LinearCore, TieLine, joined_core, valves
from models.grid.held import held_power_mw
from models.grid.matrix import Matrix, dot, held_input_step
from models.grid.valve import Valve, ValveState, at_rest, moved

SUB_STEP_S = 0.05  # ample for response lags of 0.2 s and more: tmin / 4
SHORTEST_SUB_STEP_S = 0.01
STEPS_KEPT = 256  # step matrices kept at once; a run uses a handful of step lengths
HISTORY_KEPT = 4096  # samples of frequency kept beyond the longest delay before the old ones are dropped


class Snapshot(NamedTuple):
    """All that moves within a step."""

    time_s: float
    state: tuple[float, ...]  # of the linear core
    valves: tuple[ValveState, ...]


class Motion:
    """State of one or two areas, its past as far as delays reach, and where it goes from here; starts in balance."""

    def __init__(self, areas: tuple[GridParams, ...], tie: TieLine | None) -> None:
        self._tie = tie
        self._steps: dict[float, Matrix] = {}
        delays = [response.delay_s for area in areas for response in area.held]
        self.any_held = bool(delays)
        self._longest_delay_s = max(delays, default=0.0)
        self._shortest_delay_s = min(delays, default=0.0)
        self.change(areas)
        limited = [governor.valve for some in self.valves for governor in some]
        self.sub_step_s = min([SUB_STEP_S, *map(_sub_step_s, limited)])
        rest = tuple(at_rest(valve) for valve in limited if valve)
        self.now = Snapshot(0.0, (0.0,) * len(self.core.a), rest)
        self._past_s = [0.0]
        self._past_hz = [self.deviations(self.now)]

    def change(self, areas: tuple[GridParams, ...]) -> None:
        """Go on from the same state with other parameters; a core of the same shape."""
        self.areas = areas
        self.valves = tuple(valves(area) for area in areas)
        self.core = joined_core(areas, self._tie)
        self._rate_rows = _rate_rows(self.core)
        self._steps.clear()

    def whole_step(self, dt_s: float, inputs_mw: tuple[float, ...], end_s: float) -> None:
        """One exact step to an instant where nothing but the linear core moves."""
        column = [*self.now.state, *inputs_mw]
        self.now = Snapshot(end_s, tuple([dot(row, column) for row in self._step_rows(dt_s)]), ())
        self._past_s[-1] = end_s

    def commit(self, snapshot: Snapshot) -> None:
        """A state that was reached is the present one."""
        self.now = snapshot
        if not self._longest_delay_s > 0.0:
            self._past_s[-1] = snapshot.time_s
            return
        self._past_s.append(snapshot.time_s)
        self._past_hz.append(self.deviations(snapshot))
        if len(self._past_s) > HISTORY_KEPT:
            old = bisect_right(self._past_s, snapshot.time_s - self._longest_delay_s) - 1
            del self._past_s[:old], self._past_hz[:old]

    def set_clock(self, time_s: float) -> None:
        """The present instant without the rounding of the steps that led to it."""
        self.now = self.now._replace(time_s=time_s)
        self._past_s[-1] = time_s

    def deviations(self, snapshot: Snapshot) -> tuple[float, ...]:
        """Deviation of each area's frequency [Hz]."""
        return tuple([snapshot.state[row] for row in self.core.rows])

    def rates(self, snapshot: Snapshot, inputs_mw: tuple[float, ...]) -> tuple[float, ...]:
        """Rate of change of each area's frequency [Hz/s]."""
        column = [*snapshot.state]
        valve = 0
        for number, own_mw in enumerate(inputs_mw):
            column.append(own_mw)
            if self.any_held:
                self._add_held(column, number, snapshot.time_s, snapshot, 0.0)
            for _ in self.valves[number]:
                column.append(snapshot.valves[valve].position)
                valve += 1
        return tuple([dot(row, column) for row in self._rate_rows])

    def advanced(self, before: Snapshot, dt_s: float, inputs_mw: tuple[float, ...]) -> Snapshot:
        """The state after a sub-step; nothing is committed."""
        rows = self._step_rows(dt_s)
        column = [*before.state]
        middle_s = before.time_s + 0.5 * dt_s
        rates = (0.0,) * len(self.areas)
        # What is quicker than half a sub-step sees a frequency that is still to come: follow the present rate.
        if before.valves or (
            self.any_held and (self._shortest_delay_s < 0.5 * dt_s or before.time_s > self._past_s[-1])
        ):
            rates = self.rates(before, inputs_mw)
        after: list[ValveState] = []
        for number, own_mw in enumerate(inputs_mw):
            column.append(own_mw)
            rate = rates[number]
            if self.any_held:
                self._add_held(column, number, middle_s, before, rate)
            if not self.valves[number]:
                continue
            ahead = before.state[self.core.rows[number]] + 0.5 * dt_s * rate
            for governor in self.valves[number]:
                state = before.valves[len(after)]
                if governor.valve is None or governor.stiffness_mw_per_hz == 0.0:
                    after.append(state)
                    column.append(0.0)
                    continue
                done = moved(governor.valve, governor.stiffness_mw_per_hz, state, ahead, dt_s)
                after.append(done.state)
                column.append(done.mean)
        return Snapshot(before.time_s + dt_s, tuple([dot(row, column) for row in rows]), tuple(after))

    def _step_rows(self, dt_s: float) -> Matrix:
        rows = self._steps.get(dt_s)
        if rows is None:
            if len(self._steps) >= STEPS_KEPT:
                self._steps.clear()
            rows = self._steps[dt_s] = held_input_step(self.core.a, self.core.b, dt_s)
        return rows

    def _add_held(
        self, column: list[float], area: int, time_s: float, snapshot: Snapshot, rate_hz_per_s: float
    ) -> None:
        """What the curves of an area ask for at an instant [MW]; blocks with the same dead time see the same."""
        delay_s, seen_hz = -1.0, 0.0
        for response in self.areas[area].held:
            if response.delay_s != delay_s:
                delay_s = response.delay_s
                seen_hz = self._deviation_at(time_s - delay_s, snapshot, area, rate_hz_per_s)
            column.append(held_power_mw(response, seen_hz))

    def _deviation_at(self, time_s: float, snapshot: Snapshot, area: int, rate_hz_per_s: float) -> float:
        """Deviation at a past instant, linear between sub-steps [Hz]; a little ahead, by the present rate."""
        ahead_s = time_s - snapshot.time_s
        if ahead_s >= 0.0 or time_s >= self._past_s[-1]:
            return snapshot.state[self.core.rows[area]] + rate_hz_per_s * ahead_s
        after = bisect_right(self._past_s, time_s)
        if after == 0:
            return self._past_hz[0][area]
        t0, t1 = self._past_s[after - 1], self._past_s[after]
        f0, f1 = self._past_hz[after - 1][area], self._past_hz[after][area]
        return f0 + (f1 - f0) * (time_s - t0) / (t1 - t0)


def _rate_rows(core: LinearCore) -> Matrix:
    """For each area the row of `[A B]` that gives the rate of change of its deviation."""
    return tuple(core.a[row] + core.b[row] for row in core.rows)


def _sub_step_s(valve: Valve | None) -> float:
    """A quarter of the quickest lag in and before a valve [s], within bounds."""
    if valve is None:
        return SUB_STEP_S
    lags = [lag_s for lag_s in (valve.lag_s, *(lag_s for _, lag_s in valve.before)) if lag_s > 0.0]
    return max(SHORTEST_SUB_STEP_S, 0.25 * min(lags, default=4.0 * SUB_STEP_S))
