"""Every response code of the schema has its consequence at both ends: OK goes on, WARNING lives, FAILED is final."""

import pytest

from protocol.iso20.codes import Processing, ResponseCode, ServiceID
from protocol.iso20.common import SessionStopReq
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.evcc import Event
from protocol.iso20.sequence import State
from protocol.iso20.session import EndReason

FAILED = [code for code in ResponseCode if code.value.startswith("FAILED")]
WARNING = [code for code in ResponseCode if code.value.startswith("WARNING")]
STATES = [state for state in State if state not in (State.APP_PROTOCOL, State.ENDED)]


def at(pair, state):
    both = pair(ServiceID.DC_BPT, standby=True)
    if state in (State.STANDBY, State.SCHEDULE_RENEGOTIATION, State.WELDING_DETECTION, State.SESSION_STOP):
        both.until(State.CHARGE_LOOP)
        {State.STANDBY: both.evcc.stand_by, State.SCHEDULE_RENEGOTIATION: both.evcc.renegotiate_schedule}.get(
            state, both.evcc.stop
        )()
        both.exchange()
    return both.until(state)


def test_the_codes_are_the_forty_of_the_schema():
    assert (len(ResponseCode), len(WARNING), len(FAILED)) == (40, 16, 19)


@pytest.mark.parametrize("code", FAILED, ids=lambda code: code.value)
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_failed_ends_both_ends_wherever_it_comes(pair, state, code):
    both = at(pair, state)
    both.answer = both.answer._replace(failure=code)
    done = both.exchange()
    assert done.response.response_code is code
    assert done.event is Event.ENDED
    assert both.evcc.ended is both.secc.ended is EndReason.FAILED
    assert both.evcc.failed_code is both.secc.failed_code is code
    assert not both.evcc.energised
    assert not both.secc.energised
    assert both.evcc.deadline_ns is both.secc.deadline_ns is None
    with pytest.raises(LocalProtocolError, match="has ended"):
        both.evcc.request(both.offer, both.now_ns)


@pytest.mark.parametrize("code", WARNING, ids=lambda code: code.value)
@pytest.mark.parametrize("state", [State.AUTHORIZATION, State.POWER_DELIVERY, State.CHARGE_LOOP, State.STANDBY])
def test_a_warning_keeps_the_session_alive_and_both_ends_together(pair, state, code):
    both = at(pair, state)
    both.answer = both.answer._replace(failure=code)
    done = both.exchange()
    assert done.response.response_code is code
    assert done.event in (Event.WARNING, Event.LOOP, Event.PROCEED)
    assert both.evcc.ended is both.secc.ended is None
    assert both.evcc.state is both.secc.state
    both.answer = both.answer._replace(failure=None)
    both.evcc.stop()
    while both.evcc.ended is None:
        both.exchange()
    assert both.evcc.ended is both.secc.ended is EndReason.TERMINATED


def test_after_failed_a_station_answers_a_goodbye_and_nothing_else(pair):
    both = at(pair, State.SCHEDULE_EXCHANGE)
    goodbye = pair().until(State.SCHEDULE_EXCHANGE)
    goodbye.evcc.stop()
    request = goodbye.evcc.request(goodbye.offer, goodbye.now_ns)
    assert isinstance(request, SessionStopReq)
    both.answer = both.answer._replace(failure=ResponseCode.FAILED)
    both.exchange()
    request.header.session_id = both.secc.session_id
    assert both.secc.receive(request, both.now_ns).response_code is ResponseCode.OK
    assert both.secc.ended is EndReason.FAILED


@pytest.mark.parametrize("state", [State.PRE_CHARGE, State.WELDING_DETECTION], ids=lambda state: state.name)
def test_an_ev_that_never_finishes_its_own_phase_is_told_before_it_notices(pair, state):
    both = at(pair, state)
    budget_s = {State.PRE_CHARGE: 9, State.WELDING_DETECTION: 55}[state]
    began_ns = both.now_ns
    while both.evcc.ended is None:
        done = both.exchange(Processing.ONGOING)
        both.now_ns += 250_000_000
    assert done.response.response_code is ResponseCode.FAILED
    assert budget_s <= (both.now_ns - began_ns) / 1e9 < budget_s + 0.6
    assert both.secc.detail == f"{state.name} took too long"
