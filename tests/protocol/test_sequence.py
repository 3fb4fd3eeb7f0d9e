"""The tables of the legal sequence hang together."""

import pytest

from protocol.iso20 import sequence
from protocol.iso20.codes import ChargeProgress, ChargingSession, ResponseCode, ServiceID
from protocol.iso20.common import Header, PowerDeliveryReq, SessionStopReq, SupportedAppProtocolReq
from protocol.iso20.dc import DCCableCheckReq, DCChargeLoopReq
from protocol.iso20.errors import RemoteProtocolError
from protocol.iso20.refusals import least
from protocol.iso20.sequence import AC, DC, NEXT_REQUEST, RESPONSES, SETUP, State, next_state, step
from protocol.iso20.services import SERVICES


@pytest.mark.parametrize("table", [AC, DC], ids=["AC", "DC"])
def test_every_state_that_can_be_reached_has_a_row(table):
    reached, waiting = set(), [State.APP_PROTOCOL]
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting.extend(table[state].values())
    dc_only = {State.CABLE_CHECK, State.PRE_CHARGE, State.WELDING_DETECTION}
    assert reached == set(State) - (dc_only if table is AC else set())


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda row: row.name)
def test_what_the_evcc_asks_next_is_legal_in_that_state(service):
    own = {
        State.CHARGE_PARAMETER_DISCOVERY: service.discovery_request,
        State.CHARGE_LOOP: service.loop_request,
    }
    for state, row in service.transitions.items():
        if state is not State.ENDED:
            assert (own.get(state) or NEXT_REQUEST[state]) in row


def test_every_step_belongs_to_a_request_with_a_response():
    for table in (SETUP, AC, DC):
        for row in table.values():
            for key in row:
                assert key in RESPONSES or isinstance(key, (ChargeProgress, ChargingSession))


def test_the_two_services_of_a_current_share_their_sequence():
    assert SERVICES[ServiceID.AC].transitions is SERVICES[ServiceID.AC_BPT].transitions is AC
    assert SERVICES[ServiceID.DC].transitions is SERVICES[ServiceID.DC_BPT].transitions is DC


@pytest.mark.parametrize(
    ("table", "state", "key", "after"),
    [
        pytest.param(AC, State.SCHEDULE_EXCHANGE, None, State.POWER_DELIVERY, id="AC needs no cable check"),
        pytest.param(DC, State.SCHEDULE_EXCHANGE, None, State.CABLE_CHECK, id="DC does"),
        pytest.param(AC, State.CHARGE_LOOP, ChargeProgress.STOP, State.SESSION_STOP, id="AC ends at once"),
        pytest.param(DC, State.CHARGE_LOOP, ChargeProgress.STOP, State.WELDING_DETECTION, id="DC looks for welding"),
        pytest.param(
            DC,
            State.SCHEDULE_RENEGOTIATION,
            None,
            State.POWER_DELIVERY,
            id="after a renegotiation the contactors are still closed",
        ),
    ],
)
def test_transitions_of_note(table, state, key, after):
    assert table[state][key or NEXT_REQUEST[state]] is after


def test_power_delivery_and_session_stop_are_keyed_by_what_they_mean():
    stop = least(PowerDeliveryReq, {"charge_progress": ChargeProgress.STOP})
    assert step(stop) is ChargeProgress.STOP
    assert step(least(SessionStopReq)) is ChargingSession.PAUSE
    assert step(least(DCCableCheckReq)) is DCCableCheckReq
    assert step(least(SupportedAppProtocolReq)) is SupportedAppProtocolReq


def test_a_missing_key_is_the_sequence_error():
    with pytest.raises(RemoteProtocolError, match="DC_ChargeLoopReq is not allowed in SESSION_STOP") as caught:
        next_state(DC, State.SESSION_STOP, least(DCChargeLoopReq))
    assert caught.value.response_code is ResponseCode.FAILED_SEQUENCE_ERROR


def test_responses_pair_by_name():
    for request, response in RESPONSES.items():
        assert request.wire_name.removesuffix("Req") == response.wire_name.removesuffix("Res")
        assert request.xsd.partition(":")[0] == response.xsd.partition(":")[0]


def test_least_messages_exist_for_everything_that_is_spoken():
    for message in (*sequence.RESPONSES, *sequence.RESPONSES.values()):
        made = least(message)
        assert type(made) is message
        assert getattr(made, "header", None) in (None, Header(session_id=bytes(8), time_stamp=0))
