"""The activation test of Nordic FCR-D for frequency as it comes, not as the test signal has it.

The rule tests a unit with a ramp from 49.9 to 49.0 Hz at 0.24 Hz/s: 7.5 s after its start at least 93 % of the power
must be there, and 3.2 s of full power must have flowed. Of that ramp the curve itself asks 100 % and 6.67 s of full
power. So a unit passes that lacks at most 7 % of the power wanted, and at most 3.47 s of it in energy. That is what
each excursion of a run is held to: for the test ramp it is the rule, number by number.

Source of the rule: ENTSO-E Nordic, Technical Requirements for FCR Provision, 26 May 2023, 3.1.2, requirements 2 and 3
(the 93 % as in the reference vectors; later editions say 86 %). The extension to other frequencies is ours.
"""

from typing import Any, NamedTuple

import numpy as np

from models.grid.products import SLACK_HZ, Floats, Product, shares

AFTER_S = 7.5
POWER = 0.93  # of the power wanted then
ENERGY_S = 3.2  # of full power, in the test
RAMP_HZ_PER_S = 0.24  # the test's
LEAST = 0.2  # of the contract: an excursion that asks for less at the end of the 7.5 s is not judged
SLACK = 1e-9


class Activation(NamedTuple):
    """One excursion, from where frequency leaves the band; shares of the contract, positive as wanted."""

    t0_s: float
    upwards: bool  # supports low frequency
    wanted: float  # power after 7.5 s
    wanted_energy_s: float
    power: float
    energy_s: float

    @property
    def least_power(self) -> float:
        """Power that passes."""
        return POWER * self.wanted

    @property
    def least_energy_s(self) -> float:
        """Energy that passes, in seconds of full power; never less than none."""
        return max(0.0, self.wanted_energy_s - missing_energy_s() * self.wanted)

    @property
    def passes_power(self) -> bool:
        """Whether enough power is there in time."""
        return self.power >= self.least_power - SLACK

    @property
    def passes_energy(self) -> bool:
        """Whether enough energy has flowed by then."""
        return self.energy_s >= self.least_energy_s - SLACK


def missing_energy_s(edge_hz: float = 0.1, full_hz: float = 0.5) -> float:
    """What may lack in the test, in seconds of full power: 7.5 s less half the way to full activation, less 3.2 s."""
    return AFTER_S - 0.5 * (full_hz - edge_hz) / RAMP_HZ_PER_S - ENERGY_S


def activations(t_s: Floats, deviation_hz: Floats, delivered: Floats, product: Product) -> list[Activation]:
    """Excursions beyond an edge of the product's curve that are followed by 7.5 s of samples; positive supports.

    Times and values between samples are interpolated. What begins before the first sample is not judged.
    """
    found = []
    asked = shares(product, deviation_hz)
    for sign in (1.0, -1.0):
        if not any(sign * point.share > 0.0 for point in product.curve):
            continue
        edge_hz = min(abs(point.deviation_hz) for point in product.curve if point.share == 0.0)
        beyond_hz = 0.0 - sign * deviation_hz - edge_hz
        out = np.flatnonzero((beyond_hz[1:] > SLACK_HZ) & (beyond_hz[:-1] <= SLACK_HZ))
        for k in out.tolist():
            share = -float(beyond_hz[k]) / float(beyond_hz[k + 1] - beyond_hz[k])
            t0_s = float(t_s[k] + max(0.0, share) * (t_s[k + 1] - t_s[k]))
            if t0_s + AFTER_S > float(t_s[-1]) + SLACK:
                continue
            wanted, wanted_s = _after(t_s, sign * asked, t0_s)
            if wanted >= LEAST:
                found.append(Activation(t0_s, sign > 0.0, wanted, wanted_s, *_after(t_s, sign * delivered, t0_s)))
    return sorted(found)


def _after(t_s: Floats, values: Floats, t0_s: float) -> tuple[float, float]:
    """Value 7.5 s after an instant, and its integral over them."""
    end_s = t0_s + AFTER_S
    inside = (t_s > t0_s + SLACK) & (t_s < end_s - SLACK)
    times_s = np.concatenate([[t0_s], t_s[inside], [end_s]])
    held = np.concatenate([[np.interp(t0_s, t_s, values)], values[inside], [np.interp(end_s, t_s, values)]])
    return float(held[-1]), float(np.trapezoid(held, times_s))


def score(t_s: Floats, deviation_hz: Floats, delivered: Floats, product: Product) -> dict[str, Any]:
    """The first excursion in the keys of the ramp test, how many there were, and how many passed.

    Empty without any; `why_none` says why.
    """
    found = activations(t_s, deviation_hz, delivered, product)
    if not found:
        return {}
    first = found[0]
    passed = sum(one.passes_power and one.passes_energy for one in found)
    return {
        "t0_s": first.t0_s,
        "dPss": first.wanted,
        "P_at_7p5s": first.power,
        "P_needed": first.least_power,
        "E_7p5s": first.energy_s,
        "E_needed": first.least_energy_s,
        "pass_power": first.passes_power,
        "pass_energy": first.passes_energy,
        "excursions": len(found),
        "passed": passed,
        "passes": passed == len(found),
    }


def why_none(deviation_hz: Floats, product: Product) -> str:
    """Why there was nothing to score."""
    edges = [point.deviation_hz for point in product.curve if point.share == 0.0]
    band = " or ".join(f"{product.nominal_hz + hz:g} Hz" for hz in edges)
    most = float(np.max(np.abs(shares(product, deviation_hz)), initial=0.0))
    if most <= 1e-6:  # 49.9 Hz is the edge, however it was rounded
        return f"no excursion beyond {band}: nothing to score"
    return f"no excursion beyond {band} asks for {100.0 * LEAST:g} % of the contract {AFTER_S:g} s after it began"
