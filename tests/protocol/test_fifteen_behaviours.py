"""The fifteen behaviours that implementations get wrong (fact sheet, section 10.1), one test each, in its order.

Each was seen to fail with its guard taken out.
"""

import pytest

from protocol.iso20.codes import (
    AppProtocolCode,
    ChargeProgress,
    ChargingSession,
    ControlMode,
    EVSENotification,
    Processing,
    ResponseCode,
    ServiceID,
)
from protocol.iso20.common import (
    AppProtocol,
    AuthorizationReq,
    Header,
    PowerDeliveryReq,
    ScheduledSEReqControlMode,
    ScheduleExchangeReq,
    SelectedService,
    ServiceDetailReq,
    ServiceDiscoveryReq,
    ServiceSelectionReq,
    SessionStopReq,
    SupportedAppProtocolReq,
    SupportedAppProtocolRes,
)
from protocol.iso20.evcc import Event
from protocol.iso20.refusals import least
from protocol.iso20.sequence import RESPONSES, State
from protocol.iso20.services import AC_NAMESPACE, DC_NAMESPACE, SERVICES
from protocol.iso20.session import EndReason

S = 1_000_000_000


def made(both, cls, **values):
    return least(cls, {"header": Header(session_id=both.secc.session_id, time_stamp=0), **values})


def notified(both, kind):
    both.answer = both.answer._replace(notification=kind)
    return both


def test_01_the_half_second_begins_with_the_first_loop_response_and_not_before(pair):
    both = pair().until(State.CHARGE_LOOP)
    assert both.secc.deadline_ns == both.now_ns - 10_000_000 + 60 * S  # after PowerDeliveryRes
    both.exchange()
    assert both.secc.deadline_ns == both.now_ns - 10_000_000 + S // 2
    assert both.secc.timeout(both.secc.deadline_ns) is EndReason.SEQUENCE_TIMEOUT


def test_02_a_timer_fires_in_silence_and_a_budget_is_not_restarted_by_repeats(pair):
    both = pair().until(State.CABLE_CHECK)
    both.answer = both.answer._replace(processing=Processing.ONGOING)
    began_ns = both.now_ns
    for _ in range(4):
        both.exchange()
        both.now_ns += 9 * S
    request = both.evcc.request(both.offer, began_ns + 39 * S)
    assert both.evcc.deadline_ns == began_ns + 40 * S  # the budget, nearer than the message's own 2 s
    both.secc.receive(request, began_ns + 39 * S)
    late = both.secc.respond(both.answer._replace(processing=Processing.FINISHED), began_ns + 39 * S)
    assert both.evcc.receive(late, began_ns + 40 * S) is Event.ENDED
    assert both.evcc.ended is EndReason.CABLE_CHECK_TIMEOUT


def test_03_power_delivery_has_no_ongoing_of_the_station(pair):
    """The station's own processing does not show: PowerDeliveryRes either says OK, or why not, and then it ends."""
    both = pair(ServiceID.AC_BPT).until(State.POWER_DELIVERY)
    both.answer = both.answer._replace(processing=Processing.ONGOING)
    assert both.exchange().event is Event.PROCEED
    late = pair(ServiceID.AC_BPT).until(State.POWER_DELIVERY)
    late.evcc.request(late.offer, late.now_ns)
    assert late.evcc.timeout(late.now_ns + 2 * S) is EndReason.MESSAGE_TIMEOUT
    # The request is checked before the station is asked to act: `pending` is what it may act upon.
    wrong = pair(ServiceID.AC_BPT).until(State.POWER_DELIVERY)
    request = made(wrong, PowerDeliveryReq, charge_progress=ChargeProgress.SCHEDULE_RENEGOTIATION)
    assert wrong.secc.receive(request, wrong.now_ns) is not None
    assert wrong.secc.pending is None


@pytest.mark.parametrize("cls", RESPONSES, ids=lambda cls: cls.wire_name)
def test_04_every_refusal_is_a_complete_response_of_the_paired_type_and_ends_the_session(pair, cls):
    both = pair().until(State.AUTHORIZATION_SETUP)
    request = least(cls) if cls is SupportedAppProtocolReq else made(both, cls)
    if cls.wire_name == "AuthorizationSetupReq":
        both.exchange()
    response = both.ask(request)
    assert type(response) is RESPONSES[cls]
    for particle in response.particles:  # nothing that the schema demands is missing
        value = getattr(response, particle.field)
        assert particle.minimum == 0 or value is not None
        assert particle.maximum == 1 or len(value) >= particle.minimum
    if cls is ServiceDetailReq:
        assert len(response.service_parameter_list.parameter_set) == 1
    assert both.secc.ended is EndReason.FAILED
    assert both.secc.receive(made(both, AuthorizationReq), both.now_ns) is None


def test_05_the_all_zero_session_id_is_refused_after_session_setup(pair):
    both = pair().until(State.SERVICE_DISCOVERY)
    request = least(ServiceDiscoveryReq, {"header": Header(session_id=bytes(8), time_stamp=0)})
    assert both.ask(request).response_code is ResponseCode.FAILED_UNKNOWN_SESSION


def test_06_only_what_a_service_detail_of_this_session_showed_can_be_selected(pair):
    both = pair(ServiceID.DC_BPT).until(State.SERVICE_SELECTION)
    other = SelectedService(service_id=int(ServiceID.DC), parameter_set_id=2)  # offered, never detailed
    response = both.ask(made(both, ServiceSelectionReq, selected_energy_transfer_service=other))
    assert response.response_code is ResponseCode.FAILED_SERVICE_SELECTION_INVALID
    assert both.secc.agreed is None


@pytest.mark.parametrize("service_id", ServiceID)
def test_07_service_and_control_mode_bind_every_later_message(pair, service_id):
    row = SERVICES[service_id]
    other = next(s for s in SERVICES.values() if s.is_dc == row.is_dc and s.is_bpt != row.is_bpt)
    both = pair(service_id).until(State.CHARGE_PARAMETER_DISCOVERY)
    wrong = made(both, row.discovery_request, energy_transfer_mode=least(other.discovery_request_mode))
    assert both.ask(wrong).response_code is ResponseCode.FAILED_WRONG_CHARGE_PARAMETER
    both = pair(service_id).until(State.SCHEDULE_EXCHANGE)
    wrong = made(both, ScheduleExchangeReq, control_mode=ScheduledSEReqControlMode(), maximum_supporting_points=12)
    assert both.ask(wrong).response_code is ResponseCode.FAILED
    for mode in (other.loop_request_modes[ControlMode.DYNAMIC], row.loop_request_modes[ControlMode.SCHEDULED]):
        both = pair(service_id).until(State.CHARGE_LOOP)
        assert both.ask(made(both, row.loop_request, control_mode=least(mode))).response_code is ResponseCode.FAILED
    for mode in (other.loop_response_modes[ControlMode.DYNAMIC], row.loop_response_modes[ControlMode.SCHEDULED]):
        both = pair(service_id).until(State.CHARGE_LOOP)
        both.evcc.request(both.offer, both.now_ns)
        response = made(both, row.loop_response, control_mode=least(mode))
        assert both.evcc.receive(response, both.now_ns) is Event.ENDED
        assert both.evcc.ended is EndReason.WRONG_CONTROL_MODE


def test_08_a_rejected_card_may_be_tried_again_but_nothing_else_may_follow(pair):
    both = pair().until(State.AUTHORIZATION)
    both.answer = both.answer._replace(
        failure=ResponseCode.WARNING_EIM_AUTHORIZATION_FAILURE, processing=Processing.ONGOING
    )
    done = both.exchange()
    assert done.response.response_code is ResponseCode.WARNING_EIM_AUTHORIZATION_FAILURE
    assert done.response.evse_processing is Processing.FINISHED
    both.answer = both.answer._replace(failure=None)
    assert both.ask(made(both, AuthorizationReq)).response_code is ResponseCode.OK
    both.secc.state = State.AUTHORIZATION
    both.answer = both.answer._replace(failure=ResponseCode.WARNING_EIM_AUTHORIZATION_FAILURE)
    both.ask(made(both, AuthorizationReq))
    assert both.ask(made(both, ServiceDiscoveryReq)).response_code is ResponseCode.FAILED_SEQUENCE_ERROR


def paused(pair, service_id=ServiceID.DC_BPT):
    both = notified(pair(service_id).until(State.CHARGE_LOOP), EVSENotification.PAUSE)
    both.exchange()
    both.evcc.heed()
    while both.evcc.ended is None:
        both.exchange()
    return both.secc.suspended


def test_09_resume_needs_more_than_the_session_id_and_goes_on_with_the_charge_parameters(pair):
    remembered = paused(pair)
    both = pair(paused=remembered).until(State.CHARGE_LOOP)
    names = [exchange.request.wire_name for exchange in both.log]
    assert names[2:] == [
        "DC_ChargeParameterDiscoveryReq",
        "ScheduleExchangeReq",
        "DC_CableCheckReq",
        "DC_PreChargeReq",
        "PowerDeliveryReq",
    ]
    stranger = pair(paused=remembered, evcc_id="EV002").until(State.AUTHORIZATION_SETUP)
    assert stranger.evcc.session_id != remembered.session_id
    assert stranger.evcc.paused is None


def test_10_a_pause_needs_its_notification_and_no_power_and_gives_way_to_terminate(pair):
    both = pair(ServiceID.AC).until(State.POWER_DELIVERY)
    stop = made(both, SessionStopReq, charging_session=ChargingSession.PAUSE)
    assert both.ask(stop).response_code is ResponseCode.FAILED_PAUSE_NOT_ALLOWED
    both = notified(pair(ServiceID.AC).until(State.CHARGE_LOOP), EVSENotification.PAUSE)
    both.exchange()
    notified(both, None)
    both.exchange()
    both.evcc.pause()
    both.exchange()
    assert both.exchange().response.response_code is ResponseCode.FAILED_PAUSE_NOT_ALLOWED  # withdrawn
    both = notified(pair(ServiceID.AC).until(State.CHARGE_LOOP), EVSENotification.PAUSE)
    both.exchange()
    stop = made(both, SessionStopReq, charging_session=ChargingSession.PAUSE)
    assert both.ask(stop).response_code is ResponseCode.FAILED_SEQUENCE_ERROR  # power may flow
    both = notified(pair(ServiceID.AC).until(State.CHARGE_LOOP), EVSENotification.PAUSE)
    both.exchange()
    both.evcc.heed()
    notified(both, EVSENotification.TERMINATE).exchange()
    both.evcc.heed()
    assert both.exchange().request.charging_session is ChargingSession.TERMINATE


def test_11_service_renegotiation_goes_back_on_the_same_link_and_forgets_what_was_agreed(pair):
    both = pair(ServiceID.DC, service_renegotiation=True).until(State.CHARGE_LOOP)
    session_id = both.secc.session_id
    both.evcc.renegotiate_service()
    both.until(State.SERVICE_DISCOVERY)
    assert both.evcc.ended is both.secc.ended is None
    assert both.secc.agreed is None
    since = len(both.log)
    both.until(State.CHARGE_LOOP)
    names = [exchange.request.wire_name for exchange in both.log[since:]]
    assert "DC_CableCheckReq" in names
    assert "DC_PreChargeReq" in names
    assert not {"SessionSetupReq", "AuthorizationReq"} & set(names)
    assert both.secc.session_id == session_id
    both.evcc.renegotiate_schedule()
    since = len(both.log)
    both.exchange()
    both.until(State.CHARGE_LOOP)
    assert "DC_CableCheckReq" not in [exchange.request.wire_name for exchange in both.log[since:]]
    early = pair(service_renegotiation=True).until(State.SERVICE_DISCOVERY)
    stop = made(early, SessionStopReq, charging_session=ChargingSession.SERVICE_RENEGOTIATION)
    assert early.ask(stop).response_code is ResponseCode.FAILED_SEQUENCE_ERROR


def protocols(*entries):
    return SupportedAppProtocolReq(
        app_protocol=tuple(
            AppProtocol(
                protocol_namespace=namespace,
                version_number_major=major,
                version_number_minor=minor,
                schema_id=schema_id,
                priority=priority,
            )
            for namespace, major, minor, schema_id, priority in entries
        )
    )


@pytest.mark.parametrize(
    ("request_", "code", "schema_id"),
    [
        pytest.param(
            protocols((DC_NAMESPACE, 1, 0, 9, 1), (AC_NAMESPACE, 1, 0, 4, 2)),
            AppProtocolCode.OK_SUCCESSFUL_NEGOTIATION,
            4,
            id="what the station can do comes before what the EV likes",
        ),
        pytest.param(
            protocols((AC_NAMESPACE, 1, 0, 8, 2), (AC_NAMESPACE, 1, 3, 7, 1)),
            AppProtocolCode.OK_SUCCESSFUL_NEGOTIATION_WITH_MINOR_DEVIATION,
            7,
            id="the better priority wins, another minor version is a deviation",
        ),
        pytest.param(
            protocols((AC_NAMESPACE, 2, 0, 8, 1)),
            AppProtocolCode.FAILED_NO_NEGOTIATION,
            None,
            id="another major version",
        ),
    ],
)
def test_12_the_protocol_is_chosen_by_capability_then_priority_and_named_by_the_evs_own_id(
    pair, request_, code, schema_id
):
    both = pair(ServiceID.AC)
    both.secc.settings = both.secc.settings._replace(services=(ServiceID.AC,))
    response = both.ask(request_)
    assert (response.response_code, response.schema_id) == (code, schema_id)
    assert (both.secc.ended is None) is (schema_id is not None)


def test_12_the_evcc_checks_the_id_it_gets(pair):
    both = pair(ServiceID.AC)
    both.evcc.request(both.offer, 0)
    wrong = SupportedAppProtocolRes(response_code=AppProtocolCode.OK_SUCCESSFUL_NEGOTIATION, schema_id=77)
    assert both.evcc.receive(wrong, 1) is Event.ENDED


@pytest.mark.parametrize(
    ("state", "side"),
    [
        (State.AUTHORIZATION, "station"),
        (State.CABLE_CHECK, "station"),
        (State.PRE_CHARGE, "vehicle"),
        (State.POWER_DELIVERY, "vehicle"),
        (State.WELDING_DETECTION, "vehicle"),
    ],
)
def test_13_polled_states_answer_in_place_any_number_of_times_and_go_on_with_the_flag(pair, state, side):
    both = pair(ServiceID.DC_BPT)
    if state is State.WELDING_DETECTION:
        both.until(State.CHARGE_LOOP).evcc.stop()
    both.until(state)
    for _ in range(20):
        if side == "station":
            both.answer = both.answer._replace(processing=Processing.ONGOING)
        assert both.exchange(Processing.ONGOING).event is Event.ONGOING
        assert both.evcc.state is both.secc.state is state
    both.answer = both.answer._replace(processing=Processing.FINISHED)
    assert both.exchange().event is Event.PROCEED
    assert both.evcc.state is both.secc.state is not state


@pytest.mark.parametrize("service_id", ServiceID)
def test_14_meter_info_comes_first_of_all_and_whenever_it_was_asked_for(pair, service_id):
    both = pair(service_id).until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(meter_charged_wh=5_000, meter_discharged_wh=700)
    first, unasked, asked = both.exchange(), both.exchange(), both.exchange(meter_info=True)
    assert unasked.response.meter_info is None
    for turn in (first, asked):
        assert turn.response.meter_info.charged_energy_reading_wh == 5_000
        discharged = 700 if SERVICES[service_id].is_bpt else None  # a register of its own, never subtracted
        assert turn.response.meter_info.bpt_discharged_energy_reading_wh == discharged


@pytest.mark.parametrize("service_id", [ServiceID.DC, ServiceID.DC_BPT])
def test_15_dc_limits_only_go_below_the_ratings(pair, service_id):
    both = pair(service_id).until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(maximum_charge_w=99_000.0, maximum_charge_a=900.0, maximum_v=2_000.0)
    mode = both.exchange().response.control_mode
    assert mode.evse_maximum_charge_power.number == 22_000.0
    assert mode.evse_maximum_charge_current.number == 64.0
    assert mode.evse_maximum_voltage.number == 500.0
    both.answer = both.answer._replace(maximum_charge_w=3_000.0, power_limit_achieved=True)
    turn = both.exchange()
    assert turn.response.control_mode.evse_maximum_charge_power.number == 3_000.0
    assert turn.response.evse_power_limit_achieved


@pytest.mark.parametrize("service_id", [ServiceID.AC, ServiceID.AC_BPT])
def test_15_a_setpoint_above_the_limit_is_clamped_and_not_refused(pair, service_id):
    both = pair(service_id).until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(target_w=99_000.0)
    assert both.exchange().event is Event.LOOP
    assert both.evcc.target_w == 22_000.0
    both.answer = both.answer._replace(target_w=-99_000.0)
    assert both.exchange().event is Event.LOOP
    assert both.evcc.target_w == (-20_000.0 if SERVICES[service_id].is_bpt else 0.0)
