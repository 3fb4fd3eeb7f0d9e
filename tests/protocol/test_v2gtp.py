"""Frames and SDP: headers byte for byte, partial and concatenated reads, refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.exi.errors import EXIError
from protocol.iso20.codes import ServiceID
from protocol.iso20.common import Header, SessionSetupReq
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.sequence import State
from protocol.sdp import SDPRequest, SDPResponse, Security, read_sdp
from protocol.v2gtp import Frame, PayloadType, Unframer, V2GTPError, frame, frame_message, read_message

SETUP = SessionSetupReq(header=Header(session_id=bytes(8), time_stamp=1_732_252_800), evccid="WMIV1")


def test_a_frame_has_version_type_and_length_before_its_payload():
    assert frame(0x8004, b"\x80\x34\x04").hex() == "01fe8004" + "00000003" + "803404"


@given(st.data())
def test_frames_come_out_whole_however_the_bytes_are_cut(data):
    payloads = data.draw(st.lists(st.tuples(st.sampled_from(PayloadType), st.binary(max_size=20)), max_size=5))
    stream = b"".join(frame(kind, payload) for kind, payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    unframer, found = Unframer(), []
    for first, last in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += unframer.feed(stream[first:last])
    assert found == [Frame(kind, payload) for kind, payload in payloads]
    assert unframer.waiting == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param("02", "begins with 01fe, found 02", id="version, at its first byte"),
        pytest.param("01ff", "begins with 01fe, found 01ff", id="inverse version"),
        pytest.param("01fe800700000001", "payload type 0x8007 is not known", id="payload type"),
        pytest.param("01fe800400010001", "65537 bytes is announced, at most 65536", id="too long"),
    ],
)
def test_a_wrong_header_is_refused_before_its_payload_comes(data, says):
    with pytest.raises(V2GTPError, match=says):
        Unframer().feed(bytes.fromhex(data))


def test_frames_before_a_wrong_header_are_given_first():
    unframer = Unframer()
    assert unframer.feed(frame(0x8001, b"\x80") + b"oops") == [Frame(PayloadType.SUPPORTED_APP_PROTOCOL, b"\x80")]
    with pytest.raises(V2GTPError, match="found 6f6f"):
        unframer.feed(b"")


def test_a_message_comes_back_from_its_frame():
    data = frame_message(SETUP)
    assert data[:4].hex() == "01fe8002"
    (received,) = Unframer().feed(data)
    assert read_message(received) == SETUP


def test_side_streams_carry_common_messages():
    payload = frame_message(SETUP)[8:]
    assert read_message(Frame(PayloadType.METERING_CONFIRMATION, payload)) == SETUP
    with pytest.raises(V2GTPError, match="WPT"):
        read_message(Frame(PayloadType.WPT, payload))
    with pytest.raises(EXIError, match="root code"):
        read_message(Frame(PayloadType.AC, payload))


@pytest.mark.parametrize("service", [ServiceID.DC_BPT, ServiceID.AC_BPT, ServiceID.DC, ServiceID.AC])
def test_a_whole_session_survives_the_wire(pair, service):
    joined = pair(service).until(State.CHARGE_LOOP)
    for _ in range(3):
        joined.exchange(meter_info=True)
    assert len(joined.log) > 10
    for exchange in joined.log:
        for message in (exchange.request, exchange.response):
            (received,) = Unframer().feed(frame_message(message))
            assert read_message(received) == message


def test_sdp_messages_byte_for_byte():
    assert SDPRequest(Security.TLS).data().hex() == "01fe9000" + "00000002" + "0000"
    response = SDPResponse("fe80::1%eth0", 61_851)
    assert response.data().hex() == "01fe9001" + "00000014" + "fe80" + "00" * 13 + "01" + "f19b" + "1000"
    assert read_sdp(SDPRequest().data()) == SDPRequest()
    assert read_sdp(response.data()) == SDPResponse("fe80::1", 61_851)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param("01fe9000000000021000ff", "one frame", id="trailing byte"),
        pytest.param("01fe900000000002", "one frame, found 0", id="cut"),
        pytest.param("01fe9000000000012f", "SDP_REQUEST must have 2 bytes, found 1", id="size"),
        pytest.param("01fe9000000000022000", "SDP_REQUEST: 32 is not a valid Security", id="security"),
        pytest.param("01fe8001000000021000", "SUPPORTED_APP_PROTOCOL", id="another type"),
        pytest.param("01fe900100000014" + "00" * 18 + "1000", "port 0", id="port"),
    ],
)
def test_a_datagram_that_is_no_sdp_is_refused(data, says):
    with pytest.raises(V2GTPError, match=says):
        read_sdp(bytes.fromhex(data))


def test_an_sdp_response_needs_an_ipv6_address_and_a_port():
    with pytest.raises(LocalProtocolError, match="IPv6"):
        SDPResponse("127.0.0.1", 61_851).data()
    with pytest.raises(LocalProtocolError, match="from 1 to 65535, got 70000"):
        SDPResponse("::1", 70_000).data()
