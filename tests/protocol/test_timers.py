"""Timers on integer time: armed at sending, fired in silence, never revived by a late answer."""

import pytest

from protocol.iso20.codes import Processing, ResponseCode, ServiceID
from protocol.iso20.evcc import Event
from protocol.iso20.sequence import State
from protocol.iso20.session import EndReason, Timers

S = 1_000_000_000


def ongoing(both):
    """The station is not ready."""
    both.answer = both.answer._replace(processing=Processing.ONGOING)
    return both


@pytest.mark.parametrize(
    ("state", "span_ns"),
    [
        pytest.param(State.APP_PROTOCOL, 2 * S, id="handshake"),
        pytest.param(State.AUTHORIZATION_SETUP, 2 * S, id="most messages"),
        pytest.param(State.SERVICE_DETAIL, 5 * S, id="service detail"),
        pytest.param(State.POWER_DELIVERY, 2 * S, id="power delivery"),
        pytest.param(State.CHARGE_LOOP, S // 2, id="charge loop"),
    ],
)
def test_the_evcc_waits_for_each_message_its_own_time(pair, state, span_ns):
    both = pair().until(state)
    both.evcc.request(both.offer, both.now_ns)
    assert both.evcc.deadline_ns == both.now_ns + span_ns
    assert both.evcc.timeout(both.now_ns + span_ns - 1) is None
    assert both.evcc.timeout(both.now_ns + span_ns) is EndReason.MESSAGE_TIMEOUT
    assert both.evcc.ended is EndReason.MESSAGE_TIMEOUT
    assert both.evcc.deadline_ns is None
    assert both.evcc.detail == f"message timeout in {state.name}"


@pytest.mark.parametrize(("late_ns", "event"), [(-1, Event.LOOP), (0, Event.ENDED), (1, Event.ENDED)])
def test_an_answer_at_or_after_the_deadline_does_not_revive_a_session(pair, late_ns, event):
    both = pair().until(State.CHARGE_LOOP)
    request = both.evcc.request(both.offer, both.now_ns)
    deadline_ns = both.evcc.deadline_ns
    response = both.ask(request)
    assert both.evcc.receive(response, deadline_ns + late_ns) is event
    assert both.evcc.ended is (None if event is Event.LOOP else EndReason.MESSAGE_TIMEOUT)


def test_between_two_requests_of_the_loop_the_evcc_has_no_deadline(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.exchange()
    assert both.evcc.deadline_ns is None
    assert both.evcc.timeout(both.now_ns + 1_000 * S) is None


def test_communication_setup_covers_plug_to_session_setup(pair):
    both = pair()
    assert both.evcc.deadline_ns == 20 * S
    both.now_ns = 19 * S
    both.exchange()
    assert both.evcc.deadline_ns == 20 * S
    both.evcc.request(both.offer, both.now_ns)
    assert both.evcc.deadline_ns == 20 * S
    assert both.evcc.timeout(20 * S) is EndReason.COMMUNICATION_SETUP_TIMEOUT
    in_time = pair().until(State.AUTHORIZATION_SETUP)
    assert in_time.evcc.deadline_ns is None


@pytest.mark.parametrize(
    ("state", "span_ns", "reason"),
    [
        pytest.param(State.AUTHORIZATION, 60 * S, EndReason.ONGOING_TIMEOUT, id="authorisation"),
        pytest.param(State.SCHEDULE_EXCHANGE, 60 * S, EndReason.ONGOING_TIMEOUT, id="schedule exchange"),
        pytest.param(State.CABLE_CHECK, 40 * S, EndReason.CABLE_CHECK_TIMEOUT, id="cable check"),
    ],
)
def test_the_budget_of_a_phase_is_not_restarted_by_repeats(pair, state, span_ns, reason):
    patient = Timers(secc_authorization_ns=100 * S, secc_ongoing_ns=100 * S, secc_cable_check_ns=100 * S)
    both = ongoing(pair(timers=patient).until(state))
    began_ns = both.now_ns
    while both.now_ns < began_ns + span_ns - S:
        assert both.exchange().event is Event.ONGOING
        assert both.evcc.deadline_ns == began_ns + span_ns
        both.now_ns += S // 2
    both.now_ns = began_ns + span_ns - S // 2
    both.evcc.request(both.offer, both.now_ns)
    assert both.evcc.deadline_ns == began_ns + span_ns
    assert both.evcc.timeout(began_ns + span_ns) is reason


def test_pre_charge_and_welding_detection_have_budgets_too(pair):
    both = pair().until(State.PRE_CHARGE)
    began_ns = both.now_ns
    both.exchange(Processing.ONGOING)
    assert both.evcc.deadline_ns == began_ns + 10 * S
    both.exchange(Processing.ONGOING)
    assert both.evcc.timeout(began_ns + 10 * S) is EndReason.PRE_CHARGE_TIMEOUT
    both = pair().until(State.CHARGE_LOOP)
    both.evcc.stop()
    both.exchange()
    began_ns = both.now_ns
    both.exchange(Processing.ONGOING)
    assert both.evcc.deadline_ns == began_ns + 60 * S


def test_a_budget_ends_with_its_phase(pair):
    both = ongoing(pair().until(State.AUTHORIZATION))
    both.exchange()
    both.answer = both.answer._replace(processing=Processing.FINISHED)
    both.exchange()
    assert both.evcc.state is State.SERVICE_DISCOVERY
    assert both.evcc.deadline_ns is None


def test_the_secc_waits_a_minute_for_the_next_request_and_half_a_second_in_the_loop(pair):
    both = pair()
    assert both.secc.deadline_ns == 60 * S
    both.until(State.CHARGE_LOOP)
    answered_ns = both.now_ns - 10_000_000
    assert both.secc.deadline_ns == answered_ns + 60 * S  # the loop's timer starts with the first loop response
    both.exchange()
    answered_ns = both.now_ns - 10_000_000
    assert both.secc.deadline_ns == answered_ns + S // 2
    assert both.secc.timeout(answered_ns + S // 2 - 1) is None
    assert both.secc.timeout(answered_ns + S // 2) is EndReason.SEQUENCE_TIMEOUT
    assert not both.secc.energised


def test_a_request_at_the_deadline_of_the_secc_gets_no_answer(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.exchange()
    request = both.evcc.request(both.offer, both.now_ns)
    assert both.secc.receive(request, both.secc.deadline_ns) is None
    assert both.secc.pending is None
    assert both.secc.ended is EndReason.SEQUENCE_TIMEOUT


def test_a_relaxed_timer_is_a_setting(pair):
    both = pair(timers=Timers(secc_loop_sequence_ns=60 * S)).until(State.CHARGE_LOOP)
    both.exchange()
    both.now_ns += 5 * S
    assert both.exchange().event is Event.LOOP


def test_the_secc_has_no_deadline_while_it_owes_an_answer(pair):
    both = pair().until(State.SCHEDULE_EXCHANGE)
    both.secc.receive(both.evcc.request(both.offer, both.now_ns), both.now_ns)
    assert both.secc.deadline_ns is None


@pytest.mark.parametrize(
    ("state", "span_ns"),
    [
        pytest.param(State.AUTHORIZATION, 55 * S, id="authorisation"),
        pytest.param(State.SCHEDULE_EXCHANGE, 55 * S, id="schedule exchange"),
        pytest.param(State.CABLE_CHECK, 38 * S, id="cable check"),
    ],
)
def test_a_station_that_is_late_says_so_before_the_ev_gives_up(pair, state, span_ns):
    both = ongoing(pair().until(state))
    began_ns = both.now_ns
    while both.evcc.ended is None:
        done = both.exchange()
        both.now_ns += S // 2
    assert done.response.response_code is ResponseCode.FAILED
    assert both.evcc.ended is both.secc.ended is EndReason.FAILED
    assert span_ns <= both.now_ns - began_ns < span_ns + S + 30_000_000
    assert both.secc.detail == f"{state.name} took too long"


def test_a_station_that_finishes_late_is_still_heard(pair):
    both = ongoing(pair().until(State.SCHEDULE_EXCHANGE))
    both.exchange()
    both.now_ns += 56 * S
    both.answer = both.answer._replace(processing=Processing.FINISHED)
    assert both.exchange().event is Event.PROCEED


def test_budgets_of_the_secc_lie_below_those_of_the_evcc():
    timers = Timers()
    assert timers.secc_authorization_ns < timers.authorization_ns
    assert timers.secc_ongoing_ns < timers.ongoing_ns
    assert timers.secc_pre_charge_ns < timers.pre_charge_ns
    assert timers.secc_cable_check_ns < timers.cable_check_ns


@pytest.mark.parametrize("service_id", ServiceID)
def test_every_deadline_is_an_integer(pair, service_id):
    both = pair(service_id)
    while both.evcc.ended is None:
        if both.evcc.state is State.CHARGE_LOOP:
            both.exchange()
            both.evcc.stop()
        both.exchange()
        for end in (both.evcc, both.secc):
            assert end.deadline_ns is None or type(end.deadline_ns) is int
