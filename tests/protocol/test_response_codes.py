"""Each situation has its response code; a refusal is complete, of the paired type, and ends the session."""

import pytest

from protocol.iso20 import ac, dc
from protocol.iso20.codes import (
    AppProtocolCode,
    Authorization,
    ChargeProgress,
    ChargingSession,
    ControlMode,
    Processing,
    ResponseCode,
    ServiceID,
)
from protocol.iso20.common import (
    AuthorizationReq,
    AuthorizationSetupReq,
    DynamicEVPPTControlMode,
    DynamicSEReqControlMode,
    EVPowerProfile,
    Header,
    PowerDeliveryReq,
    ScheduledEVPPTControlMode,
    ScheduledSEReqControlMode,
    ScheduledSEResControlMode,
    ScheduleExchangeReq,
    SelectedService,
    SelectedServiceList,
    ServiceDetailReq,
    ServiceDiscoveryReq,
    ServiceSelectionReq,
    SessionSetupReq,
    SessionStopReq,
    SupportedAppProtocolReq,
)
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.evcc import Event
from protocol.iso20.refusals import least
from protocol.iso20.sequence import RESPONSES, State
from protocol.iso20.services import SERVICES
from protocol.iso20.session import EndReason
from protocol.values import rational


def made(both, cls, **values):
    """The least request of a class, in this session."""
    return least(cls, {"header": Header(session_id=both.secc.session_id, time_stamp=0), **values})


def refused(both, request, code):
    """Ask, and check that the answer is a refusal in good form."""
    response = both.ask(request)
    assert type(response) is RESPONSES[type(request)]
    assert response.response_code is code
    assert both.secc.ended is EndReason.FAILED
    assert both.secc.failed_code is code
    assert both.secc.deadline_ns is None
    assert both.secc.pending is None
    return response


# --- sequence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [cls for cls in RESPONSES if cls is not SupportedAppProtocolReq])
def test_every_request_out_of_order_is_refused_in_its_own_type(pair, cls):
    both = pair().until(State.AUTHORIZATION_SETUP)
    if cls is AuthorizationSetupReq:
        both.until(State.AUTHORIZATION)
    refused(both, made(both, cls), ResponseCode.FAILED_SEQUENCE_ERROR)


def test_a_loop_request_of_the_other_current_is_a_sequence_error(pair):
    both = pair(ServiceID.DC_BPT).until(State.CHARGE_LOOP)
    refused(both, made(both, ac.ACChargeLoopReq), ResponseCode.FAILED_SEQUENCE_ERROR)


def test_charge_loop_after_stop_is_a_sequence_error(pair):
    both = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    both.evcc.stop()
    both.exchange()
    refused(both, made(both, ac.ACChargeLoopReq), ResponseCode.FAILED_SEQUENCE_ERROR)


def test_a_service_selected_without_its_detail_is_a_sequence_error(pair):
    both = pair().until(State.SERVICE_DETAIL)
    refused(both, made(both, ServiceSelectionReq), ResponseCode.FAILED_SEQUENCE_ERROR)


def test_a_second_request_before_the_answer_is_a_sequence_error(pair):
    both = pair().until(State.CHARGE_LOOP)
    request = both.evcc.request(both.offer, both.now_ns)
    assert both.secc.receive(request, both.now_ns) is None
    response = both.secc.receive(request, both.now_ns)
    assert response.response_code is ResponseCode.FAILED_SEQUENCE_ERROR


def test_a_handshake_in_mid_session_is_refused_with_its_own_code(pair):
    both = pair().until(State.SERVICE_DISCOVERY)
    response = both.ask(least(SupportedAppProtocolReq))
    assert response.response_code is AppProtocolCode.FAILED_NO_NEGOTIATION
    assert both.secc.failed_code is ResponseCode.FAILED_SEQUENCE_ERROR


def test_what_is_no_request_ends_the_session_without_an_answer(pair):
    both = pair().until(State.SERVICE_DISCOVERY)
    assert both.secc.receive(least(RESPONSES[ServiceDetailReq]), both.now_ns) is None
    assert both.secc.ended is EndReason.WRONG_MESSAGE


# --- session id -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("session_id", [bytes(8), b"stranger"], ids=["zero", "foreign"])
@pytest.mark.parametrize("state", [State.AUTHORIZATION_SETUP, State.SCHEDULE_EXCHANGE, State.CHARGE_LOOP])
def test_a_foreign_session_id_is_refused_and_zero_is_as_foreign_as_any(pair, state, session_id):
    both = pair().until(state)
    request = both.evcc.request(both.offer, both.now_ns)
    request.header = Header(session_id=session_id, time_stamp=0)
    response = refused(both, request, ResponseCode.FAILED_UNKNOWN_SESSION)
    assert response.header.session_id == both.secc.session_id


def test_the_session_id_is_checked_before_the_sequence(pair):
    both = pair().until(State.SERVICE_DISCOVERY)
    request = least(dc.DCChargeLoopReq, {"header": Header(session_id=b"stranger", time_stamp=0)})
    refused(both, request, ResponseCode.FAILED_UNKNOWN_SESSION)


def test_session_setup_is_not_checked_for_its_session_id_but_for_its_place(pair):
    both = pair().until(State.SERVICE_DISCOVERY)
    request = least(SessionSetupReq, {"header": Header(session_id=b"stranger", time_stamp=0)})
    refused(both, request, ResponseCode.FAILED_SEQUENCE_ERROR)


# --- protocol and services --------------------------------------------------------------------------------------------


def test_no_common_protocol_ends_both_ends(pair):
    both = pair(ServiceID.DC_BPT)
    both.secc.settings = both.secc.settings._replace(services=(ServiceID.AC,))
    done = both.exchange()
    assert done.response.response_code is AppProtocolCode.FAILED_NO_NEGOTIATION
    assert done.response.schema_id is None
    assert both.evcc.ended is both.secc.ended is EndReason.NO_PROTOCOL


@pytest.mark.parametrize("service_id", [ServiceID.AC, 3, 66], ids=["of the other protocol", "unknown", "no energy"])
def test_the_detail_of_a_service_not_offered(pair, service_id):
    both = pair(ServiceID.DC_BPT).until(State.SERVICE_DETAIL)
    request = made(both, ServiceDetailReq, service_id=int(service_id))
    response = refused(both, request, ResponseCode.FAILED_SERVICE_ID_INVALID)
    assert response.service_id == service_id
    assert len(response.service_parameter_list.parameter_set) == 1


@pytest.mark.parametrize(
    ("service_id", "parameter_set_id", "code"),
    [
        pytest.param(6, 9, ResponseCode.FAILED_SERVICE_SELECTION_INVALID, id="unknown set"),
        pytest.param(3, 1, ResponseCode.FAILED_SERVICE_SELECTION_INVALID, id="unknown service"),
        pytest.param(
            2, 2, ResponseCode.FAILED_SERVICE_SELECTION_INVALID, id="offered in discovery, but its detail not shown"
        ),
        pytest.param(65, 1, ResponseCode.FAILED_NO_ENERGY_TRANSFER_SERVICE_SELECTED, id="no energy service"),
        pytest.param(6, 3, ResponseCode.FAILED_SERVICE_SELECTION_INVALID, id="a set for stations that settle needs"),
    ],
)
def test_a_wrong_selection_is_refused_and_leaves_nothing_standing(pair, service_id, parameter_set_id, code):
    both = pair(ServiceID.DC_BPT).until(State.SERVICE_SELECTION)
    selected = SelectedService(service_id=service_id, parameter_set_id=parameter_set_id)
    refused(both, made(both, ServiceSelectionReq, selected_energy_transfer_service=selected), code)
    assert both.secc.agreed is None


def test_a_second_detail_makes_a_second_service_selectable(pair):
    both = pair(ServiceID.DC_BPT).until(State.SERVICE_SELECTION)
    assert both.ask(made(both, ServiceDetailReq, service_id=2)).response_code is ResponseCode.OK
    selected = SelectedService(service_id=2, parameter_set_id=2)
    both.ask(made(both, ServiceSelectionReq, selected_energy_transfer_service=selected))
    assert both.secc.agreed.service.id is ServiceID.DC


def test_a_value_added_service_that_was_not_offered(pair):
    both = pair().until(State.SERVICE_SELECTION)
    request = made(
        both,
        ServiceSelectionReq,
        selected_energy_transfer_service=SelectedService(service_id=6, parameter_set_id=2),
        selected_vas_list=SelectedServiceList(
            selected_service=(SelectedService(service_id=65, parameter_set_id=1),),
        ),
    )
    refused(both, request, ResponseCode.FAILED_SERVICE_SELECTION_INVALID)


# --- authorisation ----------------------------------------------------------------------------------------------------


def test_a_rejected_card_is_a_warning_after_which_only_authorisation_may_follow(pair):
    both = pair().until(State.AUTHORIZATION)
    both.answer = both.answer._replace(failure=ResponseCode.WARNING_EIM_AUTHORIZATION_FAILURE)
    done = both.exchange()
    assert done.event is Event.WARNING
    assert done.response.response_code is ResponseCode.WARNING_EIM_AUTHORIZATION_FAILURE
    assert done.response.evse_processing is Processing.FINISHED
    assert both.secc.state is State.AUTHORIZATION
    assert both.evcc.next_request is SessionStopReq
    both.answer = both.answer._replace(failure=None)
    assert both.ask(made(both, AuthorizationReq)).response_code is ResponseCode.OK
    again = pair().until(State.AUTHORIZATION)
    again.answer = again.answer._replace(failure=ResponseCode.WARNING_EIM_AUTHORIZATION_FAILURE)
    again.exchange()
    refused(again, made(again, ServiceDiscoveryReq), ResponseCode.FAILED_SEQUENCE_ERROR)


def test_an_ev_that_is_turned_away_ends_its_session_in_order(pair):
    both = pair().until(State.AUTHORIZATION)
    both.answer = both.answer._replace(failure=ResponseCode.WARNING_EIM_AUTHORIZATION_FAILURE)
    both.exchange()
    both.answer = both.answer._replace(failure=None)
    done = both.exchange()
    assert done.request.ev_termination_code == "WARNING_EIMAuthorizationFailure"
    assert both.evcc.ended is both.secc.ended is EndReason.TERMINATED


def test_a_way_to_authorise_that_was_not_offered_is_a_warning(pair):
    both = pair().until(State.AUTHORIZATION)
    request = made(both, AuthorizationReq, selected_authorization_service=Authorization.PNC)
    response = both.ask(request)
    assert response.response_code is ResponseCode.WARNING_AUTHORIZATION_SELECTION_INVALID
    assert both.secc.state is State.AUTHORIZATION


# --- charge parameters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service_id", ServiceID)
@pytest.mark.parametrize("other", ServiceID)
def test_the_charge_parameters_of_another_service(pair, service_id, other):
    both = pair(service_id).until(State.CHARGE_PARAMETER_DISCOVERY)
    row = SERVICES[other]
    request = made(both, row.discovery_request, energy_transfer_mode=least(row.discovery_request_mode))
    if other is service_id:
        assert both.ask(request).response_code is ResponseCode.OK
    else:
        response = refused(both, request, ResponseCode.FAILED_WRONG_CHARGE_PARAMETER)
        assert type(response.energy_transfer_mode) is row.discovery_response_mode


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"ev_minimum_charge_power": rational(12_000.0)}, id="minimum above maximum"),
        pytest.param({"ev_maximum_charge_power": rational(-1.0)}, id="negative charge power"),
        pytest.param({"ev_minimum_voltage": rational(500.0)}, id="voltage upside down"),
        pytest.param({"ev_minimum_discharge_current": rational(-7.0)}, id="discharge current upside down"),
    ],
)
def test_senseless_charge_parameters(pair, values):
    both = pair(ServiceID.DC_BPT).until(State.CHARGE_PARAMETER_DISCOVERY)
    mode = least(dc.BPTDCCPDReqEnergyTransferMode, values)
    request = made(both, dc.DCChargeParameterDiscoveryReq, energy_transfer_mode=mode)
    refused(both, request, ResponseCode.FAILED_WRONG_CHARGE_PARAMETER)


# --- control mode -----------------------------------------------------------------------------------------------------


def test_a_scheduled_schedule_exchange_in_a_dynamic_session(pair):
    both = pair().until(State.SCHEDULE_EXCHANGE)
    request = made(both, ScheduleExchangeReq, control_mode=ScheduledSEReqControlMode(), maximum_supporting_points=12)
    response = refused(both, request, ResponseCode.FAILED)
    assert response.control_mode.wire_name == "Scheduled_SEResControlMode"


@pytest.mark.parametrize("service_id", ServiceID)
@pytest.mark.parametrize("control_mode", ControlMode)
@pytest.mark.parametrize("is_bpt", [False, True])
def test_only_the_agreed_mode_and_direction_loops(pair, service_id, control_mode, is_bpt):
    both = pair(service_id).until(State.CHARGE_LOOP)
    agreed = both.secc.agreed.service
    other = next(row for row in SERVICES.values() if row.is_dc == agreed.is_dc and row.is_bpt == is_bpt)
    request = made(both, agreed.loop_request, control_mode=least(other.loop_request_modes[control_mode]))
    if other is agreed and control_mode is ControlMode.DYNAMIC:
        assert both.ask(request).response_code is ResponseCode.OK
    else:
        response = refused(both, request, ResponseCode.FAILED)
        assert type(response.control_mode) is other.loop_response_modes[control_mode]


@pytest.mark.parametrize("service_id", ServiceID)
@pytest.mark.parametrize("control_mode", ControlMode)
@pytest.mark.parametrize("is_bpt", [False, True])
def test_the_evcc_holds_the_station_to_the_agreed_mode_too(pair, service_id, control_mode, is_bpt):
    both = pair(service_id).until(State.CHARGE_LOOP)
    agreed = both.evcc.agreed.service
    other = next(row for row in SERVICES.values() if row.is_dc == agreed.is_dc and row.is_bpt == is_bpt)
    both.evcc.request(both.offer, both.now_ns)
    mode = least(other.loop_response_modes[control_mode])
    event = both.evcc.receive(made(both, agreed.loop_response, control_mode=mode), both.now_ns)
    if other is agreed and control_mode is ControlMode.DYNAMIC:
        assert event is Event.LOOP
    else:
        assert event is Event.ENDED
        assert both.evcc.ended is EndReason.WRONG_CONTROL_MODE


def test_the_evcc_holds_schedule_exchange_and_discovery_to_what_was_agreed(pair):
    both = pair().until(State.SCHEDULE_EXCHANGE)
    request = both.evcc.request(both.offer, both.now_ns)
    scheduled = made(both, RESPONSES[type(request)], control_mode=least(ScheduledSEResControlMode))
    both.evcc.receive(scheduled, both.now_ns)
    assert both.evcc.ended is EndReason.WRONG_CONTROL_MODE
    both = pair(ServiceID.DC_BPT).until(State.CHARGE_PARAMETER_DISCOVERY)
    both.evcc.request(both.offer, both.now_ns)
    plain = least(dc.DCCPDResEnergyTransferMode)
    both.evcc.receive(made(both, dc.DCChargeParameterDiscoveryRes, energy_transfer_mode=plain), both.now_ns)
    assert both.evcc.ended is EndReason.WRONG_CONTROL_MODE


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"ev_minimum_energy_request": rational(1.0)}, id="minimum above target"),
        pytest.param({"ev_target_energy_request": rational(1.0)}, id="target above maximum"),
        pytest.param({"ev_maximum_v2x_energy_request": rational(1.0)}, id="one of the V2X pair"),
        pytest.param(
            {"ev_maximum_v2x_energy_request": rational(1.0), "ev_minimum_v2x_energy_request": rational(2.0)},
            id="V2X pair upside down",
        ),
        pytest.param({"minimum_soc": 80, "target_soc": 70}, id="minimum SoC above target SoC"),
    ],
)
def test_senseless_needs_in_schedule_exchange(pair, values):
    both = pair().until(State.SCHEDULE_EXCHANGE)
    mode = least(DynamicSEReqControlMode, values)
    refused(both, made(both, ScheduleExchangeReq, control_mode=mode, maximum_supporting_points=12), ResponseCode.FAILED)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"ev_minimum_energy_request": rational(1.0)}, id="minimum above target"),
        pytest.param({"ev_minimum_v2x_energy_request": rational(1.0)}, id="one of the V2X pair"),
        pytest.param(
            {"ev_maximum_v2x_energy_request": rational(1.0), "ev_minimum_v2x_energy_request": rational(2.0)},
            id="V2X pair upside down",
        ),
    ],
)
@pytest.mark.parametrize("service_id", [ServiceID.AC_BPT, ServiceID.DC_BPT])
def test_senseless_needs_in_the_loop(pair, service_id, values):
    both = pair(service_id).until(State.CHARGE_LOOP)
    service = both.secc.agreed.service
    mode = least(service.loop_request_modes[ControlMode.DYNAMIC], values)
    refused(both, made(both, service.loop_request, control_mode=mode), ResponseCode.FAILED)


# --- power ------------------------------------------------------------------------------------------------------------


def test_a_scheduled_power_profile_in_a_dynamic_session(pair):
    both = pair(ServiceID.AC_BPT).until(State.POWER_DELIVERY)
    start = {"charge_progress": ChargeProgress.START, "ev_processing": Processing.FINISHED}
    profile = least(EVPowerProfile, {"control_mode": least(ScheduledEVPPTControlMode)})
    request = made(both, PowerDeliveryReq, ev_power_profile=profile, **start)
    refused(both, request, ResponseCode.FAILED_EV_POWER_PROFILE_INVALID)


def test_a_power_profile_goes_out_with_start_and_its_absence_is_tolerated(pair):
    both = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    assert type(both.log[-1].request.ev_power_profile.control_mode) is DynamicEVPPTControlMode
    without = pair(ServiceID.AC_BPT).until(State.POWER_DELIVERY)
    assert without.ask(made(without, PowerDeliveryReq)).response_code is ResponseCode.OK
    assert without.secc.state is State.CHARGE_LOOP


@pytest.mark.parametrize("state", [State.POWER_DELIVERY, State.CHARGE_LOOP], ids=lambda state: state.name)
def test_standby_is_a_warning_and_the_session_stays_where_it_is(pair, state):
    both = pair().until(state)
    energised = both.secc.energised
    response = both.ask(made(both, PowerDeliveryReq, charge_progress=ChargeProgress.STANDBY))
    assert response.response_code is ResponseCode.WARNING_STANDBY_NOT_ALLOWED
    assert (both.secc.state, both.secc.ended, both.secc.energised) == (state, None, energised)


@pytest.mark.parametrize(
    ("state", "kind", "code"),
    [
        pytest.param(
            State.SCHEDULE_EXCHANGE, ChargingSession.PAUSE, ResponseCode.FAILED_PAUSE_NOT_ALLOWED, id="pause by the EV"
        ),
        pytest.param(
            State.SCHEDULE_EXCHANGE,
            ChargingSession.SERVICE_RENEGOTIATION,
            ResponseCode.FAILED_NO_SERVICE_RENEGOTIATION_SUPPORTED,
            id="service renegotiation",
        ),
        pytest.param(
            State.SERVICE_SELECTION,
            ChargingSession.SERVICE_RENEGOTIATION,
            ResponseCode.FAILED_SEQUENCE_ERROR,
            id="service renegotiation before a service was selected",
        ),
        pytest.param(
            State.CHARGE_LOOP, ChargingSession.PAUSE, ResponseCode.FAILED_SEQUENCE_ERROR, id="pause under power"
        ),
    ],
)
def test_session_stops_that_do_not_go(pair, state, kind, code):
    both = pair().until(state)
    refused(both, made(both, SessionStopReq, charging_session=kind), code)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        pytest.param(State.CABLE_CHECK, ResponseCode.FAILED, id="isolation"),
        pytest.param(State.POWER_DELIVERY, ResponseCode.FAILED_CONTACTOR_ERROR, id="contactor"),
        pytest.param(State.CHARGE_LOOP, ResponseCode.FAILED, id="in the loop"),
    ],
)
def test_a_failure_of_the_station_is_final_for_both_ends(pair, state, code):
    both = pair().until(state)
    both.answer = both.answer._replace(failure=code)
    done = both.exchange()
    assert done.event is Event.ENDED
    assert done.response.response_code is both.evcc.failed_code is both.secc.failed_code is code
    assert both.evcc.ended is both.secc.ended is EndReason.FAILED
    assert not both.evcc.energised
    with pytest.raises(LocalProtocolError, match="ended"):
        both.evcc.request(both.offer, both.now_ns)
    assert both.evcc.receive(done.response, both.now_ns) is Event.ENDED


def test_power_that_did_not_reach_zero_fails_the_stop(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.evcc.stop()
    both.answer = both.answer._replace(failure=ResponseCode.FAILED_POWER_DELIVERY_NOT_APPLIED)
    assert both.exchange().event is Event.ENDED
    assert both.evcc.failed_code is ResponseCode.FAILED_POWER_DELIVERY_NOT_APPLIED


def test_after_a_refusal_only_a_goodbye_is_answered(pair):
    both = pair().until(State.SERVICE_DISCOVERY)
    refused(both, made(both, dc.DCCableCheckReq), ResponseCode.FAILED_SEQUENCE_ERROR)
    goodbye = made(both, SessionStopReq, charging_session=ChargingSession.TERMINATE)
    assert both.secc.receive(goodbye, both.now_ns).response_code is ResponseCode.OK
    pause = made(both, SessionStopReq, charging_session=ChargingSession.PAUSE)
    assert both.secc.receive(pause, both.now_ns) is None
    assert both.secc.receive(made(both, ServiceDiscoveryReq), both.now_ns) is None
    assert both.secc.pending is None


def test_a_response_of_another_type_or_session_ends_the_session_at_the_evcc(pair):
    both = pair().until(State.SERVICE_DISCOVERY)
    both.evcc.request(both.offer, both.now_ns)
    assert both.evcc.receive(made(both, RESPONSES[ServiceDetailReq]), both.now_ns) is Event.ENDED
    assert both.evcc.ended is EndReason.WRONG_MESSAGE
    both = pair().until(State.CHARGE_LOOP)
    request = both.evcc.request(both.offer, both.now_ns)
    response = both.ask(request)
    response.header = Header(session_id=b"stranger", time_stamp=0)
    both.evcc.receive(response, both.now_ns)
    assert both.evcc.ended is EndReason.WRONG_SESSION


def test_a_response_nobody_asked_for_ends_the_session(pair):
    both = pair().until(State.CHARGE_LOOP)
    turn = both.exchange()
    assert both.evcc.receive(turn.response, both.now_ns) is Event.ENDED
    assert both.evcc.detail == "got DC_ChargeLoopRes, expected no response"
