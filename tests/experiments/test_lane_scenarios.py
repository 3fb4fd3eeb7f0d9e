"""The contract of the lanes over all packaged scenarios, made small: same tables, same key figures."""

from typing import Any

import numpy as np
import pytest

from cosim.recorder import Part
from cosim.scenario import Scenario
from cosim.world import Outcome, World
from experiments.inputs import read_inputs
from experiments.load import Loaded, load, packaged_scenarios

FEW = 4
AT_MOST_S = 420.0  # the events of most scenarios lie within


def shrunk(scenario: Scenario, lane: str) -> Scenario:
    """The same scenario with few cars and a short day, nobody traced, every loop recorded."""
    fleet = scenario.fleet.model_copy(update={"n_ev": min(scenario.fleet.n_ev, FEW)})
    record = scenario.record.model_copy(update={"trace_evs": (), "messages": "session", "charge_loop": True})
    duration_s = min(scenario.duration_s, AT_MOST_S)
    return scenario.model_copy(update={"fleet": fleet, "record": record, "duration_s": duration_s, "lane": lane})


def played(scenario: Scenario) -> tuple[Outcome, dict[str, list[tuple[Any, ...]]]]:
    parts: list[Part] = []
    outcome = World(scenario, read_inputs(scenario).inputs, parts.append).run()
    tables: dict[str, list[tuple[Any, ...]]] = {}
    for part in parts:
        columns = [
            np.array([*part.vocabulary[name], None], dtype=object)[values] if name in part.vocabulary else values
            for name, values in part.columns.items()
        ]
        rows = zip(*([repr(value) for value in column.tolist()] for column in columns), strict=True)
        tables.setdefault(part.table.name, []).extend(rows)
    return outcome, {name: sorted(rows) for name, rows in tables.items()}


def corners(runs: list[Loaded]) -> list[Loaded]:
    """Of each variant those at both ends of all axes."""
    of_variant: dict[str, list[Loaded]] = {}
    for loaded in runs:
        of_variant.setdefault(dict(loaded.place).get("variant", ""), []).append(loaded)
    return [loaded for those in of_variant.values() for loaded in (those[0], *those[1:][-1:])]


@pytest.mark.parametrize("name", packaged_scenarios())
def test_lanes_agree_on_packaged_scenarios(name: str) -> None:
    for loaded in corners(load(name, ())):
        (message, by_message), (fleet, by_row) = (
            played(shrunk(loaded.scenario, lane)) for lane in ("message", "fleet")
        )
        assert fleet.lane_note == "", loaded.variant
        assert message.kpis == fleet.kpis, loaded.variant
        assert message.checks == fleet.checks, loaded.variant
        assert by_message == by_row, loaded.variant
        if loaded.scenario.ev.control_mode == "dynamic" and fleet.kpis["charge_loops"] > 100:
            assert fleet.lane_exchanges > 0.5 * fleet.kpis["charge_loops"], loaded.variant
