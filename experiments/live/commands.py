"""What `v2g-cosim serve secc` and `v2g-cosim connect evcc` do."""

import asyncio
import sys
from typing import Any

from experiments.cli import FAILED, INTERRUPTED
from experiments.live import discovery, endpoints
from experiments.live.connection import summary_text, tell
from experiments.live.tolerances import tolerances


def serve_command(
    settings: list[str],
    host: str,
    port: int,
    service: str,
    scenario: str,
    sessions: int,
    interface: str,
    tolerate: list[str],
    every: bool,
    as_json: bool,
) -> int:
    """Serve until `sessions` are over or Ctrl-C; 1 if one of them did not end in good order."""
    overlooked = tolerances(tolerate)
    loaded, inputs = endpoints.load_live(scenario, settings, service, stay_s=1e6)
    if interface and host == "127.0.0.1":
        host = "::"
    orderly = True

    def each(summary: dict[str, Any]) -> None:
        nonlocal orderly
        orderly = orderly and summary["orderly"]
        sys.stdout.write(summary_text(summary, as_json))
        sys.stdout.flush()

    try:
        asyncio.run(
            endpoints.serve(
                host, port, loaded, inputs, overlooked, tell(as_json), each,
                sessions=sessions, interface=interface, every=every,
            )
        )  # fmt: skip
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0 if orderly else FAILED


def connect_command(
    settings: list[str],
    host: str,
    port: int,
    service: str,
    scenario: str,
    stay_s: float,
    interface: str,
    tolerate: list[str],
    every: bool,
    as_json: bool,
) -> int:
    """One session; 1 if it did not end in good order."""
    overlooked = tolerances(tolerate)
    loaded, inputs = endpoints.load_live(scenario, settings, service, stay_s)
    says = tell(as_json)

    async def session() -> dict[str, Any]:
        there = (host, port)
        if interface:
            found = await discovery.ask(interface)
            local = found.address.startswith("fe80")
            there = (f"{found.address}%{interface}" if local else found.address, found.port)
            says(f"SDP: the station listens at {there[0]} port {there[1]}")
        return await endpoints.connect(*there, loaded, inputs, overlooked, says, every)

    try:
        summary = asyncio.run(session())
    except KeyboardInterrupt:
        return INTERRUPTED
    sys.stdout.write(summary_text(summary, as_json))
    return 0 if summary["orderly"] else FAILED
