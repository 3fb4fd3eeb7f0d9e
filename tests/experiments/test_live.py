"""Our endpoints over a real connection on this machine: whole sessions, a cut connection, SDP."""

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.errors import UserError
from experiments.live import discovery
from experiments.live.connection import Connection
from experiments.live.endpoints import Server, connect, load_live
from experiments.live.tolerances import Tolerances, tolerances
from protocol.sdp import SDPResponse

ROOT = Path(__file__).parents[2]
# What takes seconds in a real station takes a tenth of one here, so that a test does not.
QUICK = [
    "evse.authorization_s=0.1",
    "evse.cable_check_s=0.1",
    "evse.precharge_v_per_s=4000.0",
    "evse.contactor_close_s=0.1",
    "evse.contactor_open_s=0.05",
    "evse.voltage_collapse_s=0.1",
    "ev.repeat_s=0.05",
    "ev.answer_s=0.005",
    "secc.loop_sequence_timeout_s=5.0",  # this machine may be busy
]
PATIENT = tolerances(["slow-peer"])


async def session(service: str, stay_s: float, cut_after_s: float = 0.0) -> tuple[dict, dict, list[str]]:
    """Both ends in one process; the summaries of vehicle and station, and the vehicle's trace."""
    scenario, inputs = load_live("quickstart", [*QUICK, "grid.events=[{t_s=0.5,power_mw=-100}]"], service, stay_s)
    station = Server(scenario, inputs, PATIENT, lambda _: None)
    listener = await station.listen("127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    lines: list[str] = []
    if cut_after_s:
        port = await _relay_that_breaks(port, cut_after_s)
    vehicle = await connect("127.0.0.1", port, scenario, inputs, PATIENT, lines.append)
    served = await asyncio.wait_for(station.summaries.get(), 20.0)
    station.close()
    listener.close()
    return vehicle, served, lines


async def _relay_that_breaks(port: int, after_s: float) -> int:
    """A port that leads to another one until the line is cut."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        pumps = [asyncio.create_task(pump(reader, far_writer)), asyncio.create_task(pump(far_reader, writer))]
        await asyncio.sleep(after_s)
        for task in pumps:
            task.cancel()
        for end in (writer, far_writer):
            end.transport.abort()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    return int(server.sockets[0].getsockname()[1])


@pytest.mark.parametrize("service", ["DC_BPT", "AC_BPT"])
def test_a_vehicle_and_a_station_go_from_start_to_session_stop(service):
    vehicle, station, lines = asyncio.run(session(service, 3.0))
    assert (vehicle["orderly"], station["orderly"]) == (True, True), (vehicle, station)
    assert vehicle["service"] == station["service"] == service
    assert vehicle["session_id"] == station["session_id"] != "0" * 16
    assert vehicle["loops"] == station["loops"] > 3
    assert vehicle["sent_bytes"] == station["received_bytes"] > 1_000
    assert vehicle["received_bytes"] == station["sent_bytes"] > 1_000
    # the frequency fell, droop discharged, and both ends saw the same energy but for what happens between messages
    assert vehicle["discharged_wh"] > 0.5
    assert station["discharged_wh"] == pytest.approx(vehicle["discharged_wh"], rel=0.4)
    names = [line.split()[4] for line in lines if "EV -> EVSE" in line]
    assert names[0] == "supportedAppProtocolReq"
    assert names[-1] == "SessionStopReq"


@pytest.mark.parametrize("service", ["DC_BPT", "AC_BPT"])
def test_a_connection_cut_in_the_loop_ends_both_sides_with_power_off(service):
    vehicle, station, lines = asyncio.run(session(service, 60.0, cut_after_s=2.0))
    assert any("ChargeLoopReq" in line for line in lines)
    assert not any("SessionStopReq" in line for line in lines)
    for summary in (vehicle, station):
        assert not summary["orderly"]
        assert summary["loops"] > 0
        assert "closed the connection" in summary["end_reason"] or "reset" in summary["end_reason"]
        assert summary["seconds"] < 30.0


def test_the_commands_find_each_other_by_sdp_on_the_loopback_interface():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.bind(("::", 15118))
    except OSError as wrong:
        pytest.skip(f"UDP port 15118 is not to be had: {wrong}")
    run = [sys.executable, "-m", "experiments.cli"]
    station = subprocess.Popen(
        [*run, "serve", "secc", "--port", str(port), "--sdp", "lo", "--sessions", "1", "--service", "AC_BPT", "--json",
         "--tolerate", "slow-peer", *QUICK],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert station.stderr is not None
    for line in station.stderr:
        if "answering SDP" in line:
            break
    vehicle = subprocess.run(
        [*run, "connect", "evcc", "--sdp", "lo", "--service", "AC_BPT", "--stay", "2",
         "--tolerate", "slow-peer", *QUICK],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    served, _ = station.communicate(timeout=30)
    assert vehicle.returncode == 0, vehicle.stdout + vehicle.stderr
    assert f"SDP: the station listens at ::1 port {port}" in vehicle.stdout
    assert "orderly: True" in vehicle.stdout
    assert json.loads(served)["orderly"] is True
    assert station.returncode == 0


def test_sdp_is_asked_again_until_somebody_answers():
    async def ask() -> SDPResponse:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
            port = probe.getsockname()[1]
        asking = asyncio.create_task(discovery.ask("lo", port=port))
        await asyncio.sleep(0.4)  # the first request finds nobody
        answering = await discovery.answer("lo", 61_851, port=port)
        found = await asking
        answering.close()
        return found

    assert asyncio.run(ask()) == SDPResponse("::1", 61_851)


def test_nobody_answers_sdp():
    with pytest.raises(UserError, match=r"no station answered on 'lo' within 0\.5 s"):
        asyncio.run(discovery.ask("lo", port=9, retries=2))


def test_what_is_no_frame_ends_the_connection_with_a_reason():
    async def talk() -> str:
        reader = asyncio.StreamReader()
        reader.feed_data(b"GET / HTTP/1.1\r\n")
        reader.feed_eof()
        connection = Connection(reader, None)  # type: ignore[arg-type]  # nothing is written
        assert [message async for message in connection.messages()] == []
        return connection.broken

    assert asyncio.run(talk()) == "a frame begins with 01fe, found 4745"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["connect", "evcc", "--port", "1"], "no station at 127.0.0.1 port 1"),
        (["connect", "evcc", "--service", "DC_BTP"], "--service must be one of AC, AC_BPT, DC, DC_BPT, got 'DC_BTP'"),
        (["connect", "evcc", "--tolerate", "slow"], "there is no tolerance 'slow'"),
        (["connect", "evcc", "--sdp", "nowhere0"], "there is no network interface 'nowhere0'; there are"),
        (["serve", "secc", "--host", "192.0.2.1"], "cannot listen at 192.0.2.1 port 15118"),
        (["serve", "secc", "policy.name=drop"], "policy.name"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, says):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_no_tolerance_is_on_by_default():
    assert Tolerances().names == frozenset()
