"""Plays scenarios made in Python and hands back what was recorded and said."""

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from heapq import heappop
from threading import Barrier
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

from cosim.account import Account, outcome_of
from cosim.inputs import Inputs, LocalPolicy, PlannedVisit, Series, VehicleChoice
from cosim.journal import Journal
from cosim.recorder import Part
from cosim.scenario import Scenario
from cosim.shard import Shard
from cosim.world import Outcome, World
from models.car.vehicle import Vehicle, vehicle_from_row
from models.policies import POLICIES

# A 60 kWh car, 11 kW both ways on AC and 50 kW in, 10 kW out on DC; its charger: 0.2 s, 10 kW/s, least power 4.14 kW.
CAR = vehicle_from_row("Two-way", 60.0, 11.0, 50.0, 11.0, 10.0)
ONE_WAY = vehicle_from_row("One-way", 60.0, 11.0, 50.0)

# One car that comes at once and leaves after 30 s, at a frequency that never moves; nothing is drawn.
QUIET: dict[str, dict[str, Any]] = {
    "fleet": {"n_ev": 1, "soc": [0.5, 0.5], "arrival": {"plug_in_s": [0.0, 0.0], "leave_s": [30.0, 30.0]}},
    "grid": {"model": "nominal"},
    "measurement": {"noise_hz": 0.0, "time_constant_s": 0.0},
    "link": {"jitter_s": 0.0},
    "evse": {"cable_check_s": 1.0, "authorization_s": 0.2},
    "limits": {"guarantee_departure": False},  # the policy alone decides
    "record": {"messages": "all"},
}


class Sent(NamedTuple):
    """One message as it was handed to the line."""

    t_ns: int
    ev_id: int
    message: Any


class Tap(Journal):
    """A journal that keeps the messages themselves."""

    def __init__(self, of: Journal) -> None:
        self.__dict__.update(of.__dict__)
        self.taken: list[Sent] = []

    def sent(self, now_ns: int, ev_id: int, *rest: Any) -> None:
        message = next(part for part in rest if hasattr(part, "wire_name"))
        self.taken.append(Sent(now_ns, ev_id, message))
        super().sent(now_ns, ev_id, *rest)


class Run:
    """What came of a run: `tables[name][column]` with categories as text, and every message."""

    def __init__(self, scenario: Scenario, inputs: Inputs) -> None:
        self.parts: list[Part] = []
        self.scenario = scenario
        self.inputs = inputs
        self.world = World(scenario, inputs, self.parts.append)
        self.tap = self.world._stage.journal = Tap(self.world._stage.journal)
        self.outcome: Outcome

    def finish(self, **callbacks: Any) -> "Run":
        self.outcome = self.world.run(**callbacks)
        self.tables = collect(self.parts)
        return self

    def finish_watched(self) -> list[int]:
        """Play it to the end; the instants of all that happened on the clock, in the order in which it did [ns]."""
        queue, instants = self.world.stage.env._queue, []

        def watched(heap: list[Any]) -> Any:
            entry = heappop(heap)
            if heap is queue:
                instants.append(entry[0])
            return entry

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("cosim.clock.heappop", watched)
            self.finish()
        return instants

    def finish_in_shards(self, shards: int) -> "Run":
        """The same from so many parts, each a world of its own, in threads that wait for one another."""
        brought: list[tuple[int, ...]] = [()] * shards
        here, read = Barrier(shards, timeout=60.0), Barrier(shards, timeout=60.0)

        def play(number: int) -> Account:
            def total(own: tuple[int, ...]) -> tuple[int, ...]:
                brought[number] = tuple(own)
                here.wait()
                sums = tuple(sum(column) for column in zip(*brought, strict=True))
                read.wait()
                return sums

            try:
                world = World(self.scenario, self.inputs, self.parts.append, shard=Shard(number, shards, total))
                return world.play(lambda: False, lambda _: None)
            except BaseException:
                here.abort()
                read.abort()
                raise

        with ThreadPoolExecutor(shards) as threads:
            self.outcome = outcome_of(list(threads.map(play, range(shards))))
        self.tables = collect(self.parts)
        return self

    @property
    def messages(self) -> list[Sent]:
        return self.tap.taken

    def said(self, *names: str) -> list[Sent]:
        """Messages of these wire names, in the order in which they were sent."""
        return [sent for sent in self.tap.taken if sent.message.wire_name in names]

    def broken(self) -> dict[str, str]:
        """Invariants that did not hold."""
        return {check.name: check.detail for check in self.outcome.checks if not check.ok}


def collect(parts: list[Part]) -> dict[str, dict[str, Any]]:
    """Columns of all parts, joined; categories decoded, None where absent."""
    pieces: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for part in parts:
        for name, values in part.columns.items():
            if name in part.vocabulary:
                words = np.array([*part.vocabulary[name], None], dtype=object)
                values = words[values]
            pieces[part.table.name][name].append(values)
    return {table: {name: np.concatenate(of) for name, of in columns.items()} for table, columns in pieces.items()}


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in over.items():
        out[key] = merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


def prepare(
    *,
    policy: str | ModuleType | Callable[..., float] = "uncontrolled",
    params: dict[str, float] | None = None,
    vehicles: tuple[Vehicle, ...] = (CAR,),
    service: str = "",
    visits: tuple[PlannedVisit, ...] = (),
    frequency: Series | None = None,
    series: Series | None = None,
    baseline: Series | None = None,
    grid_params: Any = None,
    neighbour: Any = None,
    imbalance: Series | None = None,
    **sections: Any,
) -> Run:
    """A run that has not begun. `policy` is a packaged name, a module, or a function of a StationView."""
    content = merged(QUIET, sections)
    if service:
        content["fleet"] = {**content["fleet"], "services": {service: 1.0}}
    if frequency is not None and grid_params is None:
        content["grid"] = merged(content["grid"], {"model": "replay"})
    if series is not None:
        content["schedule"] = {"rule": "file", **content.get("schedule", {})}
    if visits:
        content["fleet"] = merged(content["fleet"], {"arrival": {"kind": "file"}})
    if grid_params is not None:
        model = "closed_loop" if frequency is None else "reconstructed"
        content["grid"] = merged(content["grid"], {"model": model, "neighbour": "other" if neighbour else ""})
    if callable(policy):
        function = policy
        local = LocalPolicy("probe", None, setpoint_w=lambda view, _: function(view))
    else:
        module = policy if isinstance(policy, ModuleType) else POLICIES[policy]
        local = LocalPolicy(
            module.__name__,
            module.Params(**(params or {})),
            getattr(module, "setpoint_w", None),
            getattr(module, "step", None),
            module.Memory() if hasattr(module, "Memory") else None,
        )
        if local.step is not None:
            local = local._replace(setpoint_w=None)
    inputs = Inputs(
        policy=local,
        vehicles=tuple(VehicleChoice(vehicle, 1.0) for vehicle in vehicles),
        grid=grid_params,
        frequency=frequency,
        neighbour=neighbour,
        imbalance=imbalance,
        schedule=series,
        baseline=baseline,
        visits=visits,
    )
    return Run(Scenario.model_validate(content), inputs)


@pytest.fixture(name="prepare")
def prepare_fixture() -> Callable[..., Run]:
    """Make a run from keywords: sections of the scenario and inputs; see `prepare`."""
    return prepare


@pytest.fixture
def play() -> Callable[..., Run]:
    """Make a run from keywords and play it to its end."""
    return lambda duration_s=40.0, **keywords: prepare(duration_s=duration_s, **keywords).finish()


@pytest.fixture
def car() -> Vehicle:
    """A car that also discharges, on AC and DC."""
    return CAR


@pytest.fixture
def one_way_car() -> Vehicle:
    """A car that only charges."""
    return ONE_WAY
