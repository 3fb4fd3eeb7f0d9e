"""Secondary control (AGC): the area control error, sampled, brings frequency and the tie line back to schedule.

ACE = dP_tie + B F,   P_sec = -(Kp ACE + 1/Ti int ACE dt), inside a range and at a limited rate
"""

import math
from typing import NamedTuple


class Secondary(NamedTuple):
    """A load-frequency controller. Positive power supports low frequency; dP_tie is the export beyond schedule."""

    period_s: float  # between samples
    bias_mw_per_hz: float  # B; kL + sum 1/R leaves the neighbour's disturbance to the neighbour
    gain: float  # Kp [-]
    integral_s: float  # Ti
    rate_mw_per_s: float
    up_mw: float
    down_mw: float


class SecondaryState(NamedTuple):
    """What the controller remembers."""

    integral_mw: float = 0.0
    power_mw: float = 0.0  # in force until the next sample


def sampled_secondary(
    control: Secondary, state: SecondaryState, deviation_hz: float, export_mw: float
) -> SecondaryState:
    """The controller after a sample.

    The integral keeps within the range (no wind-up), and the power moves at most `rate x period` a sample.
    """
    error_mw = export_mw + control.bias_mw_per_hz * deviation_hz
    integral_mw = _within(
        state.integral_mw - error_mw * control.period_s / control.integral_s, -control.down_mw, control.up_mw
    )
    wanted_mw = _within(integral_mw - control.gain * error_mw, -control.down_mw, control.up_mw)
    step_mw = control.rate_mw_per_s * control.period_s
    return SecondaryState(integral_mw, _within(wanted_mw, state.power_mw - step_mw, state.power_mw + step_mw))


def _within(value: float, low: float, high: float) -> float:
    return low if value < low else high if value > high else value


def check_secondary(control: Secondary) -> None:
    """Raise ValueError for a controller that cannot be simulated, naming the number."""
    for name in ("period_s", "integral_s", "rate_mw_per_s"):
        if not 0.0 < getattr(control, name):
            raise ValueError(f"{name} of the secondary control must be positive, got {getattr(control, name)}")
    for name in ("bias_mw_per_hz", "gain", "up_mw", "down_mw"):
        if not 0.0 <= getattr(control, name) or (name == "bias_mw_per_hz" and math.isinf(control.bias_mw_per_hz)):
            raise ValueError(f"{name} of the secondary control must not be negative, got {getattr(control, name)}")
