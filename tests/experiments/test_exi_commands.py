"""`v2g-cosim exi`: JSON Lines through the codec, errors line by line, and one frame for a person."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from experiments import bench_exi
from experiments.cli import app

DATA = Path(__file__).parents[1] / "data" / "exi"
VECTORS = [json.loads(line) for line in (DATA / "vectors.jsonl").read_text(encoding="utf-8").splitlines()]


def command(*arguments: str, given: bytes = b"") -> Result:
    return CliRunner().invoke(app, ["exi", *arguments], input=given)


def as_lines(records: list[dict]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def test_all_vectors_go_through_both_commands():
    read = command("decode", given=as_lines([{key: v[key] for key in ("id", "schema", "exi")} for v in VECTORS]))
    assert read.exit_code == 0
    assert [json.loads(line) for line in read.stdout.splitlines()] == [
        {"id": v["id"], "content": v["content"]} for v in VECTORS
    ]
    written = command("encode", given=as_lines([{key: v[key] for key in ("id", "schema", "content")} for v in VECTORS]))
    assert written.exit_code == 0
    assert [json.loads(line) for line in written.stdout.splitlines()] == [
        {"id": v["id"], "exi": v["exi"]} for v in VECTORS
    ]


def test_a_line_that_fails_leaves_the_others_alone():
    good = {"id": "good", "schema": "DC", "exi": bench_exi.DOCUMENT.hex().upper()}
    given = [
        b"no json\n",
        b"[1]\n",
        b"\xff\n",
        b"\n",
        as_lines([{"id": 7, "schema": "DC", "exi": good["exi"][:-2]}]),
        as_lines([{"id": 8, "schema": "Dc", "exi": good["exi"]}]),
        as_lines([{"id": 9, "exi": "8"}]),
        as_lines([{"schema": "DC"}]),
        as_lines([good]),
    ]
    result = command("decode", given=b"".join(given))
    assert result.exit_code == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line.get("id", line.get("line")) for line in lines] == [1, 2, 3, 7, 8, 9, 8, "good"]
    assert lines[0]["error"].startswith("not a line of JSON: Expecting value")
    assert lines[1]["error"] == "a line must be a JSON object, got list"
    assert "BPT_Dynamic_DC_CLReqControlMode.EVMaximumDischargeCurrent" in lines[3]["error"]
    assert lines[4]["error"] == "schema must be one of SAP, CommonMessages, AC, DC, got 'Dc'"
    assert lines[5]["error"].startswith("exi must be hex digits")
    assert lines[6] == {"line": 8, "error": "exi is missing; the line has schema"}
    assert lines[7]["content"]["DC_ChargeLoopReq"]["EVPresentVoltage"] == {"Exponent": 0, "Value": 400}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            {"ServiceSelectonReq": {}},
            "CommonMessages has no message 'ServiceSelectonReq'; did you mean ServiceSelectionReq?",
        ),
        ({"SessionSetupReq": {}}, "SessionSetupReq must hold Header, found nothing"),
        ({"SessionSetupReq": 5}, "SessionSetupReq must be an object, got int"),
        ([], 'content must be an object of one message, {"MessageName": {...}}'),
        (
            {"SessionStopReq": {"Header": {"SessionID": "00", "TimeStamp": 0}, "ChargingSession": "Terminate"}},
            "SessionStopReq.Header: MessageHeader.SessionID must be 8 bytes, got b'\\x00' (bytes)",
        ),
        (
            {"SessionStopReq": {"Header": {"SessionID": "xy", "TimeStamp": 0}, "ChargingSession": "Terminate"}},
            "SessionStopReq.Header.SessionID must be hex text, got 'xy' (Non-hexadecimal digit found)",
        ),
        (
            {"SessionStopReq": {"Header": {"SessionID": "00" * 8, "TimeStamp": 0}, "ChargingSession": "Terminat"}},
            "SessionStopReq.ChargingSession must be one of its 3 values, got 'Terminat'; did you mean Terminate?",
        ),
        (
            {"AuthorizationSetupReq": {"Header": {"SessionID": "00" * 8, "TimeStamp": 0, "Colour": "red"}}},
            "AuthorizationSetupReq.Header has no element 'Colour'",
        ),
    ],
)
def test_content_that_cannot_be_written_is_refused_by_element(content, says):
    result = command("encode", given=as_lines([{"id": 1, "schema": "CommonMessages", "content": content}]))
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"id": 1, "error": says}


def test_a_frame_is_shown_to_a_person():
    frame = "01 fe 80 04 00 00 00 3b " + bench_exi.DOCUMENT.hex(" ")
    result = command("decode", "--hex", frame)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "payload type 0x8004 (DC), 59 bytes after the header of 8"
    assert lines[1:4] == ["DC_ChargeLoopReq", "  Header", "    SessionID: 0123456789ABCDEF"]
    assert "    EVMinimumEnergyRequest: -5000  (-5 x 10^3)" in lines
    document = json.loads(command("decode", "--json", "--hex", frame).stdout)
    assert document["payload_type"] == "0x8004"
    assert document["content"]["DC_ChargeLoopReq"]["Header"]["TimeStamp"] == 1_732_252_800


def test_an_sdp_frame_is_shown_too():
    result = command("decode", "--hex", "01fe900100000014" + "fe80" + "00" * 13 + "01" + "f19b" + "1000")
    assert result.exit_code == 0
    assert "  port: 61851" in result.stdout.splitlines()


@pytest.mark.parametrize(
    ("frame", "code", "says"),
    [
        ("zz", 2, "--hex must be hex digits"),
        ("8034", 1, "an EXI document without its frame"),
        ("01fe80040000003b80", 1, "one whole frame: it is cut short"),
        ("01fe80040000000180", 1, "document, bit 8: the document ends"),
        ("01fe8006000000028034", 1, "payload type 0x8006 (WPT) is no message read here"),
    ],
)
def test_a_frame_that_cannot_be_read_is_refused_in_one_line(frame, code, says):
    result = command("decode", "--hex", frame)
    assert result.exit_code == code
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_generated_codec_is_faster_than_the_interpreted_one():
    seen, new, interpreted = bench_exi.bench()
    assert max(seen.encode_us, new.encode_us) < interpreted.encode_us
    assert max(seen.decode_us, new.decode_us) < interpreted.decode_us
