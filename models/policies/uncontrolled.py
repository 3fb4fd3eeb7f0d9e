"""Charge with all that EV and station allow until the target is reached, then nothing."""

from typing import NamedTuple

from models.control.charge_loop import StationView

OPERATION_MODE = "ChargingOnly"


class Params(NamedTuple):
    """There is nothing to set."""


def setpoint_w(view: StationView, params: Params) -> float:
    """Rated power while the target is ahead [W]; the limiter makes it what is possible."""
    return view.rated_w if view.target_energy_wh > 0.0 else 0.0
