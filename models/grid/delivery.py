"""How a response was delivered, in the figures that researchers of vehicle-to-grid report. For a fleet and for one car.

`wanted` is what was asked for and `delivered` what came, both as shares of `capacity` or in watts, sampled at `t_s`.
Definitions, after the reports of V2G field tests (among them DTU, World Electric Vehicle Journal 10(2) 21, 2019):

- latency: from a set-point step to the first sample outside a band of 5 % of the step around the value before;
- ramp time: from 10 % to 90 % of the step; t90: from the step to 90 % of it;
- NRMSE: root mean square of delivered minus wanted, over the offered capacity; MAE the same with absolute values;
- steady accuracy and precision: mean and standard deviation of the error while the set-point has rested;
- sustain: whether full power was held for as long as the product demands;
- unavailability: time in which less than the contracted power could be had, over the committed time;
- non-delivery: energy outside the envelope of what was wanted within the time allowed;
- throughput: energy charged plus discharged; equivalent full cycles: throughput / (2 x nominal energy);
- missed departure energy: what lacked of the energy wanted, at the cells, over the sessions that missed it.
"""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BAND = 0.05  # of a step: leaving it counts as the beginning of the response
LOW, HIGH = 0.1, 0.9  # of a step: what ramp time and t90 look at
COUNTS = 0.2  # of the capacity: smaller steps and excursions are not timed
RESTING = 0.01  # of the capacity: a set-point that moves less is at rest
SLACK = 1e-9  # 90 % of a step that takes ten samples are reached at the ninth


class StepResponse(NamedTuple):
    """Timing of one step; nan for what did not happen before the next one."""

    begin_s: float
    size: float  # signed, from the value before to the value wanted
    latency_s: float
    ramp_s: float
    t90_s: float
    owed_s: float = math.nan  # how long 90 % was owed: `t90_s`, or until it was no longer wanted


class Tracking(NamedTuple):
    """How delivered follows wanted, over the capacity; steady figures are nan if the set-point never rests."""

    nrmse_pu: float
    mae_pu: float
    steady_bias_pu: float
    steady_sigma_pu: float


class Timing(NamedTuple):
    """Steps of a kind together: how many, and median and longest times; nan without any."""

    steps: int
    completed: int  # reached 90 %
    latency_s: float
    latency_longest_s: float
    ramp_s: float
    ramp_longest_s: float
    t90_s: float
    t90_longest_s: float
    owed_longest_s: float


def step_response(
    t_s: Floats, values: Floats, begin_s: float, end_s: float, before: float, after: float
) -> StepResponse:
    """Timing of the step that begins at `begin_s`, looked at until `end_s`."""
    first, last = int(np.searchsorted(t_s, begin_s)), int(np.searchsorted(t_s, end_s))
    size = after - before
    progress = (values[first:last] - before) / size
    times_s = t_s[first:last] - begin_s
    left = _first(times_s, np.abs(progress) > BAND + SLACK)
    t10_s, t90_s = _first(times_s, progress >= LOW - SLACK), _first(times_s, progress >= HIGH - SLACK)
    return StepResponse(begin_s, size, left, t90_s - t10_s, t90_s)


def setpoint_steps(t_s: Floats, wanted: Floats, delivered: Floats, capacity: float) -> Iterator[StepResponse]:
    """Responses to the jumps of a set-point by at least a fifth of `capacity`, each until the next jump of any size."""
    changes = np.diff(wanted)
    jumps = np.flatnonzero(np.abs(changes) >= COUNTS * capacity) + 1
    moves = np.flatnonzero(np.abs(changes) > RESTING * capacity) + 1
    for k in jumps.tolist():
        later = moves[moves > k]
        end_s = float(t_s[later[0]]) if later.size else float(t_s[-1]) + 1.0
        before, after = float(delivered[k]), float(wanted[k])
        if abs(after - before) >= COUNTS * capacity:
            yield step_response(t_s, delivered, float(t_s[k]), end_s, before, after)


def excursions(
    t_s: Floats, wanted: Floats, delivered: Floats, capacity: float, free: float = 0.0
) -> Iterator[StepResponse]:
    """How much later than `wanted` a service follows each of its excursions from zero that reach a fifth of `capacity`.

    An excursion is a stretch of one sign beyond 1 % of the capacity, its size the largest value wanted. Latency and t90
    count the time for which 5 % and 90 % of that were wanted before they were there: for a clean step the plain times.
    Time for which less was wanted again does not count, as a peak shorter than the time allowed need not be reached;
    nor does, for the latency, time for which no more than `free` was wanted, what may stay unanswered.
    The ramp time is that of `delivered`.
    """
    for sign in (1.0, -1.0):
        up, came = sign * wanted, sign * delivered
        active = np.concatenate([[False], up > RESTING * capacity, [False]])
        edges = np.flatnonzero(np.diff(active.astype(np.int8)))
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            peak = float(up[begin:end].max())
            if peak < COUNTS * capacity:
                continue
            begin_s = float(t_s[begin])
            end_s = float(t_s[end]) if end < len(t_s) else float(t_s[-1]) + 1.0
            given = step_response(t_s, came, begin_s, end_s, 0.0, peak)
            times_s, asked, got = t_s[begin:end], up[begin:end], came[begin:end]
            latency_s = wanted_before_s(times_s, asked, max(BAND * peak, free), got, BAND * peak)
            owed_s = wanted_before_s(times_s, asked, HIGH * peak, got, HIGH * peak)
            yield StepResponse(
                begin_s,
                sign * peak,
                math.nan if math.isnan(given.latency_s) else latency_s,
                given.ramp_s,
                math.nan if math.isnan(given.t90_s) else owed_s,
                owed_s,
            )


def wanted_before_s(t_s: Floats, wanted: Floats, level: float, delivered: Floats, enough: float) -> float:
    """For how long `level` was wanted before `enough` was first delivered [s]; over all samples if it never was."""
    there = np.flatnonzero(delivered >= enough - SLACK * abs(enough))
    until = int(there[0]) if there.size else len(t_s)
    spans_s = np.diff(t_s, append=t_s[-1])
    return float(np.sum(spans_s[:until][wanted[:until] >= level - SLACK * abs(level)]))


def timing(responses: Iterable[StepResponse]) -> Timing:
    """Median and longest times; the longest latency and t90 are infinite when a step never began or never got there."""
    found = list(responses)
    latency, ramp, t90, owed = (
        np.array([getattr(one, name) for one in found]) for name in ("latency_s", "ramp_s", "t90_s", "owed_s")
    )
    return Timing(
        len(found),
        int(np.count_nonzero(np.isfinite(t90))),
        _median(latency),
        _longest(latency),
        _median(ramp),
        float(np.nanmax(ramp)) if np.isfinite(ramp).any() else math.nan,
        _median(t90),
        _longest(t90),
        float(np.nanmax(owed)) if np.isfinite(owed).any() else math.nan,
    )


def tracking(t_s: Floats, wanted: Floats, delivered: Floats, capacity: float, settle_s: float) -> Tracking:
    """Errors over all samples, and over those before which the set-point has rested for `settle_s` seconds."""
    error = (delivered - wanted) / capacity
    steady = error[resting(t_s, wanted, RESTING * capacity, settle_s)]
    return Tracking(
        math.sqrt(float(np.mean(error * error))),
        float(np.mean(np.abs(error))),
        float(steady.mean()) if steady.size else math.nan,
        float(steady.std()) if steady.size else math.nan,
    )


def sustained(t_s: Floats, wanted: Floats, delivered: Floats, full_s: float, sustain_s: float) -> bool | None:
    """Whether full power was held as long as it was owed, each time that all of the capacity (1) was wanted.

    It is owed from `full_s` after full power is wanted until it is not, at most `sustain_s` long; 5 % may be missing.
    None when full power was never wanted for longer than `full_s`.
    """
    owed = np.zeros(len(t_s), dtype=bool)
    for sign in (1.0, -1.0):
        active = np.concatenate([[False], sign * wanted >= 1.0 - RESTING, [False]])
        edges = np.flatnonzero(np.diff(active.astype(np.int8)))
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            since_s = t_s[begin:end] - t_s[begin]
            owed[begin:end] = (since_s >= full_s) & (since_s <= full_s + sustain_s)
    if not owed.any():
        return None
    return bool(np.all(np.sign(wanted[owed]) * delivered[owed] >= 1.0 - BAND - SLACK))


def resting(t_s: Floats, wanted: Floats, within: float, settle_s: float) -> npt.NDArray[np.bool_]:
    """Samples before which `wanted` has stayed within plus and minus `within` of a value for `settle_s` seconds."""
    rested = np.zeros(len(t_s), dtype=bool)
    since_s, level = float(t_s[0]), float(wanted[0])
    for k, (now_s, value) in enumerate(zip(t_s.tolist(), wanted.tolist(), strict=True)):
        if abs(value - level) > within:
            since_s, level = now_s, value
        rested[k] = now_s - since_s >= settle_s
    return rested


def equivalent_full_cycles(throughput_wh: float, nominal_wh: float) -> float:
    """Full cycles that a throughput [Wh, charged plus discharged] amounts to."""
    return throughput_wh / (2.0 * nominal_wh)


def missed_energy_wh(soc_end: float, soc_target: float, nominal_wh: float) -> float:
    """What lacks of the energy wanted at departure, at the cells [Wh]; 0 when it is there."""
    return (soc_target - soc_end) * nominal_wh if soc_end < soc_target else 0.0


def _first(times_s: Floats, reached: npt.NDArray[np.bool_]) -> float:
    where = np.flatnonzero(reached)
    return float(times_s[where[0]]) if where.size else math.nan


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else math.nan


def _longest(values: Floats) -> float:
    """The longest; infinite when one of them never came."""
    if not values.size:
        return math.nan
    return math.inf if np.isnan(values).any() else float(values.max())
