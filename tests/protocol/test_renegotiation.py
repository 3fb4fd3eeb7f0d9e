"""The chain back to ScheduleExchange and into the loop again."""

import pytest

from protocol.iso20.codes import ChargeProgress, EVSENotification, Processing, ServiceID
from protocol.iso20.evcc import Event
from protocol.iso20.sequence import State


def names(both, since):
    return [exchange.request.wire_name for exchange in both.log[since:]]


@pytest.mark.parametrize("service_id", ServiceID)
def test_a_notified_renegotiation_walks_the_chain_with_the_contactors_closed(pair, service_id):
    both = pair(service_id).until(State.CHARGE_LOOP)
    both.exchange()
    both.answer = both.answer._replace(notification=EVSENotification.SCHEDULE_RENEGOTIATION)
    both.exchange()
    since = len(both.log)
    assert both.evcc.notification.kind is EVSENotification.SCHEDULE_RENEGOTIATION
    both.answer = both.answer._replace(notification=None)
    both.evcc.renegotiate_schedule()
    both.offer = both.offer._replace(departure_s=1_800.0)
    opening = both.exchange()
    assert opening.request.charge_progress is ChargeProgress.SCHEDULE_RENEGOTIATION
    assert both.evcc.state is both.secc.state is State.SCHEDULE_RENEGOTIATION
    assert both.evcc.energised
    assert both.secc.energised
    assert both.evcc.notification is None
    both.until(State.CHARGE_LOOP)
    assert both.secc.said.departure_s == 1_800.0
    both.exchange()
    loop = both.evcc.agreed.service.loop_request.wire_name
    assert names(both, since) == ["PowerDeliveryReq", "ScheduleExchangeReq", "PowerDeliveryReq", loop]
    assert both.log[-1].event is Event.LOOP


@pytest.mark.parametrize("service_id", ServiceID)
def test_a_charge_parameter_discovery_in_that_place_is_tolerated(pair, service_id):
    both = pair(service_id, renegotiate_from=State.CHARGE_PARAMETER_DISCOVERY).until(State.CHARGE_LOOP)
    since = len(both.log)
    both.evcc.renegotiate_schedule()
    both.exchange()
    both.until(State.CHARGE_LOOP)
    both.exchange()
    service = both.evcc.agreed.service
    assert names(both, since) == [
        "PowerDeliveryReq",
        service.discovery_request.wire_name,
        "ScheduleExchangeReq",
        "PowerDeliveryReq",
        service.loop_request.wire_name,
    ]
    assert not any(exchange.refused for exchange in both.log)


def test_the_schedule_may_be_ongoing_again(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.evcc.renegotiate_schedule()
    both.exchange()
    both.answer = both.answer._replace(processing=Processing.ONGOING)
    assert both.exchange().event is Event.ONGOING
    assert both.evcc.deadline_ns is not None
    both.answer = both.answer._replace(processing=Processing.FINISHED)
    assert both.exchange().event is Event.PROCEED
    assert both.evcc.deadline_ns is None


def test_a_stop_wished_during_the_renegotiation_stops_power_before_the_session(pair):
    both = pair(ServiceID.DC_BPT).until(State.CHARGE_LOOP)
    both.evcc.renegotiate_schedule()
    both.exchange()
    both.evcc.stop()
    since = len(both.log)
    while both.evcc.ended is None:
        both.exchange()
    assert names(both, since) == [
        "ScheduleExchangeReq",
        "PowerDeliveryReq",
        "DC_WeldingDetectionReq",
        "SessionStopReq",
    ]
    assert both.log[since + 1].request.charge_progress is ChargeProgress.STOP


def test_a_stop_outranks_a_renegotiation(pair):
    both = pair().until(State.CHARGE_LOOP)
    both.evcc.stop()
    both.evcc.renegotiate_schedule()
    assert both.exchange().request.charge_progress is ChargeProgress.STOP


def test_renegotiations_can_be_repeated(pair):
    both = pair(ServiceID.AC_BPT).until(State.CHARGE_LOOP)
    for _ in range(3):
        both.evcc.renegotiate_schedule()
        both.exchange()
        both.until(State.CHARGE_LOOP)
        assert both.exchange().event is Event.LOOP
