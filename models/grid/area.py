"""A synchronous area as one equivalent machine: its numbers, its linear equations and its closed forms.

Sign, everywhere in this package: positive power supports low frequency (more generation or less load).
A lost generator is negative power. All quantities are deviations from the schedule, in MW, MW s and Hz.
"""

import math
from typing import NamedTuple

from models.grid.governors import Governor
from models.grid.held import HeldResponse, check_held, held_power_mw
from models.grid.matrix import Matrix


class GridParams(NamedTuple):
    """A synchronous area as one equivalent machine."""

    nominal_hz: float
    demand_mw: float
    kinetic_energy_mws: float  # Ek of the units that stay connected
    damping_mw_per_hz: float  # kL: how much demand falls with frequency
    governors: tuple[Governor, ...] = ()
    held: tuple[HeldResponse, ...] = ()


class LinearCore(NamedTuple):
    """x' = A x + B u; x: deviation [Hz], governors [Hz], held response [MW]; u: power, curve outputs [MW]."""

    a: Matrix
    b: Matrix


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
    for response in params.held:
        check_held(response)


def linear_core(params: GridParams) -> LinearCore:
    """Assemble swing equation, governors and lags of the held response; states in the order of the parameters."""
    held, governors = params.held, params.governors
    size = 1 + sum(len(governor.sections) for governor in governors) + sum(1 for r in held if r.lag_s > 0.0)
    hz_per_s_per_mw = params.nominal_hz / (2.0 * params.kinetic_energy_mws)
    a = [[0.0] * size for _ in range(size)]
    b = [[0.0] * (1 + len(held)) for _ in range(size)]
    a[0][0] = -hz_per_s_per_mw * params.damping_mw_per_hz
    b[0][0] = hz_per_s_per_mw
    state = 1
    for governor in governors:
        signal = [1.0] + [0.0] * (size - 1)  # what enters the next section, as a row over the states
        for section in governor.sections:
            a[state] = [s / section.lag_s for s in signal]
            a[state][state] -= 1.0 / section.lag_s
            through = section.lead_s / section.lag_s
            signal = [through * s for s in signal]
            signal[state] += 1.0 - through
            state += 1
        weight = hz_per_s_per_mw * governor.stiffness_mw_per_hz
        a[0] = [own - weight * s for own, s in zip(a[0], signal, strict=True)]
    for column, response in enumerate(held, start=1):
        if response.lag_s > 0.0:
            a[state][state] = -1.0 / response.lag_s
            b[state][column] = 1.0 / response.lag_s
            a[0][state] = hz_per_s_per_mw
            state += 1
        else:
            b[0][column] = hz_per_s_per_mw
    return LinearCore(tuple(tuple(row) for row in a), tuple(tuple(row) for row in b))


def initial_rocof_hz_per_s(params: GridParams, power_mw: float) -> float:
    """Rate of change of frequency at the first instant of a step of power: f0 P / (2 Ek) [Hz/s]."""
    return params.nominal_hz * power_mw / (2.0 * params.kinetic_energy_mws)


def steady_deviation_hz(params: GridParams, power_mw: float) -> float:
    """Deviation at which the area comes to rest under constant power [Hz], saturated reserve included.

    Without held response this is P / (kL + sum 1/R). Raises ValueError when nothing answers beyond the reserve held.
    """
    slope = params.damping_mw_per_hz + sum(governor.stiffness_mw_per_hz for governor in params.governors)

    def surplus_mw(deviation_hz: float) -> float:
        held_mw = sum(held_power_mw(response, deviation_hz) for response in params.held)
        return power_mw + held_mw - slope * deviation_hz

    # The surplus falls with deviation, in straight pieces between the corners of the curves.
    corners = {point.deviation_hz for response in params.held for point in response.curve}
    edges = sorted({-c for c in corners} | corners)
    above = [edge for edge in edges if surplus_mw(edge) < 0.0]
    below = [edge for edge in edges if surplus_mw(edge) >= 0.0]
    if above and below:
        low, high = below[-1], above[0]
        share = surplus_mw(low) / (surplus_mw(low) - surplus_mw(high))
        return low + (high - low) * share
    if slope <= 0.0:
        raise ValueError(f"nothing answers {power_mw} MW beyond the reserve held: frequency has no steady state")
    outermost = below[-1] if below else above[0] if above else 0.0
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
