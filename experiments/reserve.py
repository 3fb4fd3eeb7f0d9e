"""The energy a fleet holds ready for its product, and whether the product's energy rule was kept. From a run folder."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cosim.scenario import Scenario
from experiments.files import locate
from experiments.inputs import read_vehicles
from experiments.runs import Run
from experiments.service import Service
from models.grid.alert import FcrAlert, alert_intervals
from models.grid.delivery import Floats
from models.grid.energy_requirement import required_energy
from models.grid.nordic_energy import Reservoir
from models.grid.products import Product

INSIDE = 0.05  # of the contract: distance from the envelope that counts as delivered
RESTORE_S = 7200.0  # within which FCR's energy must be back after alert state
FULL = 0.98  # of the energy owed: what a station leaves in its baseline's last watts counts as there
SAMPLED_S = 60.0  # energy of single cars is looked at so often


def reserve(
    run: Run, scenario: Scenario, product: Product, contract_mw: float, service: Service, outside: Floats
) -> dict[str, Any]:
    """Energy held ready, the drift of the cars, and how the product's energy rule was kept."""
    if not run.rows("charge_loop"):
        return {}
    ready = energy_ready(run, scenario, contract_mw, service)
    told = {"soc_drift": ready.soc_drift}
    told |= {"energy_ready_down_h": float(ready.down_h.min()), "energy_ready_up_h": float(ready.up_h.min())}
    if product.key == "fcr":
        return told | _alert(product, service, ready, outside)
    if product.recovery == "baseline":
        return told | _requirement(product, service, ready)
    return told | _endurance(product.reservoir, service, ready) if product.reservoir is not None else told


def _requirement(product: Product, service: Service, ready: "Ready") -> dict[str, Any]:
    """NESO: whether each settlement period began with the energy required; in hours of the contracted power.

    The committed time counts as one contracted period; it begins with the volume itself.
    """
    periods = np.floor(service.time_s / product.settlement_s).astype(int)
    numbers = np.arange(periods[0], periods[-1] + 1)
    starts_s = np.maximum(numbers * product.settlement_s, service.time_s[0])
    short_h = 0.0
    kept = np.ones(len(numbers), dtype=bool)
    for sign, held_h in ((1.0, ready.down_h), (-1.0, ready.up_h)):
        given_h = np.maximum(sign * service.delivered, 0.0) * service.step_s / 3600.0
        each_h = [float(given_h[periods == number].sum()) for number in numbers]
        required_h = np.array(required_energy(product.energy_h, each_h, product.recover_share))
        lacks_h = required_h - np.interp(starts_s, ready.time_s, held_h)
        kept &= lacks_h <= 0.0
        short_h = max(short_h, float(lacks_h.max()))
    return {"energy_required_met_share": float(kept.mean()), "energy_required_short_h": short_h}


def _endurance(reservoir: Reservoir, service: Service, ready: "Ready") -> dict[str, Any]:
    """Nordic FCR: least endurance, time below that of AEM, when it counts as not available, and the longest recovery.

    Recovery counts from the return into the normal band until the energy that is to be held ready is there again.
    """
    owed = [
        (h, held_h) for h, held_h in ((reservoir.energy_up_h, ready.down_h), (reservoir.energy_down_h, ready.up_h)) if h
    ]
    endurance_h = np.min([held_h for _, held_h in owed], axis=0)
    there = np.all([held_h >= FULL * h for h, held_h in owed], axis=0)
    told = {
        "endurance_min": 60.0 * float(endurance_h.min()),
        "exhausted_share": float(np.mean(60.0 * endurance_h < reservoir.aem_enable_min)),
    }
    if not reservoir.restored_h:
        return told
    outside = np.abs(service.deviation_hz) >= reservoir.band_hz
    returns_s = service.time_s[1:][outside[:-1] & ~outside[1:]]
    waits_s = []
    for begin_s in returns_s.tolist():
        later = (ready.time_s >= begin_s) & there
        waits_s.append(float(ready.time_s[later][0]) - begin_s if later.any() else math.inf)
    return told | {"restored_longest_s": max(waits_s, default=math.nan)}


def _alert(product: Product, service: Service, ready: "Ready", outside: Floats) -> dict[str, Any]:
    """Limited reservoirs in FCR: 15 min of full power ready in normal state, given in alert, restored within 2 h."""
    begin_s = float(service.time_s[0])
    alerts = alert_intervals(service.deviation_hz, FcrAlert(), service.step_s)
    normal = np.ones(len(ready.time_s), dtype=bool)
    owed = np.zeros(len(service.time_s), dtype=bool)
    restored_s = []
    least_h = np.minimum(ready.down_h, ready.up_h)
    for first, last in alerts:
        normal &= ~((ready.time_s >= begin_s + first) & (ready.time_s < begin_s + last + RESTORE_S))
        since_s = service.time_s - (begin_s + first)
        owed |= (since_s >= 0.0) & (since_s < min(3600.0 * product.energy_h, last - first))
        back = np.flatnonzero((ready.time_s >= begin_s + last) & (least_h >= product.energy_h))
        restored_s.append(float(ready.time_s[back[0]]) - begin_s - last if back.size else math.inf)
    return {
        "alert_intervals_s": [[round(begin_s + first), round(begin_s + last)] for first, last in alerts],
        "normal_energy_ready_h": float(least_h[normal].min()) if normal.any() else math.nan,
        "alert_inside_share": float(np.mean(outside[owed] <= INSIDE)) if owed.any() else math.nan,
        "restored_longest_s": max(restored_s, default=math.nan),
    }


class Ready(NamedTuple):
    """Energy that the cars hold ready, as hours of the contracted power; looked at every minute."""

    time_s: Floats
    down_h: Floats  # for low frequency
    up_h: Floats  # for high frequency
    soc_drift: float  # mean change of the state of charge over the committed time


def energy_ready(run: Run, scenario: Scenario, contract_mw: float, service: Service) -> Ready:
    """From the recorded states of charge, within the band that the drivers lend."""
    capacities = capacities_wh(run, scenario)
    rows = run.table("charge_loop", columns=["time_s", "ev_id", "soc"])
    low = max(scenario.fleet.minimum_soc, scenario.fleet.v2x_soc[0])
    high = min(scenario.fleet.maximum_soc, scenario.fleet.v2x_soc[1])
    span_s = float(service.time_s[-1] - service.time_s[0])
    instants = service.time_s[0] + np.linspace(0.0, span_s, max(2, round(span_s / SAMPLED_S) + 1))
    down_wh, up_wh = np.zeros_like(instants), np.zeros_like(instants)
    drift = []
    for ev_id, car in rows.groupby("ev_id", sort=True):
        time_s, soc = car["time_s"].to_numpy(), car["soc"].to_numpy()
        spacing_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
        here = (instants >= time_s[0] - spacing_s) & (instants <= time_s[-1] + spacing_s)
        at = np.interp(instants, time_s, soc)
        wh = capacities[int(str(ev_id))]
        down_wh += np.where(here, np.maximum(at - low, 0.0) * wh, 0.0)
        up_wh += np.where(here, np.maximum(high - at, 0.0) * wh, 0.0)
        if here.any():
            drift.append(float(at[here][-1] - at[here][0]))
    hours = scenario.fleet.cars_per_ev * 1e-6 / contract_mw
    return Ready(instants, down_wh * hours, up_wh * hours, float(np.mean(drift)) if drift else math.nan)


def capacities_wh(run: Run, scenario: Scenario) -> dict[int, float]:
    """Nominal energy of each car [Wh]."""
    name = scenario.fleet.vehicles
    path = run.path / name if (run.path / name).is_file() else locate("fleet.vehicles", name)
    models = {choice.vehicle.name: choice.vehicle.battery.capacity_wh for choice in read_vehicles(Path(path))}
    rows = run.table("sessions", columns=["ev_id", "vehicle"])
    return {int(ev_id): models[vehicle] for ev_id, vehicle in zip(rows["ev_id"], rows["vehicle"], strict=True)}
