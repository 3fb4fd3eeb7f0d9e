"""Droop: charge more when frequency is high, discharge when it is low, around the baseline."""

from typing import NamedTuple

from models.control.charge_loop import StationView

OPERATION_MODE = "LocalFrequency"


class Params(NamedTuple):
    """The curve."""

    droop_pu: float = 0.01  # share of nominal frequency that moves the full rated power
    deadband_hz: float = 0.01  # no response inside


def setpoint_w(view: StationView, params: Params) -> float:
    """Baseline plus response [W]."""
    share = response_pu(view.frequency_hz, view.nominal_hz, params.droop_pu, params.deadband_hz)
    if share == 0.0:
        return view.baseline_w
    return moved_w(view.baseline_w, share, view.rated_w, view.rated_discharge_w)


def response_pu(frequency_hz: float, nominal_hz: float, droop_pu: float, deadband_hz: float) -> float:
    """Response as a share of rated power: linear from the edge of the dead band, positive when frequency is high."""
    error_hz = frequency_hz - nominal_hz
    if -deadband_hz < error_hz < deadband_hz:
        return 0.0
    edge_hz = deadband_hz if error_hz > 0.0 else 0.0 - deadband_hz
    return (error_hz - edge_hz) / (droop_pu * nominal_hz)


def moved_w(baseline_w: float, share: float, rated_w: float, rated_discharge_w: float) -> float:
    """A baseline moved by a share of rated power [W]; below zero that is a share of the discharge rating.

    A car that cannot discharge goes down to zero; with equal ratings this is baseline + share x rating.
    """
    if baseline_w >= 0.0:
        level = share + (baseline_w / rated_w if rated_w > 0.0 else 0.0)
    else:
        level = share + (baseline_w / rated_discharge_w if rated_discharge_w > 0.0 else 0.0)
    return level * rated_w if level > 0.0 else level * rated_discharge_w
