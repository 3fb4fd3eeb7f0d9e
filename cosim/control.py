"""The station's control: measure, build the view, ask the policy, limit, round for the wire. One decision at a time."""

import math
from typing import Any

from cosim.car import Car
from cosim.fleet import micro
from cosim.stage import Stage
from models.car.converter import grid_for_plug_w, plug_for_grid_w
from models.control.charge_loop import StationView
from models.control.limits import GAP_RULES, MINIMUM_POWER, LimitParams, limit
from models.control.measurement import measured_hz
from models.draws import normal, stream_key, uniform
from models.grid.imbalance import sampled
from protocol.iso20.phases import third
from protocol.iso20.said import Said
from protocol.values import wire_within

STEP_SHARE = 0.05  # of the rating: smaller changes are no setpoint steps


class Control:
    """Decides setpoints for one charging point. `setpoint_w` is at the AC meter, `plug_w` is the same at the plug."""

    __slots__ = (
        "_bias_hz",
        "_charge_w",
        "_decided_ns",
        "_discharge_w",
        "_evse_id",
        "_follows_series",
        "_is_dc",
        "_limits",
        "_maximum_a",
        "_measured",
        "_memory",
        "_noise_hz",
        "_noise_key",
        "_nominal_hz",
        "_per_phase",
        "_policy",
        "_rated_discharge_w",
        "_rated_w",
        "_samples",
        "_stage",
        "frequency_hz",
        "hold_at_zero",
        "plug_w",
        "previous_w",
        "reason",
        "requested_w",
        "scheduled_w",
        "setpoint_w",
    )

    def __init__(self, stage: Stage, evse_id: int, is_dc: bool) -> None:
        scenario = stage.scenario
        section = scenario.evse
        self.setpoint_w = self.plug_w = self.previous_w = self.requested_w = 0.0
        self.reason = 0
        self.frequency_hz = stage.grid.nominal_hz
        self.scheduled_w = 0.0
        self.hold_at_zero = False  # during a renegotiation
        self._stage = stage
        self._evse_id = evse_id
        self._is_dc = is_dc
        self._policy = stage.policy
        self._memory: Any = stage.policy.memory
        self._charge_w = section.dc_charge_w if is_dc else section.ac_charge_w
        self._discharge_w = section.dc_discharge_w if is_dc else section.ac_discharge_w
        self._maximum_a = section.dc_maximum_a
        self._rated_w = self._rated_discharge_w = 0.0
        self._per_phase = False
        self._nominal_hz = stage.grid.nominal_hz
        self._measured = stage.grid.measured
        self._follows_series = stage.schedule is not None
        self._noise_hz = scenario.measurement.noise_hz
        self._noise_key = stream_key(scenario.seed, "measurement.noise")
        self._bias_hz = scenario.measurement.bias_hz * normal(stream_key(scenario.seed, "measurement.bias"), evse_id, 0)
        self._samples = 0
        self._decided_ns = -1
        self._limits = LimitParams(
            guarantee_departure=1.0 if scenario.limits.guarantee_departure else 0.0,
            assumed_efficiency=scenario.limits.assumed_efficiency,
            departure_margin_s=scenario.limits.departure_margin_s,
            gap_rule=GAP_RULES[scenario.limits.gap_rule],
            dither_threshold=uniform(stream_key(scenario.seed, "limits.dither"), evse_id, 0),
        )

    def begin(self, car: Car, said: Said, per_phase: bool, now_ns: int) -> None:
        """The charge loop begins: ratings as agreed, and the plan for the session."""
        self._per_phase = per_phase
        assert said.ratings is not None, "ratings are exchanged before the loop"
        rated_w = min(said.ratings.maximum_charge_w, self._charge_w)
        rated_discharge_w = min(said.ratings.maximum_discharge_w, self._discharge_w)
        self._rated_w = self._at_meter(car, rated_w)
        self._rated_discharge_w = 0.0 - self._at_meter(car, 0.0 - rated_discharge_w)
        self.plan(said, now_ns)

    def _at_meter(self, car: Car, plug_w: float) -> float:
        if not self._is_dc:
            return plug_w
        return grid_for_plug_w(plug_w, car.losses.station_charge, car.losses.station_discharge)

    # --- the plan, around which a policy works ---

    def plan(self, said: Said, now_ns: int) -> None:
        """Schedule the session anew, by the scenario's rule."""
        section = self._stage.scenario.schedule
        if section.rule == "even":
            efficiency = self._limits.assumed_efficiency
            even_w = 3600.0 * said.target_energy_wh / (efficiency * said.departure_s) if said.departure_s > 0.0 else 0.0
            self._schedule(min(max(even_w, 0.0), self._rated_w), now_ns)
        elif section.rule == "file":
            self._follow_series(now_ns)

    def _follow_series(self, now_ns: int) -> None:
        series = self._stage.schedule
        assert series is not None, "a schedule file is read before the run"
        self._schedule(sampled(series.t_s, series.value, now_ns * 1e-9), now_ns)

    def _schedule(self, power_w: float, now_ns: int) -> None:
        if power_w != self.scheduled_w:
            self._stage.fleet.schedule(micro(power_w) - micro(self.scheduled_w), now_ns)
            self.scheduled_w = power_w

    def end(self, now_ns: int) -> None:
        """The charge loop is over: nothing is scheduled or asked for any more."""
        self._schedule(0.0, now_ns)
        self._stage.fleet.setpoint_uw -= micro(self.setpoint_w)
        self.setpoint_w = self.plug_w = 0.0

    # --- one decision ---

    def decide(self, car: Car, said: Said, power_w: float, now_ns: int) -> bool:
        """A new setpoint from what is known now; whether it differs from the one in force. `power_w`: at the plug."""
        view = self._view(car, said, power_w, now_ns)
        policy = self._policy
        if policy.step is not None:
            requested_w, self._memory = policy.step(view, self._memory, policy.params)
        else:
            assert policy.setpoint_w is not None, "a policy has one of the two functions"
            requested_w = policy.setpoint_w(view, policy.params)
        if self.hold_at_zero:
            requested_w = 0.0
        if self._is_dc:
            losses = car.losses
            wanted_w = requested_w  # nan, no number, is for the limiter to name
            if wanted_w == wanted_w:
                wanted_w = plug_for_grid_w(requested_w, losses.station_charge, losses.station_discharge)
            plug_w, reason = limit(wanted_w, view, self._limits)
        else:
            plug_w, reason = limit(requested_w, view, self._limits)
            # Towards zero, so that rounding never passes a limit; phase by phase where phases are stated.
            plug_w = 3.0 * third(plug_w).number if self._per_phase else wire_within(plug_w)
        self.requested_w, self.reason, self.frequency_hz = requested_w, reason, view.frequency_hz
        if (
            plug_w > view.maximum_charge_w
            or plug_w > view.station_charge_w
            or plug_w < 0.0 - view.maximum_discharge_w
            or plug_w < 0.0 - view.station_discharge_w
        ):
            self._breaks_limit(plug_w)
        if reason:
            kpis = self._stage.kpis
            kpis.clips[reason] += 1
            if reason == MINIMUM_POWER:
                kpis.gap_s += view.elapsed_s
        if plug_w == self.plug_w:
            return False
        car.decided(now_ns, plug_w, STEP_SHARE * self._rated_w)
        self.previous_w = self.setpoint_w
        self.plug_w = plug_w
        self.setpoint_w = self._at_meter(car, plug_w)
        self._stage.fleet.setpoint_uw += micro(self.setpoint_w) - micro(self.previous_w)
        return True

    def _view(self, car: Car, said: Said, power_w: float, now_ns: int) -> StationView:
        """All that the policy and the limiter get to see."""
        filtered, rocof_hz_per_s = self._measured.sample(now_ns)
        noise = 0.0
        if self._noise_hz > 0.0:
            noise = normal(self._noise_key, self._evse_id, self._samples)
            self._samples += 1
        elapsed_s = 0.0 if self._decided_ns < 0 else (now_ns - self._decided_ns) * 1e-9
        self._decided_ns = now_ns
        if self._follows_series:
            self._follow_series(now_ns)
        if self._is_dc:
            present_w = self._at_meter(car, power_w)
            voltage_v = said.present_v
            charge_a = said.maximum_charge_a if said.maximum_charge_a < self._maximum_a else self._maximum_a
            discharge_a = said.maximum_discharge_a if said.maximum_discharge_a < self._maximum_a else self._maximum_a
        else:
            present_w, voltage_v, charge_a, discharge_a = power_w, math.nan, math.inf, math.inf
        return StationView(
            now_ns * 1e-9,
            elapsed_s,
            self._nominal_hz,
            measured_hz(filtered, self._noise_hz, noise, self._bias_hz),
            rocof_hz_per_s,
            self._rated_w,
            self._rated_discharge_w,
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
            present_w,
            self.setpoint_w,
            self._charge_w,
            self._discharge_w,
            charge_a,
            discharge_a,
            self.scheduled_w,
            self.scheduled_w,
        )

    def _breaks_limit(self, plug_w: float) -> None:
        """Invariant: the setpoint keeps what both sides said."""
        detail = f"EVSE{self._evse_id:03d} decides {plug_w:.1f} W, beyond what car or station allow"
        self._stage.checks.broken("power_limits", detail)
