"""Governors and their turbines: droop behind a chain of lead-lag sections.

Every linear governor of the reference table is such a chain, so a new kind is one more function here:
TGOV1 is `(lag T1), (lead T2, lag T3)`; a water column is `(lead -Tw, lag Tw / 2)`.
"""

from typing import NamedTuple


class Section(NamedTuple):
    """The transfer function (1 + s lead) / (1 + s lag)."""

    lead_s: float
    lag_s: float  # zero only together with a zero lead: then the section does nothing


class Governor(NamedTuple):
    """Units that answer frequency in proportion: -stiffness x deviation, behind the sections in order.

    Linear: dead bands and limits are not part of it. Reserve that saturates is a `HeldResponse`.
    """

    name: str
    stiffness_mw_per_hz: float  # 1/R; positive
    sections: tuple[Section, ...]


def stiffness_mw_per_hz(rated_mw: float, droop_pu: float, nominal_hz: float) -> float:
    """Power per frequency deviation [MW/Hz] of units with a droop stated on their own rating.

    Raises ValueError for a droop that is not positive.
    """
    if not droop_pu > 0.0:
        raise ValueError(f"droop_pu must be above 0, got {droop_pu}")
    return rated_mw / (droop_pu * nominal_hz)


def non_reheat(name: str, stiffness_mw_per_hz: float, governor_lag_s: float, turbine_lag_s: float) -> Governor:
    """Governor with a gas, diesel or non-reheat steam turbine: 1/(1 + s Tg) 1/(1 + s Tt).

    Source
    ------
    Kundur, Power System Stability and Control, 1994, section 11.1.
    """
    return Governor(
        name, stiffness_mw_per_hz, _without_idle((Section(0.0, governor_lag_s), Section(0.0, turbine_lag_s)))
    )


def reheat(
    name: str,
    stiffness_mw_per_hz: float,
    governor_lag_s: float,
    turbine_lag_s: float,
    reheat_s: float,
    high_pressure_share: float,
) -> Governor:
    """Governor with a reheat steam turbine: 1/(1 + s Tg) 1/(1 + s Tt) (1 + s FH TR)/(1 + s TR).

    Parameters
    ----------
    name : str
        Name in messages.
    stiffness_mw_per_hz : float
        1/R [MW/Hz].
    governor_lag_s, turbine_lag_s : float
        Tg and Tt [s]; zero leaves the lag out.
    reheat_s : float
        TR [s].
    high_pressure_share : float
        FH [-], the share of power made before the reheater.

    Source
    ------
    Anderson and Mirheydar, A low-order system frequency response model, IEEE Trans. Power Systems 1990.
    """
    sections = (
        Section(0.0, governor_lag_s),
        Section(0.0, turbine_lag_s),
        Section(high_pressure_share * reheat_s, reheat_s),
    )
    return Governor(name, stiffness_mw_per_hz, _without_idle(sections))


def _without_idle(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    return tuple(section for section in sections if section.lag_s > 0.0)
