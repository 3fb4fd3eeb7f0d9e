"""Random imbalance: noise with a memory (Ornstein-Uhlenbeck) and steps of the market, and the noise that gives a sigma.

A path is a series of knots, linear between them. Each knot is drawn by its own number, so a path depends on the seed
only: not on the tick, nor on how far it was made.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from models.draws import inverse_normal, normal, stream_key
from models.grid.area import GridParams, linear_core, steady_deviation_hz
from models.grid.governors import Governor, Section, without_idle
from models.grid.held import HeldResponse
from models.grid.matrix import Matrix, exponential, multiply
from models.grid.valve import Valve

DOUBLINGS = 48  # of the step in which the variance is added up
FIRST_STEP_S = 0.05
CORRECTIONS = 5
LEVELS = tuple(inverse_normal((k + 0.5) / 200) for k in range(200))  # a normal distribution in even shares


class Path(NamedTuple):
    """Knots of a path: rising times [s] and values [MW]."""

    t_s: tuple[float, ...]
    mw: tuple[float, ...]


def noise_path(seed: int, sigma_mw: float, memory_s: float, step_s: float, until_s: float, entity: int = 0) -> Path:
    """Ornstein-Uhlenbeck noise from 0 to `until_s`, stationary from the start.

    Exact at the knots: x(t + h) = a x(t) + sigma sqrt(1 - a^2) z with a = exp(-h / memory), so that standard deviation
    and autocorrelation exp(-lag / memory) do not depend on `step_s`.
    """
    key = stream_key(seed, "imbalance.noise")
    count = math.ceil(until_s / step_s) + 1
    kept = math.exp(-step_s / memory_s)
    fresh = sigma_mw * math.sqrt(1.0 - kept * kept)
    value = sigma_mw * normal(key, entity, 0)
    values = [value]
    for k in range(1, count):
        value = kept * value + fresh * normal(key, entity, k)
        values.append(value)
    return Path(tuple(k * step_s for k in range(count)), tuple(values))


def market_path(
    seed: int, sigma_mw: float, interval_s: float, ramp_s: float, first_s: float, until_s: float, entity: int = 0
) -> Path:
    """A new power in each market interval, the change ramped over `ramp_s` around the boundary.

    Parameters
    ----------
    seed, entity : int
        What is drawn.
    sigma_mw : float
        Standard deviation of the power of an interval [MW].
    interval_s, ramp_s : float
        Length of an interval and of the change between two [s]; a ramp is at most an interval long, 0 is a step.
    first_s : float
        Time of a boundary, such as the next full quarter-hour of the calendar.
    until_s : float
        End of the run [s].

    Source
    ------
    Kruse, Witthaut et al., the stochastic model of power-grid frequency with steps q(t) of the market.
    """
    key = stream_key(seed, "imbalance.market")
    before = math.floor(first_s / interval_s) + 1  # boundaries at or before 0
    first = first_s - before * interval_s
    times, values = [first], [sigma_mw * normal(key, entity, 0)]
    for k in range(1, math.ceil((until_s - first) / interval_s) + 1):
        boundary_s = first + k * interval_s
        times += [boundary_s - 0.5 * ramp_s, boundary_s + 0.5 * ramp_s]
        values += [values[-1], sigma_mw * normal(key, entity, k)]
    return Path(tuple(times), tuple(values))


def frequency_sigma_hz(params: GridParams, sigma_mw: float, memory_s: float, around_hz: float) -> float:
    """Standard deviation of frequency [Hz] under Ornstein-Uhlenbeck noise in a linearised area.

    Curves, dead bands and limits enter by the slope they have on average over a normal deviation of `around_hz`
    (statistical linearisation), dead times as lags, a secondary control as if it were continuous and unlimited.

    Source
    ------
    Lyapunov equation of the area with the noise as a further state. Without governors it is the closed form
    sigma_f = sigma_P / kL sqrt(memory / (memory + T)), T = 2 Ek / (f0 kL).
    """
    core = linear_core(linearised(params, around_hz))
    extra = 1 if params.secondary else 0
    size = len(core.a) + extra + 1
    a = [[0.0] * size for _ in range(size)]
    for row, entries in enumerate(core.a):
        a[row][: len(entries)] = entries
    power = [row[0] for row in core.b]
    if params.secondary:
        control = params.secondary
        for row, gain in enumerate(power):
            a[row][0] -= gain * control.gain * control.bias_mw_per_hz
            a[row][size - 2] += gain
        a[size - 2][0] = -control.bias_mw_per_hz / control.integral_s
    for row, gain in enumerate(power):
        a[row][size - 1] += gain
    a[size - 1][size - 1] = -1.0 / memory_s
    return math.sqrt(_stationary_variance(a, 2.0 * sigma_mw * sigma_mw / memory_s)[0][0])


def noise_for_sigma_mw(params: GridParams, sigma_hz: float, memory_s: float) -> float:
    """Standard deviation of the noise [MW] under which the frequency of an area has `sigma_hz`.

    Curves, dead bands and limits bend the distribution of frequency, which average slopes do not know. So the linear
    answer is corrected by what the area at rest makes of the same noise; with a secondary control, whose rest is
    always zero, it is not.
    """
    per_mw = frequency_sigma_hz(params, 1.0, memory_s, sigma_hz)
    sigma_mw = sigma_hz / per_mw
    linear = linearised(params, sigma_hz)
    if params.secondary or linear.governors == params.governors:
        return sigma_mw
    for _ in range(CORRECTIONS):
        at_rest = [steady_deviation_hz(params, sigma_mw * z) for z in LEVELS]
        linear_hz = sigma_mw * steady_deviation_hz(linear, 1.0)
        bent = math.sqrt(sum(f * f for f in at_rest) / sum(z * z for z in LEVELS)) / linear_hz
        sigma_mw = sigma_hz / (per_mw * bent)
    return sigma_mw


def linearised(params: GridParams, sigma_hz: float) -> GridParams:
    """The area with curves, dead bands and limits as average slopes over a normal deviation."""
    governors = [
        _linear(governor, governor.valve, sigma_hz) if governor.valve else governor for governor in params.governors
    ]
    governors += [_proportional(response, sigma_hz) for response in params.held]
    return params._replace(governors=tuple(governors), held=(), shedding=(), secondary=None)


def _linear(governor: Governor, valve: Valve, sigma_hz: float) -> Governor:
    """Between dead band and end stops the slope is 1; a dead band that steps adds its jumps."""
    stiffness = governor.stiffness_mw_per_hz
    if stiffness <= 0.0:
        return governor._replace(valve=None)
    offset = 0.0 if valve.deadband_steps else valve.deadband_hz
    low, high = valve.up_mw / stiffness + offset, valve.down_mw / stiffness + offset
    slope = sum(max(0.0, _below(end, sigma_hz) - _below(valve.deadband_hz, sigma_hz)) for end in (low, high))
    if valve.deadband_steps:
        slope += 2.0 * valve.deadband_hz * _density(valve.deadband_hz, sigma_hz)
    before = tuple(Section(lead_s, lag_s) for lead_s, lag_s in valve.before)
    sections = without_idle((*before, Section(0.0, valve.lag_s)))
    if governor.taps:  # taps count from the valve on
        taps = (0.0,) * len(sections) + governor.taps
        return governor._replace(
            stiffness_mw_per_hz=stiffness * slope, sections=sections + governor.sections, taps=taps, valve=None
        )
    return governor._replace(stiffness_mw_per_hz=stiffness * slope, sections=sections + governor.sections, valve=None)


def _proportional(response: HeldResponse, sigma_hz: float) -> Governor:
    slope = 0.0
    for (low, share), (high, next_share) in zip(response.curve, response.curve[1:], strict=False):
        rise = (next_share - share) / (high - low)
        slope += rise * (_below(high, sigma_hz) - _below(low, sigma_hz)) * (response.low_mw + response.high_mw)
    lags = (Section(0.0, response.delay_s), Section(0.0, response.lag_s))
    return Governor(response.name, slope, without_idle(lags))


def _below(edge: float, sigma: float) -> float:
    """Chance that a normal deviation lies between 0 and `edge`."""
    return 0.5 * math.erf(edge / (sigma * math.sqrt(2.0)))


def _density(edge: float, sigma: float) -> float:
    return math.exp(-0.5 * edge * edge / (sigma * sigma)) / (sigma * math.sqrt(2.0 * math.pi))


def _stationary_variance(a: Sequence[Sequence[float]], intensity: float) -> Matrix:
    """Covariance of x' = A x + w, w white with `intensity` on the last state: added up over doubling steps."""
    size = len(a)
    # Van Loan: expm([-A Q; 0 A'] h) = [.. Ad^-1 Qd; 0 Ad'].
    block = [[-x for x in row] + [0.0] * size for row in a]
    block += [[0.0] * size + [a[column][row] for column in range(size)] for row in range(size)]
    block[size - 1][2 * size - 1] = intensity
    step = exponential(tuple(tuple(x * FIRST_STEP_S for x in row) for row in block))
    transposed = tuple(row[size:] for row in step[size:])
    move = tuple(zip(*transposed, strict=True))
    covariance = multiply(move, tuple(row[size:] for row in step[:size]))
    for _ in range(DOUBLINGS):
        grown = multiply(multiply(move, covariance), tuple(zip(*move, strict=True)))
        covariance = tuple(
            tuple(x + y for x, y in zip(r, s, strict=True)) for r, s in zip(covariance, grown, strict=True)
        )
        if max(abs(x) for row in grown for x in row) <= 1e-14 * max(abs(x) for row in covariance for x in row):
            break
        move = multiply(move, move)
    return covariance
