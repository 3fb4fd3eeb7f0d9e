"""Declared types refuse what their elements cannot hold, and say which element."""

import pytest

from protocol.iso20.ac import ACChargeLoopReq
from protocol.iso20.codes import ChargeProgress, Processing, ResponseCode
from protocol.iso20.common import (
    AppProtocol,
    Header,
    Parameter,
    PowerDeliveryReq,
    ServiceIDList,
    SessionSetupReq,
    Signature,
    SupportedAppProtocolReq,
)
from protocol.iso20.dc import DCPreChargeReq, DynamicDCCLReqControlMode
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.loop import DisplayParameters, MeterInfo
from protocol.iso20.refusals import least
from protocol.schema import ComplexType, declared, element, maker, wire_name
from protocol.values import RationalNumber, rational

VALUES = "boolValue|byteValue|shortValue|intValue|rationalNumber|finiteString"
HEADER = Header(session_id=bytes(8), time_stamp=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(
            lambda: DisplayParameters(present_soc=101),
            "DisplayParameters.PresentSOC must be an integer from 0 to 100, got 101 (int)",
            id="above the range",
        ),
        pytest.param(
            lambda: DisplayParameters(present_soc=True),
            "DisplayParameters.PresentSOC must be an integer from 0 to 100, got True (bool)",
            id="a boolean is no number",
        ),
        pytest.param(
            lambda: DisplayParameters(charging_complete=1),
            "DisplayParameters.ChargingComplete must be True or False, got 1 (int)",
            id="a number is no boolean",
        ),
        pytest.param(
            lambda: Header(session_id=bytes(7), time_stamp=0),
            f"MessageHeader.SessionID must be 8 bytes, got {bytes(7)!r} (bytes)",
            id="too few bytes",
        ),
        pytest.param(
            lambda: Header(session_id=bytes(8), time_stamp=-1),
            "MessageHeader.TimeStamp must be an integer from 0 to 18446744073709551615, got -1 (int)",
            id="below the range",
        ),
        pytest.param(
            lambda: SessionSetupReq(header=HEADER, evccid="E" * 256),
            f"SessionSetupReq.EVCCID must be text of at most 255 characters, got '{'E' * 76}... (str)",
            id="too long a text",
        ),
        pytest.param(
            lambda: SessionSetupReq(header=None, evccid="EV001"),
            "SessionSetupReq.Header must be a Header, got None (NoneType)",
            id="a mandatory element left out",
        ),
        pytest.param(
            lambda: DCPreChargeReq(
                header=HEADER,
                ev_processing=Processing.FINISHED,
                ev_present_voltage=400.0,
                ev_target_voltage=rational(1.0),
            ),
            "DC_PreChargeReq.EVPresentVoltage must be a RationalNumber, got 400.0 (float)",
            id="a float is no RationalNumber",
        ),
        pytest.param(
            lambda: PowerDeliveryReq(header=HEADER, ev_processing=Processing.FINISHED, charge_progress="Start"),
            "PowerDeliveryReq.ChargeProgress must be a ChargeProgress, got 'Start' (str)",
            id="a wire spelling is no enum member",
        ),
        pytest.param(
            lambda: ServiceIDList(service_id=()),
            "ServiceIDList.ServiceID must be a tuple of 1 to 16, got () (tuple)",
            id="an empty list",
        ),
        pytest.param(
            lambda: ServiceIDList(service_id=(5, 70_000)),
            "ServiceIDList.ServiceID must be an integer from 0 to 65535, got 70000 (int)",
            id="a wrong entry in a list",
        ),
        pytest.param(
            lambda: SupportedAppProtocolReq(app_protocol=[least(AppProtocol)]),
            "supportedAppProtocolReq.AppProtocol must be a tuple of 1 to 20, got",
            id="a list is no tuple",
        ),
        pytest.param(
            lambda: Parameter(name="Connector", int_value=1, bool_value=True),
            f"Parameter.{VALUES} must be exactly one of these",
            id="two of a choice",
        ),
        pytest.param(
            lambda: Parameter(name="Connector"),
            f"Parameter.{VALUES} must be exactly one of these",
            id="none of a choice",
        ),
        pytest.param(Signature, "Header.Signature is not supported", id="a signature"),
        pytest.param(
            lambda: MeterInfo(meter_id="m", charged_energy_reading_wh=1.5),
            "MeterInfo.ChargedEnergyReadingWh must be an integer from 0 to 18446744073709551615, got 1.5 (float)",
            id="a float is no integer",
        ),
    ],
)
def test_a_wrong_value_is_refused_when_the_message_is_made(make, message):
    with pytest.raises(LocalProtocolError) as caught:
        make()
    assert str(caught.value).startswith(message)
    assert caught.value.response_code is ResponseCode.FAILED


def test_a_control_mode_of_another_message_is_refused_by_the_name_of_the_group():
    with pytest.raises(LocalProtocolError, match=r"AC_ChargeLoopReq\.CLReqControlMode must be a BPTDynamicACCLReq"):
        ACChargeLoopReq(header=HEADER, meter_info_requested=False, control_mode=least(DynamicDCCLReqControlMode))


def test_an_unknown_or_a_missing_keyword_is_an_error():
    with pytest.raises(TypeError, match="unexpected keyword"):
        Header(session_id=bytes(8), time_stamp=0, colour="red")
    with pytest.raises(TypeError, match="time_stamp"):
        Header(session_id=bytes(8))


def test_messages_are_compared_by_value_and_take_no_stray_attributes():
    assert Header(session_id=bytes(8), time_stamp=1) == Header(session_id=bytes(8), time_stamp=1)
    assert Header(session_id=bytes(8), time_stamp=1) != Header(session_id=bytes(8), time_stamp=2)
    with pytest.raises(AttributeError):
        HEADER.timestamp = 5


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("ev_maximum_charge_power_l2", "EVMaximumChargePower_L2"),
        ("evse_notification", "EVSENotification"),
        ("evccid", "EVCCID"),
        ("ev_minimum_v2x_energy_request", "EVMinimumV2XEnergyRequest"),
        ("bpt_discharged_energy_reading_wh", "BPT_DischargedEnergyReadingWh"),
        ("remaining_time_to_minimum_soc", "RemainingTimeToMinimumSOC"),
        ("supported_service_ids", "SupportedServiceIDs"),
        ("schedule_tuple_id", "ScheduleTupleID"),
    ],
)
def test_wire_names_are_derived_mechanically(field, name):
    assert wire_name(field) == name


def test_a_declaration_must_say_optional_twice_or_not_at_all():
    with pytest.raises(TypeError, match="optional element"):

        @declared("xx:BrokenType")
        class Broken(ComplexType):
            number: RationalNumber = element(default=None)


def test_the_progress_of_an_enum_is_its_wire_spelling():
    assert ChargeProgress.SCHEDULE_RENEGOTIATION.value == "ScheduleRenegotiation"
    assert ResponseCode("FAILED_UnknownSession") is ResponseCode.FAILED_UNKNOWN_SESSION


def test_a_maker_gives_what_the_keywords_give_and_refuses_what_they_refuse():
    make = maker(DCPreChargeReq, "header", "ev_target_voltage", "ev_processing", "ev_present_voltage")
    assert make(HEADER, 400.04, Processing.FINISHED, 12.5) == DCPreChargeReq(
        header=HEADER,
        ev_processing=Processing.FINISHED,
        ev_present_voltage=rational(12.5),
        ev_target_voltage=rational(400.04),
    )
    with pytest.raises(LocalProtocolError, match=r"DC_PreChargeReq\.EVProcessing must be a Processing, got True"):
        make(HEADER, 400.0, True, 12.5)
    with pytest.raises(LocalProtocolError, match="must be finite"):
        make(HEADER, float("nan"), Processing.FINISHED, 12.5)


def test_a_maker_leaves_out_what_is_optional_only():
    assert maker(DisplayParameters, "battery_energy_capacity", "present_soc")(None, 50) == DisplayParameters(
        present_soc=50
    )
    with pytest.raises(TypeError, match="Header cannot be made from time_stamp alone"):
        maker(Header, "time_stamp")
    with pytest.raises(TypeError, match="Parameter cannot be made"):
        maker(Parameter, "name", "int_value")
