"""What is not linear in a governor: dead band, servo with rate limits, end stops. Its output is held over a sub-step.

Signals are in hertz of deviation, as everywhere in a governor: negative opens. The deviation of the middle of a
sub-step is taken as constant over it; for that input each formula here is exact, so a sub-step errs in second order.
"""

import math
from typing import NamedTuple


class Valve(NamedTuple):
    """The servo between droop and turbine. Limits are of the whole block, counted from its schedule."""

    lag_s: float  # 0: moves at once
    before: tuple[tuple[float, float], ...] = ()  # (lead, lag) of sections between dead band and servo [s]
    deadband_hz: float = 0.0
    deadband_steps: bool = False  # beyond the band: True the whole deviation counts, False what exceeds the band
    up_mw: float = math.inf  # headroom
    down_mw: float = math.inf  # down to the lowest power
    opening_mw_per_s: float = math.inf
    closing_mw_per_s: float = math.inf

    def scaled(self, share: float) -> "Valve":
        """The valve of a share of the block."""
        return self._replace(
            up_mw=self.up_mw * share,
            down_mw=self.down_mw * share,
            opening_mw_per_s=self.opening_mw_per_s * share,
            closing_mw_per_s=self.closing_mw_per_s * share,
        )


class ValveState(NamedTuple):
    """What a valve remembers [Hz]."""

    before: tuple[float, ...]
    position: float


class ValveStep(NamedTuple):
    """A valve after a sub-step and its mean position over it [Hz]."""

    state: ValveState
    mean: float


def at_rest(valve: Valve) -> ValveState:
    """A valve at its schedule."""
    return ValveState((0.0,) * len(valve.before), 0.0)


def beyond_deadband_hz(valve: Valve, deviation_hz: float) -> float:
    """Deviation that the droop sees [Hz]."""
    band = valve.deadband_hz
    if -band <= deviation_hz <= band:
        return 0.0
    if valve.deadband_steps:
        return deviation_hz
    return deviation_hz - band if deviation_hz > 0.0 else deviation_hz + band


def static_position_hz(valve: Valve, stiffness_mw_per_hz: float, deviation_hz: float) -> float:
    """Where the valve comes to rest under a lasting deviation [Hz]."""
    wanted = beyond_deadband_hz(valve, deviation_hz)
    low, high = _stops(valve, stiffness_mw_per_hz)
    return low if wanted < low else high if wanted > high else wanted


def corners_hz(valve: Valve, stiffness_mw_per_hz: float) -> set[float]:
    """Magnitudes of deviation at which the power at rest has a corner or, with a stepping dead band, a jump [Hz]."""
    offset = 0.0 if valve.deadband_steps else valve.deadband_hz
    stops = {abs(stop) + offset for stop in _stops(valve, stiffness_mw_per_hz) if abs(stop) < math.inf}
    return stops | {valve.deadband_hz, valve.deadband_hz * (1.0 + 1e-12)}


def check_valve(name: str, valve: Valve) -> None:
    """Raise ValueError for a valve that cannot be simulated, naming the number."""
    for what in ("lag_s", "deadband_hz", "up_mw", "down_mw"):
        value = getattr(valve, what)
        if not value >= 0.0:
            raise ValueError(f"{what} of {name} must not be negative, got {value}")
    for what in ("opening_mw_per_s", "closing_mw_per_s"):
        value = getattr(valve, what)
        if not value > 0.0:
            raise ValueError(f"{what} of {name} must be positive, got {value}")
    for _, lag_s in valve.before:
        if not 0.0 < lag_s < math.inf:
            raise ValueError(f"each lag before the valve of {name} must be positive, got {lag_s} s")


def moved(valve: Valve, stiffness_mw_per_hz: float, state: ValveState, deviation_hz: float, dt_s: float) -> ValveStep:
    """The valve after `dt_s` under a constant deviation.

    Parameters
    ----------
    valve : Valve
        Dead band, lag, limits.
    stiffness_mw_per_hz : float
        Of the governor [MW/Hz], positive: turns limits into hertz.
    state : ValveState
        Before.
    deviation_hz : float
        Held over the sub-step [Hz].
    dt_s : float
        Sub-step [s], positive.
    """
    wanted = beyond_deadband_hz(valve, deviation_hz)
    before = []
    for (lead_s, lag_s), section in zip(valve.before, state.before, strict=True):
        through = lead_s / lag_s
        after = wanted + (section - wanted) * math.exp(-dt_s / lag_s)
        before.append(after)
        middle = wanted + (section - wanted) * math.exp(-0.5 * dt_s / lag_s)
        wanted = through * wanted + (1.0 - through) * middle
    low, high = _stops(valve, stiffness_mw_per_hz)
    opens = wanted < state.position
    rate = (valve.opening_mw_per_s if opens else valve.closing_mw_per_s) / stiffness_mw_per_hz
    end, mean = _servo(state.position, wanted, low if opens else high, valve.lag_s, rate, dt_s)
    return ValveStep(ValveState(tuple(before), end), mean)


def _servo(position: float, wanted: float, stop: float, lag_s: float, rate: float, dt_s: float) -> tuple[float, float]:
    """Position after `dt_s` and its mean: at the rate while the error asks for more, then the lag; then at the stop.

    The stop is hard: the servo runs into it as if it were not there (no wind-up behind it).
    """
    if position == wanted:
        return position, position
    area, left_s = 0.0, dt_s
    direction = 1.0 if wanted > position else -1.0
    if (stop - position) * direction <= 0.0:
        return stop, stop
    slow_hz = rate * lag_s if lag_s > 0.0 else 0.0  # an error within it is followed slower than the rate
    if abs(wanted - position) > slow_hz:
        way = min(abs(wanted - position) - slow_hz, (stop - position) * direction)
        fast_s = min(way / rate, left_s)
        end = position + direction * (rate * fast_s if rate < math.inf else way)
        area += 0.5 * (position + end) * fast_s
        position, left_s = end, left_s - fast_s
    if left_s > 0.0 and (stop - position) * direction > 0.0 and lag_s > 0.0:
        error = wanted - position
        slow_s = left_s
        if (wanted - stop) * direction > 0.0:
            slow_s = min(left_s, lag_s * math.log(error / (wanted - stop)))
        decay = math.exp(-slow_s / lag_s)
        area += wanted * slow_s - error * (1.0 - decay) * lag_s
        position, left_s = wanted - error * decay, left_s - slow_s
    return position, (area + position * left_s) / dt_s


def _stops(valve: Valve, stiffness_mw_per_hz: float) -> tuple[float, float]:
    return -valve.up_mw / stiffness_mw_per_hz, valve.down_mw / stiffness_mw_per_hz
