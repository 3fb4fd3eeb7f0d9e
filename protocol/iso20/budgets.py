"""How long a phase of a session may last, whichever end looks at the clock: rows that name a span of `Timers`.

The SECC's budget of a phase lies below the EVCC's, so that a station that is late says so itself.
"""

from collections.abc import Mapping
from typing import Final

from protocol.iso20.sequence import State
from protocol.iso20.session import EndReason

__all__ = ["EVCC_BUDGETS", "SECC_BUDGETS"]

# For the EVCC: the reason when the budget runs out, and its span.
EVCC_BUDGETS: Final[Mapping[State, tuple[EndReason, str]]] = {
    State.APP_PROTOCOL: (EndReason.COMMUNICATION_SETUP_TIMEOUT, "communication_setup_ns"),
    State.SESSION_SETUP: (EndReason.COMMUNICATION_SETUP_TIMEOUT, "communication_setup_ns"),
    State.AUTHORIZATION: (EndReason.ONGOING_TIMEOUT, "authorization_ns"),
    State.SCHEDULE_EXCHANGE: (EndReason.ONGOING_TIMEOUT, "ongoing_ns"),
    State.SCHEDULE_RENEGOTIATION: (EndReason.ONGOING_TIMEOUT, "ongoing_ns"),
    State.CABLE_CHECK: (EndReason.CABLE_CHECK_TIMEOUT, "cable_check_ns"),
    State.PRE_CHARGE: (EndReason.PRE_CHARGE_TIMEOUT, "pre_charge_ns"),
    State.WELDING_DETECTION: (EndReason.ONGOING_TIMEOUT, "ongoing_ns"),
}

# For the SECC: how long a phase may stay Ongoing. It ends with a refusal, so there is no reason beside it.
SECC_BUDGETS: Final[Mapping[State, str]] = {
    State.AUTHORIZATION: "secc_authorization_ns",
    State.SCHEDULE_EXCHANGE: "secc_ongoing_ns",
    State.SCHEDULE_RENEGOTIATION: "secc_ongoing_ns",
    State.CABLE_CHECK: "secc_cable_check_ns",
    State.PRE_CHARGE: "secc_pre_charge_ns",
    State.WELDING_DETECTION: "secc_ongoing_ns",
}
