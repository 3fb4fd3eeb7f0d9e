"""Grid frequency after an imbalance: swing equation, load damping, governors and held response.

    dF/dt = f0 / (2 Ek) (P_governors + P_held + P - kL F),   F = f - f0

The linear part is advanced exactly while its inputs are held. The curve of a held response is not linear:
its output is held over sub-steps, at the value of the middle of the sub-step (second-order accurate).

Sign, everywhere in this package: positive power supports low frequency (more generation or less load).
A lost generator is negative power. All quantities are deviations from the schedule, in MW, MW s and Hz.
"""

import math
from bisect import bisect_right

from models.grid.area import GridParams, check_grid, linear_core, scaled_held
from models.grid.held import held_power_mw
from models.grid.matrix import Matrix, dot, held_input_step

__all__ = ["FrequencyModel", "GridParams", "scaled_held"]

SUB_STEP_S = 0.05  # ample for response lags of 0.2 s and more: tmin / 4
STEPS_KEPT = 256  # step matrices kept at once; a run uses a handful of step lengths
HISTORY_KEPT = 4096  # samples of frequency kept beyond the longest delay before the old ones are dropped


class FrequencyModel:
    """Frequency of one area; starts at nominal, in balance.

    A tick's length should come from integer time, so that equal ticks are equal floats and share a step matrix.
    """

    def __init__(self, params: GridParams) -> None:
        check_grid(params)
        self._params = params
        self._core = linear_core(params)
        self._steps: dict[float, Matrix] = {}
        self._state = [0.0] * len(self._core.a)
        self._power_mw = 0.0
        self._time_s = 0.0
        delays = [response.delay_s for response in params.held]
        self._longest_delay_s = max(delays, default=0.0)
        self._shortest_delay_s = min(delays, default=0.0)
        self._past_s = [0.0]
        self._past_hz = [0.0]

    @property
    def params(self) -> GridParams:
        """The area as it is now, losses of inertia and governors included."""
        return self._params

    @property
    def frequency_hz(self) -> float:
        """Frequency now [Hz]."""
        return self._params.nominal_hz + self._state[0]

    @property
    def rocof_hz_per_s(self) -> float:
        """Rate of change of frequency now [Hz/s], if the power of the last step stays."""
        return self.rocof_at_hz_per_s(self._power_mw)

    def rocof_at_hz_per_s(self, power_mw: float) -> float:
        """Rate of change of frequency [Hz/s] with which a step under `power_mw` would begin."""
        commands = [
            held_power_mw(response, self._deviation_at(self._time_s - response.delay_s, 0.0))
            for response in self._params.held
        ]
        return dot(self._core.a[0] + self._core.b[0], [*self._state, power_mw, *commands])

    def step(self, dt_s: float, power_mw: float) -> float:
        """Advance by `dt_s` under constant power and return the frequency [Hz].

        Parameters
        ----------
        dt_s : float
            Length of the step [s], positive.
        power_mw : float
            Net power besides governors, held response and damping [MW], as a deviation from the schedule.
        """
        if not dt_s > 0.0:
            raise ValueError(f"a step must be longer than 0 s, got {dt_s}")
        self._power_mw = power_mw
        pieces = math.ceil(dt_s / SUB_STEP_S - 1e-9) if self._params.held else 1
        piece_s = dt_s / pieces
        rows = self._step_rows(piece_s)
        for _ in range(pieces):
            self._advance(piece_s, rows)
        return self.frequency_hz

    def lose_inertia(self, kinetic_energy_mws: float) -> None:
        """Take the kinetic energy of a tripped unit out of the area [MW s]."""
        left_mws = self._params.kinetic_energy_mws - kinetic_energy_mws
        self._change(self._params._replace(kinetic_energy_mws=left_mws))

    def lose_governor_share(self, name: str, share: float) -> None:
        """Take a share (0 to 1) of a governor block out of the area, its present output included.

        A tripped unit takes its droop along; what its share of the block delivered is gone with it.
        """
        names = [governor.name for governor in self._params.governors]
        if name not in names:
            raise ValueError(f"no governor is called {name!r}; there are {', '.join(names) or 'none'}")
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share must be within 0 and 1, got {share}")
        # States are deviations seen behind the lags [Hz]; only the stiffness they are weighted with shrinks.
        governors = tuple(
            governor._replace(stiffness_mw_per_hz=governor.stiffness_mw_per_hz * (1.0 - share))
            if governor.name == name
            else governor
            for governor in self._params.governors
        )
        self._change(self._params._replace(governors=governors))

    def _change(self, params: GridParams) -> None:
        check_grid(params)
        self._params = params
        self._core = linear_core(params)
        self._steps.clear()

    def _step_rows(self, dt_s: float) -> Matrix:
        rows = self._steps.get(dt_s)
        if rows is None:
            if len(self._steps) >= STEPS_KEPT:
                self._steps.clear()
            rows = self._steps[dt_s] = held_input_step(self._core.a, self._core.b, dt_s)
        return rows

    def _advance(self, dt_s: float, rows: Matrix) -> None:
        held = self._params.held
        if not held:
            self._time_s += dt_s
            column = [*self._state, self._power_mw]
            self._state = [dot(row, column) for row in rows]
            return
        middle_s = self._time_s + 0.5 * dt_s
        # A response quicker than half a sub-step sees a frequency that is still to come: follow the present rate.
        rate = self.rocof_hz_per_s if self._shortest_delay_s < 0.5 * dt_s else 0.0
        column = [*self._state, self._power_mw]
        for response in held:
            column.append(held_power_mw(response, self._deviation_at(middle_s - response.delay_s, rate)))
        self._state = [dot(row, column) for row in rows]
        self._time_s += dt_s
        self._remember()

    def _deviation_at(self, time_s: float, rate_hz_per_s: float) -> float:
        """Deviation at a past instant, linear between sub-steps [Hz]; a little ahead, by the present rate."""
        ahead_s = time_s - self._time_s
        if ahead_s >= 0.0:
            return self._state[0] + rate_hz_per_s * ahead_s
        after = bisect_right(self._past_s, time_s)
        if after == 0:
            return self._past_hz[0]
        t0, t1 = self._past_s[after - 1], self._past_s[after]
        f0, f1 = self._past_hz[after - 1], self._past_hz[after]
        return f0 + (f1 - f0) * (time_s - t0) / (t1 - t0)

    def _remember(self) -> None:
        self._past_s.append(self._time_s)
        self._past_hz.append(self._state[0])
        if len(self._past_s) > HISTORY_KEPT:
            old = bisect_right(self._past_s, self._time_s - self._longest_delay_s) - 1
            del self._past_s[:old], self._past_hz[:old]
