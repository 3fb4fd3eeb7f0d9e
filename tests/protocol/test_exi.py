"""The codec against bytes of others: 709 messages both ways, the odd, the broken and the signed ones."""

import json
import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.exi import interpreted
from protocol.exi.codec import decode, encode
from protocol.exi.content import from_content, to_content
from protocol.exi.errors import EXIError
from protocol.exi.schemas import PAYLOAD_TYPES, SCHEMAS
from protocol.iso20.common import Header, SessionSetupReq
from protocol.iso20.errors import LocalProtocolError

DATA = Path(__file__).parents[1] / "data"


def lines(name):
    return [json.loads(line) for line in (DATA / "exi" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


VECTORS = lines("vectors")
FACTS = json.loads((DATA / "iso20" / "schema_facts.json").read_text(encoding="utf-8"))
CODECS = pytest.mark.parametrize(
    ("write", "read"),
    [
        pytest.param(encode, decode, id="generated"),
        pytest.param(interpreted.encode, interpreted.decode, id="interpreted"),
    ],
)
LOOP_REQUEST = bytes.fromhex(
    "8034040091a2b3c4d5e6f7880a980ba062810012006048301e04181e020c41010601608000004001002003080c"
    "1001580408300b04000002000808"
)  # the worked example of the notes: BPT_Dynamic, no optional element


@pytest.mark.parametrize("name", SCHEMAS)
def test_root_codes_are_those_of_the_schema(name):
    facts = FACTS["schemas"][name]
    assert [root["name"] for root in facts["roots"]] == list(SCHEMAS[name].roots)
    assert [root["code"] for root in facts["roots"]] == list(range(len(SCHEMAS[name].roots)))
    assert SCHEMAS[name].width == facts["root_bits"]
    assert SCHEMAS[name].namespace == facts["namespace"]
    assert PAYLOAD_TYPES[int(facts["payload_type"], 16)] is SCHEMAS[name]


@CODECS
def test_every_vector_is_written_byte_for_byte(write, read):
    assert len(VECTORS) == 709
    for vector in VECTORS:
        message = from_content(SCHEMAS[vector["schema"]], vector["content"])
        assert write(message).hex() == vector["exi"], vector["id"]


@CODECS
def test_every_vector_is_read_to_the_value(write, read):
    for vector in VECTORS:
        message = read(bytes.fromhex(vector["exi"]), SCHEMAS[vector["schema"]])
        assert to_content(message) == vector["content"], vector["id"]


def test_the_vectors_cover_every_message():
    named = {next(iter(vector["content"])) for vector in VECTORS}
    assert named == {name for schema in SCHEMAS.values() for name in schema.messages}
    assert len(named) == 40


def test_the_generated_reader_never_asks_the_interpreted_one_for_a_good_document(monkeypatch):
    monkeypatch.setattr(interpreted, "decode", None)
    for vector in VECTORS:
        decode(bytes.fromhex(vector["exi"]), SCHEMAS[vector["schema"]])


@CODECS
@pytest.mark.parametrize("oddity", lines("oddities"), ids=lambda line: line["id"])
def test_oddities_are_read_or_refused_as_their_notes_say(oddity, write, read):
    schema = SCHEMAS[oddity["schema"]]
    ordinary = bytes.fromhex(oddity["exi_alt"])
    assert write(from_content(schema, oddity["content"])) == ordinary
    assert to_content(read(ordinary, schema)) == oddity["content"]
    odd = bytes.fromhex(oddity["exi"])
    if "str_0" in oddity["id"]:  # an empty text without characters: a reader should know both forms
        assert to_content(read(odd, schema)) == oddity["content"]
    else:  # a full list that ends like one which is not full, as in an older draft of the schema
        with pytest.raises(EXIError, match="event code 1 is the escape"):
            read(odd, schema)


@CODECS
@pytest.mark.parametrize("bad", lines("malformed"), ids=lambda line: f"{line['id']} {line['class']}")
def test_malformed_documents_are_refused(bad, write, read):
    with pytest.raises(EXIError) as caught:
        read(bytes.fromhex(bad["exi"]), SCHEMAS[bad["schema"]])
    assert 0 <= caught.value.bit <= 4 * len(bad["exi"])


@CODECS
@pytest.mark.parametrize("signed", lines("signed"), ids=lambda line: line["id"])
def test_a_signed_header_is_refused_by_name(signed, write, read):
    with pytest.raises(EXIError, match=r"\.Header\.Signature, bit 135: signed headers are not supported"):
        read(bytes.fromhex(signed["exi"]), SCHEMAS[signed["schema"]])
    with pytest.raises(LocalProtocolError, match=r"\.Header\.Signature is not supported"):
        from_content(SCHEMAS[signed["schema"]], signed["content"])


def change(data: bytes, first: int, width: int, value: int) -> bytes:
    """`data` with `width` bits from bit `first` replaced."""
    shift = 8 * len(data) - first - width
    mask = (1 << width) - 1 << shift
    return (int.from_bytes(data, "big") & ~mask | value << shift).to_bytes(len(data), "big")


@CODECS
@pytest.mark.parametrize(
    ("first", "width", "value", "path", "bit", "says"),
    [
        (0, 8, 0x24, "", 0, "must be 0x80, found 0x24"),
        (8, 6, 63, "", 8, "root code 63 of DC is none of the 48 root elements"),
        (8, 6, 6, "", 8, "root code 6 of DC is CLReqControlMode, which is no message"),
        (14, 1, 1, "DC_ChargeLoopReq", 14, "event code 1 is the escape to undeclared content; expected Header"),
        (16, 1, 1, "DC_ChargeLoopReq.Header.SessionID", 16, "the escape to undeclared content stands where a value"),
        (17, 8, 7, "DC_ChargeLoopReq.Header.SessionID", 17, "7 bytes, expected 8"),
        (132, 1, 1, "DC_ChargeLoopReq.Header.TimeStamp", 132, "stands where the element ends"),
        (133, 2, 3, "DC_ChargeLoopReq.Header", 133, "event code 3 is out of range; expected Signature, the end"),
        (135, 2, 3, "DC_ChargeLoopReq", 135, "out of range; expected DisplayParameters, MeterInfoRequested"),
        (173, 3, 2, "DC_ChargeLoopReq", 173, "is CLReqControlMode, which is abstract and never occurs"),
        (173, 3, 5, "DC_ChargeLoopReq", 173, "event code 5 is the escape"),
        (471, 1, 1, "DC_ChargeLoopReq", 471, "padding behind the message must be zero"),
    ],
)
def test_an_error_names_the_element_and_the_bit(write, read, first, width, value, path, bit, says):
    with pytest.raises(EXIError) as caught:
        read(change(LOOP_REQUEST, first, width, value), SCHEMAS["DC"])
    assert (caught.value.path, caught.value.bit) == (path, bit)
    assert says in caught.value.detail
    assert str(caught.value).startswith(f"{path or 'document'}, bit {bit}: ")


@CODECS
def test_every_shortened_and_every_lengthened_document_is_refused(write, read):
    for size in range(len(LOOP_REQUEST)):
        with pytest.raises(EXIError):
            read(LOOP_REQUEST[:size], SCHEMAS["DC"])
    with pytest.raises(EXIError, match="1 more bytes follow the end of the message"):
        read(LOOP_REQUEST + b"\0", SCHEMAS["DC"])


def test_what_is_no_message_cannot_be_written():
    with pytest.raises(LocalProtocolError, match="Header is no message"):
        encode(Header(session_id=bytes(8), time_stamp=0))


@CODECS
def test_half_a_character_is_refused_both_ways(write, read):
    header = Header(session_id=bytes(8), time_stamp=0)
    with pytest.raises(LocalProtocolError, match=r"half a character, U\+D800"):
        write(SessionSetupReq(header=header, evccid="\ud800"))
    whole = write(SessionSetupReq(header=header, evccid="\ue000"))  # three groups of 7 bits: 0x80 0xC0 0x03
    bits = int.from_bytes(whole, "big")
    at = next(i for i in range(24) if bits >> i & 0xFFFFFF == 0x80C003)
    half = (bits - (0x80C003 << at) + (0x80B003 << at)).to_bytes(len(whole), "big")
    with pytest.raises(EXIError, match=r"U\+D800 is half a character"):
        read(half, SCHEMAS["CommonMessages"])


# --- fuzz -------------------------------------------------------------------------------------------------------------

BYTES_OF = {name: [bytes.fromhex(v["exi"]) for v in VECTORS if v["schema"] == name] for name in SCHEMAS}


def check(data: bytes, name: str) -> bool:
    """Reading gives an EXIError, or a value that both codecs agree on and that is written to the same bytes."""
    schema = SCHEMAS[name]
    try:
        message = decode(data, schema)
    except EXIError:
        return False
    assert message == interpreted.decode(data, schema)
    again = encode(message)
    assert again == interpreted.encode(message)
    if again != data:  # the one form that is read and not written: an empty text without characters
        assert ':""' in json.dumps(to_content(message), separators=(",", ":"))
        assert decode(again, schema) == message
    return True


def mutate(data: bytes, other: bytes, draw: random.Random) -> bytes:
    """One small damage: bits, bytes, ends, or the tail of another document."""
    kind = draw.randrange(6)
    if kind == 0:
        return change(data, draw.randrange(8 * len(data)), 1, draw.randrange(2))
    if kind == 1:
        width = draw.randrange(1, min(17, 8 * len(data)))
        return change(data, draw.randrange(8 * len(data) - width), width, draw.getrandbits(width))
    at = draw.randrange(len(data))
    if kind == 2:
        return data[:at]
    if kind == 3:
        return data[:at] + draw.randbytes(draw.randrange(1, 5)) + data[at:]
    if kind == 4:
        return data[:at] + data[at + draw.randrange(1, 4) :]
    return data[:at] + other[at:]


def test_damaged_documents_give_an_error_or_a_value_of_the_same_bytes():
    count = int(os.environ.get("EXI_FUZZ_INPUTS", "4000"))
    draw = random.Random(20221122)
    pool = {name: [data for data in known if len(data) < 400] for name, known in BYTES_OF.items()}
    names, values = list(pool), 0
    for _ in range(count):
        name = draw.choice(names)
        data = draw.choice(pool[name])
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            data = mutate(data, draw.choice(pool[name]), draw) or b"\x80"
        values += check(data, name)
    assert 0.1 * count < values < 0.9 * count  # both outcomes were seen often


@settings(max_examples=int(os.environ.get("EXI_FUZZ_INPUTS", "4000")) // 10)
@given(st.sampled_from(list(SCHEMAS)), st.binary(max_size=60), st.booleans())
def test_random_bytes_give_an_error_or_a_value_of_the_same_bytes(name, data, with_header):
    check((b"\x80" if with_header else b"") + data, name)
