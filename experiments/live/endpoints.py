"""A station that serves vehicles over TCP, and a vehicle that connects to a station."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cosim.ends import EvEnd, Stations
from cosim.inputs import Inputs
from cosim.scenario import Scenario
from experiments.errors import UserError
from experiments.live import discovery
from experiments.live.connection import Connection, Says, Trace
from experiments.live.pace import Pace
from experiments.live.tolerances import Tolerances
from experiments.load import load_scenario
from protocol.iso20.session import SECOND, Timers

SERVICES = ("AC", "AC_BPT", "DC", "DC_BPT")
LINGER_S = Timers().secc_close_ns / SECOND  # the station leaves the connection open so long after the session


def load_live(name: str, overrides: list[str], service: str, stay_s: float) -> tuple[Scenario, Inputs]:
    """A scenario for one vehicle that is there now: no simulated line, today's date."""
    if service not in SERVICES:
        raise UserError(f"--service must be one of {', '.join(SERVICES)}, got '{service}'")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ours = [
        f'start_utc="{now}"',
        "fleet.n_ev=1",
        "fleet.v2g_share=1.0",
        f"fleet.services={{{service}=1}}",
        'fleet.arrival.kind="window"',
        "fleet.arrival.plug_in_s=[0.0, 0.0]",
        f"fleet.arrival.leave_s=[{stay_s}, {stay_s}]",
        "link.delay_s=0.0",
        "link.jitter_s=0.0",
        "link.loss=0.0",
        "secc.processing_s=0.0",
    ]
    return load_scenario(name, [*ours, *overrides, "lane=message"])  # a live session is no row of a compiled lane


async def connect(
    host: str, port: int, scenario: Scenario, inputs: Inputs, tolerances: Tolerances, says: Says, every: bool = False
) -> dict[str, Any]:
    """One session of our vehicle with the station at `host`; raises UserError if nobody listens there."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as wrong:
        raise UserError(f"no station at {host} port {port}: {wrong}") from None
    connection, trace = Connection(reader, writer), Trace(says, every=every)

    def transmit(request: Any) -> None:
        trace.message(request, from_ev=True)
        connection.send(request)

    end = EvEnd(scenario, inputs, transmit, tolerances.evcc, tolerances.believes)
    pace = Pace(end.env)

    async def listen() -> None:
        async for response in connection.messages():
            trace.message(response, from_ev=False)
            pace.call(end.hear, response)
        pace.call(end.cut, connection.broken or "the station closed the connection")

    hears = asyncio.create_task(listen())
    with _leaves_on_interrupt(lambda: pace.call(end.leave)):
        await pace.play(lambda: end.over)
    hears.cancel()
    await connection.close()
    return _account(end.summary()._asdict(), connection)


class Server:
    """A station that serves one vehicle after the other, or several at a time."""

    def __init__(
        self, scenario: Scenario, inputs: Inputs, tolerances: Tolerances, says: Says, every: bool = False
    ) -> None:
        self._stations = Stations(scenario, inputs)
        self._tolerances = tolerances
        self._says, self._every = says, every
        self._pace = Pace(self._stations.env)
        self._count = 0
        self.summaries: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._playing = asyncio.create_task(self._pace.play(lambda: False))

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Begin to accept connections; raises UserError if the address is not to be had."""
        try:
            return await asyncio.start_server(self._serve, host, port)
        except OSError as wrong:
            raise UserError(f"cannot listen at {host} port {port}: {wrong}") from None

    def close(self) -> None:
        """Stop the clock."""
        self._playing.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        connection = Connection(reader, writer)
        trace = Trace(self._says, f"#{self._count}  " if self._count > 1 else "", self._every)

        def transmit(answered: Any) -> None:
            response = self._tolerances.outgoing(answered)
            trace.message(response, from_ev=False)
            connection.send(response)

        pace = self._pace
        end = self._stations.connect(transmit, self._tolerances.secc)
        over = asyncio.Event()
        hears = asyncio.create_task(self._listen(connection, trace, end))
        watch = asyncio.create_task(_until(lambda: end.over, over))
        await over.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(hears), LINGER_S)
        hears.cancel()
        await watch
        await connection.close()
        settled: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        pace.call(lambda: settled.set_result(_account(end.summary()._asdict(), connection)))
        await self.summaries.put(await settled)

    async def _listen(self, connection: Connection, trace: Trace, end: Any) -> None:
        async for request in connection.messages():
            trace.message(request, from_ev=True)
            self._pace.call(end.hear, request)
        self._pace.call(end.cut, connection.broken or "the vehicle closed the connection")


async def serve(
    host: str,
    port: int,
    scenario: Scenario,
    inputs: Inputs,
    tolerances: Tolerances,
    says: Says,
    each: Callable[[dict[str, Any]], None],
    sessions: int = 0,
    interface: str = "",
    every: bool = False,
) -> None:
    """Serve `sessions` sessions, or for ever with 0; `each` gets the summary of one that is over."""
    station = Server(scenario, inputs, tolerances, says, every)
    listener = await station.listen(host, port)
    bound = listener.sockets[0].getsockname()
    says(f"listening at {bound[0]} port {bound[1]}")
    answers = await discovery.answer(interface, bound[1]) if interface else None
    if answers is not None:
        says(f"answering SDP on {interface}")
    try:
        served = 0
        while sessions == 0 or served < sessions:
            each(await station.summaries.get())
            served += 1
    finally:
        if answers is not None:
            answers.close()
        listener.close()
        station.close()


async def _until(condition: Callable[[], bool], reached: asyncio.Event) -> None:
    while not condition():
        await asyncio.sleep(0.02)
    reached.set()


@contextlib.contextmanager
def _leaves_on_interrupt(leave: Callable[[], None]) -> Any:
    """The first Ctrl-C asks for an orderly stop, the next one ends the program."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        leave()

    try:
        loop.add_signal_handler(signal.SIGINT, first)
    except (NotImplementedError, RuntimeError, ValueError):  # not the main thread, or a system without it
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _account(summary: dict[str, Any], connection: Connection) -> dict[str, Any]:
    """A summary with what went over the wire."""
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in summary.items()}
    return rounded | {"sent_bytes": connection.sent_bytes, "received_bytes": connection.received_bytes}
