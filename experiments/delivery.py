"""What a run delivered: for each product that its scenario names, and for each car. From the tables of the run folder.

Definitions stand in `models/grid/delivery.py`, scores in `models/grid/scoring.py`; what was asked and what came is
`experiments/service.py`, the energy behind it `experiments/reserve.py`.
"""

import math
from typing import Any

import numpy as np
import pandas as pd

from cosim.scenario import Scenario
from experiments.reserve import INSIDE, capacities_wh, reserve
from experiments.runs import Run
from experiments.service import Service, contracted_mw, service_of
from models.grid import activation
from models.grid.delivery import (
    Floats,
    Timing,
    equivalent_full_cycles,
    excursions,
    missed_energy_wh,
    setpoint_steps,
    sustained,
    timing,
    tracking,
)
from models.grid.envelope import outside_envelope
from models.grid.products import PRODUCTS, Product, share
from models.grid.scoring import SCORERS, Recording, RecordingError, Terms

SHORT = 0.95  # of the contract: less than this is capacity that is not there; the plug stands for the meter
SETTLE_S = 5.0  # a set-point at rest for so long has been reached by any car
LONG = ("lag_s", "hours")  # parts of a score that are lists
CAR_COLUMNS = ["time_s", "ev_id", "setpoint_w", "grid_power_w", "soc"]


def delivery(run: Run) -> dict[str, Any]:
    """Key figures `products` and `cars` of a run; empty for a scenario that names no product."""
    scenario = Scenario.model_validate(run.config)
    if not scenario.products or run.rows("grid") < 2:
        return {}
    told: dict[str, Any] = {}
    for number, contract in enumerate(scenario.products, 1):
        name = contract.product if contract.product not in told else f"{contract.product}-{number}"
        told[name] = product_delivery(run, scenario, number - 1)
    return {"products": told, "cars": cars_together(cars(run))}


def product_delivery(run: Run, scenario: Scenario, number: int) -> dict[str, Any]:
    """Score and delivery of one contract of a run."""
    contract = scenario.products[number]
    product, contract_mw = PRODUCTS[contract.product], contracted_mw(run, scenario, number)
    service = service_of(run, scenario, number)
    if len(service.time_s) < 2:
        return {"contract_mw": contract_mw, "score": {}, "note": "the run ended before the committed time"}
    window_s = contract.window_s or (0.0 if math.isnan(product.full_s) else product.full_s)
    outside = outside_envelope(service.wanted, service.delivered, round(window_s / service.step_s))
    free = abs(share(product, product.insensitivity_hz)) if product.insensitivity_hz > 0.0 else 0.0
    times = timing(excursions(service.time_s, service.wanted, service.delivered, 1.0, free))
    mwh = contract_mw * service.step_s / 3600.0
    found: dict[str, Any] = {"contract_mw": contract_mw, **_score(run, scenario, number, service)}
    found |= {f"{name}": value for name, value in times._asdict().items()}
    found |= {
        "starts_in_time": _in_time(times.latency_longest_s, product.start_s, service.step_s),
        "full_in_time": _in_time(times.owed_longest_s, product.full_s, service.step_s),
        "sustained": sustained(service.time_s, service.wanted, service.delivered, window_s, product.sustain_s),
        **tracking(service.time_s, service.wanted, service.delivered, 1.0, max(SETTLE_S, window_s))._asdict(),
        "inside_share": float(np.mean(outside <= INSIDE)),
        "non_delivery_mwh": float(np.sum(outside)) * mwh,
        "delivered_mwh": float(np.sum(service.delivered)) * mwh,
        "delivered_throughput_mwh": float(np.sum(np.abs(service.delivered))) * mwh,
        "baseline_mwh": float(np.sum(service.baseline_w)) * 1e-6 * service.step_s / 3600.0,
        "unavailability_share": _unavailability(run, scenario, product, contract_mw, service),
        **reserve(run, scenario, product, contract_mw, service, outside),
    }
    return {name: _plain(value) for name, value in found.items()}


def _score(run: Run, scenario: Scenario, number: int, service: Service) -> dict[str, Any]:
    """The product's own score; a note where it cannot be told from this run."""
    contract = scenario.products[number]
    product = PRODUCTS[contract.product]
    if not product.scorer:
        return {"note": "no rule scores it: delivery figures only"}
    if product.scorer == "fcr-d":
        score = activation.score(service.time_s, service.deviation_hz, service.delivered, product)
        return {"score": score} if score else {"note": activation.why_none(service.deviation_hz, product)}
    columns: dict[str, Floats] = {"f_hz": service.deviation_hz + product.nominal_hz, "p_frac": service.delivered}
    step_s = service.step_s
    if product.scorer == "pjm":
        columns = {"signal_pu": service.wanted, "response_pu": service.delivered}
    if product.scorer == "afrr":
        columns = {"setpoint_pu": service.wanted, "p_pu": service.delivered}
    terms = Terms(contracted_mw(run, scenario, number), contract.window_s or math.nan)
    if product.scorer == "ffr":
        terms = terms._replace(
            level_hz=product.nominal_hz + product.curve[0].deviation_hz, max_full_time_s=product.full_s
        )
    try:
        score = SCORERS[product.scorer].score(Recording(columns, step_s), terms)
    except RecordingError as error:
        return {"note": str(error)}
    return {"score": {key: value for key, value in score.items() if key not in LONG}}


def _in_time(longest_s: float, most_s: float, step_s: float) -> bool | None:
    """Whether the slowest response kept a limit, to the resolution of the data; None without limit or response."""
    if math.isnan(longest_s) or math.isnan(most_s):
        return None
    return longest_s <= most_s + step_s


def _unavailability(
    run: Run, scenario: Scenario, product: Product, contract_mw: float, service: Service
) -> float | None:
    """Share of the committed time in which the fleet could not have given the contracted power, by its headroom."""
    names = ["time_s", "headroom_up_w", "headroom_down_w"]
    between = (float(service.time_s[0]), float(service.time_s[-1]) + 1e-6)
    rows = run.table("fleet", columns=names, between=between, as_="arrow")
    if not rows.num_rows:
        return None
    time_s, up_w, down_w = (rows[name].to_numpy().astype(np.float64) for name in names)
    given_mw = contract_mw * np.interp(time_s, service.time_s, service.delivered)
    scale = scenario.fleet.cars_per_ev * 1e-6
    supports = product.kind == "signal" or any(point.share > 0.0 for point in product.curve)
    absorbs = product.kind == "signal" or any(point.share < 0.0 for point in product.curve)
    short = np.zeros(len(time_s), dtype=bool)
    if supports:
        short |= given_mw + scale * down_w < SHORT * contract_mw
    if absorbs:
        short |= scale * up_w - given_mw < SHORT * contract_mw
    return float(np.mean(short))


# --- single cars ---


def cars(run: Run) -> pd.DataFrame:
    """How each car delivered what its station asked of it, one row per session.

    Columns: ev_id; steps, latency_s, ramp_s, t90_s (medians over the set-point's steps, to the spacing of the recorded
    loops); nrmse_pu, steady_bias_pu, steady_sigma_pu (over the offered capacity, or the largest set-point);
    throughput_wh (at the plug), equivalent_full_cycles, missed_wh (at the cells).
    """
    scenario = Scenario.model_validate(run.config)
    capacities = capacities_wh(run, scenario)
    offered_w = run.manifest["policy"]["parameters"].get("capacity_w")
    loops = run.table("charge_loop", columns=CAR_COLUMNS) if run.rows("charge_loop") else None
    by_car = {int(str(ev)): rows for ev, rows in loops.groupby("ev_id")} if loops is not None else {}
    columns = ["ev_id", "soc_end", "soc_target", "charged_wh", "discharged_wh", "target"]
    told = []
    for session in run.table("sessions", columns=columns).itertuples(index=False):
        throughput_wh = float(session.charged_wh + session.discharged_wh)
        missed = session.target == "missed"
        capacity_wh = capacities[int(session.ev_id)]
        told.append(
            {"ev_id": int(session.ev_id), **_car(by_car.get(int(session.ev_id)), offered_w)}
            | {
                "throughput_wh": throughput_wh,
                "equivalent_full_cycles": equivalent_full_cycles(throughput_wh, capacity_wh),
                "missed_wh": missed_energy_wh(session.soc_end, session.soc_target, capacity_wh) if missed else 0.0,
            }
        )
    return pd.DataFrame(told).sort_values("ev_id", ignore_index=True)


def _car(loops: "pd.DataFrame | None", offered_w: float | None) -> dict[str, Any]:
    nothing = dict.fromkeys(("latency_s", "ramp_s", "t90_s", "nrmse_pu", "steady_bias_pu", "steady_sigma_pu"), math.nan)
    if loops is None or len(loops) < 2:
        return {"steps": 0, **nothing}
    time_s, wanted, delivered = (
        loops[name].to_numpy(dtype=np.float64) for name in ("time_s", "setpoint_w", "grid_power_w")
    )
    capacity_w = float(offered_w or np.abs(wanted).max() or 1.0)
    times: Timing = timing(setpoint_steps(time_s, wanted, delivered, capacity_w))
    errors = tracking(time_s, wanted, delivered, capacity_w, SETTLE_S)
    return {
        "steps": times.steps,
        "latency_s": times.latency_s,
        "ramp_s": times.ramp_s,
        "t90_s": times.t90_s,
        "nrmse_pu": errors.nrmse_pu,
        "steady_bias_pu": errors.steady_bias_pu,
        "steady_sigma_pu": errors.steady_sigma_pu,
    }


def cars_together(each: pd.DataFrame) -> dict[str, Any]:
    """Medians over the cars, the slowest, and sums of energy."""
    median = each[["latency_s", "ramp_s", "t90_s", "nrmse_pu", "steady_bias_pu", "steady_sigma_pu"]].median()
    missed = each["missed_wh"] > 0.0
    return {
        **{str(name): _plain(float(value)) for name, value in median.items()},
        "t90_slowest_s": _plain(float(each["t90_s"].max())),
        "throughput_wh": float(each["throughput_wh"].sum()),
        "equivalent_full_cycles": float(each["equivalent_full_cycles"].mean()),
        "missed_wh": float(each["missed_wh"].sum()),
        "missed_share": float(missed.mean()),
    }


def _plain(value: Any) -> Any:
    """A figure as JSON has it: None for what is no number."""
    return None if isinstance(value, float) and math.isnan(value) else value
