"""Key figures for people: what they are called, and numbers with units that the eye takes in."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

NOTHING = "–"

LABELS = {
    "nadir_hz": "lowest frequency",
    "nadir_without_hz": "lowest frequency without the fleet",
    "zenith_hz": "highest frequency",
    "zenith_without_hz": "highest frequency without the fleet",
    "maximum_deviation_hz": "largest deviation",
    "maximum_rocof_hz_per_s": "steepest rate of change",
    "maximum_service_w": "most service to the grid",
    "late_swing_hz": "swing of frequency in the last tenth",
    "second_fall_hz": "largest fall after the first recovery",
    "shed_stages": "stages of load shedding",
    "shed_w": "load shed, net",
    "first_shed_s": "first stage shed at",
    "maximum_tie_w": "most power over the tie line",
    "neighbour_nadir_hz": "lowest frequency of the neighbour",
    "loop_gain_w_per_hz": "estimate: gain of the fleet per hertz",
    "loop_delay_s": "estimate: delay from frequency to power",
    "loop_longest_delay_s": "estimate: longest delay without ringing",
    "loop_phase_margin_deg": "estimate: phase margin",
    "sessions_without_supply": "sessions that lost their supply",
    "sessions": "sessions",
    "sessions_reached_loop": "sessions that reached the charge loop",
    "charge_loops": "charge loops",
    "grid_energy_wh": "energy at the grid, net",
    "charged_wh": "energy charged, plug",
    "discharged_wh": "energy fed back, plug",
    "battery_energy_wh": "energy in the cells, net",
    "loss_wh": "losses",
    "target_met_share": "targets met",
    "feasible_target_met_share": "feasible targets met",
    "tracking_rmse_w": "tracking error, rms",
    "response_delay.count": "setpoint steps delivered",
    "response_delay.superseded": "setpoint steps replaced by newer ones",
    "response_delay.p50_s": "response delay, median",
    "response_delay.p95_s": "response delay, 95 %",
    "response_delay.p99_s": "response delay, 99 %",
    "minimum_power_gap_s": "time held in the minimum-power gap",
    "soc_bounds_reached": "state-of-charge bounds reached",
}
GROUPS = {
    "targets": "targets",
    "why_missed": "missed because of",
    "clips": "clips",
    "end_reasons": "ended by",
    "messages": "messages",
    "products": "product",
    "cars": "single cars",
}
# Figures of delivery, behind the name of a product or of the cars.
DELIVERY = {
    "contract_mw": "contract",
    "latency_s": "latency, median",
    "latency_longest_s": "latency, longest",
    "ramp_s": "ramp 10 to 90 %, median",
    "ramp_longest_s": "ramp 10 to 90 %, longest",
    "t90_s": "time to 90 %, median",
    "t90_longest_s": "time to 90 %, longest",
    "owed_longest_s": "90 % owed for, longest",
    "t90_slowest_s": "time to 90 %, slowest car",
    "nrmse_pu": "NRMSE",
    "mae_pu": "mean absolute error",
    "steady_bias_pu": "steady accuracy (bias)",
    "steady_sigma_pu": "steady precision (sigma)",
    "sustained": "full power held as owed",
    "starts_in_time": "starts in time (T0)",
    "full_in_time": "full in time (T1)",
    "inside_share": "time inside the envelope",
    "unavailability_share": "unavailability",
    "non_delivery_mwh": "energy not delivered",
    "delivered_mwh": "energy delivered, net",
    "delivered_throughput_mwh": "energy delivered, both ways",
    "baseline_mwh": "energy through the baseline",
    "energy_ready_down_h": "least energy ready for low frequency",
    "energy_ready_up_h": "least energy ready for high frequency",
    "normal_energy_ready_h": "least energy ready in normal state",
    "alert_inside_share": "alert duty inside the envelope",
    "restored_longest_s": "energy back, longest",
    "energy_required_met_share": "settlement periods begun with the energy required",
    "energy_required_short_h": "energy required, most that lacked",
    "endurance_min": "least endurance",
    "exhausted_share": "time exhausted (AEM)",
    "throughput_wh": "energy throughput, plug",
    "missed_wh": "missed departure energy",
    "missed_share": "sessions that missed energy",
}
UNITS = (
    ("_hz_per_s", "Hz/s"),
    ("_w_per_hz", "W/Hz"),
    ("_hz", "Hz"),
    ("_mwh", "MWh"),
    ("_wh", "Wh"),
    ("_mw", "MW"),
    ("_w", "W"),
    ("_h", "h"),
    ("_s", "s"),
)
# What some figures mean, where the name alone could be misread.
MEANINGS = {
    "response_delay.p50_s": "from the station's decision to 90 % of the power",
    "t90_s": "from what is asked of the fleet to 90 % of its power",
    "latency_s": "from what is asked of the fleet to its first movement",
}
PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def flat(figures: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Nested figures as (dotted key, value), in their order."""
    for key, value in figures.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def label(key: str) -> str:
    """What a figure is called in tables."""
    group, _, rest = key.partition(".")
    if key in LABELS:
        return LABELS[key]
    if group in ("products", "cars"):
        who, _, figure = rest.rpartition(".")
        told = DELIVERY.get(figure, figure.replace("_", " "))
        return f"{who.replace('.', ' ') or GROUPS[group]}: {told}"
    return f"{GROUPS.get(group, group)}: {rest}" if rest else key.replace("_", " ")


def meaning(key: str) -> str:
    """What a figure means, in words; empty where its name says it."""
    return MEANINGS.get(key) or MEANINGS.get(key.rpartition(".")[2], "")


def text(key: str, value: Any) -> str:
    """A value with its unit, which the key ends in."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    if key.endswith("_mwh"):
        return scaled(1e6 * value, "Wh")
    if key.endswith("_mw"):
        return scaled(1e6 * value, "W")
    if key.endswith("_deg"):
        return f"{value:.1f}°"
    if key.endswith("_min"):
        return f"{value:.1f} min"
    if key.endswith("_h"):
        return f"{value:.3f} h"
    if key.endswith("_hz_per_s"):
        return f"{value:.3f} Hz/s"
    if key.endswith("_w_per_hz"):
        return scaled(value, "W/Hz")
    if key.endswith("_hz"):
        return f"{value:.3f} Hz"
    if key.endswith("_wh"):
        return scaled(value, "Wh")
    if key.endswith("_w"):
        return scaled(value, "W")
    if key.endswith(("_share", "_pu")):
        return f"{100.0 * value:.1f} %"
    if key.endswith("_s"):
        return seconds(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def unit(key: str) -> str:
    """Unit of a figure, which its key ends in; 1 for a plain number."""
    return next((told for end, told in UNITS if key.endswith(end)), "1")


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a figure can be drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def difference(key: str, before: Any, after: Any) -> str:
    """The change of a figure, signed; empty when there is none to tell."""
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in (before, after)):
        return ""
    change = after - before
    if change == 0:
        return ""
    sign = "+" if change > 0 else "−"
    if key.endswith("_hz") and not key.endswith("_per_hz"):
        return f"{sign}{1e3 * abs(change):.1f} mHz"
    told = sign + text(key, abs(change))
    if key.endswith(("_share", "_pu")) or before == 0:
        return told
    return f"{told} ({sign}{100.0 * abs(change / before):.1f} %)"


def scaled(value: float, unit: str) -> str:
    """Three or four digits and a prefix: 1.23 kWh."""
    if value == 0:
        return f"0 {unit}"
    factor, prefix = next(((f, p) for f, p in PREFIXES if abs(value) >= f), (1.0, ""))
    number = value / factor
    digits = 2 if abs(number) < 10.0 else 1 if abs(number) < 100.0 else 0
    return f"{number:.{digits}f} {prefix}{unit}"


def seconds(value: float) -> str:
    """A span: milliseconds below a second."""
    if value == 0.0:
        return "0 s"
    return (
        f"{1e3 * value:.0f} ms" if abs(value) < 1.0 else f"{value:,.1f} s" if abs(value) < 100.0 else f"{value:,.0f} s"
    )
