"""A synchronous area as one equivalent machine: its numbers, its linear equations and its closed forms.

Sign, everywhere in this package: positive power supports low frequency (more generation or less load).
A lost generator is negative power. All quantities are deviations from the schedule, in MW, MW s and Hz.
"""

import math
from typing import NamedTuple

from models.grid.governors import Governor, static_power_mw
from models.grid.held import HeldResponse, check_held, held_power_mw
from models.grid.matrix import Matrix
from models.grid.secondary import Secondary, check_secondary
from models.grid.shedding import Stage, check_stages
from models.grid.valve import check_valve, corners_hz


class GridParams(NamedTuple):
    """A synchronous area as one equivalent machine."""

    nominal_hz: float
    demand_mw: float
    kinetic_energy_mws: float  # Ek of the units that stay connected
    damping_mw_per_hz: float  # kL: how much demand falls with frequency
    governors: tuple[Governor, ...] = ()
    held: tuple[HeldResponse, ...] = ()
    secondary: Secondary | None = None
    shedding: tuple[Stage, ...] = ()


class TieLine(NamedTuple):
    """A line between two areas: its power grows with the angle between them, dP/dt = factor (F1 - F2)."""

    mw_per_hz_s: float  # 2 pi T12 [MW/(Hz s)]


class LinearCore(NamedTuple):
    """x' = A x + B u.

    x: for each area its deviation [Hz], governors [Hz] and held response [MW]; then the power over the tie line [MW].
    u: for each area its power [MW], curve outputs of held response [MW] and positions of valves [Hz].
    """

    a: Matrix
    b: Matrix
    rows: tuple[int, ...] = (0,)  # state that is the deviation of each area


def check_grid(params: GridParams) -> None:
    """Raise ValueError for an area that cannot be simulated, naming the number."""
    for name in ("nominal_hz", "demand_mw", "kinetic_energy_mws"):
        value = getattr(params, name)
        if not 0.0 < value < math.inf:
            raise ValueError(f"{name} must be positive, got {value}")
    if not 0.0 <= params.damping_mw_per_hz < math.inf:
        raise ValueError(f"damping_mw_per_hz must not be negative, got {params.damping_mw_per_hz}")
    for governor in params.governors:
        if not 0.0 <= governor.stiffness_mw_per_hz < math.inf:
            raise ValueError(f"stiffness of {governor.name} must not be negative, got {governor.stiffness_mw_per_hz}")
        for section in governor.sections:
            if not 0.0 < section.lag_s < math.inf:
                raise ValueError(f"each lag of {governor.name} must be positive, got {section.lag_s} s")
        if governor.taps and len(governor.taps) != len(governor.sections):
            raise ValueError(f"{governor.name} has {len(governor.taps)} taps for {len(governor.sections)} sections")
        if governor.valve is not None:
            check_valve(governor.name, governor.valve)
    for response in params.held:
        check_held(response)
    if params.secondary is not None:
        check_secondary(params.secondary)
    check_stages(params.shedding)


def linear_core(params: GridParams) -> LinearCore:
    """Swing equation, governors and lags of the held response of one area."""
    return joined_core((params,))


def joined_core(areas: tuple[GridParams, ...], tie: TieLine | None = None) -> LinearCore:
    """Assemble the areas and the line between them; states and inputs in the order of the parameters."""
    size = sum(_states(area) for area in areas) + (1 if tie else 0)
    inputs = sum(1 + len(area.held) + len(valves(area)) for area in areas)
    a = [[0.0] * size for _ in range(size)]
    b = [[0.0] * inputs for _ in range(size)]
    rows = []
    state = column = 0
    for area in areas:
        rows.append(state)
        state, column = _assemble(area, a, b, state, column)
    if tie:
        for row, area, sign in zip(rows, areas, (-1.0, 1.0), strict=True):  # the first area exports
            a[row][state] = sign * area.nominal_hz / (2.0 * area.kinetic_energy_mws)
            a[state][row] = -sign * tie.mw_per_hz_s
    return LinearCore(tuple(tuple(row) for row in a), tuple(tuple(row) for row in b), tuple(rows))


def valves(params: GridParams) -> tuple[Governor, ...]:
    """Governors of an area that have a valve, in order."""
    return tuple(governor for governor in params.governors if governor.valve is not None)


def _states(area: GridParams) -> int:
    lags = sum(1 for response in area.held if response.lag_s > 0.0)
    return 1 + sum(len(governor.sections) for governor in area.governors) + lags


def _assemble(area: GridParams, a: list[list[float]], b: list[list[float]], state: int, column: int) -> tuple[int, int]:
    """Write one area into the matrices from a state and an input column on; the first ones free behind it."""
    frequency, power = state, column
    hz_per_s_per_mw = area.nominal_hz / (2.0 * area.kinetic_energy_mws)
    a[frequency][frequency] = -hz_per_s_per_mw * area.damping_mw_per_hz
    b[frequency][power] = hz_per_s_per_mw
    valve_column = column + 1 + len(area.held)
    state += 1
    for governor in area.governors:
        # What enters the next section, as a row over the states and one over the inputs.
        signal, fed = [0.0] * len(a), [0.0] * len(b[0])
        if governor.valve is None:
            signal[frequency] = 1.0
        else:
            fed[valve_column] = 1.0
            valve_column += 1
        weight = hz_per_s_per_mw * governor.stiffness_mw_per_hz
        output, direct = [0.0] * len(a), [0.0] * len(b[0])
        for place, section in enumerate(governor.sections):
            a[state] = [s / section.lag_s for s in signal]
            a[state][state] -= 1.0 / section.lag_s
            b[state] = [s / section.lag_s for s in fed]
            through = section.lead_s / section.lag_s
            signal = [through * s for s in signal]
            signal[state] += 1.0 - through
            fed = [through * s for s in fed]
            state += 1
            if governor.taps:
                output = [o + governor.taps[place] * s for o, s in zip(output, signal, strict=True)]
                direct = [o + governor.taps[place] * s for o, s in zip(direct, fed, strict=True)]
        if not governor.taps:
            output, direct = signal, fed
        a[frequency] = [own - weight * s for own, s in zip(a[frequency], output, strict=True)]
        b[frequency] = [own - weight * s for own, s in zip(b[frequency], direct, strict=True)]
    for offset, response in enumerate(area.held, start=1):
        if response.lag_s > 0.0:
            a[state][state] = -1.0 / response.lag_s
            b[state][column + offset] = 1.0 / response.lag_s
            a[frequency][state] = hz_per_s_per_mw
            state += 1
        else:
            b[frequency][column + offset] = hz_per_s_per_mw
    return state, valve_column


def initial_rocof_hz_per_s(params: GridParams, power_mw: float) -> float:
    """Rate of change of frequency at the first instant of a step of power: f0 P / (2 Ek) [Hz/s]."""
    return params.nominal_hz * power_mw / (2.0 * params.kinetic_energy_mws)


def steady_deviation_hz(params: GridParams, power_mw: float) -> float:
    """Deviation at which the area comes to rest under constant power [Hz], saturated reserve included.

    Without held response this is P / (kL + sum 1/R). Raises ValueError when nothing answers beyond the reserve held.
    """

    def surplus_mw(deviation_hz: float) -> float:
        held_mw = sum(held_power_mw(response, deviation_hz) for response in params.held)
        governors_mw = sum(static_power_mw(governor, deviation_hz) for governor in params.governors)
        return power_mw + held_mw + governors_mw - params.damping_mw_per_hz * deviation_hz

    # The surplus falls with deviation, in straight pieces between the corners of curves, dead bands and limits.
    corners = {point.deviation_hz for response in params.held for point in response.curve}
    for governor in valves(params):
        assert governor.valve is not None, "chosen for its valve"
        corners |= corners_hz(governor.valve, governor.stiffness_mw_per_hz)
    edges = sorted({-c for c in corners} | corners)
    above = [edge for edge in edges if surplus_mw(edge) < 0.0]
    below = [edge for edge in edges if surplus_mw(edge) >= 0.0]
    if above and below:
        low, high = below[-1], above[0]
        share = surplus_mw(low) / (surplus_mw(low) - surplus_mw(high))
        return low + (high - low) * share
    outermost = below[-1] if below else above[0] if above else 0.0
    slope = (
        surplus_mw(outermost) - surplus_mw(outermost + 1.0)
        if below
        else (surplus_mw(outermost - 1.0) - surplus_mw(outermost))
    )
    if slope <= 0.0:
        raise ValueError(f"nothing answers {power_mw} MW beyond the reserve held: frequency has no steady state")
    return outermost + surplus_mw(outermost) / slope


def closed_loop_time_s(params: GridParams, gain_mw_per_hz: float) -> float:
    """Time scale 2 Ek / (f0 K) [s] of a proportional response with gain K in the loop.

    A delay (held power over a tick, a message loop, a converter) must stay well below it, or frequency rings.
    """
    return 2.0 * params.kinetic_energy_mws / (params.nominal_hz * gain_mw_per_hz)


def held_low_mw(params: GridParams) -> float:
    """Reserve held for low frequency [MW], all blocks together."""
    return sum(response.low_mw for response in params.held)


def scaled_held(params: GridParams, replaced_mw: float) -> GridParams:
    """The area with `replaced_mw` of its low-frequency reserve taken out, every block by the same share.

    Reserve for high frequency shrinks by the same share. Raises ValueError when more is replaced than held.
    """
    held_mw = held_low_mw(params)
    if not 0.0 <= replaced_mw <= held_mw:
        raise ValueError(f"a fleet can replace 0 to {held_mw:g} MW of held response here, got {replaced_mw:g} MW")
    if replaced_mw == 0.0:
        return params
    kept = 1.0 - replaced_mw / held_mw
    held = tuple(r._replace(low_mw=r.low_mw * kept, high_mw=r.high_mw * kept) for r in params.held)
    return params._replace(held=held)
