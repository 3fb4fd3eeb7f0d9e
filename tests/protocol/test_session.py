"""Whole sessions: an EVCC and a SECC joined in memory."""

import pytest

from protocol.iso20.codes import (
    AppProtocolCode,
    ChargeProgress,
    ControlMode,
    MobilityNeedsMode,
    Processing,
    ResponseCode,
    ServiceID,
)
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.evcc import Event
from protocol.iso20.sequence import State
from protocol.iso20.services import read_variants
from protocol.iso20.session import EndReason

SETUP = [
    "supportedAppProtocol",
    "SessionSetup",
    "AuthorizationSetup",
    "Authorization",
    "ServiceDiscovery",
    "ServiceDetail",
    "ServiceSelection",
]
AC_SESSION = [
    *SETUP,
    "AC_ChargeParameterDiscovery",
    "ScheduleExchange",
    "PowerDelivery",
    "AC_ChargeLoop",
    "AC_ChargeLoop",
    "PowerDelivery",
    "SessionStop",
]
DC_SESSION = [
    *SETUP,
    "DC_ChargeParameterDiscovery",
    "ScheduleExchange",
    "DC_CableCheck",
    "DC_PreCharge",
    "PowerDelivery",
    "DC_ChargeLoop",
    "DC_ChargeLoop",
    "PowerDelivery",
    "DC_WeldingDetection",
    "SessionStop",
]


@pytest.mark.parametrize(
    ("service_id", "messages"),
    [
        pytest.param(ServiceID.AC, AC_SESSION, id="AC"),
        pytest.param(ServiceID.AC_BPT, AC_SESSION, id="AC_BPT"),
        pytest.param(ServiceID.DC, DC_SESSION, id="DC"),
        pytest.param(ServiceID.DC_BPT, DC_SESSION, id="DC_BPT"),
    ],
)
def test_a_whole_session(pair, service_id, messages):
    both = pair(service_id).until(State.CHARGE_LOOP)
    assert both.evcc.energised
    assert both.secc.energised
    both.exchange()
    both.exchange()
    both.evcc.stop()
    assert both.exchange().request.charge_progress is ChargeProgress.STOP
    assert not both.evcc.energised
    assert not both.secc.energised
    while both.evcc.ended is None:
        both.exchange()
        assert both.evcc.state is both.secc.state
    assert [exchange.request.wire_name.removesuffix("Req") for exchange in both.log] == messages
    assert [exchange.response.wire_name.removesuffix("Res") for exchange in both.log] == messages
    assert both.evcc.ended is both.secc.ended is EndReason.TERMINATED
    assert both.evcc.agreed == both.secc.agreed
    assert both.evcc.agreed.service.id is service_id
    assert both.evcc.deadline_ns is both.secc.deadline_ns is None
    assert not any(exchange.refused for exchange in both.log)


@pytest.mark.parametrize("service_id", [ServiceID.AC_BPT, ServiceID.DC_BPT])
def test_the_loop_request_and_response_are_of_the_bidirectional_dynamic_variant(pair, service_id):
    both = pair(service_id).until(State.CHARGE_LOOP)
    turn = both.exchange()
    current = service_id.name[:2]
    assert turn.event is Event.LOOP
    assert turn.request.control_mode.wire_name == f"BPT_Dynamic_{current}_CLReqControlMode"
    assert turn.response.control_mode.wire_name == f"BPT_Dynamic_{current}_CLResControlMode"
    discovery = both.log[7]
    assert discovery.request.energy_transfer_mode.wire_name == f"BPT_{current}_CPDReqEnergyTransferMode"
    assert discovery.response.energy_transfer_mode.wire_name == f"BPT_{current}_CPDResEnergyTransferMode"


@pytest.mark.parametrize(
    ("service_id", "bpt"),
    [
        pytest.param(ServiceID.AC, set(), id="AC"),
        pytest.param(ServiceID.DC, set(), id="DC"),
        pytest.param(
            ServiceID.AC_BPT, {"BPTChannel", "GeneratorMode", "GridCodeIslandingDetectionMethod"}, id="AC_BPT"
        ),
        pytest.param(ServiceID.DC_BPT, {"BPTChannel", "GeneratorMode"}, id="DC_BPT"),
    ],
)
def test_service_detail_offers_scheduled_and_dynamic_with_the_parameters_of_the_service(pair, service_id, bpt):
    both = pair(service_id).until(State.SERVICE_SELECTION)
    sets = both.log[-1].response.service_parameter_list
    assert [variant.control_mode for variant in read_variants(sets)] == [ControlMode.SCHEDULED, ControlMode.DYNAMIC]
    for parameter_set in sets.parameter_set:
        names = {parameter.name for parameter in parameter_set.parameter}
        common = {"Connector", "ControlMode", "MobilityNeedsMode", "Pricing"}
        ac_only = {"EVSENominalVoltage"} if service_id.name.startswith("AC") else set()
        assert names == common | ac_only | bpt
    both.exchange()
    selected = both.log[-1].request.selected_energy_transfer_service
    assert (selected.service_id, selected.parameter_set_id) == (service_id, 2)
    assert both.evcc.agreed.control_mode is ControlMode.DYNAMIC
    assert both.evcc.agreed.mobility_needs_mode is MobilityNeedsMode.EVCC


def test_an_ev_with_preferences_gets_the_first_one_the_station_has(pair):
    both = pair(services=(ServiceID.DC_BPT, ServiceID.AC_BPT, ServiceID.AC))
    both.secc.settings = both.secc.settings._replace(services=(ServiceID.AC, ServiceID.AC_BPT))
    both.until(State.CHARGE_LOOP)
    handshake = both.log[0]
    assert [entry.priority for entry in handshake.request.app_protocol] == [1, 2]
    assert handshake.response.schema_id == 2
    assert both.evcc.agreed.service.id is ServiceID.AC_BPT


def test_the_session_id_is_adopted_from_the_header_and_zero_before(pair):
    both = pair().until(State.AUTHORIZATION_SETUP)
    assert both.log[1].request.header.session_id == bytes(8)
    assert both.log[1].response.header.session_id == bytes([0, 0, 0, 0, 0, 0, 0, 1])
    assert both.log[1].response.response_code is ResponseCode.OK_NEW_SESSION_ESTABLISHED
    assert both.exchange().request.header.session_id == both.secc.session_id == both.evcc.session_id


def test_an_unknown_session_id_in_session_setup_gets_a_new_one(pair):
    both = pair().until(State.SESSION_SETUP)
    both.evcc.session_id = b"oldone!!"
    done = both.exchange()
    assert done.response.response_code is ResponseCode.OK_NEW_SESSION_ESTABLISHED
    assert both.evcc.session_id == both.secc.session_id != b"oldone!!"


def test_the_header_counts_unix_seconds_and_is_reused_within_one(pair):
    both = pair(epoch_s=1_700_000_000).until(State.CHARGE_LOOP)
    both.now_ns = 5_800_000_000
    first, second = both.exchange(), both.exchange()
    assert first.request.header.time_stamp == 1_700_000_005
    assert second.request.header is first.request.header
    both.now_ns = 5_970_000_000
    third = both.exchange()
    assert third.request.header.time_stamp == 1_700_000_005
    assert both.exchange().request.header.time_stamp == 1_700_000_006


def test_a_minor_deviation_is_negotiated_and_another_major_version_is_not(pair):
    both = pair(ServiceID.DC_BPT)
    request = both.evcc.request(both.offer, 0)
    newer = type(request.app_protocol[0])(
        protocol_namespace=request.app_protocol[0].protocol_namespace,
        version_number_major=1,
        version_number_minor=7,
        schema_id=40,
        priority=2,
    )
    other = type(newer)(
        protocol_namespace=newer.protocol_namespace,
        version_number_major=2,
        version_number_minor=0,
        schema_id=41,
        priority=1,
    )
    response = both.ask(type(request)(app_protocol=(other, newer)))
    assert response.response_code is AppProtocolCode.OK_SUCCESSFUL_NEGOTIATION_WITH_MINOR_DEVIATION
    assert response.schema_id == 40
    assert both.evcc.receive(response, 1) is Event.ENDED
    assert both.evcc.ended is EndReason.WRONG_MESSAGE


@pytest.mark.parametrize(
    "state", [State.AUTHORIZATION, State.SCHEDULE_EXCHANGE, State.CABLE_CHECK], ids=lambda state: state.name
)
def test_a_phase_that_is_ongoing_is_asked_again_until_it_is_finished(pair, state):
    both = pair().until(state)
    both.answer = both.answer._replace(processing=Processing.ONGOING)
    for _ in range(3):
        assert both.exchange().event is Event.ONGOING
        assert both.evcc.state is both.secc.state is state
    both.answer = both.answer._replace(processing=Processing.FINISHED)
    assert both.exchange().event is Event.PROCEED
    assert both.evcc.state is both.secc.state is not state


def test_waiting_for_a_card_has_its_own_value(pair):
    both = pair().until(State.AUTHORIZATION)
    both.answer = both.answer._replace(processing=Processing.ONGOING)
    expected = Processing.ONGOING_WAITING_FOR_CUSTOMER_INTERACTION
    assert both.exchange().response.evse_processing is expected


@pytest.mark.parametrize(
    "state", [State.PRE_CHARGE, State.POWER_DELIVERY, State.WELDING_DETECTION], ids=lambda state: state.name
)
def test_the_ev_stays_in_a_phase_of_its_own_until_it_says_finished(pair, state):
    both = pair()
    if state is State.WELDING_DETECTION:
        both.until(State.CHARGE_LOOP).evcc.stop()
    both.until(state)
    for _ in range(3):
        assert both.exchange(Processing.ONGOING).event is Event.ONGOING
        assert both.evcc.state is both.secc.state is state
    assert not both.secc.energised
    assert both.exchange(Processing.FINISHED).event is Event.PROCEED
    assert both.evcc.state is both.secc.state is not state


def test_pre_charge_carries_the_voltages_of_both_ends(pair):
    both = pair().until(State.PRE_CHARGE)
    turn = both.exchange(Processing.ONGOING)
    assert (turn.request.ev_present_voltage.number, turn.request.ev_target_voltage.number) == (397.1, 400.0)
    assert (both.secc.said.present_v, both.secc.said.target_v) == (397.1, 400.0)
    assert turn.response.evse_present_voltage.number == 397.1


def test_a_stop_before_power_goes_straight_to_session_stop(pair):
    both = pair().until(State.SCHEDULE_EXCHANGE)
    both.evcc.stop("Unplugged", "the driver changed her mind")
    done = both.exchange()
    assert done.request.wire_name == "SessionStopReq"
    assert done.request.ev_termination_code == "Unplugged"
    assert both.evcc.ended is both.secc.ended is EndReason.TERMINATED


def test_a_stop_wished_twice_still_looks_for_welding(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.evcc.stop()
    both.exchange()
    both.evcc.stop()
    assert both.exchange().request.wire_name == "DC_WeldingDetectionReq"


def test_a_stop_wished_during_set_up_waits_until_it_may_be_said(pair):
    both = pair()
    both.evcc.stop()
    names = []
    while both.evcc.ended is None:
        names.append(both.exchange().request.wire_name)
    assert names == ["supportedAppProtocolReq", "SessionSetupReq", "AuthorizationSetupReq", "SessionStopReq"]


def test_session_stop_in_the_loop_is_an_abort(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.evcc.stop()
    stop = pair().until(State.SCHEDULE_EXCHANGE)
    stop.evcc.stop()
    request = stop.evcc.request(stop.offer, stop.now_ns)
    request.header.session_id = both.secc.session_id
    assert both.ask(request).response_code is ResponseCode.OK
    assert both.secc.ended is EndReason.ABORTED
    assert not both.secc.energised


def test_only_one_request_is_outstanding(pair):
    both = pair()
    both.evcc.request(both.offer, 0)
    with pytest.raises(LocalProtocolError, match="supportedAppProtocolReq is outstanding"):
        both.evcc.request(both.offer, 1)


def test_nothing_is_answered_twice_and_nothing_sent_after_the_end(pair):
    both = pair().until(State.SCHEDULE_EXCHANGE)
    with pytest.raises(LocalProtocolError, match="no request is pending"):
        both.secc.respond(both.answer, both.now_ns)
    both.evcc.stop()
    both.exchange()
    with pytest.raises(LocalProtocolError, match="the session has ended"):
        both.evcc.request(both.offer, both.now_ns)
    assert both.evcc.next_request is None


def test_a_lost_link_ends_a_session_once(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.secc.disconnect("unplugged")
    assert both.secc.ended is EndReason.DISCONNECTED
    assert (both.secc.energised, both.secc.deadline_ns, both.secc.detail) == (False, None, "unplugged")
    both.evcc.stop()
    while both.evcc.ended is None:
        both.evcc.disconnect()
    assert both.evcc.ended is EndReason.DISCONNECTED


def test_the_next_request_can_be_asked_for(pair):
    both = pair(ServiceID.AC_BPT)
    seen = []
    while both.evcc.state is not State.CHARGE_LOOP:
        expected = both.evcc.next_request
        assert type(both.exchange().request) is expected
        seen.append(expected.wire_name)
    assert seen[-1] == "PowerDeliveryReq"


def test_an_ev_without_a_common_service_says_goodbye(pair):
    both = pair(services=(ServiceID.DC_BPT,))
    both.secc.settings = both.secc.settings._replace(services=(ServiceID.DC,))
    while both.evcc.ended is None:
        both.exchange()
    assert both.log[-1].request.ev_termination_code == "NoCommonService"
    assert both.evcc.ended is EndReason.TERMINATED


def test_a_bad_session_id_of_the_station_is_its_own_fault(pair):
    both = pair(new_session_id=lambda: bytes(8)).until(State.SESSION_SETUP)
    with pytest.raises(LocalProtocolError, match="8 bytes and not all zero"):
        both.exchange()
