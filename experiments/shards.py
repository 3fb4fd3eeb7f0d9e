"""One run in several processes: starts a worker for each shard, watches over them, and gathers what they counted.

Workers are forked, so they have the inputs as they are, a policy typed in a notebook included. Each writes its own
parts. When one fails or dies, the others are told and end, what they recorded being kept; when the parent dies, the
workers see it at their next step.
"""

import signal
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import connection, get_all_start_methods, get_context
from multiprocessing.context import ForkContext, ForkProcess
from typing import Any, NamedTuple

from cosim.shard import Shard
from experiments.border import Border, BorderError
from experiments.errors import UserError, broke_off
from experiments.watch import Interrupts, Watch

LOOK_S = 0.1  # how often the parent looks: progress, Ctrl-C
FAREWELL_S = 10.0  # for writing the last parts after a failure; then a worker is killed

Part = Callable[[Shard, Watch, Callable[[], bool]], Any]  # plays a shard: its number, who sees it go by, when to stop


class ShardFailedError(RuntimeError):
    """A worker failed or died. `story` is its traceback, as text."""

    def __init__(self, text: str, story: str) -> None:
        super().__init__(text)
        self.story = story


class Worker(NamedTuple):
    """A process and the end of a pipe that it reports to, once."""

    number: int
    process: ForkProcess
    pipe: "connection.Connection[Any, Any]"


class ShownWatch(Watch):
    """Within a worker: shows how far it is to the parent."""

    def __init__(self, border: Border, number: int) -> None:
        self._border = border
        self._number = number
        self._phase = 0

    def begin(self, what: str, duration_s: float) -> None:
        self._phase += 1
        self.progress(0)

    def progress(self, now_ns: int, message: int = 0, fleet: int = 0) -> None:
        self._border.show(self._number, self._phase, now_ns, message, fleet)


def refuse_unless_possible(shards: int) -> None:
    """Raises UserError where processes cannot be forked."""
    if shards > 1 and "fork" not in get_all_start_methods():
        raise UserError(f"--shards {shards}: this system cannot fork processes; run with --shards 1")


def play_in_shards(
    part: Part, shards: int, phases: tuple[str, ...], duration_s: float, interrupts: Interrupts, watch: Watch
) -> list[Any]:
    """What `part` gives for each shard, in their order; `phases` names what it simulates, one after the other.

    Raises ShardFailedError with the first failure.
    """
    context = get_context("fork")
    border = Border(shards, context)
    workers = [_start(context, border, number, shards, part) for number in range(shards)]
    shown = _Shown(border, phases, duration_s, watch)
    try:
        return _gather(workers, border, interrupts, shown)
    finally:
        shown.end()
        border.abort()  # those that are done do not mind
        _part_from(workers)


def _start(context: ForkContext, border: Border, number: int, shards: int, part: Part) -> Worker:
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(border, number, shards, part, writer), name=f"shard {number}")
    process.start()
    writer.close()  # before the next fork: the worker alone holds it, so its death is the end of the pipe
    return Worker(number, process, reader)


def _work(border: Border, number: int, shards: int, part: Part, pipe: "connection.Connection[Any, Any]") -> None:
    for each in (signal.SIGINT, signal.SIGTERM):  # they go to the whole group; the parent says when to stop
        signal.signal(each, signal.SIG_IGN)
    shard = Shard(number, shards, partial(border.total, number))
    try:
        report = ("done", part(shard, ShownWatch(border, number), border.stops))
    except BorderError:
        report = ("left", None)
    except Exception as error:
        report = ("failed", broke_off(error))
    pipe.send(report)


class _Shown:
    """Lets a watch see the progress of all workers as that of one run."""

    def __init__(self, border: Border, phases: tuple[str, ...], duration_s: float, watch: Watch) -> None:
        self._border = border
        self._phases = phases
        self._duration_s = duration_s
        self._watch = watch
        self._phase = 0

    def look(self) -> None:
        phase, now_ns, message, fleet = self._border.seen()
        if phase != self._phase:
            self.end()
            self._phase = phase
            self._watch.begin(self._phases[phase - 1], self._duration_s)
        if phase:
            self._watch.progress(now_ns, message, fleet)

    def end(self) -> None:
        if self._phase:
            self._watch.end()
        self._phase = 0


def _gather(workers: list[Worker], border: Border, interrupts: Interrupts, shown: _Shown) -> list[Any]:
    waiting: dict[object, Worker] = {worker.pipe: worker for worker in workers}
    results: dict[int, Any] = {}
    failure: tuple[str, str] | None = None
    while waiting:
        for pipe in connection.wait([worker.pipe for worker in waiting.values()], LOOK_S):
            worker = waiting.pop(pipe)
            kind, content = _report_of(worker)
            if kind == "done":
                results[worker.number] = content
            else:
                border.abort()
                failure = failure or (content if kind == "failed" else None)
        if interrupts.stop():
            border.stop()
        shown.look()
    if failure is not None:
        raise ShardFailedError(*failure)
    return [results[worker.number] for worker in workers]


def _report_of(worker: Worker) -> tuple[str, Any]:
    try:
        kind, content = worker.pipe.recv()
    except EOFError:
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        text = f"the process of shard {worker.number} {how}"
        return "failed", (text, text + "\n")
    return kind, content


def _part_from(workers: list[Worker]) -> None:
    until_s = time.monotonic() + FAREWELL_S
    for worker in workers:
        worker.process.join(max(until_s - time.monotonic(), 0.0))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.pipe.close()
