"""Power per phase in AC messages: splitting what is sent, adding up what is read.

An element alone is the sum of all phases. With `_l2` and `_l3` beside it, it is phase L1 (V2G20-1815 to -1822).
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from protocol.schema import ComplexType
from protocol.values import RationalNumber, rational, wire, wire_within

__all__ = ["split", "spread", "stated_w", "third", "third_w", "total_w"]

_LATER: Final = ("_l2", "_l3")

T = TypeVar("T", bound=ComplexType)


def split(mode: T) -> T:
    """The same powers spread evenly over three phases."""
    values: dict[str, Any] = {particle.field: getattr(mode, particle.field) for particle in mode.particles}
    for field, value in list(values.items()):
        if value is not None and field + "_l2" in values:
            values[field] = values[field + "_l2"] = values[field + "_l3"] = third(value.number)
    return type(mode)(**values)


def spread(mode: T, given: Mapping[str, tuple[float, float, float]], single_phase: bool) -> T:
    """The same powers phase by phase: as `given` by field, or all on L1 for a single-phase car, or evenly."""
    values: dict[str, Any] = {particle.field: getattr(mode, particle.field) for particle in mode.particles}
    for field, value in list(values.items()):
        if value is None or field + "_l2" not in values:
            continue
        if single_phase:
            each: tuple[RationalNumber, ...] = (value, rational(0.0), rational(0.0))
        elif field in given:
            each = tuple(rational(wire_within(phase)) for phase in given[field])
        else:
            each = (third(value.number),) * 3
        values[field], values[field + "_l2"], values[field + "_l3"] = each
    return type(mode)(**values)


def third(whole: float) -> RationalNumber:
    """A third as the wire carries it, rounded towards zero where needed: three phases never exceed the whole."""
    return rational(third_w(whole))


def third_w(whole: float) -> float:
    """The same as a number."""
    nearest = wire(whole / 3.0)
    if abs(nearest) * 3.0 <= abs(whole):
        return nearest
    return wire_within(whole / 3.0)


def stated_w(power_w: float, per_phase: bool) -> float:
    """Power as it is heard after the wire, stated as a whole or as three equal phases."""
    whole = wire(power_w)
    if per_phase:
        phase = third_w(whole)
        return phase + phase + phase
    return whole


def total_w(mode: ComplexType, field: str) -> float:
    """Sum over the phases of what `mode` carries in `field`; simply the value of an element without phases."""
    base: RationalNumber = getattr(mode, field)
    total = base.number
    for suffix in _LATER:
        phase: RationalNumber | None = getattr(mode, field + suffix, None)
        if phase is not None:
            total += phase.number
    return total
