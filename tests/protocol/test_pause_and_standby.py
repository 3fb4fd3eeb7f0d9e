"""Pause, resume and standby: who may start them, what survives, and what does not."""

import pytest

from protocol.iso20.codes import (
    ChargeProgress,
    ChargingSession,
    ControlMode,
    EVSENotification,
    Processing,
    ResponseCode,
    ServiceID,
)
from protocol.iso20.evcc import Event
from protocol.iso20.sequence import State
from protocol.iso20.session import EndReason


def notify(both, kind, max_delay_s=60):
    both.answer = both.answer._replace(notification=kind, notification_max_delay_s=max_delay_s)


def paused(pair, service_id=ServiceID.DC_BPT, **settings):
    """A session that its station has paused."""
    both = pair(service_id, **settings).until(State.CHARGE_LOOP)
    both.exchange()
    notify(both, EVSENotification.PAUSE)
    both.exchange()
    assert both.evcc.heed()
    notify(both, None)
    while both.evcc.ended is None:
        both.exchange()
    return both


@pytest.mark.parametrize("service_id", ServiceID)
def test_a_pause_of_the_station_stops_power_first_and_keeps_the_session(pair, service_id):
    both = paused(pair, service_id)
    names = [exchange.request.wire_name for exchange in both.log[-3:]]
    welding = ["DC_WeldingDetectionReq"] if both.evcc.agreed.service.is_dc else []
    assert names[-2 - len(welding) :] == ["PowerDeliveryReq", *welding, "SessionStopReq"]
    assert both.log[-1].request.charging_session is ChargingSession.PAUSE
    assert both.evcc.ended is both.secc.ended is EndReason.PAUSED
    assert both.evcc.suspended == both.secc.suspended
    assert both.evcc.suspended.session_id == both.secc.session_id
    assert both.evcc.suspended.agreed.service.id is service_id


@pytest.mark.parametrize("service_id", ServiceID)
def test_a_resumed_session_keeps_authorization_and_service_and_checks_the_cable_again(pair, service_id):
    before = paused(pair, service_id)
    both = pair(service_id, paused=before.secc.suspended).until(State.CHARGE_LOOP)
    names = [exchange.request.wire_name for exchange in both.log]
    current = service_id.name[:2]
    cable = ["DC_CableCheckReq", "DC_PreChargeReq"] if current == "DC" else []
    assert names == [
        "supportedAppProtocolReq",
        "SessionSetupReq",
        f"{current}_ChargeParameterDiscoveryReq",
        "ScheduleExchangeReq",
        *cable,
        "PowerDeliveryReq",
    ]
    assert both.log[1].response.response_code is ResponseCode.OK_OLD_SESSION_JOINED
    assert both.secc.session_id == both.evcc.session_id == before.secc.session_id
    assert both.secc.agreed.service.id is service_id
    assert both.exchange().event is Event.LOOP


def test_another_vehicle_with_the_same_session_id_is_not_let_in(pair):
    before = paused(pair)
    both = pair(paused=before.secc.suspended, evcc_id="EV999").until(State.AUTHORIZATION_SETUP)
    assert both.log[1].request.header.session_id == before.secc.session_id
    assert both.log[1].response.response_code is ResponseCode.OK_NEW_SESSION_ESTABLISHED
    assert both.secc.session_id == both.evcc.session_id != before.secc.session_id
    assert both.evcc.agreed is both.secc.agreed is None


def test_a_refused_resume_makes_the_evcc_drop_everything_old(pair):
    before = paused(pair)
    both = pair(paused=before.evcc.suspended)
    both.secc.paused = None
    both.until(State.CHARGE_LOOP)
    assert both.evcc.paused is None
    assert both.log[1].response.response_code is ResponseCode.OK_NEW_SESSION_ESTABLISHED
    assert "AuthorizationReq" in [exchange.request.wire_name for exchange in both.log]


def test_a_session_is_not_resumed_over_another_protocol(pair):
    before = paused(pair, ServiceID.DC_BPT)
    both = pair(ServiceID.AC_BPT, paused=before.secc.suspended).until(State.AUTHORIZATION_SETUP)
    assert both.log[1].request.header.session_id == bytes(8)
    assert both.log[1].response.response_code is ResponseCode.OK_NEW_SESSION_ESTABLISHED


def test_a_join_that_was_not_asked_for_ends_the_session(pair):
    both = pair().until(State.SESSION_SETUP)
    request = both.evcc.request(both.offer, both.now_ns)
    both.secc.receive(request, both.now_ns)
    response = both.secc.respond(both.answer, both.now_ns)
    response.response_code = ResponseCode.OK_OLD_SESSION_JOINED
    assert both.evcc.receive(response, both.now_ns) is Event.ENDED


# --- who may pause ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.SCHEDULE_EXCHANGE, State.POWER_DELIVERY, State.SESSION_STOP])
def test_in_dynamic_mode_a_pause_by_the_ev_is_refused(pair, state):
    both = pair(ServiceID.AC_BPT)
    if state is State.SESSION_STOP:
        both.until(State.CHARGE_LOOP).evcc.pause()
        both.exchange()
    both.until(state).evcc.pause()
    done = both.exchange()
    assert done.request.charging_session is ChargingSession.PAUSE
    assert done.response.response_code is ResponseCode.FAILED_PAUSE_NOT_ALLOWED
    assert both.evcc.ended is both.secc.ended is EndReason.FAILED
    assert both.secc.suspended is None


def test_in_scheduled_mode_the_ev_may_pause(pair):
    both = pair(ServiceID.AC, control_mode=ControlMode.SCHEDULED).until(State.CHARGE_LOOP)
    both.exchange()
    both.evcc.pause()
    while both.evcc.ended is None:
        both.exchange()
    assert both.evcc.ended is both.secc.ended is EndReason.PAUSED


def test_a_withdrawn_notification_takes_the_right_to_pause_with_it(pair):
    both = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    notify(both, EVSENotification.PAUSE)
    both.exchange()
    assert both.secc.pause_notified
    notify(both, None)
    both.exchange()
    assert not both.secc.pause_notified
    assert both.evcc.notification is None
    both.evcc.pause()
    both.exchange()
    assert both.exchange().response.response_code is ResponseCode.FAILED_PAUSE_NOT_ALLOWED


def test_terminate_outranks_pause(pair):
    both = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    notify(both, EVSENotification.PAUSE)
    both.exchange()
    both.evcc.heed()
    notify(both, EVSENotification.TERMINATE)
    both.exchange()  # PowerDelivery(Stop), answered with the stronger wish
    assert not both.secc.pause_notified
    assert both.evcc.notification.kind is EVSENotification.TERMINATE
    both.evcc.heed()
    done = both.exchange()
    assert done.request.charging_session is ChargingSession.TERMINATE
    assert both.secc.ended is EndReason.TERMINATED


def test_no_pause_while_power_may_flow(pair):
    both = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    notify(both, EVSENotification.PAUSE)
    both.exchange()
    both.evcc.renegotiate_schedule()
    both.exchange()
    both.exchange()
    assert both.secc.state is State.POWER_DELIVERY
    assert both.secc.energised
    stop = pair(ServiceID.AC_BPT).until(State.SCHEDULE_EXCHANGE)
    stop.evcc.pause()
    request = stop.evcc.request(stop.offer, stop.now_ns)
    request.header.session_id = both.secc.session_id
    assert both.ask(request).response_code is ResponseCode.FAILED_PAUSE_NOT_ALLOWED


def test_go_to_pause_in_schedule_exchange_is_a_notification_too(pair):
    both = pair(ServiceID.DC_BPT).until(State.SCHEDULE_EXCHANGE)
    both.answer = both.answer._replace(aside=both.answer.aside._replace(go_to_pause=True))
    both.exchange()
    assert both.evcc.notification.kind is EVSENotification.PAUSE
    assert both.secc.pause_notified
    both.evcc.heed()
    done = both.exchange()
    assert done.request.charging_session is ChargingSession.PAUSE
    assert both.secc.ended is EndReason.PAUSED


# --- standby ----------------------------------------------------------------------------------------------------------


def in_standby(pair, service_id=ServiceID.DC_BPT, **settings):
    both = pair(service_id, standby=True, **settings).until(State.CHARGE_LOOP)
    both.exchange()
    both.evcc.stand_by()
    assert both.exchange().request.charge_progress is ChargeProgress.STANDBY
    assert both.evcc.state is both.secc.state is State.STANDBY
    return both


@pytest.mark.parametrize("service_id", ServiceID)
def test_standby_takes_power_away_and_exit_standby_brings_it_back(pair, service_id):
    both = in_standby(pair, service_id)
    assert not both.evcc.energised
    assert not both.secc.energised
    assert both.exchange().request.charge_progress is ChargeProgress.STANDBY  # asks whether it may go on
    notify(both, EVSENotification.EXIT_STANDBY, 5)
    both.exchange()
    assert both.evcc.heed()
    notify(both, None)
    assert both.exchange().request.charge_progress is ChargeProgress.START
    assert both.evcc.energised
    assert both.secc.energised
    assert both.exchange().event is Event.LOOP


def test_standby_may_follow_a_pause_notification(pair):
    both = pair(standby=True).until(State.CHARGE_LOOP)
    notify(both, EVSENotification.PAUSE)
    both.exchange()
    both.evcc.stand_by()
    both.exchange()
    assert both.evcc.state is both.secc.state is State.STANDBY


def test_standby_can_be_left_for_a_stop_or_a_renegotiation(pair):
    both = in_standby(pair)
    both.evcc.renegotiate_schedule()
    assert both.exchange().request.charge_progress is ChargeProgress.SCHEDULE_RENEGOTIATION
    assert not both.secc.energised
    both.until(State.CHARGE_LOOP)
    both = in_standby(pair)
    both.evcc.stop()
    names = []
    while both.evcc.ended is None:
        names.append(both.exchange().request.wire_name)
    assert names == ["PowerDeliveryReq", "DC_WeldingDetectionReq", "SessionStopReq"]
    assert both.evcc.ended is EndReason.TERMINATED


def test_a_station_without_standby_warns_and_the_loop_goes_on(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.evcc.stand_by()
    done = both.exchange()
    assert done.response.response_code is ResponseCode.WARNING_STANDBY_NOT_ALLOWED
    assert done.event is Event.WARNING
    assert both.evcc.energised
    assert both.secc.energised
    assert both.exchange().event is Event.LOOP


def test_power_delivery_may_be_ongoing_on_the_evs_side_without_a_change(pair):
    both = pair(standby=True).until(State.CHARGE_LOOP)
    both.evcc.stand_by()
    assert both.exchange(Processing.ONGOING).event is Event.ONGOING
    assert both.secc.energised
