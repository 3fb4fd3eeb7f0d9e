"""What the command `run` does: run a scenario or its variants, show them as they come and go, choose the exit code."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments import screen, show
from experiments.cli import BROKEN_INVARIANT, FAILED, INTERRUPTED, print_json
from experiments.commands import FEW, print_comparison, print_verdict
from experiments.load import Loaded, load
from experiments.run import RunFailedError, run_one, run_variants
from experiments.runs import Run
from experiments.verdict import verdict_document, verdict_of
from experiments.watch import Watch, terminal_watch


class OnScreen(Watch):
    """Shows each run on stdout as it comes and goes, in a line if there are many; progress goes on to `aside`.

    What holds for several runs is warned of once.
    """

    def __init__(self, aside: Watch, runs: int = 1) -> None:
        self._aside = aside
        self._console = screen.console()
        self._brief = runs > FEW
        self._warned: set[str] = set()
        self._number, self._runs = 0, runs

    def announce(self, loaded: Loaded) -> None:
        self._number += 1
        if self._number == 1 or not self._brief:
            self._console.print(screen.head(loaded.scenario, "" if self._brief else loaded.variant))

    def finished(self, run: Run) -> None:
        if self._brief:
            self._console.print(screen.brief(run, self._number, self._runs))
            return
        for line in screen.outcome(run):
            self._console.print(line)
        if run.status == "interrupted":
            self._console.print(screen.interrupted(run))
        self._console.print(screen.written(run.path))

    def begin(self, what: str, duration_s: float) -> None:
        if not self._brief:
            self._aside.begin(what, duration_s)

    def progress(self, now_ns: int, message: int = 0, fleet: int = 0) -> None:
        if not self._brief:
            self._aside.progress(now_ns, message, fleet)

    def end(self) -> None:
        if not self._brief:
            self._aside.end()

    def warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._aside.warn(text)

    def stopping(self) -> None:
        self._aside.stopping()


def run_command(
    scenario: str,
    overrides: Sequence[str],
    *,
    seed: int | None,
    out: Path | None,
    until: float | None,
    variant: str,
    report: bool,
    pcap: bool,
    shards: int,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Run a scenario, show what came of it, and return the exit code."""
    changes = {"seed": seed, "duration_s": until}
    settings: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
    if pcap:
        settings["link"] = {"encoding": "bytes"}
    variants = load(scenario, overrides, variant, settings)
    watch = Watch() if as_json or quiet else OnScreen(terminal_watch(), len(variants))
    path: Path | None = None
    try:
        if len(variants) > 1:
            path, done = run_variants(variants, out=out, report=report, pcap=pcap, shards=shards, watch=watch)
        else:
            done = [run_one(variants[0], out=out, report=report, pcap=pcap, shards=shards, watch=watch)]
    except RunFailedError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("aborted; what was written up to here can be read", file=sys.stderr)
        return INTERRUPTED
    if as_json:
        print_json(run_document(path, done))
    elif quiet:
        print(path or done[0].path)
    else:
        tell_end(path, done, scenario)
    return exit_code(done)


def run_document(path: Path | None, runs: Sequence[Run]) -> dict[str, Any]:
    """What `run --json` prints: the run, or all variants under their common folder, and the verdict on them."""
    if path is None:
        return show.document(runs[0])
    verdict = verdict_of(path)
    told = {"run_dir": str(path), "status": runs[-1].status, "runs": [show.document(run) for run in runs]}
    return told if verdict is None else told | {"verdict": verdict_document(verdict)}


def tell_end(path: Path | None, runs: Sequence[Run], scenario: str) -> None:
    """After the last run: variants side by side, and what one would type now."""
    out = screen.console()
    verdict = None if path is None else verdict_of(path)
    if path is not None and verdict is not None:
        out.print()
        if len(runs) <= FEW:
            print_comparison(runs, everything=False)
            out.print()
        print_verdict(verdict)
        out.print(screen.written(path))
    for line in screen.next_steps(runs[0], scenario, path):
        out.print(line)


def exit_code(runs: Sequence[Run]) -> int:
    """Interrupted before broken before done."""
    if any(run.status == "interrupted" for run in runs):
        return INTERRUPTED
    broken = any(not check["ok"] for run in runs for check in run.manifest.get("checks", []))
    return BROKEN_INVARIANT if broken else 0
