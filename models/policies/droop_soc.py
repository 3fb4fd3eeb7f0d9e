"""Droop that gives the car back what the service took, slowly and while frequency is quiet.

The plan of the battery is the target distance at the first decision, moved by the baseline since. What the EV reports
beyond that plan is the service's doing (and the losses'); it flows back at a limited power. Source of the idea: the
SoC-keeping droop of Ota et al., "Autonomous distributed V2G", IEEE Trans. Smart Grid 3(1), 2012; the form is ours.
"""

import math
from typing import NamedTuple

from models.control.charge_loop import StationView
from models.policies.droop import moved_w, response_pu

OPERATION_MODE = "LocalFrequency"


class Params(NamedTuple):
    """The curve, and how energy returns."""

    droop_pu: float = 0.01  # share of nominal frequency that moves the full rated power
    deadband_hz: float = 0.01  # no response inside
    restore_s: float = 900.0  # time in which a deviation would return at constant power
    restore_pu: float = 0.1  # at most this share of rated power
    quiet_hz: float = 0.05  # energy returns only while frequency is this near to nominal
    efficiency: float = 0.9  # AC meter to cells, to follow the baseline at the cells


class Memory(NamedTuple):
    """What the station remembers between decisions."""

    planned_wh: float = math.nan  # target distance if only the baseline had flowed; nan before the first decision
    baseline_w: float = 0.0  # of the previous decision


def step(view: StationView, memory: Memory, params: Params) -> tuple[float, Memory]:
    """Baseline, response and restoration [W], and the new memory."""
    planned_wh = memory.planned_wh
    if planned_wh != planned_wh:
        planned_wh = view.target_energy_wh
    else:
        planned_wh = planned_wh - cells_w(memory.baseline_w, params.efficiency) * view.elapsed_s / 3600.0
    share = response_pu(view.frequency_hz, view.nominal_hz, params.droop_pu, params.deadband_hz)
    error_hz = view.frequency_hz - view.nominal_hz
    if -params.quiet_hz < error_hz < params.quiet_hz:
        share = share + restore_pu(
            view.target_energy_wh - planned_wh, view.rated_w, params.restore_s, params.restore_pu
        )
    setpoint_w = (
        moved_w(view.baseline_w, share, view.rated_w, view.rated_discharge_w) if share != 0.0 else view.baseline_w
    )
    return setpoint_w, Memory(planned_wh, view.baseline_w)


def restore_pu(missing_wh: float, rated_w: float, restore_s: float, most_pu: float) -> float:
    """Share of rated power that returns `missing_wh` in `restore_s`, within plus and minus `most_pu`."""
    if not rated_w > 0.0:
        return 0.0
    share = 3600.0 * missing_wh / (restore_s * rated_w)
    if share > most_pu:
        return most_pu
    return share if share > 0.0 - most_pu else 0.0 - most_pu


def cells_w(power_w: float, efficiency: float) -> float:
    """Power at the cells [W] for power at the meter."""
    return power_w * efficiency if power_w >= 0.0 else power_w / efficiency
