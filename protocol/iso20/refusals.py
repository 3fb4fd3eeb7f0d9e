"""Refusals: complete, encodable responses of the paired type that carry little more than their code.

What the schema demands is filled with the least legal value, found from the declarations. A control mode is answered
in kind: a Scheduled loop request is refused by a Scheduled loop response.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from protocol.iso20.codes import AppProtocolCode, ResponseCode
from protocol.iso20.common import (
    DynamicSEReqControlMode,
    DynamicSEResControlMode,
    Header,
    ScheduledSEReqControlMode,
    ScheduledSEResControlMode,
    SupportedAppProtocolReq,
    SupportedAppProtocolRes,
)
from protocol.iso20.sequence import RESPONSES
from protocol.iso20.services import SERVICES
from protocol.schema import ComplexType, Option
from protocol.values import Integer, Octets, RationalNumber, Text, Truth

__all__ = ["least", "refuse"]

_IN_KIND: Final[Mapping[type[ComplexType], type[ComplexType]]] = {
    DynamicSEReqControlMode: DynamicSEResControlMode,
    ScheduledSEReqControlMode: ScheduledSEResControlMode,
    **{row.discovery_request_mode: row.discovery_response_mode for row in SERVICES.values()},
    **{
        mode: row.loop_response_modes[control]
        for row in SERVICES.values()
        for control, mode in row.loop_request_modes.items()
    },
}


def refuse(request: ComplexType, header: Header, code: ResponseCode, evse_id: str) -> ComplexType:
    """The response that refuses `request` with `code`; raises KeyError if `request` is no request."""
    if isinstance(request, SupportedAppProtocolReq):
        return SupportedAppProtocolRes(response_code=AppProtocolCode.FAILED_NO_NEGOTIATION)
    cls = RESPONSES[type(request)]
    given: dict[str, Any] = {"header": header, "response_code": code}
    for particle in cls.particles:
        if particle.field in ("control_mode", "energy_transfer_mode"):
            given[particle.field] = least(_IN_KIND[type(getattr(request, particle.field))])
        elif particle.field == "service_id":
            given[particle.field] = getattr(request, particle.field)
        elif particle.field == "evseid":
            given[particle.field] = evse_id
    response: ComplexType = least(cls, given)
    return response


def least(cls: type[ComplexType], given: Mapping[str, Any] | None = None) -> Any:
    """An instance of `cls` with what is `given`, and for the rest no more than the schema demands."""
    values = dict(given or {})
    settled: set[str] = set()
    for particle in cls.particles:
        if particle.alternative:
            wanted = particle.alternative not in settled
            settled.add(particle.alternative)
        else:
            wanted = particle.minimum > 0
        if wanted and particle.field not in values:
            value = _least_value(next(option for option in particle.options if option.type is not None))
            values[particle.field] = value if particle.maximum == 1 else (value,) * particle.minimum
    return cls(**values)


def _least_value(option: Option) -> Any:
    """The smallest legal value of one element."""
    held = option.type
    if isinstance(held, Integer):
        return held.minimum if held.minimum > 0 else 0
    if isinstance(held, Truth):
        return False
    if isinstance(held, Text):
        return "-"  # codecs disagree about the empty string
    if isinstance(held, Octets):
        return bytes(held.minimum_length)
    if held is RationalNumber:
        return RationalNumber(0, 0)
    assert isinstance(held, type)
    if issubclass(held, Enum):
        return next(iter(held))
    assert issubclass(held, ComplexType)
    return least(held)
