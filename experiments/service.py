"""What was asked of a fleet and what came, over the committed time of a contract: from the tables of the run folder.

Service is the baseline minus the fleet's power, times `cars_per_ev`: positive supports low frequency.
"""

import math
from typing import NamedTuple

import numpy as np

from cosim.scenario import Scenario
from experiments.files import locate
from experiments.runs import Run
from models.grid.delivery import Floats
from models.grid.products import PRODUCTS, Product, shares
from models.policies.product import released_share, row_parameters


class Service(NamedTuple):
    """What was asked and what came over the committed time, as shares of the contract."""

    time_s: Floats
    step_s: float
    deviation_hz: Floats
    wanted: Floats
    delivered: Floats
    baseline_w: Floats


def contracted_mw(run: Run, scenario: Scenario, number: int) -> float:
    """The contracted power: as said, or what all cars offer by the policy [MW]."""
    stated = scenario.products[number].contract_mw
    if stated is not None:
        return stated
    capacity_w = float(run.manifest["policy"]["parameters"]["capacity_w"])
    return float(run.manifest["n_ev"]) * scenario.fleet.cars_per_ev * capacity_w * 1e-6


def service_of(run: Run, scenario: Scenario, number: int) -> Service:
    """Wanted and delivered over the committed time of a contract."""
    contract = scenario.products[number]
    product = PRODUCTS[contract.product]
    names = ["time_s", "frequency_hz", "service_w", "baseline_w"]
    rows = run.table(
        "grid", columns=names, between=(contract.from_s, contract.until_s or scenario.duration_s + 1.0), as_="arrow"
    )
    time_s, f_hz, service_w, baseline_w = (rows[name].to_numpy().astype(np.float64) for name in names)
    nominal_hz = float(run.manifest.get("nominal_hz", product.nominal_hz))
    step_s = scenario.grid.tick_s * scenario.record.grid_every
    deviation_hz = f_hz - nominal_hz
    if product.kind == "signal":
        wanted = _signal(run, scenario, time_s)
    elif product.kind == "step":
        wanted = step_wanted(product, time_s, deviation_hz)
    else:
        wanted = shares(product, deviation_hz)
    delivered = service_w * 1e-6 / contracted_mw(run, scenario, number)
    return Service(time_s, step_s, deviation_hz, wanted, delivered, baseline_w)


def step_wanted(product: Product, time_s: Floats, deviation_hz: Floats) -> Floats:
    """What a product released as a whole asks for: full from the release on, held, then back as the policy does."""
    asked = shares(product, deviation_hz)
    row = row_parameters(product)
    wanted = np.empty_like(asked)
    released_s = -math.inf
    for k, (now_s, wish) in enumerate(zip(time_s.tolist(), asked.tolist(), strict=True)):
        if wish >= 1.0 and now_s - released_s >= product.again_s:
            released_s = now_s
        since_s = now_s - released_s
        wanted[k] = 0.0 if math.isinf(since_s) else released_share(since_s, row["hold_s"], row["off_pu_per_s"])
    return wanted


def _signal(run: Run, scenario: Scenario, time_s: Floats) -> Floats:
    from experiments.series import read_signal_series

    section = scenario.schedule
    path = run.path / section.file if (run.path / section.file).is_file() else locate("schedule.file", section.file)
    series = read_signal_series(path, section.column, section.step_s)
    return np.asarray(np.interp(time_s, series.t_s, series.value), dtype=np.float64)
