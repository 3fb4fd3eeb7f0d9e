"""Scheduled control mode: the station offers schedules, the EV promises a profile and follows it by itself."""

import math

import pytest

from protocol.iso20.answers import NOTHING_ASIDE
from protocol.iso20.codes import ControlMode, Processing, ResponseCode, ServiceID
from protocol.iso20.common import DynamicSEReqControlMode, Header, PowerDeliveryReq, ScheduleExchangeReq
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.evcc import Event, OfferAside
from protocol.iso20.profiles import PowerStep, Profile, Schedule, excess_w, follow, power_at_w
from protocol.iso20.refusals import least
from protocol.iso20.sequence import State

H = 3600.0


def scheduled(pair, service_id=ServiceID.DC_BPT, **settings):
    return pair(service_id, control_mode=ControlMode.SCHEDULED, **settings)


def promise(both, profile):
    both.offer = both.offer._replace(aside=OfferAside(profile=profile))


@pytest.mark.parametrize("service_id", ServiceID)
def test_a_scheduled_session_speaks_scheduled_from_end_to_end(pair, service_id):
    both = scheduled(pair, service_id).until(State.CHARGE_LOOP)
    turn = both.exchange()
    both.exchange()
    assert turn.event is Event.LOOP
    bpt, current = ("BPT_" if service_id.name.endswith("BPT") else ""), service_id.name[:2]
    assert turn.request.control_mode.wire_name == f"{bpt}Scheduled_{current}_CLReqControlMode"
    assert turn.response.control_mode.wire_name == f"{bpt}Scheduled_{current}_CLResControlMode"
    assert both.secc.agreed.control_mode is ControlMode.SCHEDULED
    assert [offer.tuple_id for offer in both.evcc.schedules] == [1, 2]
    assert both.secc.schedules == both.evcc.schedules
    assert both.secc.profile == both.evcc.profile
    # The car takes 11 kW at most; the first schedule grants 9 kW for ten minutes, then 4 kW for two hours.
    assert both.evcc.profile.steps == (PowerStep(600.0, 9_000.0), PowerStep(7_200.0, 4_000.0))
    assert math.isnan(both.evcc.target_w)
    both.evcc.stop()
    while both.evcc.ended is None:
        both.exchange()
    assert both.evcc.failed_code is None


@pytest.mark.parametrize("service_id", [ServiceID.DC, ServiceID.DC_BPT])
def test_in_dc_the_ev_commands_current_and_voltage(pair, service_id):
    both = scheduled(pair, service_id).until(State.CHARGE_LOOP)
    both.offer = both.offer._replace(aside=OfferAside(target_a=-12.5))
    both.exchange()
    assert (both.secc.said.target_a, both.secc.said.target_v) == (-12.5, 400.0)
    assert both.secc.said.maximum_charge_w == 11_000.0


def test_in_ac_the_ev_says_what_it_does(pair):
    both = scheduled(pair, ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    both.exchange()
    assert both.secc.said.present_w == 7_123.0
    assert both.secc.said.maximum_discharge_w == 10_000.0


def test_while_ongoing_the_schedule_grants_nothing(pair):
    both = scheduled(pair).until(State.SCHEDULE_EXCHANGE)
    both.answer = both.answer._replace(processing=Processing.ONGOING, aside=NOTHING_ASIDE)
    done = both.exchange()
    assert done.event is Event.ONGOING
    entries = done.response.control_mode.schedule_tuple[0].charging_schedule.power_schedule.power_schedule_entries
    assert [entry.power.number for entry in entries.power_schedule_entry] == [0.0]
    assert both.evcc.schedules == ()
    both.answer = both.answer._replace(processing=Processing.FINISHED)
    with pytest.raises(LocalProtocolError, match="needs a schedule"):
        both.exchange()


def test_a_changed_schedule_is_negotiated_and_promised_anew(pair):
    both = scheduled(pair, ServiceID.AC).until(State.CHARGE_LOOP)
    both.exchange()
    both.evcc.renegotiate_schedule()
    both.exchange()
    less = Schedule(5, 0, (PowerStep(9_000.0, 2_000.0),))
    both.answer = both.answer._replace(aside=both.answer.aside._replace(schedules=(less,)))
    both.until(State.CHARGE_LOOP)
    assert both.evcc.profile.tuple_id == both.secc.profile.tuple_id == 5
    assert both.secc.profile.steps[0].power_w == 2_000.0


# --- the promise ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        pytest.param(Profile(7, 0, (PowerStep(60.0, 0.0),)), ResponseCode.FAILED_SCHEDULE_SELECTION_INVALID, id="id"),
        pytest.param(Profile(1, 0, (PowerStep(600.0, 9_000.0),)), ResponseCode.OK, id="kept to the watt"),
        pytest.param(Profile(1, 0, (PowerStep(600.0, -3_000.0),)), ResponseCode.OK, id="discharge as granted"),
        pytest.param(
            Profile(1, 0, (PowerStep(600.0, 9_001.0),)), ResponseCode.FAILED_EV_POWER_PROFILE_VIOLATION, id="1 W over"
        ),
        pytest.param(
            Profile(1, 0, (PowerStep(601.0, 9_000.0),)), ResponseCode.FAILED_EV_POWER_PROFILE_VIOLATION, id="1 s longer"
        ),
        pytest.param(
            Profile(1, 1, (PowerStep(600.0, 9_000.0),)), ResponseCode.FAILED_EV_POWER_PROFILE_VIOLATION, id="1 s later"
        ),
        pytest.param(
            Profile(2, 0, (PowerStep(60.0, -1.0),)), ResponseCode.FAILED_EV_POWER_PROFILE_VIOLATION, id="no discharge"
        ),
        pytest.param(
            Profile(2, 0, (PowerStep(60.0, 6_000.0),), True), ResponseCode.OK_POWER_TOLERANCE_CONFIRMED, id="tolerance"
        ),
        pytest.param(
            Profile(2, 0, (PowerStep(60.0, 6_500.0),), True), ResponseCode.OK_POWER_TOLERANCE_CONFIRMED, id="used"
        ),
        pytest.param(
            Profile(2, 0, (PowerStep(60.0, 6_500.0),), False),
            ResponseCode.FAILED_EV_POWER_PROFILE_VIOLATION,
            id="used without a word",
        ),
        pytest.param(
            Profile(2, 0, (PowerStep(60.0, 6_000.0),), False),
            ResponseCode.WARNING_POWER_TOLERANCE_NOT_CONFIRMED,
            id="no tolerance",
        ),
    ],
)
def test_the_promise_is_held_against_the_schedule_slot_by_slot(pair, profile, code):
    both = scheduled(pair, ServiceID.AC_BPT).until(State.POWER_DELIVERY)
    promise(both, profile)
    done = both.exchange()
    assert done.response.response_code is code
    if code.failed:
        assert both.evcc.ended is not None
        assert not both.secc.energised
    else:
        assert both.evcc.state is both.secc.state is State.CHARGE_LOOP  # the warning informs and the loop begins
        assert both.secc.energised


def test_a_station_may_demand_the_tolerance(pair):
    both = scheduled(pair, ServiceID.AC_BPT, tolerance_required=True).until(State.POWER_DELIVERY)
    promise(both, Profile(2, 0, (PowerStep(60.0, 6_000.0),), False))
    assert both.exchange().response.response_code is ResponseCode.FAILED_POWER_TOLERANCE_NOT_CONFIRMED


def test_a_violated_promise_in_the_loop_is_a_warning(pair):
    both = scheduled(pair, ServiceID.AC).until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(failure=ResponseCode.WARNING_EV_POWER_PROFILE_VIOLATION)
    assert both.exchange().event is Event.LOOP
    assert both.exchange().event is Event.LOOP


def test_start_without_a_promise_is_refused(pair):
    both = scheduled(pair, ServiceID.AC).until(State.POWER_DELIVERY)
    header = Header(session_id=both.secc.session_id, time_stamp=0)
    response = both.ask(least(PowerDeliveryReq, {"header": header}))
    assert response.response_code is ResponseCode.FAILED_EV_POWER_PROFILE_INVALID


def test_dynamic_words_in_a_scheduled_session_are_refused(pair):
    both = scheduled(pair).until(State.SCHEDULE_EXCHANGE)
    header = Header(session_id=both.secc.session_id, time_stamp=0)
    request = ScheduleExchangeReq(
        header=header, maximum_supporting_points=12, control_mode=least(DynamicSEReqControlMode)
    )
    assert both.ask(request).response_code is ResponseCode.FAILED


# --- power over time --------------------------------------------------------------------------------------------------


def test_power_at_follows_the_steps_and_the_last_holds_on():
    steps = (PowerStep(10.0, 1.0), PowerStep(5.0, 2.0))
    assert [power_at_w(steps, at) for at in (-1.0, 0.0, 9.9, 10.0, 15.0, 99.0)] == [0.0, 1.0, 1.0, 2.0, 2.0, 2.0]
    assert power_at_w((), 3.0) == 0.0


def test_following_keeps_the_schedule_and_the_vehicles_own_limits():
    schedule = Schedule(1, 100, (PowerStep(H, 9_000.0), PowerStep(H, 2_000.0)), (PowerStep(2 * H, -5_000.0),))
    assert follow(schedule, math.inf, 7_000.0, 0.0, 2 * H) == (PowerStep(H, 7_000.0), PowerStep(H, 2_000.0))
    assert follow(schedule, -math.inf, 7_000.0, 3_000.0, 2 * H) == (PowerStep(2 * H, -3_000.0),)
    assert follow(schedule, 0.0, 7_000.0, 3_000.0, 60.0) == (PowerStep(60.0, 0.0),)
    later = follow(schedule, math.inf, 7_000.0, 0.0, 2 * H, from_s=H / 2)
    assert later == (PowerStep(H / 2, 7_000.0), PowerStep(1.5 * H, 2_000.0))
    for steps, anchor_s in ((later, 1_900), (follow(schedule, math.inf, 9e9, 9e9, 3 * H), 100)):
        assert excess_w(Profile(1, anchor_s, steps), schedule) <= 0.0


def test_excess_finds_the_worst_slot():
    schedule = Schedule(1, 0, (PowerStep(100.0, 1_000.0), PowerStep(100.0, 500.0)))
    profile = Profile(1, 50, (PowerStep(100.0, 900.0),))
    assert excess_w(profile, schedule) == pytest.approx(400.0)
    assert excess_w(profile._replace(anchor_s=0), schedule) == pytest.approx(-100.0)
