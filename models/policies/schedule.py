"""Follow a power series, from a file or from the CSMS."""

from typing import NamedTuple

from models.control.charge_loop import StationView

OPERATION_MODE = "CentralSetpoint"


class Params(NamedTuple):
    """There is nothing to set."""


def setpoint_w(view: StationView, params: Params) -> float:
    """The scheduled power [W]."""
    return view.scheduled_w


def baseline_w(view: StationView, params: Params) -> float:
    """The declared baseline [W]: what a station draws with the service off."""
    return view.baseline_w
