"""Phases that may take more than one exchange: one end or the other says that it is not finished yet."""

from typing import Any, Final

from protocol.iso20.codes import Processing
from protocol.iso20.sequence import RESPONSES
from protocol.schema import ComplexType

__all__ = ["POLLED", "is_unfinished"]


def _says(kind: type[ComplexType], field: str) -> bool:
    return any(particle.field == field for particle in kind.particles)


_BY_EV: Final = frozenset(request for request in RESPONSES if _says(request, "ev_processing"))
_BY_EVSE: Final = frozenset(request for request, response in RESPONSES.items() if _says(response, "evse_processing"))
POLLED: Final = _BY_EV | _BY_EVSE  # requests of such phases, read from the declarations
_FINISHED: Final = Processing.FINISHED


def is_unfinished(request: Any, response: Any) -> bool:
    """Whether a request of such a phase, and its response, leave something to do at either end."""
    kind = request.__class__
    own = kind in _BY_EV and request.ev_processing is not _FINISHED
    return own or (kind in _BY_EVSE and response.evse_processing is not _FINISHED)
