"""Scores of recorded responses, product by product: formulas on arrays, and the table that names them.

Sign: positive power supports low frequency. `pjm` is published in full (PJM Manual 12 until September 2025). The NESO
envelope, the aFRR corridor, the alert-state timer and the pass rules of FFR and FCR-D are formalisations of published
rules; a rule that changes is a new row of `SCORERS`, or `SCORERS["dc"]._replace(score=...)`.

Every scorer returns a plain document: its keys are those of the published or reference wording.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from models.grid.alert import FcrAlert, alert_intervals
from models.grid.envelope import outside_envelope
from models.grid.products import PRODUCTS, Floats, shares

SLACK = 1e-9  # of a comparison with a limit: 1 - 0.8 is 0.19999999999999996


class Recording(NamedTuple):
    """A recorded response: columns of equal length by name, sampled every `step_s` seconds."""

    columns: Mapping[str, Floats]
    step_s: float


class Terms(NamedTuple):
    """What a contract says; nan: as the product's row."""

    contract_mw: float = math.nan
    window_s: float = math.nan
    level_hz: float = math.nan
    max_full_time_s: float = math.nan


class Scorer(NamedTuple):
    """A formula and what it needs. `either` names columns of which one must be there."""

    title: str
    version: str
    needs: tuple[str, ...]
    either: tuple[str, ...]
    terms: tuple[str, ...]
    score: Callable[[Recording, Terms], dict[str, Any]]


class RecordingError(ValueError):
    """A recording that the formula cannot judge; the message says what is missing."""


def response_share(recording: Recording, terms: Terms) -> Floats:
    """Response as a share of the contracted power, from `p_frac` or from `p_mw` and the contract."""
    if "p_frac" in recording.columns:
        return recording.columns["p_frac"]
    if not terms.contract_mw > 0.0:
        raise RecordingError("column 'p_mw' needs contract_mw, the contracted power")
    return recording.columns["p_mw"] / terms.contract_mw


# --- PJM ---

PJM_STEP_S = 10.0
PJM_INTERVAL = 30  # samples in five minutes
PJM_HOUR = 360
PJM_QUIET = 0.01  # a signal that hardly moves is judged by its slope
PJM_FLAT = 1e-5  # a response that does not move correlates with nothing


def pjm(recording: Recording, terms: Terms) -> dict[str, Any]:
    """PJM performance score: mean of accuracy, delay and precision, per hour; several hours are averaged.

    Accuracy is the correlation of signal and response at the shift of up to five minutes that fits best, delay falls
    from 1 without shift to 0 at five minutes, precision is one minus the relative error. Needs 65 minutes: the last
    interval of an hour looks five minutes ahead.

    Source: PJM Manual 12, 4.5.6, until September 2025; `5min_norm` is the form of GMLC-1-4-2/battery_interface.
    """
    every = PJM_STEP_S / recording.step_s
    if abs(every - round(every)) > 1e-6 or round(every) < 1:
        raise RecordingError(f"PJM scores samples of {PJM_STEP_S:g} s, the step is {recording.step_s:g} s")
    signal = recording.columns["signal_pu"][:: round(every)]
    response = recording.columns["response_pu"][:: round(every)]
    hours = (len(signal) - PJM_INTERVAL) // PJM_HOUR
    if hours < 1:
        raise RecordingError(
            f"{PJM_HOUR + PJM_INTERVAL} samples at {PJM_STEP_S:g} s are needed (65 min), found {len(signal)}"
        )
    length = PJM_HOUR + PJM_INTERVAL
    each = [pjm_hour(signal[k : k + length], response[k : k + length]) for k in range(0, hours * PJM_HOUR, PJM_HOUR)]
    if hours == 1:
        return each[0]
    mean = {key: sum(hour[key] for hour in each) / hours for key in each[0] if key != "lag_s"}
    return {**mean, "lag_s": [lag for hour in each for lag in hour["lag_s"]], "hours": each}


def pjm_hour(signal: Floats, response: Floats) -> dict[str, Any]:
    """One hour from 390 samples at 10 s, the last 30 of them for the shift."""
    accuracy, delay, lags_s = [], [], []
    for start in range(0, PJM_HOUR, PJM_INTERVAL):
        r, d, lag = _pjm_interval(signal, response, start)
        accuracy.append(r)
        delay.append(d)
        lags_s.append(lag)
    x, y = signal[:PJM_HOUR].reshape(-1, PJM_INTERVAL), response[:PJM_HOUR].reshape(-1, PJM_INTERVAL)
    hourly = _precision(float(np.mean(np.abs(y - x))), float(np.mean(np.abs(x))))
    short = [_precision(float(np.mean(np.abs(b - a))), float(np.mean(np.abs(a)))) for a, b in zip(x, y, strict=True)]
    five_minutes = sum(short) / len(short)
    means = float(np.mean(accuracy)), float(np.mean(delay))
    return {
        "accuracy": means[0],
        "delay": means[1],
        "precision_hourly_norm": hourly,
        "precision_5min_norm": five_minutes,
        "score_hourly_norm": (means[0] + means[1] + hourly) / 3.0,
        "score_5min_norm": (means[0] + means[1] + five_minutes) / 3.0,
        "lag_s": lags_s,
        "mileage_60min": float(np.sum(np.abs(np.diff(signal[:PJM_HOUR])))),
    }


def _pjm_interval(signal: Floats, response: Floats, start: int) -> tuple[float, float, int]:
    """Accuracy, delay score and shift [s] of the five minutes from sample `start`."""
    x = signal[start : start + PJM_INTERVAL]
    if float(np.std(x)) < PJM_QUIET:
        samples = np.arange(PJM_INTERVAL, dtype=np.float64)
        y = response[start : start + PJM_INTERVAL]
        slopes = float(np.polyfit(samples, x, 1)[0]), float(np.polyfit(samples, y, 1)[0])
        return max(0.0, 1.0 - abs(slopes[0] - slopes[1])), 1.0, 0
    fits = []
    for shift in range(PJM_INTERVAL + 1):
        y = response[start + shift : start + shift + PJM_INTERVAL]
        fits.append(0.0 if float(np.std(y)) < PJM_FLAT else float(np.corrcoef(x, y)[0, 1]))
    best = PJM_INTERVAL if not any(fits) else int(np.argmax(fits))
    lag_s = round(best * PJM_STEP_S)
    return fits[best], abs(lag_s - PJM_INTERVAL * PJM_STEP_S) / (PJM_INTERVAL * PJM_STEP_S), lag_s


def _precision(error: float, size: float) -> float:
    if size == 0.0:
        return 1.0 if error == 0.0 else 0.0
    return max(0.0, 1.0 - error / size)


# --- NESO ---

NESO_FREE, NESO_LOST = 0.03, 0.07  # errors up to the first cost nothing, from the second on everything


def neso(key: str) -> Callable[[Recording, Terms], dict[str, Any]]:
    """The envelope score of a NESO product."""

    def score(recording: Recording, terms: Terms) -> dict[str, Any]:
        """Distance of the response from the moving-window envelope of its curve, as a one-second mean; and K from it.

        The envelope holds every target of the last `window_s` seconds, so a response that is late by at most that much
        is free of error. K = 1 up to an error of 3 %, 0 from 7 % on.
        """
        product = PRODUCTS[key]
        window_s = product.full_s if math.isnan(terms.window_s) else terms.window_s
        delivered = response_share(recording, terms)
        target = shares(product, recording.columns["f_hz"] - product.nominal_hz)
        distance = outside_envelope(target, delivered, round(window_s / recording.step_s))
        second = max(1, round(1.0 / recording.step_s))
        if len(distance) < second:
            raise RecordingError(f"at least one second of samples is needed, found {len(distance)}")
        error = float(np.max(np.mean(sliding_window_view(distance, second), axis=1)))
        contract_mw = terms.contract_mw
        return {
            "product": key.upper(),
            "contract_mw": contract_mw,
            "window_s": window_s,
            "max_error_1s_avg": error,
            "K": min(1.0, max(0.0, (NESO_LOST - error) / (NESO_LOST - NESO_FREE))),
            "peak_target_frac": float(np.max(np.abs(target))),
            "energy_delivered_mwh": float(np.sum(delivered)) * contract_mw * recording.step_s / 3600.0,
        }

    return score


# --- FCR, Continental Europe ---

FCR_TOLERANCE = 0.05  # of the contracted power, around the envelope of the last 30 s


def fcr(recording: Recording, terms: Terms) -> dict[str, Any]:
    """Energy that the frequency asks of FCR, and when alert state holds; with a recorded response, how it was met.

    There is no published score. A response is told as the share of time within 5 % of the envelope of the last 30 s,
    and the energy that was missing.
    """
    capacity_mw = 1.0 if math.isnan(terms.contract_mw) else terms.contract_mw
    product = PRODUCTS["fcr"]
    f_hz = recording.columns["f_hz"]
    asked = shares(product, f_hz - product.nominal_hz)
    energy_mwh = np.cumsum(asked) * capacity_mw * recording.step_s / 3600.0
    document: dict[str, Any] = {
        "capacity_mw": capacity_mw,
        "alert_intervals_s": alert_intervals(f_hz - product.nominal_hz, FcrAlert(), recording.step_s),
        "net_energy_mwh": float(energy_mwh[-1]),
        "min_cum_mwh": float(np.min(energy_mwh)),
        "max_cum_mwh": float(np.max(energy_mwh)),
        "throughput_mwh": float(np.sum(np.abs(asked))) * capacity_mw * recording.step_s / 3600.0,
        "rms_frac": math.sqrt(float(np.mean(asked * asked))),
    }
    if not {"p_mw", "p_frac"} & set(recording.columns):
        return document
    delivered = response_share(recording, terms)
    distance = outside_envelope(asked, delivered, round(product.full_s / recording.step_s))
    return document | {
        "fraction_inside": float(np.mean(distance <= FCR_TOLERANCE + SLACK)),
        "missing_mwh": float(np.sum(distance)) * capacity_mw * recording.step_s / 3600.0,
    }


# --- FCR-D, Nordic: the ramp test ---

FCRD_AFTER_S, FCRD_POWER, FCRD_ENERGY_S = 7.5, 0.93, 3.2


def fcrd(recording: Recording, terms: Terms) -> dict[str, Any]:
    """Ramp test of Nordic FCR-D: power and energy 7.5 s after the ramp leaves its start, as shares of the contract.

    A rising ramp tests the product downwards: deviation and power are mirrored.
    """
    f_hz, delivered = recording.columns["f_hz"], response_share(recording, terms)
    moved = np.flatnonzero(np.abs(f_hz - f_hz[0]) > SLACK)
    if not moved.size or moved[0] == 0:
        raise RecordingError("the frequency never leaves its first value, so there is no ramp to test")
    start = int(moved[0]) - 1
    if f_hz[start + 1] > f_hz[start]:
        delivered = 0.0 - delivered
    t_s = np.arange(len(f_hz), dtype=np.float64) * recording.step_s
    t0_s = float(t_s[start])
    if t_s[-1] < t0_s + FCRD_AFTER_S:
        raise RecordingError(f"{FCRD_AFTER_S:g} s after the start of the ramp are needed, found {t_s[-1] - t0_s:g} s")
    end = start + round(FCRD_AFTER_S / recording.step_s)
    power = float(np.interp(t0_s + FCRD_AFTER_S, t_s, delivered))
    energy_s = float(np.trapezoid(delivered[start : end + 1], dx=recording.step_s))
    return {
        "t0_s": t0_s,
        "dPss": 1.0,
        "P_at_7p5s": power,
        "E_7p5s": energy_s,
        "pass_power": power >= FCRD_POWER - SLACK,
        "pass_energy": energy_s >= FCRD_ENERGY_S - SLACK,
    }


# --- FFR, Nordic ---

FFR_OVERSHOOT = 0.35
FFR_SLOW_PU_PER_S, FFR_SHORT_S, FFR_LONG_S = 0.2, 5.0, 30.0
FFR_FULL = 1.0 - 1e-6


def ffr(recording: Recording, terms: Terms) -> dict[str, Any]:
    """Pass or fail of Nordic FFR: full in time, little overshoot, held long enough for how fast it returns.

    The deactivation rate is the largest fall over one second. The rule does not fail a response that never returns.
    """
    product = PRODUCTS["ffr"]
    level_hz = product.nominal_hz + product.curve[0].deviation_hz if math.isnan(terms.level_hz) else terms.level_hz
    most_s = product.full_s if math.isnan(terms.max_full_time_s) else terms.max_full_time_s
    f_hz, delivered, step_s = recording.columns["f_hz"], response_share(recording, terms), recording.step_s
    crossed = np.flatnonzero(f_hz <= level_hz + SLACK)
    if not crossed.size:
        raise RecordingError(f"the frequency never falls to {level_hz:g} Hz, the activation level")
    t_cross_s = float(crossed[0]) * step_s
    full = np.flatnonzero(delivered[crossed[0] :] >= 1.0 - SLACK)
    full_time_s = float(full[0]) * step_s if full.size else math.inf
    overshoot = float(np.max(delivered)) - 1.0
    support_s = float(np.count_nonzero(delivered >= FFR_FULL)) * step_s
    second = max(1, round(1.0 / step_s))
    if len(delivered) <= second:
        raise RecordingError(f"more than one second of samples is needed, found {len(delivered)}")
    rate = float(np.max(delivered[:-second] - delivered[second:])) / (second * step_s)
    required_s = FFR_SHORT_S if rate <= FFR_SLOW_PU_PER_S + SLACK else FFR_LONG_S
    return {
        "activation_level_hz": level_hz,
        "max_full_time_s": most_s,
        "t_cross_s": t_cross_s,
        "full_time_s": full_time_s,
        "overshoot_frac": overshoot,
        "support_duration_s": support_s,
        "max_deactivation_rate_per_s": rate,
        "required_duration_s": required_s,
        "passes": full_time_s <= most_s + SLACK
        and overshoot <= FFR_OVERSHOOT + SLACK
        and support_s >= required_s - SLACK,
    }


# --- aFRR ---

AFRR_TOLERANCE = 0.05


def afrr(recording: Recording, terms: Terms) -> dict[str, Any]:
    """Share of time within 5 % of the corridor between the set-point and the slowest path that is allowed.

    The slowest path waits 30 s (whole samples, from zero before the first) and ramps fully in 5 min.
    """
    product = PRODUCTS["afrr"]
    setpoint, delivered = recording.columns["setpoint_pu"], recording.columns["p_pu"]
    path = slowest_path(setpoint, int(product.start_s / recording.step_s), recording.step_s / product.full_s)
    low, high = np.minimum(path, setpoint) - AFRR_TOLERANCE, np.maximum(path, setpoint) + AFRR_TOLERANCE
    return {
        "FAT_s": product.full_s,
        "max_start_s": product.start_s,
        "tolerance_pu": AFRR_TOLERANCE,
        "fraction_inside": float(np.mean((low <= delivered) & (delivered <= high))),
        "rmse_pu": math.sqrt(float(np.mean((delivered - setpoint) * (delivered - setpoint)))),
        "nrmse_vs_slow": math.sqrt(float(np.mean((delivered - path) * (delivered - path)))),
    }


def slowest_path(setpoint: Floats, delay: int, most_per_sample: float) -> Floats:
    """The set-point `delay` samples late, followed with at most `most_per_sample`, from zero."""
    late = np.concatenate([np.zeros(delay), setpoint])[: len(setpoint)]
    path = np.empty(len(setpoint))
    power = 0.0
    for k, wanted in enumerate(late.tolist()):
        power += min(most_per_sample, max(0.0 - most_per_sample, wanted - power))
        path[k] = power
    return path


_POWER = ("p_frac", "p_mw")
SCORERS: dict[str, Scorer] = {
    "pjm": Scorer("PJM performance score", "Manual 12, until 2025-09", ("signal_pu", "response_pu"), (), (), pjm),
    **{
        key: Scorer(
            f"NESO K factor, {PRODUCTS[key].title}", "our envelope", ("f_hz",), _POWER, ("contract_mw", "window_s"),
            neso(key),
        )
        for key in ("dc", "dm", "dr")
    },
    "fcr": Scorer("FCR energy and alert state", "SO GL 2017/1485", ("f_hz",), (), ("contract_mw",), fcr),
    "fcr-d": Scorer("Nordic FCR-D ramp test", "2023-05-26", ("f_hz",), _POWER, ("contract_mw",), fcrd),
    "ffr": Scorer(
        "Nordic FFR pass rules", "2021", ("f_hz",), _POWER, ("contract_mw", "level_hz", "max_full_time_s"), ffr
    ),
    "afrr": Scorer("aFRR corridor", "FAT 5 min", ("setpoint_pu", "p_pu"), (), (), afrr),
}  # fmt: skip
