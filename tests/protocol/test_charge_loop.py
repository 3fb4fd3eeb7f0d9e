"""What both ends say and hear in a turn of the loop."""

import math

import pytest

from protocol.iso20.codes import EVSENotification, ServiceID
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.evcc import Event, EVRatings
from protocol.iso20.sequence import State
from protocol.values import wire

S = 1_000_000_000
ENERGIES = {
    "target_energy_wh": "ev_target_energy_request",
    "maximum_energy_wh": "ev_maximum_energy_request",
    "minimum_energy_wh": "ev_minimum_energy_request",
    "maximum_v2x_energy_wh": "ev_maximum_v2x_energy_request",
    "minimum_v2x_energy_wh": "ev_minimum_v2x_energy_request",
}


# --- what the EV says -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service_id", [ServiceID.AC_BPT, ServiceID.DC_BPT])
def test_energy_requests_travel_rounded_and_move_with_the_battery(pair, service_id):
    both = pair(service_id).until(State.CHARGE_LOOP)
    for moved_wh in (0.0, 1_000.4, -3_000.7):
        both.offer = both.offer._replace(**{name: getattr(both.offer, name) - moved_wh for name in ENERGIES})
        mode = both.exchange().request.control_mode
        for name, field in ENERGIES.items():
            said_wh = getattr(both.offer, name)
            assert getattr(mode, field).number == wire(said_wh)
            assert getattr(both.secc.said, name) == wire(said_wh)


def test_an_ac_ev_reports_power_and_no_voltage(pair):
    both = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    turn = both.exchange()
    assert turn.request.control_mode.ev_present_active_power.number == 7_123.0
    said = both.secc.said
    assert (said.present_w, said.present_var) == (7_123.0, 0.0)
    assert math.isnan(said.present_v)
    assert math.isnan(said.maximum_charge_a)


def test_a_dc_ev_reports_voltage_and_no_power(pair):
    both = pair(ServiceID.DC_BPT).until(State.CHARGE_LOOP)
    turn = both.exchange()
    assert turn.request.ev_present_voltage.number == 397.1
    said = both.secc.said
    assert (said.present_v, said.maximum_charge_a, said.maximum_discharge_a) == (397.1, 32.0, 30.0)
    assert (said.maximum_v, said.minimum_v) == (450.0, 300.0)
    assert math.isnan(said.present_w)


def test_the_secc_keeps_what_was_said_until_something_else_is_said(pair):
    both = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    both.exchange()
    said_ns = both.now_ns - 20_000_000
    assert (both.secc.said.maximum_charge_w, both.secc.said.received_ns) == (11_000.0, said_ns)
    both.offer = both.offer._replace(maximum_charge_w=4_000.0)
    assert both.secc.said.maximum_charge_w == 11_000.0
    both.exchange()
    assert both.secc.said.maximum_charge_w == 4_000.0


def test_ratings_are_the_limits_until_the_loop_states_others(pair):
    both = pair(ServiceID.DC_BPT).until(State.SCHEDULE_EXCHANGE)
    said = both.secc.said
    assert said.ratings == EVRatings(11_000.0, 1_380.0, 10_000.0, 1_400.0, 32.0, 0.0, 30.0, 0.0, 450.0, 300.0)
    assert (said.maximum_charge_w, said.maximum_discharge_w, said.maximum_v) == (11_000.0, 10_000.0, 450.0)
    limits = both.evcc.evse_limits
    assert (limits.maximum_charge_w, limits.maximum_discharge_w, limits.maximum_v) == (22_000.0, 20_000.0, 500.0)


@pytest.mark.parametrize("service_id", [ServiceID.AC, ServiceID.DC])
def test_an_ev_that_only_charges_cannot_discharge(pair, service_id):
    both = pair(service_id).until(State.CHARGE_LOOP)
    both.exchange()
    said = both.secc.said
    assert (said.maximum_discharge_w, said.minimum_discharge_w) == (0.0, 0.0)
    assert math.isnan(said.minimum_v2x_energy_wh)


@pytest.mark.parametrize(
    ("departure_s", "said_s"),
    [
        pytest.param(36_000.9, 36_000.0, id="whole seconds"),
        pytest.param(-5.0, 0.0, id="overdue"),
        pytest.param(0.2, 0.0, id="now"),
    ],
)
def test_departure_is_said_in_every_loop(pair, departure_s, said_s):
    both = pair().until(State.CHARGE_LOOP)
    both.offer = both.offer._replace(departure_s=departure_s)
    assert both.exchange().request.control_mode.departure_time == said_s
    assert both.secc.said.departure_s == said_s
    assert both.secc.said.departure_ns == both.now_ns - 20_000_000


def test_an_unknown_departure_is_left_out_and_leaves_the_earlier_one_standing(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.exchange()
    said_ns = both.secc.said.departure_ns
    both.offer = both.offer._replace(departure_s=math.inf)
    assert both.exchange().request.control_mode.departure_time is None
    assert (both.secc.said.departure_s, both.secc.said.departure_ns) == (36_000.0, said_ns)
    never = pair()
    never.offer = both.offer
    never.until(State.CHARGE_LOOP).exchange()
    assert never.secc.said.departure_s == math.inf


def test_the_v2x_pair_is_said_together_or_not_at_all(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.offer = both.offer._replace(maximum_v2x_energy_wh=math.nan, minimum_v2x_energy_wh=math.nan)
    mode = both.exchange().request.control_mode
    assert mode.ev_maximum_v2x_energy_request is mode.ev_minimum_v2x_energy_request is None
    assert math.isnan(both.secc.said.maximum_v2x_energy_wh)
    both.offer = both.offer._replace(maximum_v2x_energy_wh=1.0)
    with pytest.raises(LocalProtocolError, match=r"Offer has minimum_v2x_energy_wh=nan"):
        both.exchange()


@pytest.mark.parametrize("field", ["maximum_charge_w", "target_energy_wh", "present_v"])
def test_a_number_that_cannot_travel_is_refused_by_the_name_of_its_field(pair, field):
    both = pair().until(State.CHARGE_LOOP)
    both.offer = both.offer._replace(**{field: math.inf})
    with pytest.raises(LocalProtocolError, match=f"Offer has .*{field}=inf"):
        both.exchange()


@pytest.mark.parametrize("service_id", [ServiceID.AC_BPT, ServiceID.DC_BPT])
@pytest.mark.parametrize("negative", [False, True], ids=["positive", "negative"])
def test_the_sign_of_discharge_limits_is_an_option_and_is_dropped_on_reading(pair, service_id, negative):
    both = pair(service_id, discharge_limits_negative=negative).until(State.CHARGE_LOOP)
    sign = -1.0 if negative else 1.0
    discovery, turn = both.log[7], both.exchange()
    assert discovery.request.energy_transfer_mode.ev_maximum_discharge_power.number == sign * 10_000.0
    assert discovery.response.energy_transfer_mode.evse_minimum_discharge_power.number == sign * 200.0
    assert turn.request.control_mode.ev_minimum_discharge_power.number == sign * 1_400.0
    if service_id is ServiceID.DC_BPT:
        assert turn.request.control_mode.ev_maximum_discharge_current.number == sign * 30.0
        assert turn.response.control_mode.evse_maximum_discharge_current.number == sign * 60.0
        assert both.secc.said.maximum_discharge_a == 30.0
    assert both.secc.said.ratings.maximum_discharge_w == both.secc.said.maximum_discharge_w == 10_000.0
    assert both.evcc.evse_limits.maximum_discharge_w == 20_000.0


# --- what the station says --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service_id", "asked_w", "target_w"),
    [
        pytest.param(ServiceID.AC_BPT, 7_000.4, 7_000.0, id="charge, rounded"),
        pytest.param(ServiceID.AC_BPT, -7_311.2, -7_311.0, id="discharge"),
        pytest.param(ServiceID.AC_BPT, 30_000.0, 22_000.0, id="clamped to the charge rating"),
        pytest.param(ServiceID.AC_BPT, -30_000.0, -20_000.0, id="clamped to the discharge rating"),
        pytest.param(ServiceID.AC, 7_000.0, 7_000.0, id="charging only"),
        pytest.param(ServiceID.AC, -7_000.0, 0.0, id="no discharge in a service without it"),
    ],
)
def test_the_ac_setpoint_is_clamped_to_the_ratings_and_heard_by_the_ev(pair, service_id, asked_w, target_w):
    both = pair(service_id).until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(target_w=asked_w)
    mode = both.exchange().response.control_mode
    assert mode.evse_target_active_power.number == both.evcc.target_w == both.secc.target_w == target_w
    assert mode.evse_present_active_power.number == 6_874.0
    assert mode.evse_target_active_power_l2 is None


def test_a_dc_response_carries_measurements_and_limits_and_never_a_target(pair):
    both = pair(ServiceID.DC_BPT).until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(
        target_w=5_000.0,
        maximum_charge_w=9_000.0,
        maximum_discharge_w=8_000.0,
        maximum_charge_a=20.0,
        maximum_discharge_a=19.0,
        maximum_v=480.0,
        minimum_v=200.0,
        power_limit_achieved=True,
    )
    response = both.exchange().response
    mode = response.control_mode
    assert not [
        particle.field for particle in mode.particles if "target" in particle.field and "soc" not in particle.field
    ]
    assert (response.evse_present_current.number, response.evse_present_voltage.number) == (17.31, 397.1)
    assert (mode.evse_maximum_charge_power.number, mode.evse_maximum_discharge_power.number) == (9_000.0, 8_000.0)
    assert (mode.evse_maximum_charge_current.number, mode.evse_maximum_discharge_current.number) == (20.0, 19.0)
    assert (mode.evse_maximum_voltage.number, mode.evse_minimum_voltage.number) == (480.0, 200.0)
    assert response.evse_power_limit_achieved is True
    assert response.evse_current_limit_achieved is response.evse_voltage_limit_achieved is False
    assert math.isnan(both.evcc.target_w)


def test_dc_limits_of_the_moment_never_exceed_the_ratings(pair):
    both = pair(ServiceID.DC_BPT).until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(maximum_charge_w=1e6, maximum_discharge_a=1e3, maximum_v=1e3, minimum_v=1.0)
    mode = both.exchange().response.control_mode
    rated = both.log[7].response.energy_transfer_mode
    assert mode.evse_maximum_charge_power == rated.evse_maximum_charge_power
    assert mode.evse_maximum_discharge_power == rated.evse_maximum_discharge_power
    assert mode.evse_maximum_charge_current == rated.evse_maximum_charge_current
    assert mode.evse_maximum_discharge_current == rated.evse_maximum_discharge_current
    assert mode.evse_maximum_voltage == rated.evse_maximum_voltage
    assert mode.evse_minimum_voltage == rated.evse_minimum_voltage


def test_meter_info_comes_first_and_whenever_asked_for(pair):
    both = pair(ServiceID.DC_BPT).until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(meter_charged_wh=1_200, meter_discharged_wh=300)
    assert both.secc.meter_owed
    first, second, asked = both.exchange(), both.exchange(), both.exchange(meter_info=True)
    assert not both.secc.meter_owed
    assert first.response.meter_info.charged_energy_reading_wh == 1_200
    assert first.response.meter_info.bpt_discharged_energy_reading_wh == 300
    assert second.response.meter_info is None
    assert asked.request.meter_info_requested is True
    assert asked.response.meter_info == first.response.meter_info


def test_a_station_without_a_meter_says_nothing_and_one_that_only_charges_has_one_register(pair):
    both = pair().until(State.CHARGE_LOOP)
    assert both.exchange(meter_info=True).response.meter_info is None
    plain = pair(ServiceID.DC).until(State.CHARGE_LOOP)
    plain.answer = plain.answer._replace(meter_charged_wh=5, meter_discharged_wh=0)
    assert plain.exchange().response.meter_info.bpt_discharged_energy_reading_wh is None


# --- phases -----------------------------------------------------------------------------------------------------------


def test_phases_are_split_only_if_the_ev_split_them_in_discovery(pair):
    both = pair(ServiceID.AC_BPT, per_phase=True).until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(target_w=-9_000.0)
    discovery, turn = both.log[7], both.exchange()
    ev, evse = discovery.request.energy_transfer_mode, discovery.response.energy_transfer_mode
    assert ev.ev_maximum_charge_power_l3.number == 3_666.0  # 3 x 3667 W would exceed 11 kW
    assert evse.evse_maximum_charge_power_l2.number == 7_333.0
    mode = turn.response.control_mode
    assert mode.evse_target_active_power.number == -3_000.0
    assert mode.evse_target_active_power_l2.number == mode.evse_target_active_power_l3.number == -3_000.0
    assert both.evcc.target_w == both.secc.target_w == -9_000.0
    assert both.secc.agreed.per_phase is both.evcc.agreed.per_phase is True
    assert both.secc.said.maximum_charge_w == 10_998.0
    assert both.secc.said.present_w == pytest.approx(7_123.0, abs=0.31)
    assert both.evcc.evse_limits.maximum_charge_w == 21_999.0


def test_without_phases_the_base_element_is_the_sum(pair):
    both = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    discovery, turn = both.log[7], both.exchange()
    for mode in (
        discovery.request.energy_transfer_mode,
        discovery.response.energy_transfer_mode,
        turn.request.control_mode,
        turn.response.control_mode,
    ):
        assert not [p.field for p in mode.particles if p.field.endswith(("_l2", "_l3")) and getattr(mode, p.field)]
    assert both.secc.agreed.per_phase is False


def test_dc_knows_no_phases(pair):
    both = pair(ServiceID.DC_BPT, per_phase=True).until(State.CHARGE_LOOP)
    assert both.exchange().event is Event.LOOP
    assert both.evcc.agreed == both.secc.agreed


# --- notifications ----------------------------------------------------------------------------------------------------


def test_the_first_notification_starts_the_clock_and_repeats_do_not(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.exchange()
    assert both.evcc.notification is None
    both.answer = both.answer._replace(
        notification=EVSENotification.SCHEDULE_RENEGOTIATION, notification_max_delay_s=30
    )
    turn = both.exchange()
    assert turn.response.evse_status.notification_max_delay == 30
    expected = (EVSENotification.SCHEDULE_RENEGOTIATION, both.now_ns + 30 * S)
    assert both.evcc.notification == expected
    both.exchange()
    assert both.evcc.notification == expected
    both.answer = both.answer._replace(notification=EVSENotification.TERMINATE, notification_max_delay_s=0)
    both.exchange()
    assert both.evcc.notification == (EVSENotification.TERMINATE, both.now_ns)
    both.answer = both.answer._replace(notification=None)
    both.exchange()
    assert both.evcc.notification is None
