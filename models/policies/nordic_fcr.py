"""Follow Nordic FCR-N or FCR-D with a limited reservoir: the response, the baseline that NEM moves, and AEM.

`policy.name=product policy.product=fcr-n` (or fcr-d, fcr-d-up, fcr-d-down) leads here; see `models.grid.nordic_energy`
for the rule. The reservoir is what the driver lends: the energy between the bounds that the vehicle reports.
"""

import math
from typing import NamedTuple

from models.control.charge_loop import StationView
from models.grid.nordic_energy import above, below, clipped, filled_after_s, is_low, mean_of, nem_allowed, rolled
from models.grid.products import Product

OPERATION_MODE = "LocalFrequency"


class Params(NamedTuple):
    """Own settings first; the rest is the product's row, here that of FCR-N."""

    capacity_w: float = 5_000.0  # power that each car offers, at the AC meter
    restore_scale: float = 1.0  # of the power that the rule gives to NEM; 0: nothing is returned
    efficiency: float = 0.9  # AC meter to cells, assumed in the endurance
    up: float = 1.0  # 1: supports low frequency
    down: float = 1.0  # 1: supports high frequency
    edge_hz: float = 0.0  # deviation where the response begins,
    span_hz: float = 0.1  # and how much further it is full
    nem_enable_min: float = 30.0
    nem_disable_min: float = 57.5
    nem_share: float = 0.34
    aem_enable_min: float = 5.0
    aem_disable_min: float = 10.0
    band_hz: float = 0.1


class Memory(NamedTuple):
    """What the station remembers. `declared_w` is the baseline it declares to the operator."""

    declared_w: float = 0.0
    nem: float = 0.0  # NEM_Allowed since the last decision
    aem_low: float = 0.0  # 1: nearly empty
    aem_high: float = 0.0  # 1: nearly full
    shift_hz: float = 0.0  # of the reference that AEM wants, since the last decision
    filled_s: float = 0.0  # of the newest stretch of both windows
    nem_0: float = 0.0  # windows of NEM_Allowed, newest stretch first,
    nem_1: float = 0.0
    nem_2: float = 0.0
    nem_3: float = 0.0
    nem_4: float = 0.0
    nem_5: float = 0.0
    nem_6: float = 0.0
    nem_7: float = 0.0
    nem_8: float = 0.0
    nem_9: float = 0.0
    nem_10: float = 0.0
    aem_0: float = 0.0  # and of the shift
    aem_1: float = 0.0
    aem_2: float = 0.0
    aem_3: float = 0.0
    aem_4: float = 0.0
    aem_5: float = 0.0
    aem_6: float = 0.0
    aem_7: float = 0.0
    aem_8: float = 0.0
    aem_9: float = 0.0
    aem_10: float = 0.0


def row_parameters(product: Product) -> dict[str, float]:
    """A product's row as parameters."""
    reservoir = product.reservoir
    assert reservoir is not None, "only products with NEM come here"
    edge_hz = min((abs(point.deviation_hz) for point in product.curve if point.share == 0.0), default=0.0)
    return {
        "up": 1.0 if any(point.share > 0.0 for point in product.curve) else 0.0,
        "down": 1.0 if any(point.share < 0.0 for point in product.curve) else 0.0,
        "edge_hz": edge_hz,
        "span_hz": max(abs(point.deviation_hz) for point in product.curve) - edge_hz,
        "nem_enable_min": reservoir.nem_enable_min,
        "nem_disable_min": reservoir.nem_disable_min,
        "nem_share": reservoir.nem_share,
        "aem_enable_min": reservoir.aem_enable_min,
        "aem_disable_min": reservoir.aem_disable_min,
        "band_hz": reservoir.band_hz,
    }


def step(view: StationView, memory: Memory, params: Params) -> tuple[float, Memory]:
    """Declared baseline plus what the product asks for [W], and the new memory."""
    deviation_hz = view.frequency_hz - view.nominal_hz
    elapsed_s = view.elapsed_s
    nem_window = rolled(memory[6:17], memory.filled_s, memory.nem, elapsed_s)
    aem_window = rolled(memory[17:28], memory.filled_s, memory.shift_hz, elapsed_s)
    filled_s = filled_after_s(memory.filled_s, elapsed_s)

    up_min = endurance_up_min(view, params) if params.up > 0.0 else math.inf
    down_min = endurance_down_min(view, params) if params.down > 0.0 else math.inf
    nem = nem_allowed(
        up_min, down_min, deviation_hz, memory.nem, params.nem_enable_min, params.nem_disable_min, params.band_hz
    )
    low = is_low(up_min, memory.aem_low > 0.0, params.aem_enable_min, params.aem_disable_min)
    high = is_low(down_min, memory.aem_high > 0.0, params.aem_enable_min, params.aem_disable_min)
    shift_hz = wanted_shift_hz(deviation_hz, low, high, params)

    nem_share = params.restore_scale * params.nem_share * mean_of(nem_window, filled_s)
    share = response_share(deviation_hz, mean_of(aem_window, filled_s), nem_share, params)
    declared_w = view.scheduled_w - nem_share * params.capacity_w
    after = Memory(
        declared_w, nem, 1.0 if low else 0.0, 1.0 if high else 0.0, shift_hz, filled_s,
        nem_window[0], nem_window[1], nem_window[2], nem_window[3], nem_window[4], nem_window[5],
        nem_window[6], nem_window[7], nem_window[8], nem_window[9], nem_window[10],
        aem_window[0], aem_window[1], aem_window[2], aem_window[3], aem_window[4], aem_window[5],
        aem_window[6], aem_window[7], aem_window[8], aem_window[9], aem_window[10],
    )  # fmt: skip
    return declared_w - share * params.capacity_w, after


def endurance_up_min(view: StationView, params: Params) -> float:
    """Time for which the contracted power could be given [min], from what the vehicle reports."""
    stored_wh = 0.0 - view.minimum_energy_wh
    if 0.0 - view.minimum_v2x_energy_wh < stored_wh:  # false when it was not said
        stored_wh = 0.0 - view.minimum_v2x_energy_wh
    return 60.0 * stored_wh * params.efficiency / params.capacity_w


def endurance_down_min(view: StationView, params: Params) -> float:
    """Time for which the contracted power could be taken [min]."""
    room_wh = view.maximum_energy_wh
    if view.maximum_v2x_energy_wh < room_wh:
        room_wh = view.maximum_v2x_energy_wh
    return 60.0 * room_wh / (params.efficiency * params.capacity_w)


def wanted_shift_hz(deviation_hz: float, low: bool, high: bool, params: Params) -> float:
    """How far AEM would have the reference frequency from where it is, now [Hz]. Equations 19 to 22."""
    if not low and not high:
        return 0.0
    if params.edge_hz > 0.0:
        return (below(deviation_hz, params.edge_hz) if low else 0.0) + (
            above(deviation_hz, params.edge_hz) if high else 0.0
        )
    return clipped(deviation_hz, 0.0 - params.span_hz, params.span_hz)


def response_share(deviation_hz: float, shift_hz: float, nem_share: float, params: Params) -> float:
    """Share of the contracted power, around a reference that AEM has moved. Equations 23 to 26.

    Without AEM it is the product's curve. With it a response may turn: at most into the power that NEM has for itself.
    """
    if params.edge_hz > 0.0:
        up = down = 0.0
        if params.up > 0.0:
            fall_hz = (shift_hz if shift_hz < 0.0 else 0.0) - below(deviation_hz, params.edge_hz)
            filling = nem_share if nem_share < 0.0 else 0.0
            up = clipped(fall_hz / params.span_hz, 0.0 - params.nem_share - filling, 1.0)
        if params.down > 0.0:
            rise_hz = (shift_hz if shift_hz > 0.0 else 0.0) - above(deviation_hz, params.edge_hz)
            emptying = nem_share if nem_share > 0.0 else 0.0
            down = clipped(rise_hz / params.span_hz, -1.0, params.nem_share - emptying)
        return up + down
    share = (shift_hz - clipped(deviation_hz, 0.0 - params.span_hz, params.span_hz)) / params.span_hz
    most = 1.0 + params.nem_share
    return clipped(share, 0.0 - most - nem_share, most - nem_share)
