"""The station's control: measure, build the view, ask the policy, limit, round for the wire. One decision at a time.

The functions at the end take the state of a station as their first argument: a `Control` here, a row of the same fields
in the compiled lane.
"""

import math
from array import array
from functools import partial
from typing import Any

from cosim.car import Car
from cosim.delivery import decided
from cosim.inputs import LocalPolicy
from cosim.kind import Kind
from cosim.motion import command, ramp_off
from cosim.scenario import Scenario
from cosim.stage import Stage
from cosim.sums import Sums, micro, schedule
from models.car.converter import grid_for_plug_w, plug_for_grid_w
from models.control.charge_loop import StationView
from models.control.limits import GAP_RULES, MINIMUM_POWER, LimitParams, limit
from models.control.measurement import measured_hz
from models.draws import ahead, normal, normals, stream_key, uniform
from models.grid.imbalance import sampled
from protocol.iso20.phases import third_w
from protocol.iso20.said import Said
from protocol.values import wire_within

STEP_SHARE = 0.05  # of the rating: smaller changes are no setpoint steps


class Control:
    """Decides setpoints for one charging point. `setpoint_w` is at the AC meter, `plug_w` is the same at the plug."""

    __slots__ = (
        "_ask",
        "_declares",
        "_follows_series",
        "_limits",
        "_measured",
        "_noise",
        "_noise_hz",
        "_nominal_hz",
        "_params",
        "_plans",
        "_stage",
        "_step",
        "baseline_w",
        "bias_hz",
        "decided_ns",
        "dither_threshold",
        "evse_id",
        "frequency_hz",
        "hold_at_zero",
        "memory",
        "plug_w",
        "previous_w",
        "reason",
        "requested_w",
        "samples",
        "scheduled_w",
        "setpoint_w",
    )

    def __init__(self, stage: Stage, evse_id: int) -> None:
        scenario = stage.scenario
        self.setpoint_w = self.plug_w = self.previous_w = self.requested_w = 0.0
        self.reason = 0
        self.frequency_hz = stage.grid.nominal_hz
        self.scheduled_w = self.baseline_w = 0.0
        self.hold_at_zero = False  # during a renegotiation
        self.evse_id = evse_id
        self.memory: Any = stage.policy.memory
        self.bias_hz = self.dither_threshold = 0.0
        if scenario.measurement.bias_hz > 0.0:
            bias = normal(stream_key(scenario.seed, "measurement.bias"), evse_id, 0)
            self.bias_hz = scenario.measurement.bias_hz * bias
        self.samples = 0
        self.decided_ns = -1
        self._stage = stage
        _, self._params, self._ask, self._step, *_ = stage.policy
        self._nominal_hz = stage.grid.nominal_hz
        self._measured = stage.grid.measured
        self._follows_series = stage.schedule is not None
        self._declares = declares_baseline(stage.policy)
        self._plans = is_plan(scenario, stage.policy)
        self._noise_hz = scenario.measurement.noise_hz
        # Rows of the fleet lane draw for themselves, soon: nothing is drawn ahead for them.
        key = stream_key(scenario.seed, "measurement.noise")
        singly = stage.lane is not None
        self._noise = partial(normal, key, evse_id) if singly else ahead(partial(_noise, key, evse_id), self.samples)
        self._limits = stage.limits
        if self._limits.gap_rule == GAP_RULES["dither"]:
            self.dither_threshold = uniform(stream_key(scenario.seed, "limits.dither"), evse_id, 0)
            self._limits = with_dither(self._limits, self.dither_threshold)

    # --- the plan, around which a policy works ---

    def plan(self, kind: Kind, said: Said, now_ns: int) -> None:
        """Schedule the session anew, by the scenario's rule."""
        section = self._stage.scenario.schedule
        if section.rule == "even":
            efficiency = self._limits.assumed_efficiency
            even_w = 3600.0 * said.target_energy_wh / (efficiency * said.departure_s) if said.departure_s > 0.0 else 0.0
            self._schedule(min(max(even_w, 0.0), kind.rated_w), now_ns)
        elif section.rule in ("file", "signal"):
            self._follow_series(now_ns)

    def _follow_series(self, now_ns: int) -> None:
        series = self._stage.schedule
        assert series is not None, "a schedule file is read before the run"
        self._schedule(sampled(series.t_s, series.value, now_ns * 1e-9), now_ns)

    def _schedule(self, power_w: float, now_ns: int) -> None:
        follow(self, self._stage.fleet.sums, self._plans, power_w, now_ns)

    def end(self, now_ns: int) -> None:
        """The charge loop is over: nothing is scheduled or asked for any more."""
        sums = self._stage.fleet.sums
        self.scheduled_w = 0.0
        declare(self, sums, 0.0, now_ns)
        sums.setpoint_uw -= micro(self.setpoint_w)
        self.setpoint_w = self.plug_w = 0.0

    # --- one decision ---

    def measure_with(self, sensor: Any) -> None:
        """Take the frequency from `sensor`, which has `sample(now_ns)`."""
        self._measured = sensor

    def decide(self, car: Car, said: Said, power_w: float, now_ns: int) -> bool:
        """A new setpoint from what is known now; whether it differs from the one in force. `power_w`: at the plug."""
        if self._follows_series:
            self._follow_series(now_ns)
        filtered, rocof_hz_per_s = self._measured.sample(now_ns)
        noise = 0.0
        if self._noise_hz > 0.0:
            noise = self._noise(self.samples)
            self.samples += 1
        self.frequency_hz = measured_hz(filtered, self._noise_hz, noise, self.bias_hz)
        view = view_of(self, said, car.kind, self._nominal_hz, rocof_hz_per_s, power_w, now_ns)
        if self._ask is not None:
            requested_w = self._ask(view, self._params)
        else:
            assert self._step is not None, "a policy has one of the two functions"
            requested_w, self.memory = self._step(view, self.memory, self._params)
            if self._declares:
                declare(self, self._stage.fleet.sums, self.memory.declared_w, now_ns)
        if self.hold_at_zero:
            requested_w = 0.0
        return settle_on(self, car, car.kind, car.sums, self._limits, view, power_w, requested_w, now_ns)


def _noise(key: int, evse_id: int, first: int, count: int) -> "array[float]":
    return array("d", normals(key, evse_id, first, count).tobytes())


def limit_params(scenario: Scenario) -> LimitParams:
    """The limiter's settings that all stations share."""
    section = scenario.limits
    return LimitParams(
        guarantee_departure=1.0 if section.guarantee_departure else 0.0,
        assumed_efficiency=section.assumed_efficiency,
        departure_margin_s=section.departure_margin_s,
        gap_rule=GAP_RULES[section.gap_rule],
    )


def with_dither(params: LimitParams, threshold: float) -> LimitParams:
    """The limiter's settings of one station; written out, as the compiled lane calls this for each decision."""
    return LimitParams(
        params.guarantee_departure,
        params.assumed_efficiency,
        params.departure_margin_s,
        params.gap_rule,
        threshold,
        params.site_import_w,
        params.site_export_w,
        params.approach_s,
    )


def declares_baseline(policy: LocalPolicy) -> bool:
    """Whether a policy declares the baseline itself: its memory has a field `declared_w` [W, AC meter]."""
    return hasattr(policy.memory, "declared_w")


def is_plan(scenario: Scenario, policy: LocalPolicy) -> bool:
    """Whether a schedule is the baseline declared to the operator: not where it is only a signal, that is, a wish."""
    return not declares_baseline(policy) and scenario.schedule.rule != "signal"


def follow(control: Control, sums: Sums, plans: bool, power_w: float, now_ns: int) -> None:
    """Schedule `power_w` [W, AC meter] from now on."""
    control.scheduled_w = power_w
    if plans:
        declare(control, sums, power_w, now_ns)


def declare(control: Control, sums: Sums, power_w: float, now_ns: int) -> None:
    """Declare `power_w` [W, AC meter] to the operator from now on: what counts as service is measured from there."""
    if power_w != control.baseline_w:
        schedule(sums, control.baseline_w, power_w, now_ns)
        control.baseline_w = power_w


def at_meter_w(kind: Kind, plug_w: float) -> float:
    """Power at the AC meter [W] for power at the plug."""
    return grid_for_plug_w(plug_w, kind.station_charge, kind.station_discharge) if kind.is_dc else plug_w


def at_plug_w(kind: Kind, grid_w: float) -> float:
    """Power at the plug [W] for power at the AC meter; nan, no number, stays for the limiter to name."""
    if kind.is_dc and grid_w == grid_w:
        return plug_for_grid_w(grid_w, kind.station_charge, kind.station_discharge)
    return grid_w


def direct(car: Car, kind: Kind, sums: Sums, said: Said, plug_w: float, now_ns: int) -> None:
    """DC: tell the converter. Limits of zero announce the end: then it ramps off at once."""
    if said.maximum_charge_w == 0.0 and said.maximum_discharge_w == 0.0:
        ramp_off(car, kind, sums, now_ns)
    else:
        command(car, kind, sums, now_ns, plug_w)


def view_of(
    control: Control,
    said: Said,
    kind: Kind,
    nominal_hz: float,
    rocof_hz_per_s: float,
    power_w: float,
    now_ns: int,
) -> StationView:
    """All that the policy and the limiter get to see, now that frequency is measured. `power_w`: at the plug."""
    elapsed_s = 0.0 if control.decided_ns < 0 else (now_ns - control.decided_ns) * 1e-9
    if kind.is_dc:
        voltage_v = said.present_v
        most_a = kind.station_maximum_a
        charge_a = said.maximum_charge_a if said.maximum_charge_a < most_a else most_a
        discharge_a = said.maximum_discharge_a if said.maximum_discharge_a < most_a else most_a
    else:
        voltage_v, charge_a, discharge_a = math.nan, math.inf, math.inf
    return StationView(
        now_ns * 1e-9,
        elapsed_s,
        nominal_hz,
        control.frequency_hz,
        rocof_hz_per_s,
        kind.rated_w,
        kind.rated_discharge_w,
        said.target_energy_wh,
        said.maximum_energy_wh,
        said.minimum_energy_wh,
        said.maximum_v2x_energy_wh,
        said.minimum_v2x_energy_wh,
        said.departure_s - (now_ns - said.departure_ns) * 1e-9,
        said.maximum_charge_w,
        said.minimum_charge_w,
        said.maximum_discharge_w,
        said.minimum_discharge_w,
        voltage_v,
        at_meter_w(kind, power_w),
        control.setpoint_w,
        kind.station_charge_w,
        kind.station_discharge_w,
        charge_a,
        discharge_a,
        control.baseline_w,
        control.scheduled_w,
    )


def settle_on(
    control: Control,
    car: Car,
    kind: Kind,
    sums: Sums,
    limits: LimitParams,
    view: StationView,
    power_w: float,
    requested_w: float,
    now_ns: int,
) -> bool:
    """Make a wish [W, AC meter] a setpoint that may be sent; whether it differs from the one in force.

    `power_w`: at the plug now.
    """
    allowed_w, reason = limit(at_plug_w(kind, requested_w), view, limits)
    plug_w = allowed_w
    if not kind.is_dc:  # of nothing, nothing is to be rounded
        plug_w = 0.0 if allowed_w == 0.0 else sayable_w(kind, allowed_w, wire_within(allowed_w))
    return take(control, car, kind, sums, power_w, requested_w, plug_w, reason, breaks_limits(view, plug_w), now_ns)


def sayable_w(kind: Kind, allowed_w: float, rounded_w: float) -> float:
    """Power at the plug that can be said [W]: rounded towards zero, so that rounding never passes a limit.

    Phase by phase where phases are stated. A DC station says nothing of it: its converter gets what is allowed.
    """
    if kind.is_dc:
        return allowed_w
    return 3.0 * third_w(rounded_w) if kind.per_phase else rounded_w


def breaks_limits(view: StationView, plug_w: float) -> bool:
    """Whether a setpoint at the plug [W] is beyond what car or station allow: after the limiter none may be."""
    return (
        plug_w > view.maximum_charge_w
        or plug_w > view.station_charge_w
        or plug_w < 0.0 - view.maximum_discharge_w
        or plug_w < 0.0 - view.station_discharge_w
    )


def take(
    control: Control,
    car: Car,
    kind: Kind,
    sums: Sums,
    power_w: float,
    requested_w: float,
    plug_w: float,
    reason: int,
    exceeds: bool,
    now_ns: int,
) -> bool:
    """Take a setpoint [W at the plug] and count what is to be counted; whether it differs from the one in force.

    `power_w`: at the plug now; `exceeds`: the setpoint breaks limits.
    """
    control.requested_w = requested_w
    control.reason = reason
    if exceeds:
        sums.beyond_limits += 1
        if control.evse_id > sums.beyond_limits_evse:
            sums.beyond_limits_evse = control.evse_id
    if reason > 0:
        sums.clips[reason] += 1
        if reason == MINIMUM_POWER and control.decided_ns >= 0:
            sums.gap_ns += now_ns - control.decided_ns
    control.decided_ns = now_ns
    if plug_w == control.plug_w:
        return False
    decided(car, sums, now_ns, power_w, plug_w, STEP_SHARE * kind.rated_w)
    control.previous_w = control.setpoint_w
    control.plug_w = plug_w
    control.setpoint_w = at_meter_w(kind, plug_w)
    sums.setpoint_uw += micro(control.setpoint_w) - micro(control.previous_w)
    return True
