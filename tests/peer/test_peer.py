"""Our endpoints against an implementation that nobody here wrote: EVCC and SECC of the PyPI package `iso15118`.

The peer runs in its own process and virtual environment. To make it, as `.ci/run` does where Java is found:

    python3 -m venv tests/peer/.venv && tests/peer/.venv/bin/pip install -r tests/peer/requirements.txt

Its values are toys (20 kV, 200 kW on AC, 1 V while pre-charging) and its codec is slow, so our side runs with named
tolerances; each test says which.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEER = HERE / ".venv" / "bin" / "python"

pytestmark = [
    pytest.mark.peer,
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("java") is None, reason="Java is missing: the peer's EXI codec needs it"),
    pytest.mark.skipif(not PEER.exists(), reason=f"no peer environment at {PEER.relative_to(ROOT)}: see this file"),
]


class Process:
    """A program whose lines are read as they come."""

    def __init__(self, *command: str, ours: bool) -> None:
        environment = dict(os.environ)
        if not ours:
            environment.pop("PYTHONPATH", None)
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._grown = threading.Condition()
        self._reads = threading.Thread(target=self._read, daemon=True)
        self._reads.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._grown:
                self.lines.append(line.rstrip())
                self._grown.notify()
        with self._grown:
            self._grown.notify()

    def wait_for(self, text: str, timeout_s: float = 60.0) -> str:
        """The first line that holds `text`."""
        with self._grown:
            self._grown.wait_for(
                lambda: any(text in line for line in self.lines) or self._process.poll() is not None, timeout_s
            )
        found = [line for line in self.lines if text in line]
        assert found, f"no '{text}' in:\n" + "\n".join(self.lines[-20:])
        return found[0]

    def finish(self, timeout_s: float = 90.0) -> int:
        """Exit code."""
        code = self._process.wait(timeout_s)
        self._reads.join(5.0)
        return code

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def start() -> Iterator[type[Process]]:
    """Start programs that do not outlive the test."""
    started: list[Process] = []

    def begin(*command: str, ours: bool) -> Process:
        started.append(Process(*command, ours=ours))
        return started[-1]

    yield begin  # type: ignore[misc]
    for process in started:
        process.kill()


def ours(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "experiments.cli", *arguments]


def messages(process: Process, arrow: str) -> list[str]:
    """Names of the messages of one direction in our trace."""
    return [line.split(arrow)[1].split()[0] for line in process.lines if arrow in line]


@pytest.mark.parametrize(
    ("service", "tolerated"),
    [
        # its station says 1 V and 1 A whatever happens
        pytest.param("DC_BPT", ["slow-peer", "toy-measurements"], id="DC_BPT"),
        pytest.param("AC_BPT", ["slow-peer"], id="AC_BPT"),
    ],
)
def test_our_vehicle_charges_at_the_peers_station(start, service, tolerated):
    station = start(str(PEER), str(HERE / "station.py"), service[:2], ours=False)
    port = station.wait_for("listening").split()[1]
    tolerances = [part for name in tolerated for part in ("--tolerate", name)]
    vehicle = start(
        *ours("connect", "evcc", "--port", port, "--service", service, "--stay", "25", *tolerances), ours=True
    )
    assert vehicle.finish() == 0, "\n".join(vehicle.lines[-20:])
    sent = messages(vehicle, "EV -> EVSE  ")
    assert sent[0] == "supportedAppProtocolReq"
    assert f"{service[:2]}_ChargeLoopReq" in sent
    assert sent[-1] == "SessionStopReq"
    assert "  end reason: terminated" in vehicle.lines
    station.wait_for("ended True")


@pytest.mark.parametrize("service", ["DC_BPT", "AC_BPT"])
def test_the_peers_vehicle_charges_at_our_station(start, service):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    tolerances = ("--tolerate", "slow-peer", "--tolerate", "charge-meter-only")
    station = start(
        *ours("serve", "secc", "--port", port, "--service", service, "--sessions", "1", *tolerances), ours=True
    )
    station.wait_for("listening")
    vehicle = start(str(PEER), str(HERE / "vehicle.py"), service, port, ours=False)
    assert station.finish(150.0) == 0, "\n".join(station.lines[-20:])
    received = messages(station, "EV -> EVSE  ")
    assert received[0] == "supportedAppProtocolReq"
    assert f"{service[:2]}_ChargeLoopReq" in received
    assert received[-1] == "SessionStopReq"
    assert f"  service: {service}" in station.lines
    vehicle.wait_for("ended True")
