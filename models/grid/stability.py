"""When a delayed response rings: gain crossover, phase margin and delay margin of a proportional response in the loop.

    L(s) = K exp(-s tau) (1 - exp(-s T)) / (s T) / (1 + s Tm) G(s),   G(s) = frequency per power of the area [Hz/MW]

The area is linearised as for small deviations around nominal; a fleet's dead band and limits are not in it, so the
estimate is about whether a swing grows, not about how large it becomes.
"""

import cmath
import math
from typing import NamedTuple

from models.grid.area import GridParams, linear_core
from models.grid.noise import linearised

LOWEST, HIGHEST = 1e-3, 1e3  # rad/s searched
POINTS = 150


class LoopMargin(NamedTuple):
    """What stands between a loop and ringing; nan where the gain never reaches 1: then no delay makes it ring."""

    crossover_rad_per_s: float
    phase_margin_deg: float  # at the delay given
    longest_delay_s: float  # mean delay beyond which a small swing grows, half of the hold included


def loop_margin(
    params: GridParams, gain_mw_per_hz: float, delay_s: float, hold_s: float, lag_s: float, around_hz: float
) -> LoopMargin:
    """Margin of a response of `gain_mw_per_hz` behind a dead time, a hold and a first-order lag.

    Parameters
    ----------
    params : GridParams
        The area without the response.
    gain_mw_per_hz : float
        K, real cars counted.
    delay_s : float
        Dead times between frequency and power together [s].
    hold_s : float
        Span for which each unit holds its decision [s]. Many units with phases of their own are as old as anything from
        0 to this span at once: a mean over it, which delays by half and, unlike a dead time, weakens quick swings.
    lag_s : float
        One lag, such as the measuring filter [s].
    around_hz : float
        Deviation for which curves and dead bands of the area are averaged [Hz].
    """
    core = linear_core(linearised(params, around_hz))

    def open_loop(omega: float) -> complex:
        s = 1j * omega
        held = (1.0 - cmath.exp(-s * hold_s)) / (s * hold_s) if hold_s > 0.0 else 1.0
        return gain_mw_per_hz * held / (1.0 + s * lag_s) * _response(core.a, [row[0] for row in core.b], s)

    # The last crossing of gain 1 from above: beyond it the loop is quiet.
    step = (HIGHEST / LOWEST) ** (1.0 / POINTS)
    omega = HIGHEST
    while omega > LOWEST and abs(open_loop(omega)) < 1.0:
        omega /= step
    if omega <= LOWEST:
        return LoopMargin(math.nan, math.nan, math.nan)
    low, high = omega, omega * step
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if abs(open_loop(middle)) > 1.0 else (low, middle)
    # The hold turns by half of itself exactly; what is left is between -pi and 0 for a stable area.
    turned = 0.5 * low * hold_s
    phase = cmath.phase(open_loop(low) * cmath.exp(1j * turned))
    margin = math.pi + (phase if phase <= 0.0 else phase - 2.0 * math.pi)
    return LoopMargin(low, math.degrees(margin - low * delay_s - turned), margin / low)


def _response(a: tuple[tuple[float, ...], ...], b: list[float], s: complex) -> complex:
    """First state of (s - A)^-1 b, by elimination: a handful of states."""
    size = len(a)
    rows = [[(s if i == j else 0.0) - a[i][j] for j in range(size)] + [complex(b[i])] for i in range(size)]
    for k in reversed(range(size)):  # from the last state up, so that the first is solved by the end
        pivot = max(range(k + 1), key=lambda i: abs(rows[i][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(k):
            factor = rows[i][k] / rows[k][k]
            if factor:
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    return rows[0][size] / rows[0][0]
