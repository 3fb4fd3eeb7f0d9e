"""The capture, read back by dpkt: addresses, streams, time stamps and checksums."""

import datetime
import io

import dpkt
import pytest

from experiments import simulate
from experiments.digest import digests
from experiments.pcap import SECC_PORT, Capture
from experiments.screen import outcome
from protocol.iso20.common import Header, SessionSetupReq
from protocol.sdp import SDPRequest, SDPResponse, read_sdp
from protocol.v2gtp import Unframer, frame_message, read_message

EPOCH_S = 1_767_225_600  # 2026-01-01T00:00:00Z
MESSAGE = SessionSetupReq(header=Header(session_id=bytes(8), time_stamp=EPOCH_S), evccid="EV007")


def ones_complement_sum(data: bytes) -> int:
    """As RFC 1071 says it: 16-bit words, carries added back."""
    total = 0
    for high, low in zip(data[::2], (data + b"\0")[1::2], strict=False):
        total += high << 8 | low
        total = (total & 0xFFFF) + (total >> 16)
    return total


def read_back(file: io.BytesIO) -> list[tuple[float, dpkt.ip6.IP6]]:
    """Time and IPv6 packet of each record; every checksum is looked at."""
    file.seek(0)
    packets = []
    for stamp, raw in dpkt.pcapng.Reader(file):
        ethernet = dpkt.ethernet.Ethernet(raw)
        packet = ethernet.data
        assert isinstance(packet, dpkt.ip6.IP6)
        body = raw[14 + 40 :]
        assert packet.plen == len(body)
        pseudo = packet.src + packet.dst + len(body).to_bytes(4, "big") + packet.nxt.to_bytes(4, "big")
        assert ones_complement_sum(pseudo + body) == 0xFFFF
        packets.append((stamp, packet))
    return packets


def conversation(frames: list[tuple[int, int, bool, bytes]]) -> io.BytesIO:
    """A capture of frames, and the end of all sessions one second after the last."""
    file = io.BytesIO()
    capture = Capture(file, EPOCH_S * 1_000_000_000)
    for now_ns, ev_id, to_ev, data in frames:
        capture.send(now_ns, ev_id, to_ev, data)
    for ev_id in {frame[1] for frame in frames}:
        capture.close(frames[-1][0] + 1_000_000_000, ev_id)
    return file


def test_each_session_is_one_stream_that_gives_its_frames_back():
    frame = frame_message(MESSAGE)
    sent = [(1_500_000_000 + 10 * k, ev, k % 2 == 1, frame) for k in range(6) for ev in (7, 70_000)]
    packets = read_back(conversation(sent))
    streams: dict[tuple, bytes] = {}
    for _, packet in packets:
        if isinstance(packet.data, dpkt.tcp.TCP):
            key = (packet.src, packet.data.sport, packet.dst, packet.data.dport)
            streams[key] = streams.get(key, b"") + packet.data.data
    assert len(streams) == 4  # two sessions, two directions
    assert {key[1] == SECC_PORT or key[3] == SECC_PORT for key in streams} == {True}
    for data in streams.values():
        received = Unframer().feed(data)
        assert [read_message(each) for each in received] == [MESSAGE] * 3


def test_time_stamps_are_those_of_the_simulation():
    packets = read_back(conversation([(1_500_000_123, 7, False, b"x")]))
    assert {round(float(stamp) - EPOCH_S, 6) for stamp, _ in packets} == {1.5, 2.5}


def test_sequence_numbers_run_on_from_syn_to_fin_over_long_frames():
    sent = [(0, 7, False, bytes(3_000)), (1, 7, True, bytes(10)), (2, 7, False, bytes(1_440))]
    expected: dict[bytes, int] = {}
    flags = []
    for _, packet in read_back(conversation(sent)):
        tcp = packet.data
        if not isinstance(tcp, dpkt.tcp.TCP):
            continue
        assert len(tcp.data) <= 1_440
        assert expected.get(packet.src, tcp.seq) == tcp.seq
        if tcp.flags & dpkt.tcp.TH_ACK:
            assert tcp.ack == expected[packet.dst]
        both = dpkt.tcp.TH_SYN | dpkt.tcp.TH_FIN
        expected[packet.src] = tcp.seq + len(tcp.data) + bool(tcp.flags & both)
        flags.append(tcp.flags)
    syn, fin, push, ack = dpkt.tcp.TH_SYN, dpkt.tcp.TH_FIN, dpkt.tcp.TH_PUSH, dpkt.tcp.TH_ACK
    data = [ack, ack, ack | push, ack | push, ack | push]
    assert flags == [syn, syn | ack, ack, *data, fin | ack, fin | ack, ack]


def test_sdp_leads_to_the_stream():
    packets = [packet for _, packet in read_back(conversation([(0, 7, False, b"x")]))]
    request, response = (packet for packet in packets if isinstance(packet.data, dpkt.udp.UDP))
    assert request.dst.hex() == "ff02" + "00" * 13 + "01"
    assert request.data.dport == 15118
    assert read_sdp(request.data.data) == SDPRequest()
    assert read_sdp(response.data.data) == SDPResponse("fe80::5e:7", SECC_PORT)
    assert response.src.hex() == "fe80" + "00" * 11 + "5e0007"
    assert response.dst.hex() == "fe80" + "00" * 11 + "e50007"


@pytest.mark.parametrize("size", [0, 1, 2, 1_439, 1_440, 1_441])
def test_packets_of_all_sizes_are_whole(size):
    packets = read_back(conversation([(0, 1, True, bytes(size))]))
    assert sum(len(packet.data.data) for _, packet in packets if isinstance(packet.data, dpkt.tcp.TCP)) == size


def test_a_run_writes_one_stream_per_session_that_says_what_its_tables_say(tmp_path, small):
    settings = {**small, "record": {"messages": "all"}}
    run = simulate("quickstart", out=tmp_path / "bytes", report=False, pcap=True, **settings)
    assert run.config["link"]["encoding"] == "bytes"
    packets = read_back(io.BytesIO((run.path / "capture.pcapng").read_bytes()))
    opened = {packet.src for _, packet in packets if isinstance(packet.data, dpkt.tcp.TCP) and packet.data.flags == 2}
    assert len(opened) == 4  # cars
    start_s = dpkt_seconds(run.config["start_utc"])
    seen = []
    for stamp, packet in packets:
        if isinstance(packet.data, dpkt.tcp.TCP) and packet.data.data:
            (received,) = Unframer().feed(packet.data.data)
            direction = "EVSE->EV" if packet.data.sport == SECC_PORT else "EV->EVSE"
            number = int.from_bytes((packet.dst if direction == "EVSE->EV" else packet.src)[14:], "big")
            seen.append((float(stamp) - start_s, number, direction, read_message(received).wire_name))
    table = run.table("messages", columns=["t_ns", "ev_id", "direction", "message"])
    said = [
        (t_ns * 1e-9, ev_id, str(direction), str(message))
        for t_ns, ev_id, direction, message in table[["t_ns", "ev_id", "direction", "message"]].itertuples(index=False)
    ]
    seen, said = (sorted(each, key=lambda row: (row[1], row[0])) for each in (seen, said))
    assert [row[1:] for row in seen] == [row[1:] for row in said]
    assert [row[0] for row in seen] == pytest.approx([row[0] for row in said], abs=1e-6)
    assert any("message: every message is recorded" in line for line in outcome(run))
    objects = simulate("quickstart", out=tmp_path / "objects", report=False, **settings)
    with_bytes = digests(run)
    assert with_bytes.pop("wire")
    assert digests(objects) == with_bytes
    assert "wire" in run.kpis
    assert "wire" not in objects.kpis
    assert not (objects.path / "tables" / "wire").exists()
    assert len(objects.table("wire")) == 0


def dpkt_seconds(start_utc: str) -> float:
    """Calendar time as Unix seconds."""
    return datetime.datetime.fromisoformat(start_utc).timestamp()
