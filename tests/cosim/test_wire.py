"""Messages as bytes: the same run as with objects, over every kind of message, and what went over the line."""

import numpy as np
import pytest

from protocol.exi.codec import encode
from protocol.iso20.sequence import RESPONSES
from protocol.v2gtp import Unframer, read_message


def six_kilowatts(view):
    return 6_000.0 if view.time_s < 25.0 else -4_500.0


BYTES = {"link": {"encoding": "bytes", "jitter_s": 0.015}}
OBJECTS = {"link": {"jitter_s": 0.015}}
# Runs that together say everything a session can say.
RUNS = [
    pytest.param({"service": "AC"}, id="AC"),
    pytest.param({"service": "AC_BPT", "ev": {"per_phase": True}}, id="AC_BPT by phase"),
    pytest.param({"service": "DC", "ev": {"discharge_limits": "negative"}}, id="DC"),
    pytest.param({"service": "DC_BPT", "evse": {"dc_regulation": "periodic"}}, id="DC_BPT periodic"),
    pytest.param({"service": "AC_BPT", "ev": {"control_mode": "scheduled"}}, id="AC_BPT Scheduled"),
    pytest.param({"service": "DC_BPT", "ev": {"control_mode": "scheduled"}}, id="DC_BPT Scheduled"),
    pytest.param({"service": "DC_BPT", "ev": {"mobility_needs": "station"}}, id="needs by the station"),
    pytest.param(
        {"service": "AC_BPT", "station": [{"t_s": 12.0, "ask": "metering_confirmation"}]}, id="metering confirmation"
    ),
    pytest.param(
        {"service": "DC_BPT", "station": [{"t_s": 12.0, "ask": "pause"}], "ev": {"wake_after_s": 6.0}}, id="pause"
    ),
    pytest.param(
        {"service": "AC_BPT", "driver": [{"t_s": 12.0, "ev_id": 0, "departure_s": 22.0}],
         "secc": {"renegotiate_if_s": 2.0}},
        id="schedule renegotiation",
    ),
]  # fmt: skip


def both(play, given):
    """The same run with objects and with bytes."""
    return [play(policy=six_kilowatts, duration_s=40.0, **{**link, **given}) for link in (OBJECTS, BYTES)]


@pytest.mark.parametrize("given", RUNS)
def test_bytes_give_the_same_tables_as_objects(play, given):
    objects, wire = both(play, given)
    assert objects.broken() == wire.broken() == {}
    assert set(wire.tables) - set(objects.tables) == {"wire"}
    for name, columns in objects.tables.items():
        for column, values in columns.items():
            found = wire.tables[name][column]
            assert values.dtype == found.dtype
            if values.dtype == object:
                assert values.tolist() == found.tolist(), f"{name}.{column}"
            else:
                assert values.tobytes() == found.tobytes(), f"{name}.{column}"
    figures = wire.outcome.kpis
    assert {key: figures[key] for key in objects.outcome.kpis} == objects.outcome.kpis
    assert set(figures) - set(objects.outcome.kpis) == {"wire"}


def test_the_runs_above_say_every_message_of_a_session(play):
    said = set()
    for parameters in RUNS:
        run = play(policy=six_kilowatts, duration_s=40.0, **{**OBJECTS, **parameters.values[0]})
        said |= {type(sent.message) for sent in run.messages}
    assert said >= {cls for pairing in RESPONSES.items() for cls in pairing}


class Listener:
    """Keeps every frame, and who closed when."""

    def __init__(self):
        self.frames, self.closed = [], []

    def send(self, now_ns, ev_id, to_ev, data):
        self.frames.append((now_ns, ev_id, to_ev, data))

    def close(self, now_ns, ev_id):
        self.closed.append((now_ns, ev_id))


def test_the_table_and_the_figures_count_the_frames(play):
    run = play(policy=six_kilowatts, service="DC_BPT", **BYTES)
    sizes = {}
    for sent in run.messages:
        sizes.setdefault(sent.message.wire_name, []).append(8 + len(encode(sent.message)))
    table = run.tables["wire"]
    rows = zip(
        table["message"], table["frames"], table["bytes"], table["shortest_bytes"], table["longest_bytes"], strict=True
    )
    assert {name: (frames, total, low, high) for name, frames, total, low, high in rows} == {
        name: (len(of), sum(of), min(of), max(of)) for name, of in sizes.items()
    }
    total = sum(map(sum, sizes.values()))
    figures = run.outcome.kpis["wire"]
    assert figures["bytes"] == figures["bytes_per_session"] == total == np.sum(table["bytes"])
    loop = sum(sizes["DC_ChargeLoopReq"]) + sum(sizes["DC_ChargeLoopRes"])
    assert figures["bytes_per_loop"] == loop / len(sizes["DC_ChargeLoopReq"])
    assert 100.0 < figures["bytes_per_loop"] < 200.0
    assert figures["bytes_per_message"]["SessionStopReq"] == sizes["SessionStopReq"][0]


def test_a_tap_gets_every_frame_at_the_instant_it_leaves(prepare):
    run = prepare(policy=six_kilowatts, service="AC_BPT", duration_s=40.0, **BYTES)
    tap = run.world.stage.wire._tap = Listener()
    run.finish()
    assert [now_ns for now_ns, *_ in tap.frames] == [sent.t_ns for sent in run.messages]
    for (_, _, to_ev, data), sent in zip(tap.frames, run.messages, strict=True):
        (received,) = Unframer().feed(data)
        assert read_message(received) == sent.message
        assert to_ev == sent.message.wire_name.endswith("Res")
    unplugged_ns = int(run.tables["sessions"]["unplug_ns"][0])
    assert tap.closed == [(run.messages[0].t_ns, 0), (unplugged_ns, 0)]  # before the first message, and at the end


def rows(table):
    """All rows in one order, each value as text that keeps every bit."""
    return sorted(zip(*([repr(value) for value in column.tolist()] for column in table.values()), strict=True))


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_objects_bytes_and_the_fleet_lane_give_the_same_tables(prepare, service):
    given = {
        "service": service,
        "policy": "droop",
        "duration_s": 40.0,
        "record": {"messages": "session", "trace_evs": []},
        "fleet": {"n_ev": 3},
        "measurement": {"noise_hz": 0.02},
    }
    message = prepare(lane="message", **OBJECTS, **given).finish()
    wire = prepare(lane="fleet", **BYTES, **given).finish()
    fleet = prepare(lane="fleet", **OBJECTS, **given).finish()
    assert (wire.outcome.lane, wire.outcome.lane_note) == ("message", "messages travel as bytes")
    assert fleet.outcome.lane == "fleet"
    assert fleet.outcome.lane_exchanges > 0
    sizes = wire.tables.pop("wire")
    assert len(sizes["t_ns"]) > 0
    figures = dict(wire.outcome.kpis)
    assert figures.pop("wire")["bytes"] == sizes["bytes"].sum()
    assert figures == message.outcome.kpis == fleet.outcome.kpis
    assert set(wire.tables) == set(message.tables) == set(fleet.tables)
    for name, table in message.tables.items():
        assert rows(table) == rows(wire.tables[name]) == rows(fleet.tables[name]), name


def test_bytes_say_why_the_fleet_lane_is_not_taken(prepare):
    assert prepare(lane="auto", record={"messages": "session"}, **BYTES).world.lane_note == "messages travel as bytes"
