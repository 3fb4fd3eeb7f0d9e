"""Which phases a vehicle's power lies on, for the columns of table `charge_loop` that say it phase by phase.

A vehicle whose session states its phases draws evenly from three, or all from one. Nothing in a station tells the
phases of a three-phase vehicle apart: its ratings hold for each alike, and a site's connection does not limit yet. So
the setpoints of its phases are equal, and these columns follow from the total, at no cost in the loop.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosim.scenario import Evse, Scenario

NOT_STATED, L1, L2, L3, EACH = range(5)
TOTALS = {"setpoint": "setpoint_w", "plug_power": "plug_power_w"}  # first part of the columns' names, and their total


def wired_phase(section: Evse, evse_id: int) -> int:
    """The phase, counted from 0, on which a single-phase vehicle at this charging point lies."""
    return evse_id % 3 if section.single_phase_on == "rotating" else 0


def states_phases(scenario: Scenario) -> bool:
    """Whether sessions may say their powers phase by phase."""
    return scenario.evse.phases == "each" or scenario.ev.per_phase


class OnPhases:
    """For each vehicle by its number: not stated, one of the phases, or each alike."""

    def __init__(self, n_ev: int) -> None:
        self._of = np.full(n_ev, NOT_STATED, np.int8)

    def note(self, ev_id: int, phases: int) -> None:
        """A session has agreed on how powers are said."""
        self._of[ev_id] = phases

    def columns(self, rows: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Six columns for rows of `charge_loop`, float32 like the totals they come from."""
        phases = self._of[rows["ev_id"]]
        stated = np.where(phases == NOT_STATED, np.float32("nan"), np.float32(0.0))
        found = {}
        for name, total in TOTALS.items():
            whole, third = rows[total], rows[total] / np.float32(3.0)
            for phase in (L1, L2, L3):
                found[f"{name}_l{phase}_w"] = np.select([phases == phase, phases == EACH], [whole, third], stated)
        return found
