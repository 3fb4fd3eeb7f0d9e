"""One run, from a scenario to a run folder; several for a scenario with variants. The same for shell and notebook."""

import datetime
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from cosim.account import Account, Outcome, outcome_of
from cosim.inputs import Inputs, Series
from cosim.scenario import NS, Scenario, to_ns
from cosim.shard import ALONE, Shard
from cosim.wire import Tap
from cosim.world import World, problems, warnings
from experiments import folder
from experiments.errors import UserError, broke_off
from experiments.inputs import Read, read_inputs, undisturbed
from experiments.load import Loaded, from_scenario, load_one
from experiments.pcap import Capture
from experiments.policies import source_of
from experiments.record import config_hash, config_text, policy_reference, preamble
from experiments.report import write_report
from experiments.report.comparison import write_comparison
from experiments.runs import Run
from experiments.shards import ShardFailedError, play_in_shards, refuse_unless_possible
from experiments.store import Size, Store
from experiments.watch import Interrupts, Watch

CAPTURE = "capture.pcapng"


class RunFailedError(RuntimeError):
    """Something raised while the simulation was going on; what had been recorded is kept."""


def simulate(
    scenario: str | Path | Mapping[str, Any] | Scenario = "quickstart",
    policy: Any = None,
    *,
    seed: int | None = None,
    variant: str = "",
    parameters: Mapping[str, float | str] | None = None,
    out: str | Path | None = None,
    runs: str | Path = folder.RUNS,
    report: bool = True,
    pcap: bool = False,
    shards: int = 1,
    watch: Watch | None = None,
    **settings: Any,
) -> Run:
    """Run a scenario and open the result; the same path as `v2g-cosim run`.

    Parameters
    ----------
    scenario : str, Path, mapping or Scenario
        Name of a packaged scenario, a TOML file, a run folder to repeat, or settings as nested dicts.
    policy : optional
        Name of a policy, or a policy itself: a module, class or function.
    seed : int, optional
        Instead of the scenario's.
    variant : str
        Which variant, for a scenario that has several.
    parameters : mapping, optional
        Parameters of the policy.
    out, runs : path
        The run folder itself, or the folder in which to make one.
    report : bool
        Whether to write report.html.
    pcap : bool
        Whether to write capture.pcapng, every message as it is on the wire; `link.encoding` is bytes then.
    shards : int
        In how many processes to run; the tables are the same for any number.
    **settings
        Sections with the keys to change: `fleet={"n_ev": 4}, duration_s=60.0`.

    Raises
    ------
    UserError
        The scenario does not hold; nothing has been run.
    RunFailedError
        The simulation raised, a policy for instance; `__cause__` is what it raised.
    """
    changes: dict[str, Any] = dict(settings)
    thing = None if policy is None or isinstance(policy, str) else policy
    name = policy if isinstance(policy, str) else policy_reference(thing).name if thing is not None else None
    if name is not None or parameters:
        changes["policy"] = {**({} if name is None else {"name": name}), **(parameters or {})}
    if seed is not None:
        changes["seed"] = seed
    if pcap:
        changes["link"] = {**changes.get("link", {}), "encoding": "bytes"}
    if isinstance(scenario, Scenario):
        if changes:
            raise UserError("a Scenario made in Python takes no further settings, policy or seed: set them in it")
        loaded = from_scenario(scenario)
    elif isinstance(scenario, Mapping):
        loaded = load_one("", settings={**scenario, **changes})
    else:
        loaded = load_one(str(scenario), variant=variant, settings=changes)
    target = None if out is None else Path(out)
    return run_one(
        loaded,
        out=target,
        runs=Path(runs),
        policy=thing,
        report=report,
        pcap=pcap,
        shards=shards,
        watch=watch or Watch(),
    )


def run_one(
    loaded: Loaded,
    *,
    out: Path | None = None,
    runs: Path = folder.RUNS,
    policy: Any = None,
    report: bool = True,
    pcap: bool = False,
    shards: int = 1,
    watch: Watch,
) -> Run:
    """Run one scenario into its own folder.

    Everything that can be refused is refused before the folder is made. Raises UserError and RunFailedError.
    """
    check_shards(shards, pcap)
    read, told = checked_inputs(loaded.scenario, policy)
    started = now()
    digest = config_hash(loaded.scenario, read)
    path = folder.new_folder(loaded.scenario.name, digest, started, out, runs)
    watch.announce(loaded)
    for text in told:
        watch.warn(text)
    with Interrupts(watch) as interrupts:
        _run_into(path, loaded, read, told, digest, started, watch, interrupts, pcap, shards)
        if report:
            write_report(Run(path))
    if out is None:
        folder.point_latest(path)
    run = Run(path)
    watch.finished(run)
    return run


def run_variants(
    variants: Sequence[Loaded],
    *,
    out: Path | None = None,
    runs: Path = folder.RUNS,
    report: bool = True,
    pcap: bool = False,
    shards: int = 1,
    watch: Watch,
) -> tuple[Path, list[Run]]:
    """The runs that a scenario stands for, one after the other, into sub-folders of one folder; return it and them."""
    check_shards(shards, pcap)
    for loaded in variants:
        checked_inputs(loaded.scenario)  # what is refused is refused before the first one runs
    scenario = variants[0].scenario
    started = now()
    digest = config_hash(scenario, read_inputs(scenario))
    path = folder.new_folder(scenario.name, digest, started, out, runs)
    manifest: dict[str, Any] = {"version": 1, "kind": "variants", "status": "running", "scenario": scenario.name}
    manifest |= {"started": stamp(started), "variants": [], "places": {}, "verdict": variants[0].verdict}
    done: list[Run] = []
    for loaded in variants:
        manifest["variants"].append(loaded.variant)
        manifest["places"][loaded.variant] = dict(loaded.place)
        folder.write_json(path / folder.MANIFEST, manifest)
        done.append(run_one(loaded, out=path / loaded.variant, report=report, pcap=pcap, shards=shards, watch=watch))
        if done[-1].status != "done":
            break
    manifest |= {"status": done[-1].status, "ended": stamp(now())}
    folder.write_json(path / folder.MANIFEST, manifest)
    if report:
        write_comparison(path)
    if out is None:
        folder.point_latest(path)
    return path, done


def check_shards(shards: int, pcap: bool) -> None:
    """Raises UserError for a number of processes that cannot be."""
    if shards < 1:
        raise UserError(f"--shards must be at least 1, got {shards}")
    if shards > 1 and pcap:
        raise UserError(f"--pcap writes one capture in order of time, so it needs --shards 1, got {shards}")
    refuse_unless_possible(shards)


def checked_inputs(scenario: Scenario, policy: Any = None) -> tuple[Read, list[str]]:
    """Inputs of a scenario that can work, and warnings; raises UserError for one that cannot."""
    read = read_inputs(scenario, policy)
    found = problems(scenario, read.inputs)
    if found:
        raise UserError("\n".join(found))
    return read, warnings(scenario, read.inputs)


def now() -> datetime.datetime:
    """Calendar time, for names and manifests only."""
    return datetime.datetime.now(datetime.UTC)


def stamp(instant: datetime.datetime) -> str:
    """An instant as text."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _run_into(
    path: Path,
    loaded: Loaded,
    read: Read,
    told: list[str],
    digest: str,
    started: datetime.datetime,
    watch: Watch,
    interrupts: Interrupts,
    pcap: bool,
    shards: int,
) -> None:
    inputs = folder.copy_inputs(read.files, path)
    (path / folder.CONFIG).write_text(config_text(loaded, read.inputs.policy, inputs), encoding="utf-8")
    source = "" if "policy.name" in read.files or read.policy.origin != "given" else source_of(read.policy.thing)
    if source:  # typed in a notebook: kept to be read, it cannot be run from there
        (path / "inputs" / "policy-source.txt").write_text(source, encoding="utf-8")
    manifest = preamble(loaded, read, inputs, digest)
    manifest |= {"shards": shards, "started": stamp(started), "warnings": told}
    folder.write_json(path / folder.MANIFEST, {"status": "running", **manifest})
    began_s = time.perf_counter()
    capture = captured(path / CAPTURE, loaded.scenario) if pcap else nullcontext()
    with _failures_noted(path, manifest), capture as tap:
        outcome, sizes = _played(path, loaded.scenario, read.inputs, shards, interrupts, watch, tap)
    wall_s = time.perf_counter() - began_s
    folder.write_json(path / folder.KPIS, outcome.kpis)
    manifest |= {
        "ended": stamp(now()),
        "wall_s": round(wall_s, 3),
        "simulated_s": outcome.simulated_s,
        "events": outcome.events,
        "lane": outcome.lane,
        "lane_note": outcome.lane_note,
        "lane_exchanges": outcome.lane_exchanges,
        "checks": [check._asdict() for check in outcome.checks],
        "tables": {name: size._asdict() for name, size in sizes.items()},
    }
    folder.write_json(path / folder.MANIFEST, {"status": outcome.status, **manifest})
    if loaded.scenario.products:
        from experiments.delivery import delivery

        folder.write_json(path / folder.KPIS, outcome.kpis | delivery(Run(path)))


def _played(
    path: Path, scenario: Scenario, inputs: Inputs, shards: int, interrupts: Interrupts, watch: Watch, tap: Tap | None
) -> tuple[Outcome, dict[str, Size]]:
    """Simulate into a run folder, in one process or several."""
    store = Store(path)
    if shards == 1:
        with store:
            account = play(scenario, inputs, store, interrupts.stop, watch, tap)
        return outcome_of([account]), store.close()

    def part(shard: Shard, aside: Watch, stop: Callable[[], bool]) -> tuple[Account, dict[str, Size]]:
        with Store(path, shard.number) as own:
            account = play(scenario, inputs, own, stop, aside, shard=shard)
        return account, own.sizes

    phases = ("baseline", "simulate") if scenario.grid.baseline == "counterfactual" else ("simulate",)
    results = play_in_shards(part, shards, phases, scenario.duration_s, interrupts, watch)
    for _, sizes in results:
        store.add(sizes)
    return outcome_of([account for account, _ in results]), store.close()


def play(
    scenario: Scenario,
    inputs: Inputs,
    store: Store,
    stop: Callable[[], bool],
    watch: Watch,
    tap: Tap | None = None,
    shard: Shard = ALONE,
) -> Account:
    """Simulate into a store; with `grid.baseline = "counterfactual"`, first the same without the service."""
    if scenario.grid.baseline == "counterfactual":
        inputs = inputs._replace(baseline=counterfactual(scenario, inputs, stop, watch, shard))
    return watched(World(scenario, inputs, store.write, tap, shard), "simulate", scenario.duration_s, stop, watch)


def watched(world: World, what: str, duration_s: float, stop: Callable[[], bool], watch: Watch) -> Account:
    """Play a world while `watch` sees it go by."""
    watch.begin(what, duration_s)
    try:
        return world.play(stop, lambda now_ns: watch.progress(now_ns, *world.in_lanes))
    finally:
        watch.end()


@contextmanager
def captured(path: Path, scenario: Scenario) -> Iterator[Tap]:
    """A capture of the run's messages, in the simulation's calendar time."""
    start = datetime.datetime.fromisoformat(scenario.start_utc)
    with path.open("wb") as file:
        yield Capture(file, int(start.timestamp()) * NS)


def counterfactual(
    scenario: Scenario, inputs: Inputs, stop: Callable[[], bool], watch: Watch, shard: Shard = ALONE
) -> Series:
    """What the same fleet draws with the service off: mean power at the end of each tick [W], without cars_per_ev."""
    grid = scenario.grid.model_copy(update={"baseline": "zero"})
    record = scenario.record.model_copy(update={"charge_loop": False, "setpoints": False, "trace_evs": ()})
    quiet = scenario.model_copy(update={"grid": grid, "record": record})
    world = World(quiet, undisturbed(inputs), lambda part: None, shard=shard)
    watched(world, "baseline", scenario.duration_s, stop, watch)
    tick_ns = to_ns(grid.tick_s)
    power_w = tuple(world.fleet_power_w) or (0.0,)  # stopped before the first tick
    times_s = tuple((k + 1) * tick_ns * 1e-9 for k in range(len(power_w)))
    return Series(times_s, power_w, "the same run without the service")


@contextmanager
def _failures_noted(path: Path, manifest: dict[str, Any]) -> Any:
    """Write into the manifest how a simulation broke off; what it recorded stays readable."""
    try:
        yield
    except KeyboardInterrupt:
        folder.write_json(path / folder.MANIFEST, {"status": "interrupted", **manifest, "ended": stamp(now())})
        raise
    except Exception as error:
        text, story = (str(error), error.story) if isinstance(error, ShardFailedError) else broke_off(error)
        (path / "error.txt").write_text(story, encoding="utf-8")
        folder.write_json(
            path / folder.MANIFEST, {"status": "failed", **manifest, "ended": stamp(now()), "error": text}
        )
        raise RunFailedError(f"the run broke off: {text}; the whole story is in {path / 'error.txt'}") from error
