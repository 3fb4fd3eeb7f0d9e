"""Follow the product that policy.product names (fcr by default): its curve, step or signal, around a declared baseline.

The product's row becomes numbers before the run, so that a decision is plain arithmetic. Energy that the service took
(losses included) comes back through the declared baseline, as the product's rule has it; the response never carries it:

- settlement period by settlement period, announced one ahead and at most as fast as the rule demands (FCR, DC, DM, DR);
  in alert state of FCR none is announced;
- once a release is over, so that the next one finds it there in time (FFR of both kinds);
- not at all where no rule asks for it.

FCR-N and FCR-D have a scheme of their own: for them `follower` names `models.policies.nordic_fcr`.
"""

import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

from models.control.charge_loop import StationView
from models.grid.alert import FcrAlert
from models.grid.products import INF, PRODUCTS, Product, corners, product_key, share_at
from models.policies import nordic_fcr
from models.policies.droop_soc import cells_w

OPERATION_MODE = "LocalFrequency"

AT_ONCE = 1e9  # share per second: a return without a ramp
RETURN_MARGIN = 0.75  # of the fastest return allowed: a loop makes stairs of the ramp, which are steeper for a second
LONG_AGO_S = -1e12
LEAST = 0.1  # of the most that may be returned: less is left for later
READY_S = 10.0  # what is missing after a release returns within so long, where power allows
SLACK_HZ = 1e-9
ALERT = FcrAlert()


class Params(NamedTuple):
    """Own settings first; the rest is the product's row, here that of FCR."""

    capacity_w: float = 5_000.0  # power that each car offers, in either direction, at the AC meter
    restore_scale: float = 1.0  # of the energy that the rule wants back in a settlement period; 0: nothing is returned
    efficiency: float = 0.9  # AC meter to cells, assumed in what is returned
    follows_signal: float = 0.0  # 1: the operator's signal, in view.scheduled_w; 0: the curve
    hz_1: float = -0.2  # corners of the curve: deviation from nominal, and share that supports low frequency
    pu_1: float = 1.0
    hz_2: float = 0.2
    pu_2: float = -1.0
    hz_3: float = 0.2
    pu_3: float = -1.0
    hz_4: float = 0.2
    pu_4: float = -1.0
    hz_5: float = 0.2
    pu_5: float = -1.0
    hz_6: float = 0.2
    pu_6: float = -1.0
    hold_s: float = math.nan  # released as a whole: full power for so long; nan: the curve is followed
    off_pu_per_s: float = math.nan  # and back at this rate
    again_s: float = math.nan  # and ready again so long after the release
    settlement_s: float = 900.0  # settlement period
    restore_pu: float = 0.25  # of the capacity, at most, in the baseline
    wait_s: float = math.nan  # after a release, before energy returns; nan: by settlement periods
    alert_rule: float = 1.0  # 1: nothing is returned in alert state


class Memory(NamedTuple):
    """What the station remembers. `declared_w` is the baseline it declares to the operator."""

    declared_w: float = 0.0
    plan_w: float = 0.0  # the part of it that the session is scheduled for
    restore_w: float = 0.0  # the part of it that returns energy in the present settlement period
    next_w: float = 0.0  # what was announced for the next one
    period: float = -1.0  # number of the present settlement period; -1: before the first decision
    planned_wh: float = math.nan  # target distance if only the plan had flowed; nan before the first decision
    released_s: float = LONG_AGO_S
    standard_s: float = 0.0  # beyond the standard range for so long
    wide_s: float = 0.0  # beyond the wide range for so long
    alert: float = 0.0


def followed(parameters: Mapping[str, Any]) -> Product:
    """The product that the parameters name; FCR without a name. Raises ValueError when there is no such product."""
    name = str(parameters.get("product", "fcr"))
    key = product_key(name)
    if key is None:
        raise ValueError(f"product must name a product, got '{name}'; known are {', '.join(PRODUCTS)}")
    return PRODUCTS[key]


def follower(parameters: Mapping[str, Any]) -> ModuleType | None:
    """The module that follows the product when it is not this one. Raises ValueError as `followed` does."""
    return nordic_fcr if followed(parameters).recovery == "managed" else None


def resolved(parameters: Mapping[str, Any]) -> dict[str, float]:
    """Parameters with the product's name turned into its numbers, whichever module follows it.

    Numbers of a row are not to be set otherwise: what an earlier run wrote down gives way to the row.
    """
    product = followed(parameters)
    own = {name: value for name, value in parameters.items() if name != "product" and name not in ROW}
    return own | (nordic_fcr.row_parameters(product) if product.recovery == "managed" else row_parameters(product))


def row_parameters(product: Product) -> dict[str, float]:
    """A product's row as parameters."""
    names = [f"{kind}_{k}" for k in range(1, 7) for kind in ("hz", "pu")]
    settlement_s = product.settlement_s if product.recovery == "baseline" else 900.0
    return dict(zip(names, corners(product), strict=True)) | {
        "follows_signal": 1.0 if product.kind == "signal" else 0.0,
        "hold_s": product.hold_s + product.full_s if product.kind == "step" else math.nan,
        "off_pu_per_s": AT_ONCE if product.off_pu_per_s == INF else RETURN_MARGIN * product.off_pu_per_s,
        "again_s": product.again_s,
        "settlement_s": settlement_s,
        "restore_pu": restore_pu(product),
        "wait_s": product.recover_wait_s if product.recovery == "ready" else math.nan,
        "alert_rule": 1.0 if product.key == "fcr" else 0.0,
    }


def restore_pu(product: Product) -> float:
    """Share of the contracted power with which the baseline returns energy, at most."""
    if product.recovery == "baseline":
        return product.recover_share * product.energy_h * 3600.0 / product.settlement_s
    return product.recover_pu if product.recovery == "ready" else 0.0


def step(view: StationView, memory: Memory, params: Params) -> tuple[float, Memory]:
    """Declared baseline plus what the product asks for [W], and the new memory."""
    deviation_hz = view.frequency_hz - view.nominal_hz
    standard_s, wide_s, alert = alert_state(
        deviation_hz, view.elapsed_s, memory.standard_s, memory.wide_s, memory.alert
    )
    plan_w = 0.0 if params.follows_signal > 0.0 else view.scheduled_w

    planned_wh = memory.planned_wh
    if planned_wh != planned_wh:
        planned_wh = view.target_energy_wh
    else:
        planned_wh = planned_wh - cells_w(memory.plan_w, params.efficiency) * view.elapsed_s / 3600.0

    period = float(math.floor(view.time_s / params.settlement_s))
    restore_w, next_w = memory.restore_w, memory.next_w
    if period > memory.period and memory.period >= 0.0 and params.wait_s != params.wait_s:
        restore_w = next_w
        if params.alert_rule > 0.0 and alert > 0.0:
            restore_w = next_w = 0.0
        else:
            coming_wh = cells_w(restore_w, params.efficiency) * params.settlement_s / 3600.0
            most_w = params.restore_scale * params.restore_pu * params.capacity_w
            missing_wh = view.target_energy_wh - planned_wh - coming_wh
            next_w = returning_w(missing_wh, params.settlement_s, most_w, params.efficiency)

    released_s = memory.released_s
    asked = share_at(
        deviation_hz,
        params.hz_1, params.pu_1, params.hz_2, params.pu_2, params.hz_3, params.pu_3,
        params.hz_4, params.pu_4, params.hz_5, params.pu_5, params.hz_6, params.pu_6,
    )  # fmt: skip
    if params.hold_s == params.hold_s:
        if asked >= 1.0 and view.time_s - released_s >= params.again_s:
            released_s = view.time_s
        asked = released_share(view.time_s - released_s, params.hold_s, params.off_pu_per_s)
    if params.wait_s == params.wait_s:
        over_s = view.time_s - released_s - params.hold_s - 1.0 / params.off_pu_per_s
        most_w = params.restore_scale * params.restore_pu * params.capacity_w
        missing_wh = view.target_energy_wh - planned_wh
        restore_w = returning_w(missing_wh, READY_S, most_w, params.efficiency) if over_s >= params.wait_s else 0.0
    wanted_w = view.scheduled_w if params.follows_signal > 0.0 else 0.0 - asked * params.capacity_w

    declared_w = plan_w + restore_w
    return declared_w + wanted_w, Memory(
        declared_w, plan_w, restore_w, next_w, period, planned_wh, released_s, standard_s, wide_s, alert
    )


def alert_state(
    deviation_hz: float, elapsed_s: float, standard_s: float, wide_s: float, alert: float
) -> tuple[float, float, float]:
    """Times beyond the standard and the wide range [s], and whether alert state holds, as the station measures it."""
    size_hz = deviation_hz if deviation_hz > 0.0 else 0.0 - deviation_hz
    if not size_hz > ALERT.standard_hz + SLACK_HZ:
        return 0.0, 0.0, 0.0
    standard_s = standard_s + elapsed_s
    wide_s = wide_s + elapsed_s if size_hz > ALERT.wide_hz + SLACK_HZ else 0.0
    if size_hz >= ALERT.at_once_hz - SLACK_HZ or standard_s > ALERT.standard_s or wide_s > ALERT.wide_s:
        alert = 1.0
    return standard_s, wide_s, alert


def released_share(since_s: float, hold_s: float, off_pu_per_s: float) -> float:
    """Share `since_s` seconds after a release: full for `hold_s`, then back at a constant rate."""
    if since_s < hold_s:
        return 1.0
    share = 1.0 - (since_s - hold_s) * off_pu_per_s
    return share if share > 0.0 else 0.0


def returning_w(missing_wh: float, period_s: float, most_w: float, efficiency: float) -> float:
    """Power [W, AC meter] that brings `missing_wh` to the cells in a period, within plus and minus `most_w`.

    Positive energy is missing in the cells. Less than a tenth of `most_w` is left for later.
    """
    cells = 3600.0 * missing_wh / period_s
    power_w = cells / efficiency if cells >= 0.0 else cells * efficiency
    if power_w > most_w:
        return most_w
    if power_w < 0.0 - most_w:
        return 0.0 - most_w
    return power_w if power_w > LEAST * most_w or power_w < 0.0 - LEAST * most_w else 0.0


ROW = frozenset((*row_parameters(PRODUCTS["fcr"]), *nordic_fcr.row_parameters(PRODUCTS["fcr-n"])))
"""Names of what a product's row sets, in either module."""
