"""Frequency and regulation products: one row each, with curve, timing, sustain, energy rule, source and version.

Sign: a positive share supports low frequency, which for a car is discharging or charging less. Deviation is frequency
minus nominal. Shares are of the contracted power, for the two connection standards of the car's rating.

Rules change, so every row names its version. `confidence` is S for numbers read in a source, M for numbers known from
the published document and not read again, S/M where a row has both.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from models.grid.nordic_energy import FCR_D, FCR_D_DOWN, FCR_D_UP, FCR_N, Reservoir

Floats = npt.NDArray[np.float64]

NAN = math.nan
INF = math.inf
SLACK_HZ = 1e-9  # 49.7 - 50.0 is -0.29999999999999716: a level is reached all the same


Recovery = Literal["baseline", "managed", "ready", "none"]
"""How energy that the service took comes back: announced in the baseline by settlement period; by the Nordic energy
management; after a release, to be ready for the next; or by no rule."""


class CurvePoint(NamedTuple):
    """A corner of a static curve."""

    deviation_hz: float  # signed, from nominal
    share: float  # positive supports low frequency


class Product(NamedTuple):
    """What a product asks for. nan: the rule states no number; inf: without end."""

    key: str
    title: str
    nominal_hz: float
    kind: Literal["curve", "step", "signal"]  # follows frequency, is released at a level, or follows the operator
    curve: tuple[CurvePoint, ...]  # rising deviations, linear between, held outside; a step has two at one deviation
    start_s: float  # T0: longest time from the cause to the first change of power
    full_s: float  # T1: longest time from the cause to full power
    sustain_s: float  # how long full power must be held
    data_step_s: float  # longest step of the data by which delivery is judged
    measure_hz: float  # accuracy of the frequency measurement
    energy_h: float  # hours of full power to be held ready in each direction
    energy_rule: str
    recovery: Recovery
    scorer: str  # key in `models.grid.scoring.SCORERS`; empty: no score, delivery figures only
    source: str
    version: str
    confidence: Literal["S", "M", "S/M"]
    aliases: tuple[str, ...] = ()
    insensitivity_hz: float = 0.0  # deviation, dead band included, that need not be answered
    half_s: float = NAN  # longest time to half of full power
    hold_s: float = NAN  # kind step: full power once released
    off_pu_per_s: float = NAN  # kind step: fastest return allowed with that hold
    again_s: float = NAN  # kind step: from one release to readiness for the next
    recover_share: float = NAN  # recovery baseline: of `energy_h`, that returns in each settlement period
    settlement_s: float = NAN  # recovery baseline: settlement period
    recover_pu: float = NAN  # recovery ready: most power that returns energy
    recover_wait_s: float = NAN  # recovery ready: from the end of a release
    reservoir: Reservoir | None = None  # recovery managed: what the rule asks of a limited reservoir

    @property
    def energy_both_h(self) -> float:
        """Hours of full power that a reservoir holds for all directions of the product together."""
        if self.reservoir is not None:
            return self.reservoir.energy_up_h + self.reservoir.energy_down_h
        both = self.kind == "signal" or len({point.share > 0.0 for point in self.curve if point.share != 0.0}) == 2
        return 2.0 * self.energy_h if both else self.energy_h


def _both(*points: tuple[float, float]) -> tuple[CurvePoint, ...]:
    """A symmetric curve from its high-frequency half: (magnitude of deviation, magnitude of share)."""
    low = [CurvePoint(0.0 - deviation_hz, share) for deviation_hz, share in reversed(points)]
    return (*low, *(CurvePoint(deviation_hz, 0.0 - share) for deviation_hz, share in points))


def _up(*points: tuple[float, float]) -> tuple[CurvePoint, ...]:
    """Support below nominal only, from (magnitude of deviation, share)."""
    return tuple(CurvePoint(0.0 - deviation_hz, share) for deviation_hz, share in reversed(points))


def _down(*points: tuple[float, float]) -> tuple[CurvePoint, ...]:
    """Support above nominal only, from (deviation, magnitude of share)."""
    return tuple(CurvePoint(deviation_hz, 0.0 - share) for deviation_hz, share in points)


_NESO = "NESO, Dynamic Containment, Moderation and Regulation service terms"
_NESO_ENERGY = (
    "response energy volume {0:g} h of contracted power each way; the state of energy required falls with what is "
    "delivered and rises by up to 20 % of the volume per settlement period, for which {1:g} % of the contract is kept "
    "free the other way (Response Service Terms 6.11); energy returns through the declared baseline only"
)
_NORDIC = "ENTSO-E Nordic, Technical Requirements for FCR Provision, 26 May 2023"
_FCR_D_ENERGY = (
    "limited reservoirs: 20 min of full power in the contracted direction, 20 % of it the other way; NEM moves the "
    "baseline by 20 % within 49.9 to 50.1 Hz while less than 20 min are left, so all is back within 2 h; AEM fades the "
    "response out below 5 min"
)
_FCR_N_ENERGY = (
    "limited reservoirs: 1 h each way and 134 % of the power; NEM moves the baseline by 34 % within 49.9 to 50.1 Hz, "
    "from less than 30 min left until 57.5 min are; AEM fades the response out below 5 min"
)
_FFR = "Fingrid, The technical requirements and the prequalification process of FFR"
_FFR_ENERGY = (
    "5 s of full power if it returns at 20 %/s or slower, else 30 s; ready again within 15 min; energy returns from "
    "10 s after the end, with at most 25 % of the power"
)
_EN = "EN 50549-1:2019, 4.6.1 and 4.6.2"
_AEMO = "AEMO, Market Ancillary Service Specification"


def _ffr(key: str, level_hz: float, full_s: float, aliases: tuple[str, ...] = ()) -> Product:
    return Product(
        key=key, title=f"Nordic fast frequency reserve, released at {level_hz:g} Hz", nominal_hz=50.0, kind="step",
        curve=_up((50.0 - level_hz, 0.0), (50.0 - level_hz, 1.0)), start_s=full_s, full_s=full_s, sustain_s=5.0,
        data_step_s=0.1, measure_hz=0.01, energy_h=30.0 / 3600.0, energy_rule=_FFR_ENERGY, recovery="ready",
        recover_pu=0.25, recover_wait_s=10.0, scorer="ffr", source=_FFR,
        version="2021", confidence="S/M", aliases=aliases, hold_s=5.0, off_pu_per_s=0.2, again_s=900.0,
    )  # fmt: skip


def _neso(
    key: str, title: str, curve: tuple[CurvePoint, ...], start_s: float, full_s: float, hours: float, step_s: float
) -> Product:
    return Product(
        key=key, title=f"{title} (NESO)", nominal_hz=50.0, kind="curve", curve=curve, start_s=start_s, full_s=full_s,
        sustain_s=3600.0 * hours, data_step_s=step_s, measure_hz=0.01, energy_h=hours,
        energy_rule=_NESO_ENERGY.format(hours, 40.0 * hours), recovery="baseline", scorer=key, source=_NESO,
        version="2021-10", confidence="S/M",
        aliases=(title.lower().replace(" ", "-"), f"neso-{key}"), recover_share=0.2, settlement_s=1800.0,
    )  # fmt: skip


_FCR_D = Product(
    key="fcr-d", title="Nordic frequency containment reserve for disturbances, both directions", nominal_hz=50.0,
    kind="curve", curve=_both((0.1, 0.0), (0.5, 1.0)), start_s=NAN, full_s=7.5, sustain_s=1200.0, data_step_s=0.1,
    measure_hz=0.01, energy_h=20.0 / 60.0, energy_rule=_FCR_D_ENERGY, recovery="managed",
    reservoir=FCR_D, scorer="fcr-d", source=_NORDIC,
    version="2023-05-26", confidence="S", aliases=("fcrd",),
)  # fmt: skip
_EN_STORAGE = Product(
    key="en50549", title="EN 50549-1 frequency-watt with storage (LFSM-O and LFSM-U)", nominal_hz=50.0, kind="curve",
    curve=_both((0.2, 0.0), (2.7, 1.0)), start_s=0.5, full_s=2.0, sustain_s=INF, data_step_s=NAN, measure_hz=0.01,
    energy_h=NAN, energy_rule="none: a connection standard; droop 5 %, settable from 2 to 12 %", recovery="none",
    scorer="", source=_EN, version="2019",
    confidence="S/M", aliases=("en-50549", "lfsm"),
)  # fmt: skip
_AEMO_RAISE = Product(
    key="aemo-vf-raise", title="AEMO very fast raise contingency FCAS, droop setting", nominal_hz=50.0, kind="curve",
    curve=_up((0.15, 0.0), (0.5, 1.0)), start_s=NAN, full_s=1.0, sustain_s=6.0, data_step_s=0.05, measure_hz=NAN,
    energy_h=6.0 / 3600.0, energy_rule="6 s, then the fast service takes over; no rule for what returns",
    recovery="none", scorer="", source=_AEMO,
    version="8.0", confidence="S/M", aliases=("vf-fcas-raise", "aemo-vf", "very-fast-fcas"),
)  # fmt: skip
_REGD = Product(
    key="regd", title="PJM regulation, fast signal RegD", nominal_hz=60.0, kind="signal", curve=(), start_s=NAN,
    full_s=NAN, sustain_s=INF, data_step_s=10.0, measure_hz=NAN, energy_h=0.25,
    energy_rule="the signal itself is energy neutral over some 15 to 30 min; no rule for what losses take",
    recovery="none", scorer="pjm", source="PJM Manual 12",
    version="until 2025-09", confidence="S/M", aliases=("pjm-regd", "reg-d", "pjm"),
)  # fmt: skip

_ROWS = (
    Product(
        key="fcr", title="Frequency containment reserve, Continental Europe", nominal_hz=50.0, kind="curve",
        curve=_both((0.2, 1.0)), insensitivity_hz=0.01, start_s=2.0, half_s=15.0, full_s=30.0, sustain_s=INF,
        data_step_s=1.0, measure_hz=0.01, energy_h=0.25,
        energy_rule="limited reservoirs: 15 min of full power each way in alert state, restored within 2 h after it; "
        "Germany: rated power at least 1.25 times the offer, so a quarter of it can return energy",
        recovery="baseline", scorer="fcr",
        source="Regulation (EU) 2017/1485 (SO GL), Art. 154 to 156; German PQ conditions 1.04",
        version="2017-08-02", confidence="S/M", aliases=("fcr-ce", "primary"), settlement_s=900.0, recover_share=0.25,
    ),
    Product(
        key="fcr-n", title="Nordic frequency containment reserve for normal operation", nominal_hz=50.0, kind="curve",
        curve=_both((0.1, 1.0)), start_s=NAN, full_s=180.0, sustain_s=3600.0, data_step_s=1.0, measure_hz=0.01,
        energy_h=1.0, energy_rule=_FCR_N_ENERGY, recovery="managed", reservoir=FCR_N, scorer="",
        source=f"{_NORDIC}; the times are those of the older step test (63 % in 60 s, 95 % in 3 min)",
        version="2023-05-26", confidence="S/M", aliases=("fcrn",),
    ),
    _FCR_D,
    _FCR_D._replace(
        key="fcr-d-up", title="Nordic frequency containment reserve for disturbances, upwards",
        curve=_up((0.1, 0.0), (0.5, 1.0)), reservoir=FCR_D_UP, aliases=(),
    ),
    _FCR_D._replace(
        key="fcr-d-down", title="Nordic frequency containment reserve for disturbances, downwards",
        curve=_down((0.1, 0.0), (0.5, 1.0)), reservoir=FCR_D_DOWN, aliases=(),
    ),
    _ffr("ffr", 49.7, 1.3, ("ffr-49.7", "nordic-ffr")),
    _ffr("ffr-49.6", 49.6, 1.0),
    _ffr("ffr-49.5", 49.5, 0.7),
    _neso("dc", "Dynamic Containment", _both((0.015, 0.0), (0.2, 0.05), (0.5, 1.0)), 0.5, 1.0, 0.25, 0.05),
    _neso("dm", "Dynamic Moderation", _both((0.015, 0.0), (0.1, 0.05), (0.2, 1.0)), 0.5, 1.0, 0.5, 0.05),
    _neso("dr", "Dynamic Regulation", _both((0.015, 0.0), (0.2, 1.0)), 2.0, 10.0, 1.0, 0.5),
    _REGD,
    _REGD._replace(
        key="rega", title="PJM regulation, slow signal RegA", full_s=300.0, energy_h=1.0, aliases=("pjm-rega", "reg-a"),
        energy_rule="none: the signal is not energy neutral, and no rule says how energy returns",
    ),
    Product(
        key="afrr", title="Automatic frequency restoration reserve", nominal_hz=50.0, kind="signal", curve=(),
        start_s=30.0, full_s=300.0, sustain_s=INF, data_step_s=4.0, measure_hz=NAN, energy_h=1.0,
        energy_rule="limited reservoirs: as each operator says, no common rule; the hour is assumed", recovery="none",
        scorer="afrr",
        source="PICASSO implementation framework (full activation time 5 min since December 2024)", version="2024-12",
        confidence="M",
    ),
    Product(
        key="ieee1547", title="IEEE 1547-2018 frequency-watt, default settings", nominal_hz=60.0, kind="curve",
        curve=_both((0.036, 0.0), (3.036, 1.0)), start_s=NAN, full_s=5.0, sustain_s=INF, data_step_s=NAN,
        measure_hz=0.01, energy_h=NAN, energy_rule="none: a connection standard; upwards only with headroom, from "
        "storage or curtailed before", recovery="none", scorer="",
        source="IEEE 1547-2018, 6.5.2.7, dead band 36 mHz, 5 %", version="2018", confidence="S/M",
        aliases=("ieee-1547", "ieee1547-2018"),
    ),
    _EN_STORAGE,
    _EN_STORAGE._replace(
        key="lfsm-o", title="EN 50549-1, over-frequency only", curve=_down((0.2, 0.0), (2.7, 1.0)),
        aliases=("en50549-lfsm-o", "lfsmo"),
    ),
    _EN_STORAGE._replace(
        key="lfsm-u", title="EN 50549-1, under-frequency only (storage)", curve=_up((0.2, 0.0), (2.7, 1.0)),
        aliases=("en50549-lfsm-u", "lfsmu"),
    ),
    Product(
        key="ercot-ffr", title="ERCOT fast frequency response", nominal_hz=60.0, kind="step",
        curve=_up((0.15, 0.0), (0.15, 1.0)), start_s=0.25, full_s=0.25, sustain_s=900.0, data_step_s=NAN,
        measure_hz=NAN, energy_h=0.25, energy_rule="15 min of full power; full capability again 15 min after recall",
        recovery="ready", recover_pu=1.3, recover_wait_s=0.0, scorer="",  # the power: assumed, losses both ways
        source="ERCOT NPRR863 (15 cycles at 59.85 Hz)", version="2019", confidence="S/M", aliases=("ercot",),
        hold_s=900.0, off_pu_per_s=INF, again_s=1800.0,
    ),
    _AEMO_RAISE,
    _AEMO_RAISE._replace(
        key="aemo-vf-lower", title="AEMO very fast lower contingency FCAS, droop setting",
        curve=_down((0.15, 0.0), (0.5, 1.0)), aliases=("vf-fcas-lower",),
    ),
)  # fmt: skip

PRODUCTS: dict[str, Product] = {product.key: product for product in _ROWS}
ALIASES: dict[str, str] = {alias: product.key for product in _ROWS for alias in product.aliases}
MOST_POINTS = 6


def product_key(name: str) -> str | None:
    """The one key of a product that `name` stands for, in any case and with `_` or blanks for `-`; None for others."""
    plain = "-".join(name.lower().replace("_", " ").split())
    return plain if plain in PRODUCTS else ALIASES.get(plain)


def share_at(
    deviation_hz: float,
    hz_1: float, pu_1: float, hz_2: float, pu_2: float, hz_3: float, pu_3: float,
    hz_4: float, pu_4: float, hz_5: float, pu_5: float, hz_6: float, pu_6: float,
) -> float:  # fmt: skip
    """Share that a curve of six corners asks for: linear between them, held outside. A shorter curve repeats its last.

    Corners rise; two at one deviation are a step, complete at the level itself seen from outside (`SLACK_HZ`).
    """
    if deviation_hz <= hz_1 + SLACK_HZ:
        return pu_1
    if deviation_hz < hz_2:
        return pu_1 + (pu_2 - pu_1) * (deviation_hz - hz_1) / (hz_2 - hz_1)
    if deviation_hz < hz_3:
        return pu_2 + (pu_3 - pu_2) * (deviation_hz - hz_2) / (hz_3 - hz_2)
    if deviation_hz < hz_4:
        return pu_3 + (pu_4 - pu_3) * (deviation_hz - hz_3) / (hz_4 - hz_3)
    if deviation_hz < hz_5:
        return pu_4 + (pu_5 - pu_4) * (deviation_hz - hz_4) / (hz_5 - hz_4)
    if deviation_hz < hz_6:
        return pu_5 + (pu_6 - pu_5) * (deviation_hz - hz_5) / (hz_6 - hz_5)
    return pu_6


def corners(product: Product) -> tuple[float, ...]:
    """A product's curve as the twelve numbers that `share_at` takes; all zero for a product that follows a signal."""
    points = product.curve or (CurvePoint(0.0, 0.0),)
    padded = (*points, *(points[-1:] * (MOST_POINTS - len(points))))
    return tuple(number for point in padded for number in point)


def share(product: Product, deviation_hz: float) -> float:
    """Share of the contracted power at a deviation from nominal [-]; positive supports low frequency."""
    return share_at(deviation_hz, *corners(product))


def shares(product: Product, deviations_hz: Floats) -> Floats:
    """`share` over an array, shape `(n,)`, to rounding; for what is judged afterwards, not for control."""
    points = product.curve or (CurvePoint(0.0, 0.0),)
    wanted = np.interp(deviations_hz, [p.deviation_hz for p in points], [p.share for p in points])
    if product.kind == "step":
        wanted = np.where(deviations_hz <= points[0].deviation_hz + SLACK_HZ, points[0].share, points[-1].share)
    return np.asarray(wanted, dtype=np.float64)
