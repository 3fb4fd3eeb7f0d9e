"""Governors and their turbines: a valve that droop moves, and the linear chain of sections behind it.

Every governor of the reference table has this form, so a new kind is one more function here. Without a valve the
governor is linear from end to end and is stepped exactly; what a valve adds is in `models.grid.valve`.
"""

from typing import NamedTuple

from models.grid.valve import Valve, static_position_hz

INFINITE = float("inf")


class Section(NamedTuple):
    """The transfer function (1 + s lead) / (1 + s lag)."""

    lead_s: float
    lag_s: float  # zero only together with a zero lead: then the section does nothing


class Governor(NamedTuple):
    """Units that answer frequency in proportion: -stiffness x deviation, behind the valve and the sections in order.

    Signals inside are in hertz of deviation; only the output is weighted by the stiffness.
    """

    name: str
    stiffness_mw_per_hz: float  # 1/R; positive
    sections: tuple[Section, ...]
    taps: tuple[float, ...] = ()  # weight of the signal behind each section; empty: only the last one counts
    valve: Valve | None = None  # dead band, limits and rates; None: linear


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
        name, stiffness_mw_per_hz, without_idle((Section(0.0, governor_lag_s), Section(0.0, turbine_lag_s)))
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
    return Governor(name, stiffness_mw_per_hz, without_idle(sections))


def hydro(
    name: str,
    stiffness_mw_per_hz: float,
    governor_lag_s: float,
    reset_s: float,
    transient_droop_ratio: float,
    water_s: float,
) -> Governor:
    """Hydro unit: (1 + s Tr)/(1 + s (Rt/Rp) Tr) 1/(1 + s Tg) (1 - s Tw)/(1 + s Tw/2).

    Parameters
    ----------
    name : str
        Name in messages.
    stiffness_mw_per_hz : float
        1/Rp [MW/Hz], the permanent droop.
    governor_lag_s : float
        Tg [s] of the gate servo.
    reset_s : float
        Tr [s] of the dashpot.
    transient_droop_ratio : float
        Rt/Rp [-], 1 without transient droop.
    water_s : float
        Tw [s], water starting time: the first answer goes the wrong way.

    Source
    ------
    Kundur, Power System Stability and Control, 1994, sections 9.1 and 11.1.
    """
    sections = (
        Section(reset_s, transient_droop_ratio * reset_s),
        Section(0.0, governor_lag_s),
        Section(-water_s, 0.5 * water_s),
    )
    return Governor(name, stiffness_mw_per_hz, without_idle(sections))


def tgov1(name: str, stiffness_mw_per_hz: float, t1_s: float, t2_s: float, t3_s: float) -> Governor:
    """TGOV1, the simple steam governor of the study programmes: 1/(1 + s T1) (1 + s T2)/(1 + s T3).

    Its turbine damping Dt belongs to the area's damping, its limits VMIN and VMAX to a valve (`limited`).

    Source
    ------
    IEEE PES-TR1, Dynamic models for turbine-governors in power system studies, 2013, section 2.1.
    """
    return Governor(name, stiffness_mw_per_hz, without_idle((Section(0.0, t1_s), Section(t2_s, t3_s))))


def cascade(name: str, stiffness_mw_per_hz: float, stages: tuple[tuple[float, float], ...]) -> Governor:
    """Steam stages in a row, each with a lag [s] and the share of the power made behind it: the turbine of IEEEG1.

    A lag of zero is no stage of its own: its share is made where the one before it is. The servo is not part of it
    (`limited`).

    Source
    ------
    IEEE Committee Report, Dynamic models for steam and hydro turbines in power system studies, 1973 (IEEEG1).
    """
    sections: list[Section] = []
    taps: list[float] = []
    for lag_s, share in stages:
        if lag_s > 0.0:
            sections.append(Section(0.0, lag_s))
            taps.append(share)
        elif taps:
            taps[-1] += share
        elif share != 0.0:
            raise ValueError(f"{name}: a share of power without any lag behind the valve is not modelled")
    if not sections:
        raise ValueError(f"{name} needs a stage with a lag")
    return Governor(name, stiffness_mw_per_hz, tuple(sections), tuple(taps))


def limited(
    governor: Governor,
    *,
    deadband_hz: float = 0.0,
    deadband_steps: bool = False,
    up_mw: float = INFINITE,
    down_mw: float = INFINITE,
    opening_mw_per_s: float = INFINITE,
    closing_mw_per_s: float = INFINITE,
    servo_lag_s: float = 0.0,
    before: tuple[Section, ...] = (),
) -> Governor:
    """The governor with a dead band, and a valve with headroom and rates before its sections.

    Limits are in MW of the whole block. `servo_lag_s` is the lag of the valve itself, `before` are sections between
    the dead band and the servo; `split_servo` moves both out of a linear governor.
    """
    lags = tuple((section.lead_s, section.lag_s) for section in before if section.lag_s > 0.0)
    valve = Valve(servo_lag_s, lags, deadband_hz, deadband_steps, up_mw, down_mw, opening_mw_per_s, closing_mw_per_s)
    return governor._replace(valve=valve)


def split_servo(governor: Governor, lead_sections: int) -> tuple[Governor, float, tuple[Section, ...]]:
    """Rest of the governor, lag of the servo, and the sections before it; `lead_sections` of these come first."""
    before, servo = governor.sections[:lead_sections], governor.sections[lead_sections]
    return governor._replace(sections=governor.sections[lead_sections + 1 :]), servo.lag_s, before


def static_power_mw(governor: Governor, deviation_hz: float) -> float:
    """Power of a governor at rest under a lasting deviation [MW]."""
    share = sum(governor.taps) if governor.taps else 1.0
    if governor.valve is None:
        return -governor.stiffness_mw_per_hz * share * deviation_hz
    return (
        -governor.stiffness_mw_per_hz
        * share
        * static_position_hz(governor.valve, governor.stiffness_mw_per_hz, deviation_hz)
    )


def without_idle(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """The sections that do something."""
    return tuple(section for section in sections if section.lag_s > 0.0)
