"""Grid frequency of one synchronous area after an imbalance.

    dF/dt = f0 / (2 Ek) (P_governors + P_held + P_secondary + P_shed + P - kL F),   F = f - f0

How a step is made is told in `models.grid.interconnection`, of which this is the case of a single area.
"""

from models.grid.area import GridParams, scaled_held
from models.grid.interconnection import Interconnection
from models.grid.shedding import Trip

__all__ = ["FrequencyModel", "GridParams", "scaled_held"]


class FrequencyModel:
    """Frequency of one area; starts at nominal, in balance.

    A tick's length should come from integer time, so that equal ticks are equal floats and share a step matrix.
    """

    def __init__(self, params: GridParams) -> None:
        self._system = Interconnection((params,))
        self._power_mw = 0.0

    @property
    def params(self) -> GridParams:
        """The area as it is now, losses of inertia and governors included."""
        return self._system.areas[0]

    @property
    def frequency_hz(self) -> float:
        """Frequency now [Hz]."""
        return self._system.frequencies_hz[0]

    @property
    def secondary_mw(self) -> float:
        """Power of the secondary control in force [MW]."""
        return self._system.secondary_mw[0]

    @property
    def trips(self) -> list[Trip]:
        """Stages of load shedding so far, in order."""
        return self._system.trips

    @property
    def rocof_hz_per_s(self) -> float:
        """Rate of change of frequency now [Hz/s], if the power of the last step stays."""
        return self.rocof_at_hz_per_s(self._power_mw)

    def rocof_at_hz_per_s(self, power_mw: float) -> float:
        """Rate of change of frequency [Hz/s] with which a step under `power_mw` would begin."""
        return self._system.rocof_at_hz_per_s((power_mw,))

    def step(self, dt_s: float, power_mw: float) -> float:
        """Advance by `dt_s` under constant power and return the frequency [Hz].

        Parameters
        ----------
        dt_s : float
            Length of the step [s], positive.
        power_mw : float
            Net power besides governors, held response and damping [MW], as a deviation from the schedule.
        """
        self._power_mw = power_mw
        return self._system.step(dt_s, (power_mw,))[0]

    def power_for_hz(self, dt_s: float, target_hz: float) -> float:
        """Constant power [MW] under which a step of `dt_s` would end at a frequency; nothing is advanced."""
        return self._system.power_for_hz(dt_s, (self._power_mw,), target_hz)

    def lose_inertia(self, kinetic_energy_mws: float) -> None:
        """Take the kinetic energy of a tripped unit out of the area [MW s]."""
        self._system.lose_inertia(kinetic_energy_mws)

    def lose_governor_share(self, name: str, share: float) -> None:
        """Take a share (0 to 1) of a governor block out of the area, its present output included."""
        self._system.lose_governor_share(name, share)
