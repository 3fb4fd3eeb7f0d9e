"""Watching a run from outside: progress, warnings, and Ctrl-C (the first stops at the next tick, the second aborts)."""

import signal
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Any, TextIO

from experiments.load import Loaded
from experiments.runs import Run

STOPPING = "stopping at the next grid tick; press Ctrl-C again to abort"


class Watch:
    """Sees a run go by; this one says nothing. `progress` is called often and must be cheap."""

    def announce(self, loaded: Loaded) -> None:
        """A scenario that holds is about to run."""

    def finished(self, run: Run) -> None:
        """A run is complete, report and all."""

    def begin(self, what: str, duration_s: float) -> None:
        """A simulation of `duration_s` seconds begins."""

    def progress(self, now_ns: int, message: int = 0, fleet: int = 0) -> None:
        """Simulated time has reached `now_ns`; so many vehicles are plugged in, by lane."""

    def end(self) -> None:
        """The simulation is over, one way or another."""

    def warn(self, text: str) -> None:
        """Something that works but should be known."""

    def stopping(self) -> None:
        """Ctrl-C was pressed once."""


class LineWatch(Watch):
    """Plain lines, for logs: one every tenth of the run, but not more often than every five seconds."""

    EVERY_S = 5.0

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._duration_s = 1.0
        self._began_s = self._last_s = 0.0
        self._next_ns = 0
        self._what = ""

    def begin(self, what: str, duration_s: float) -> None:
        self._what, self._duration_s = what, duration_s
        self._began_s = self._last_s = time.monotonic()
        self._next_ns = round(duration_s * 1e8)

    def progress(self, now_ns: int, message: int = 0, fleet: int = 0) -> None:
        if now_ns < self._next_ns:
            return
        now_s = time.monotonic()
        if now_s - self._last_s < self.EVERY_S:
            return
        self._last_s = now_s
        self._next_ns = now_ns + round(self._duration_s * 1e8)
        simulated_s = now_ns * 1e-9
        speed = simulated_s / (now_s - self._began_s)
        left_s = max(self._duration_s - simulated_s, 0.0) / speed
        self._say(
            f"  {self._what}  t={simulated_s:.0f}/{self._duration_s:.0f} s  {speed:.0f}x real time  "
            f"ETA {left_s // 60:02.0f}:{left_s % 60:02.0f}  {in_lanes(message, fleet)}"
        )

    def warn(self, text: str) -> None:
        self._say(f"warning: {text}")

    def stopping(self) -> None:
        self._say(STOPPING)

    def _say(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


class BarWatch(Watch):
    """A progress bar on a terminal; it stays when it is full."""

    EVERY_S = 0.2

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("  {task.description:<10}"),
            BarColumn(bar_width=16, complete_style="cyan", finished_style="green"),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} s"),
            TextColumn("[dim]{task.fields[speed]} · {task.fields[cars]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=self._console,
            auto_refresh=False,
        )
        self._task: Any = None
        self._began_s = self._last_s = 0.0
        self._now_ns = 0
        self._lanes = (0, 0)

    def begin(self, what: str, duration_s: float) -> None:
        self._began_s = time.monotonic()
        self._last_s = 0.0
        self._task = self._bar.add_task(what, total=duration_s, speed="", cars="")
        self._bar.start()

    def progress(self, now_ns: int, message: int = 0, fleet: int = 0) -> None:
        self._now_ns = now_ns
        self._lanes = (message, fleet)
        now_s = time.monotonic()
        if now_s - self._last_s >= self.EVERY_S:
            self._last_s = now_s
            self._draw(now_s)

    def end(self) -> None:
        if self._task is not None:
            self._draw(time.monotonic())
        self._bar.stop()

    def warn(self, text: str) -> None:
        self._console.print(f"[yellow]warning:[/] {text}", soft_wrap=True)

    def stopping(self) -> None:
        self._console.print(f"[yellow]{STOPPING}")

    def _draw(self, now_s: float) -> None:
        simulated_s = self._now_ns * 1e-9
        speed = simulated_s / max(now_s - self._began_s, 1e-9)
        message, fleet = self._lanes
        cars = f"{message:,} EVs" + (f" + {fleet:,} in lane" if fleet else "")
        self._bar.update(self._task, completed=simulated_s, speed=f"{speed:,.0f}×", cars=cars)
        self._bar.refresh()


def in_lanes(message: int, fleet: int) -> str:
    """Vehicles that are plugged in: those whose messages are played one by one, and those that are rows of the lane."""
    return f"{message:,} EVs by message, {fleet:,} in the fleet lane" if fleet else f"{message:,} EVs by message"


def terminal_watch() -> Watch:
    """A bar when stderr is a terminal, lines otherwise."""
    return BarWatch() if sys.stderr.isatty() else LineWatch()


class Interrupts:
    """While entered, Ctrl-C (or a polite kill) asks for a stop; a second one aborts as usual."""

    def __init__(self, watch: Watch) -> None:
        self.requested = False
        self._watch = watch
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():  # elsewhere signals cannot be caught
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._asked)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def stop(self) -> bool:
        """Whether the run should end at this tick."""
        return self.requested

    def _asked(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self._watch.stopping()
