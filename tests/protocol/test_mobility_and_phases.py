"""MobilityNeedsMode 2, where the station settles departure and charge; and powers phase by phase."""

import math

import pytest

from protocol.iso20.codes import MobilityNeedsMode, Processing, ResponseCode, ServiceID
from protocol.iso20.common import DynamicSEResControlMode, Header, ScheduleExchangeRes
from protocol.iso20.evcc import Event, OfferAside
from protocol.iso20.needs import MobilityNeeds
from protocol.iso20.sequence import State

NEEDS = MobilityNeeds(departure_s=5_400, minimum_soc=30, target_soc=80, ack_max_delay_s=30)


def aside(both, **values):
    both.answer = both.answer._replace(aside=both.answer.aside._replace(**values))


@pytest.mark.parametrize("service_id", ServiceID)
def test_the_station_settles_needs_where_both_agreed_on_it(pair, service_id):
    both = pair(service_id, settles_needs=True, mobility_needs_mode=MobilityNeedsMode.SECC)
    aside(both, needs=NEEDS)
    both.until(State.CHARGE_LOOP)
    assert both.secc.agreed.parameter_set_id == 3
    assert both.secc.agreed.mobility_needs_mode is MobilityNeedsMode.SECC
    assert both.evcc.needs == NEEDS._replace(ack_max_delay_s=None)  # ScheduleExchangeRes has no AckMaxDelay
    earlier = NEEDS._replace(departure_s=1_800, target_soc=60)
    aside(both, needs=earlier)
    turn = both.exchange()
    assert turn.response.control_mode.departure_time == 1_800
    assert both.evcc.needs == earlier
    assert both.evcc.needs_ns == both.now_ns
    aside(both, needs=None)
    both.exchange()
    assert both.evcc.needs == earlier  # silence changes nothing


@pytest.mark.parametrize(
    ("station", "ev"),
    [(False, MobilityNeedsMode.SECC), (True, MobilityNeedsMode.EVCC)],
    ids=["not offered", "not wanted"],
)
def test_otherwise_the_ev_states_them_and_the_station_keeps_silent(pair, station, ev):
    both = pair(settles_needs=station, mobility_needs_mode=ev)
    aside(both, needs=NEEDS)
    both.until(State.CHARGE_LOOP)
    turn = both.exchange()
    assert both.secc.agreed.mobility_needs_mode is MobilityNeedsMode.EVCC
    assert turn.response.control_mode.departure_time is None
    assert both.evcc.needs is None


def test_three_phases_may_carry_uneven_power(pair):
    both = pair(ServiceID.AC_BPT, per_phase=True).until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(target_w=6_000.0)
    aside(both, target_phases_w=(3_000.0, 2_000.0, 1_000.0), present_phases_w=(900.0, 800.0, 700.0))
    both.offer = both.offer._replace(aside=OfferAside(present_phases_w=(910.0, 810.0, 710.0)))
    turn = both.exchange()
    assert both.evcc.target_phases_w == (3_000.0, 2_000.0, 1_000.0)
    assert both.evcc.target_w == both.secc.target_w == 6_000.0
    assert both.secc.said.present_w == 2_430.0
    assert turn.response.control_mode.evse_present_active_power_l3.number == 700.0


def test_an_uneven_target_beyond_the_rating_is_clamped_on_each_phase_alike(pair):
    both = pair(ServiceID.AC, per_phase=True).until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(target_w=44_000.0)  # the station is built for 22 kW
    aside(both, target_phases_w=(22_000.0, 11_000.0, 11_000.0))
    both.exchange()
    assert both.evcc.target_phases_w == (11_000.0, 5_500.0, 5_500.0)


def test_a_single_phase_car_has_all_of_it_on_its_first_phase(pair):
    both = pair(ServiceID.AC_BPT, per_phase=True, single_phase=True).until(State.CHARGE_LOOP)
    assert both.secc.agreed.single_phase
    assert both.secc.said.ratings.maximum_charge_w == 11_000.0
    both.answer = both.answer._replace(target_w=-3_000.0)
    turn = both.exchange()
    assert turn.request.control_mode.ev_present_active_power.number == 7_123.0
    assert turn.request.control_mode.ev_present_active_power_l2.number == 0.0
    assert both.evcc.target_phases_w == (-3_000.0, 0.0, 0.0)
    assert both.secc.said.maximum_charge_w == 11_000.0


def test_even_three_phases_and_no_phases_stay_as_they_were(pair):
    both = pair(ServiceID.AC_BPT, per_phase=True).until(State.CHARGE_LOOP)
    assert not both.secc.agreed.single_phase
    both.answer = both.answer._replace(target_w=9_000.0)
    both.exchange()
    assert both.evcc.target_phases_w == (3_000.0, 3_000.0, 3_000.0)
    both = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    both.exchange()
    assert both.evcc.target_phases_w is None


def test_the_asymmetry_limit_goes_out_with_the_ratings(pair):
    both = pair(ServiceID.AC_BPT)
    ratings = both.secc.settings.ratings._replace(maximum_asymmetry_w=4_600.0)
    both.secc.settings = both.secc.settings._replace(ratings=ratings)
    both.until(State.CHARGE_LOOP)
    assert both.evcc.evse_limits.maximum_asymmetry_w == 4_600.0
    without = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    assert math.isnan(without.evcc.evse_limits.maximum_asymmetry_w)


def test_a_station_that_states_needs_unasked_is_not_heeded(pair):
    """iso15118 0.31.2 fills DepartureTime, MinimumSOC and TargetSOC whatever MobilityNeedsMode was selected."""
    both = pair().until(State.SCHEDULE_EXCHANGE)
    both.evcc.request(both.offer, both.now_ns)
    mode = DynamicSEResControlMode(departure_time=7_200, minimum_soc=30, target_soc=80)
    header = Header(session_id=both.evcc.session_id, time_stamp=0)
    response = ScheduleExchangeRes(
        header=header, response_code=ResponseCode.OK, evse_processing=Processing.FINISHED, control_mode=mode
    )
    assert both.evcc.receive(response, both.now_ns) is Event.PROCEED
    assert both.evcc.needs is None
