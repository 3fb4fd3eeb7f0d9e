"""ServiceRenegotiation is a SessionStopReq that does not stop; a schedule may not come; the meter is confirmed."""

import pytest

from protocol.iso20.codes import ChargeProgress, ChargingSession, EVSENotification, ResponseCode, ServiceID
from protocol.iso20.common import Header, SessionStopReq
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.evcc import Event
from protocol.iso20.metering import MeteringConfirmationReq
from protocol.iso20.refusals import least
from protocol.iso20.sequence import State


def notify(both, kind, max_delay_s=60):
    both.answer = both.answer._replace(notification=kind, notification_max_delay_s=max_delay_s)


@pytest.mark.parametrize(
    ("first", "second"), [(ServiceID.DC, ServiceID.DC_BPT), (ServiceID.AC, ServiceID.AC_BPT)], ids=["DC", "AC"]
)
def test_from_charging_only_to_bidirectional_on_the_same_link_and_session(pair, first, second):
    both = pair(first, service_renegotiation=True).until(State.CHARGE_LOOP)
    both.exchange()
    session_id = both.secc.session_id
    notify(both, EVSENotification.SERVICE_RENEGOTIATION)
    both.exchange()
    notify(both, None)
    both.evcc.renegotiate_service((second,))
    since = len(both.log)
    both.until(State.SERVICE_DISCOVERY)
    assert both.evcc.agreed is both.secc.agreed is None
    assert not both.secc.energised
    both.until(State.CHARGE_LOOP)
    names = [exchange.request.wire_name.removesuffix("Req") for exchange in both.log[since:]]
    dc = first is ServiceID.DC
    assert names == [
        "PowerDelivery",
        *(["DC_WeldingDetection"] if dc else []),
        "SessionStop",
        "ServiceDiscovery",
        "ServiceDetail",
        "ServiceSelection",
        f"{first.name}_ChargeParameterDiscovery",
        "ScheduleExchange",
        *(["DC_CableCheck", "DC_PreCharge"] if dc else []),  # power was stopped: nothing of its safety is left
        "PowerDelivery",
    ]
    assert both.secc.session_id == both.evcc.session_id == session_id
    assert both.secc.agreed.service.id is both.evcc.agreed.service.id is second
    turn = both.exchange()
    assert turn.event is Event.LOOP
    assert turn.request.control_mode.wire_name.startswith("BPT_Dynamic_")


def test_a_notification_of_what_was_not_offered_is_not_obeyed(pair):
    both = pair().until(State.CHARGE_LOOP)
    notify(both, EVSENotification.SERVICE_RENEGOTIATION)
    both.exchange()
    assert not both.evcc.heed()
    assert both.exchange().event is Event.LOOP
    with pytest.raises(LocalProtocolError, match="has not offered"):
        both.evcc.renegotiate_service()


def test_service_renegotiation_is_no_way_around_the_authorization(pair):
    """Before a service was selected there is nothing to renegotiate, whatever the station supports."""
    for state in (State.AUTHORIZATION, State.SERVICE_DISCOVERY, State.SERVICE_SELECTION):
        both = pair(service_renegotiation=True).until(state)
        header = Header(session_id=both.secc.session_id, time_stamp=0)
        kind = ChargingSession.SERVICE_RENEGOTIATION
        response = both.ask(least(SessionStopReq, {"header": header, "charging_session": kind}))
        assert response.response_code is ResponseCode.FAILED_SEQUENCE_ERROR


def test_what_was_shown_before_cannot_be_selected_after(pair):
    both = pair(ServiceID.DC, service_renegotiation=True).until(State.CHARGE_LOOP)
    both.evcc.renegotiate_service((ServiceID.DC_BPT,))
    both.until(State.SERVICE_SELECTION)
    assert both.secc.agreed is None
    assert {service for service, _ in both.secc._shown} == {ServiceID.DC_BPT}


def test_a_stop_outranks_a_service_renegotiation(pair):
    both = pair(ServiceID.AC, service_renegotiation=True).until(State.CHARGE_LOOP)
    both.evcc.renegotiate_service()
    both.exchange()
    both.evcc.stop()
    assert both.exchange().request.charging_session is ChargingSession.TERMINATE


# --- schedule renegotiation that fails --------------------------------------------------------------------------------


def test_a_schedule_renegotiation_may_be_declined_and_the_loop_goes_on(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(failure=ResponseCode.WARNING_SCHEDULE_RENEGOTIATION_FAILED)
    both.evcc.renegotiate_schedule()
    assert both.exchange().event is Event.WARNING
    both.answer = both.answer._replace(failure=None)
    assert both.evcc.state is both.secc.state is State.CHARGE_LOOP
    assert both.exchange().event is Event.LOOP


def test_a_schedule_renegotiation_may_fail_for_good(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.answer = both.answer._replace(failure=ResponseCode.FAILED_SCHEDULE_RENEGOTIATION)
    both.evcc.renegotiate_schedule()
    assert both.exchange().event is Event.ENDED
    assert both.evcc.failed_code is both.secc.failed_code is ResponseCode.FAILED_SCHEDULE_RENEGOTIATION


# --- metering confirmation --------------------------------------------------------------------------------------------


def metered(both):
    both.answer = both.answer._replace(meter_charged_wh=4_321, meter_discharged_wh=17)
    notify(both, EVSENotification.METERING_CONFIRMATION)
    return both


def test_the_readings_are_confirmed_between_two_turns_of_the_loop(pair):
    both = metered(pair().until(State.CHARGE_LOOP))
    shown = both.exchange().response.meter_info
    assert shown.charged_energy_reading_wh == 4_321
    assert both.evcc.heed()
    done = both.exchange()
    data = done.request.signed_metering_data
    assert done.request.wire_name == "MeteringConfirmationReq"
    assert data.meter_info == shown
    assert data.session_id == both.secc.session_id
    assert data.control_mode.wire_name == "Dynamic_SMDTControlMode"
    assert done.response.response_code is ResponseCode.OK
    assert both.secc.deadline_ns == both.now_ns - 10_000_000 + 500_000_000  # the loop's own timer goes on
    assert both.exchange().event is Event.LOOP


def test_nothing_is_confirmed_before_anything_was_shown(pair):
    both = metered(pair().until(State.CHARGE_LOOP))
    both.answer = both.answer._replace(meter_charged_wh=-1)
    both.exchange()
    assert not both.evcc.heed()
    header = Header(session_id=both.secc.session_id, time_stamp=0)
    response = both.ask(least(MeteringConfirmationReq, {"header": header}))
    assert response.response_code is ResponseCode.FAILED_SEQUENCE_ERROR


def test_readings_that_were_not_shown_are_not_taken(pair):
    both = metered(pair().until(State.CHARGE_LOOP))
    both.exchange()
    header = Header(session_id=both.secc.session_id, time_stamp=0)
    response = both.ask(least(MeteringConfirmationReq, {"header": header}))
    assert response.response_code is ResponseCode.FAILED_METERING_SIGNATURE_NOT_VALID


# --- terminate --------------------------------------------------------------------------------------------------------


def test_terminate_is_obeyed_by_stopping_power_before_the_session(pair):
    both = pair(ServiceID.DC_BPT).until(State.CHARGE_LOOP)
    notify(both, EVSENotification.TERMINATE, 10)
    both.exchange()
    assert both.evcc.notification.deadline_ns == both.now_ns + 10 * 10**9
    both.evcc.heed()
    assert both.exchange().request.charge_progress is ChargeProgress.STOP
    while both.evcc.ended is None:
        both.exchange()
    assert both.log[-1].request.ev_termination_code == "EVSENotification"
