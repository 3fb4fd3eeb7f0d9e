"""One or two areas stepped in time: swing equation, governors, held response, AGC, load shedding and the tie line.

    dF/dt = f0 / (2 Ek) (P_governors + P_held + P_secondary + P_shed + P - P_tie - kL F),   F = f - f0

Between instants all of it moves as `motion` says, in sub-steps where it is not linear. Here is what happens at an
instant: samples of the secondary control, stages of load shedding, losses. Where frequency crosses the threshold of a
relay or a dead band that steps, the sub-step is cut at that instant.

Sign, everywhere in this package: positive power supports low frequency (more generation or less load).
A lost generator is negative power. All quantities are deviations from the schedule, in MW, MW s and Hz.
"""

import math

from models.grid import shedding
from models.grid.area import GridParams, TieLine, check_grid, initial_rocof_hz_per_s
from models.grid.motion import Motion, Snapshot
from models.grid.secondary import SecondaryState, sampled_secondary
from models.grid.shedding import Trip

HALVINGS = 16  # of a sub-step when a crossing is located: 0.8 us
STEEPEST_HZ_PER_S = 20.0  # no dip within a sub-step is looked for beyond what this reaches
INSTANT_S = 1e-9  # two instants closer than this are one


class Interconnection:
    """Frequency of one or two areas; starts at nominal, in balance.

    A tick's length should come from integer time, so that equal ticks are equal floats and share a step matrix.
    """

    def __init__(self, areas: tuple[GridParams, ...], tie: TieLine | None = None) -> None:
        for area in areas:
            check_grid(area)
        if len(areas) != (2 if tie else 1):
            raise ValueError(f"a tie line joins two areas, got {len(areas)} area(s) and {'a' if tie else 'no'} line")
        if tie and not 0.0 < tie.mw_per_hz_s < math.inf:
            raise ValueError(f"mw_per_hz_s of the tie line must be positive, got {tie.mw_per_hz_s}")
        self._tie = tie
        self._motion = Motion(areas, tie)
        limited = [governor.valve for some in self._motion.valves for governor in some if governor.valve]
        self._watches = any(area.shedding for area in areas) or any(valve.deadband_steps for valve in limited)
        self._plain = not limited and not any(area.held or area.shedding or area.secondary for area in areas)
        self._power_mw = [0.0] * len(areas)  # put in by the last step
        self._secondary = [SecondaryState() for _ in areas]
        self._samples = [0] * len(areas)  # taken by each controller
        self._relays = [shedding.at_rest(area.shedding) for area in areas]
        self._shed_mw = [0.0] * len(areas)
        self._timing = [False] * len(areas)  # whether any relay of an area is below its threshold
        self._alarm_hz = [
            max((stage.threshold_hz - area.nominal_hz for stage in area.shedding), default=-math.inf) for area in areas
        ]
        self._watched: tuple[tuple[float, ...], ...] | None = None  # kept until a stage trips
        self._demand_mw = [area.demand_mw for area in areas]
        self._damping_mw_per_hz = [area.damping_mw_per_hz for area in areas]
        self.trips: list[Trip] = []  # stages of load shedding so far, in order
        self._held_mw = [sum(max(response.low_mw, response.high_mw) for response in area.held) for area in areas]

    # --- what can be read ---

    @property
    def areas(self) -> tuple[GridParams, ...]:
        """The areas as they are now, losses of inertia and governors included."""
        return self._motion.areas

    @property
    def time_s(self) -> float:
        """Time stepped so far [s]."""
        return self._motion.now.time_s

    @property
    def frequencies_hz(self) -> tuple[float, ...]:
        """Frequency of each area now [Hz]."""
        state = self._motion.now.state
        return tuple(
            [area.nominal_hz + state[row] for area, row in zip(self.areas, self._motion.core.rows, strict=True)]
        )

    @property
    def tie_mw(self) -> float:
        """Power over the tie line beyond schedule, out of the first area [MW]; 0 for one area."""
        return self._motion.now.state[-1] if self._tie else 0.0

    @property
    def secondary_mw(self) -> tuple[float, ...]:
        """Power of the secondary control in force in each area [MW]."""
        return tuple(state.power_mw for state in self._secondary)

    @property
    def shed_mw(self) -> tuple[float, ...]:
        """Net load that has been shed in each area [MW]."""
        return tuple(self._shed_mw)

    def rocof_at_hz_per_s(self, powers_mw: tuple[float, ...], area: int = 0) -> float:
        """Rate of change of an area's frequency [Hz/s] with which a step under these powers would begin."""
        return self._motion.rates(self._motion.now, self._inputs_mw(powers_mw))[area]

    # --- stepping ---

    def step(self, dt_s: float, powers_mw: tuple[float, ...]) -> tuple[float, ...]:
        """Advance by `dt_s` under constant power in each area and return the frequencies [Hz].

        Parameters
        ----------
        dt_s : float
            Length of the step [s], positive.
        powers_mw : tuple of float
            For each area: net power besides governors, held response, secondary control, load shedding, tie line and
            damping [MW], as a deviation from the schedule.
        """
        if not dt_s > 0.0:
            raise ValueError(f"a step must be longer than 0 s, got {dt_s}")
        self._power_mw = list(powers_mw)
        end_s = _whole_ns(self._motion.now.time_s + dt_s)
        if self._plain:  # nothing to act, to watch or to hold: one exact step
            self._motion.whole_step(dt_s, powers_mw, end_s)
            return self.frequencies_hz
        left_s = dt_s
        while left_s > INSTANT_S:
            self._act()
            due_s = self._next_due_s() - self._motion.now.time_s
            left_s -= self._span(left_s if due_s > left_s - INSTANT_S else due_s)
        self._motion.set_clock(end_s)
        return self.frequencies_hz

    def power_for_hz(self, dt_s: float, powers_mw: tuple[float, ...], target_hz: float, area: int = 0) -> float:
        """Constant power of one area [MW] under which a step of `dt_s` would end at a frequency.

        The powers of the others count; the area's own is where the search begins. Nothing is advanced. The end is
        linear in power except for valves and curves, so few corrections reach it. Relays and controllers
        rest, once they have done what is due now.
        """
        self._act()  # what is due at this instant is part of the step
        pieces = max(self._pieces(dt_s), 1)
        powers = list(powers_mw)
        target = target_hz - self.areas[area].nominal_hz

        def missed_hz(power_mw: float) -> float:
            powers[area] = power_mw
            end = self._motion.now
            for _ in range(pieces):
                end = self._motion.advanced(end, dt_s / pieces, self._inputs_mw(tuple(powers)))
            return self._motion.deviations(end)[area] - target

        power = powers[area]
        miss = missed_hz(power)
        scale = 2.0 * self.areas[area].kinetic_energy_mws / self.areas[area].nominal_hz / dt_s
        for _ in range(20):
            if abs(miss) <= 1e-13 * self.areas[area].nominal_hz:
                break
            other = power - miss * scale
            other_miss = missed_hz(other)
            if other_miss == miss:
                break
            scale = (other - power) / (other_miss - miss)
            power, miss = other, other_miss
        return power

    def lose_inertia(self, kinetic_energy_mws: float, area: int = 0) -> None:
        """Take the kinetic energy of a tripped unit out of an area [MW s]."""
        left_mws = self.areas[area].kinetic_energy_mws - kinetic_energy_mws
        self._change(area, self.areas[area]._replace(kinetic_energy_mws=left_mws))

    def lose_governor_share(self, name: str, share: float, area: int = 0) -> None:
        """Take a share (0 to 1) of a governor block out of an area, its present output included.

        A tripped unit takes its droop along; what its share of the block delivered is gone with it.
        """
        params = self.areas[area]
        names = [governor.name for governor in params.governors]
        if name not in names:
            raise ValueError(f"no governor is called {name!r}; there are {', '.join(names) or 'none'}")
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share must be within 0 and 1, got {share}")
        # States are deviations seen behind the lags [Hz]; only the stiffness they are weighted with shrinks.
        kept = 1.0 - share
        governors = tuple(
            governor._replace(
                stiffness_mw_per_hz=governor.stiffness_mw_per_hz * kept,
                valve=governor.valve.scaled(kept) if governor.valve and kept > 0.0 else governor.valve,
            )
            if governor.name == name
            else governor
            for governor in params.governors
        )
        self._change(area, params._replace(governors=governors))

    # --- what happens at an instant ---

    def _act(self) -> None:
        """Samples of the secondary control and stages of load shedding that are due now."""
        now_s = self._motion.now.time_s + INSTANT_S
        for number, area in enumerate(self.areas):
            if area.secondary and self._samples[number] * area.secondary.period_s <= now_s:
                export_mw = self.tie_mw if number == 0 else -self.tie_mw
                self._secondary[number] = sampled_secondary(
                    area.secondary,
                    self._secondary[number],
                    self._motion.deviations(self._motion.now)[number],
                    export_mw,
                )
                self._samples[number] += 1
            # Above every threshold and with no relay timing there is nothing to note.
            if area.shedding and (
                self._timing[number] or self._motion.deviations(self._motion.now)[number] <= self._alarm_hz[number]
            ):
                self._shed(number, now_s)

    def _shed(self, number: int, now_s: float) -> None:
        area = self.areas[number]
        deviation_hz = self._motion.deviations(self._motion.now)[number]
        relays = shedding.noted(
            area.shedding, self._relays[number], deviation_hz, area.nominal_hz, self._motion.now.time_s
        )
        tripped = list(relays.tripped)
        for place, stage in enumerate(area.shedding):
            if tripped[place] or relays.since_s[place] + stage.delay_s > now_s:
                continue
            tripped[place] = True
            net_mw = stage.net_mw(self._demand_mw[number])
            self._shed_mw[number] += net_mw
            self.trips.append(Trip(self._motion.now.time_s, number, place, net_mw))
            gone = sum(s.demand_share for s, gone in zip(area.shedding, tripped, strict=True) if gone)
            self._change(
                number,
                self.areas[number]._replace(damping_mw_per_hz=self._damping_mw_per_hz[number] * max(0.0, 1.0 - gone)),
            )
        if tripped != list(relays.tripped):
            self._watched = None
        self._relays[number] = relays._replace(tripped=tuple(tripped))
        self._timing[number] = shedding.due_s(area.shedding, self._relays[number]) < math.inf

    def _next_due_s(self) -> float:
        due_s = math.inf
        for area, relays, samples, timing in zip(self.areas, self._relays, self._samples, self._timing, strict=True):
            if area.secondary:
                due_s = min(due_s, samples * area.secondary.period_s)
            if timing:
                due_s = min(due_s, shedding.due_s(area.shedding, relays))
        return due_s

    # --- the exact step and its sub-steps ---

    def _pieces(self, span_s: float) -> int:
        nonlinear = self._motion.now.valves or self._motion.any_held or any(area.shedding for area in self.areas)
        return math.ceil(span_s / self._motion.sub_step_s - 1e-9) if nonlinear else 1

    def _span(self, span_s: float) -> float:
        """Advance by at most `span_s`, less if a threshold is crossed; the time that was covered [s]."""
        pieces = self._pieces(span_s)
        piece_s = span_s / pieces
        inputs = self._inputs_mw(tuple(self._power_mw))
        watched = self._watched_hz() if self._watches else ()
        for piece in range(pieces):
            before = self._motion.now
            after = self._motion.advanced(before, piece_s, inputs)
            if (
                watched
                and self._near(before, after, piece_s, inputs, watched)
                and self._crosses(before, after, piece_s, inputs, watched)
            ):
                located = self._located(before, piece_s, inputs, watched)
                self._motion.commit(located)
                return piece * piece_s + (located.time_s - before.time_s)
            self._motion.commit(after)
        return span_s

    def _watched_hz(self) -> tuple[tuple[float, ...], ...]:
        """Deviations of each area whose crossing changes something."""
        if self._watched is not None:
            return self._watched
        watched = []
        for area, relays, limited in zip(self.areas, self._relays, self._motion.valves, strict=True):
            edges = [hz - area.nominal_hz for hz in shedding.watched_hz(area.shedding, relays)]
            for governor in limited:
                if governor.valve and governor.valve.deadband_steps and governor.valve.deadband_hz > 0.0:
                    edges += [governor.valve.deadband_hz, -governor.valve.deadband_hz]
            watched.append(tuple(edges))
        self._watched = tuple(watched)
        return self._watched

    def _near(
        self,
        before: Snapshot,
        after: Snapshot,
        dt_s: float,
        inputs_mw: tuple[float, ...],
        watched: tuple[tuple[float, ...], ...],
    ) -> bool:
        """Whether any watched deviation is within reach of a sub-step; most of the time none is."""
        for number, edges in enumerate(watched):
            start, end = (snapshot.state[self._motion.core.rows[number]] for snapshot in (before, after))
            reach_hz = self._reach_hz(number, start, inputs_mw[number], dt_s)
            low = (start if start < end else end) - reach_hz
            high = (end if start < end else start) + reach_hz
            for edge in edges:
                if low <= edge <= high:
                    return True
        return False

    def _reach_hz(self, number: int, deviation_hz: float, input_mw: float, dt_s: float) -> float:
        """Farthest that a deviation can move within a sub-step [Hz].

        What is put in, all reserve held and damping pull together at most; twice that, as damping grows on the way.
        Governors and a neighbour have no such bound.
        """
        area = self.areas[number]
        steepest = STEEPEST_HZ_PER_S
        if not area.governors and self._tie is None:
            damping_mw = area.damping_mw_per_hz * abs(deviation_hz)
            most = 2.0 * abs(initial_rocof_hz_per_s(area, abs(input_mw) + self._held_mw[number] + damping_mw))
            steepest = min(steepest, most)
        return steepest * dt_s

    def _crosses(
        self,
        before: Snapshot,
        after: Snapshot,
        dt_s: float,
        inputs: tuple[float, ...],
        watched: tuple[tuple[float, ...], ...],
    ) -> bool:
        if self._apart(before, after, watched):
            return True
        # A dip that begins and ends above a threshold within one sub-step: look at its turning point.
        for area, edges in enumerate(watched):
            if not edges:
                continue
            first, last = self._motion.rates(before, inputs)[area], self._motion.rates(after, inputs)[area]
            if first * last < 0.0:
                turn = self._motion.advanced(before, dt_s * first / (first - last), inputs)
                if self._apart(before, turn, watched):
                    return True
        return False

    def _apart(self, before: Snapshot, after: Snapshot, watched: tuple[tuple[float, ...], ...]) -> bool:
        """Whether a watched deviation lies between two states, or is reached by the second."""
        pairs = zip(self._motion.deviations(before), self._motion.deviations(after), watched, strict=True)
        return any((start > edge) != (end > edge) for start, end, edges in pairs for edge in edges)

    def _located(
        self, before: Snapshot, dt_s: float, inputs: tuple[float, ...], watched: tuple[tuple[float, ...], ...]
    ) -> Snapshot:
        """The state just beyond the first crossing of a sub-step: by halving, each half with its own kept matrix."""
        half_s = dt_s
        for _ in range(HALVINGS):
            half_s *= 0.5
            middle = self._motion.advanced(before, half_s, inputs)
            if not self._crosses(before, middle, half_s, inputs, watched):
                before = middle
        return self._motion.advanced(before, half_s, inputs)

    def _change(self, number: int, params: GridParams) -> None:
        check_grid(params)
        self._motion.change((*self.areas[:number], params, *self.areas[number + 1 :]))

    def _inputs_mw(self, powers_mw: tuple[float, ...]) -> tuple[float, ...]:
        """Constant power of each area: what is put in, secondary control, and load that is gone [MW]."""
        return tuple(
            power + secondary.power_mw + shed
            for power, secondary, shed in zip(powers_mw, self._secondary, self._shed_mw, strict=True)
        )


def _whole_ns(time_s: float) -> float:
    """The nearest whole nanosecond if time is one but for rounding, so that a million ticks do not add up an error."""
    ns = time_s * 1e9
    nearest = math.floor(ns + 0.5)
    return nearest * 1e-9 if abs(ns - nearest) < 0.05 else time_s
