"""The short way to answer a turn of the loop says what the long way says, and gives way to it where more is due."""

import math

import pytest

from protocol.iso20.ac import BPTDynamicACCLReqControlMode
from protocol.iso20.answers import Answer
from protocol.iso20.codes import EVSENotification, ResponseCode, ServiceID
from protocol.iso20.common import Header
from protocol.iso20.dc import DCPreChargeRes
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.said import Said
from protocol.iso20.sequence import State
from protocol.schema import maker
from protocol.values import rational, wire

LIMITS = (20_000.0, 100.0, 15_000.0, 200.0, 50.0, 40.0, 480.0, 160.0)  # in the order of an Answer


LIMIT_NAMES = Answer._fields[Answer._fields.index("maximum_charge_w") :][: len(LIMITS)]


def answered(pair, service_id, shortly, loops=3, **settings):
    """The responses of some turns, and the SECC after them."""
    both = pair(service_id, new_session_id=lambda: bytes(7) + b"1", **settings).until(State.CHARGE_LOOP)
    responses = []
    for loop in range(loops):
        request = both.evcc.request(both.offer, both.now_ns)
        assert both.secc.receive(request, both.now_ns) is None
        target_w, present_w, present_v = 1_234.56 * (loop - 1), 987.65, 400.04 + loop
        if shortly and service_id in (ServiceID.AC, ServiceID.AC_BPT):
            response = both.secc.answer_ac(target_w, present_w, both.now_ns)
        elif shortly:
            response = both.secc.answer_dc(present_v, 2.5, LIMITS, loop == 1, loop == 2, both.now_ns)
        else:
            said = both.answer._replace(
                target_w=target_w,
                present_w=present_w,
                present_v=present_v,
                present_a=2.5,
                **dict(zip(LIMIT_NAMES, LIMITS, strict=True)),
            )
            said = said._replace(power_limit_achieved=loop == 1, current_limit_achieved=loop == 2)
            response = both.secc.respond(said, both.now_ns)
        responses.append(response)
        both.evcc.receive(response, both.now_ns)
        both.now_ns += 200_000_000
    return responses, both.secc


@pytest.mark.parametrize("settings", [{}, {"per_phase": True}, {"discharge_limits_negative": True}])
@pytest.mark.parametrize("service_id", list(ServiceID))
def test_both_ways_give_the_same_messages_and_the_same_state(pair, service_id, settings):
    short, secc = answered(pair, service_id, shortly=True, **settings)
    long, other = answered(pair, service_id, shortly=False, **settings)
    assert short == long
    assert (secc.pending, secc.deadline_ns, secc.meter_owed) == (None, other.deadline_ns, False)
    assert secc.target_w == other.target_w or (math.isnan(secc.target_w) and math.isnan(other.target_w))


@pytest.mark.parametrize("service_id", [ServiceID.AC_BPT, ServiceID.DC_BPT])
def test_a_notification_is_withdrawn_the_long_way(pair, service_id):
    both = pair(service_id).until(State.CHARGE_LOOP)
    both.exchange()
    both.answer = both.answer._replace(notification=EVSENotification.PAUSE)
    both.exchange()
    assert both.secc.pause_notified
    both.secc.receive(both.evcc.request(both.offer, both.now_ns), both.now_ns)
    if service_id is ServiceID.AC_BPT:
        both.secc.answer_ac(0.0, 0.0, both.now_ns)
    else:
        both.secc.answer_dc(400.0, 0.0, LIMITS, False, False, both.now_ns)
    assert not both.secc.pause_notified


def test_what_cannot_be_said_is_named_and_nothing_is_answered_twice(pair):
    both = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    both.exchange()
    both.secc.receive(both.evcc.request(both.offer, both.now_ns), both.now_ns)
    with pytest.raises(LocalProtocolError, match="present_w=nan"):
        both.secc.answer_ac(0.0, math.nan, both.now_ns)
    both.secc.answer_ac(1_000.0, 0.0, both.now_ns)
    with pytest.raises(LocalProtocolError, match="nothing can be answered"):
        both.secc.answer_ac(1_000.0, 0.0, both.now_ns)


def test_what_moves_in_a_turn_is_rounded_as_any_number_is():
    # Around every change of step of the wire, halves of whole watt hours, and both signs.
    make = maker(BPTDynamicACCLReqControlMode, *(p.field for p in BPTDynamicACCLReqControlMode.particles if p.minimum))
    measure = maker(DCPreChargeRes, "header", "response_code", "evse_present_voltage")
    header = Header(session_id=bytes(8), time_stamp=0)
    edges = [0.0, 32.7675, 327.675, 3276.75, 3277.5, 4000.5, 20000.49, 32766.5, 32767.5, 327675.0]
    around = [math.nextafter(edge, towards) for edge in edges for towards in (-1e9, 1e9)]
    for number in (sign * x for x in edges + around for sign in (1.0, -1.0)):
        made = make(number, number, number, 1.0, 1.0, number, 1.0, 1.0, 1.0)
        assert made.ev_target_energy_request == rational(number)
        assert made.ev_minimum_energy_request.number == wire(number)
        assert made.ev_present_active_power == rational(number)
        assert measure(header, ResponseCode.OK, number).evse_present_voltage == rational(number)


@pytest.mark.parametrize("service_id", list(ServiceID))
def test_a_request_said_again_is_the_one_that_would_be_made_anew(pair, service_id):
    both, other = (pair(service_id, new_session_id=lambda: bytes(7) + b"1").until(State.CHARGE_LOOP) for _ in range(2))
    assert both.evcc.request_again(both.now_ns) is None  # nothing has been said yet
    for turn in range(4):
        again = both.evcc.request_again(both.now_ns) if turn else both.evcc.request(both.offer, both.now_ns)
        anew = other.evcc.request(other.offer, other.now_ns)
        assert again == anew
        assert both.evcc.deadline_ns == other.evcc.deadline_ns
        assert both.evcc.request_again(both.now_ns) is None  # one request at a time
        for side, request in ((both, again), (other, anew)):
            assert side.secc.receive(request, side.now_ns) is None
            assert side.evcc.receive(side.secc.respond(side.answer, side.now_ns), side.now_ns).name == "LOOP"
            side.now_ns += 400_000_000  # soon into another second: the header is a new one
        heard = {name: getattr(both.secc.said, name) for name in Said.__slots__}
        assert repr(heard) == repr({name: getattr(other.secc.said, name) for name in Said.__slots__})  # nan is nan
    both.evcc.stop()
    assert both.evcc.request_again(both.now_ns) is None


@pytest.mark.parametrize("service_id", [ServiceID.AC_BPT, ServiceID.DC_BPT])
def test_a_conversation_that_repeats_itself_is_the_one_made_anew_each_time(pair, service_id):
    again, anew = (pair(service_id, new_session_id=lambda: bytes(7) + b"1").until(State.CHARGE_LOOP) for _ in range(2))
    same_requests = same_responses = 0
    last, last_s = (None, None), -1
    for turn in range(24):  # 150 ms each; the driver changes the plan in turn 9, the station its answer in turn 15
        departure_s = (5_000.0 if turn < 9 else 4_000.0) - 0.15 * turn
        target_w, present_a = (1_000.0, 2.5) if turn < 15 else (2_000.0, 5.0)
        offer = again.offer._replace(departure_s=departure_s)
        departs = None if math.floor(departure_s) == last_s else departure_s
        last_s = math.floor(departure_s)
        request = again.evcc.request_again(again.now_ns, departs) or again.evcc.request(offer, again.now_ns)
        assert request == anew.evcc.request(offer, anew.now_ns)
        said = []
        for both in (again, anew):
            assert both.secc.receive(request, both.now_ns) is None
            said.append(repr({name: getattr(both.secc.said, name) for name in Said.__slots__}))  # nan is nan
        assert said[0] == said[1]
        if service_id is ServiceID.AC_BPT:
            response = again.secc.answer_ac(target_w, 0.0, again.now_ns)
        else:
            response = again.secc.answer_dc(400.0, present_a, LIMITS, False, False, again.now_ns)
        stated = anew.answer._replace(
            target_w=target_w,
            present_w=0.0,
            present_v=400.0,
            present_a=present_a,
            **dict(zip(LIMIT_NAMES, LIMITS, strict=True)),
        )
        assert response == anew.secc.respond(stated, anew.now_ns)
        for both in (again, anew):
            assert both.evcc.receive(response, both.now_ns).name == "LOOP"
            assert both.evcc.receive(response, both.now_ns).name == "ENDED" if turn == 23 else True
            both.now_ns += 150_000_000
        assert repr(again.evcc.target_w) == repr(anew.evcc.target_w)
        assert again.secc.deadline_ns == anew.secc.deadline_ns
        same_requests += request is last[0]
        same_responses += response is last[1]
        last = (request, response)
    assert same_requests > 10
    assert same_responses > 12
