"""What an EV wishes beyond going on, and which request follows from it.

Wishes change which request comes next; they never send anything. `heed` turns what the station asks for into the wish
that obeys it.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Final, NamedTuple

from protocol.iso20.codes import ChargeProgress, ChargingSession, EVSENotification, ServiceID
from protocol.iso20.common import EVSEStatus, PowerDeliveryReq, ServiceDetailReq, SessionStopReq
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.loop import MeterInfo
from protocol.iso20.metering import MeteringConfirmationReq
from protocol.iso20.requests import EVCCSettings
from protocol.iso20.sequence import NEXT_REQUEST, SETUP, State, Step, Table
from protocol.iso20.services import Service, Variant
from protocol.iso20.session import SECOND, Session
from protocol.schema import ComplexType

__all__ = ["AskingSession", "Notification", "Wish"]


class Notification(NamedTuple):
    """What the station asks for, and until when the EV should have reacted."""

    kind: EVSENotification
    deadline_ns: int


class Wish(Enum):
    """What the EV wants beyond going on."""

    GO_ON = auto()
    CONFIRM_METER = auto()
    RENEGOTIATE = auto()
    DISCOVER_AGAIN = auto()  # the renegotiation has begun, and this EV restarts from ChargeParameterDiscovery
    STAND_BY = auto()
    STOP = auto()  # power, and then the session in the way that `_leave_as` says
    LEAVING = auto()  # power has been stopped: what is left is the ordinary sequence


# Which way of leaving outranks which: Terminate is final, a pause keeps more than a renegotiation of the service.
_RANK: Final = (ChargingSession.SERVICE_RENEGOTIATION, ChargingSession.PAUSE, ChargingSession.TERMINATE)
_CHOOSING: Final = (State.SERVICE_SELECTION, State.SESSION_STOP)
# What comes next whatever was agreed, as long as nothing else is wished.
_PLAIN: Final[Mapping[State, Step]] = {state: key for state, key in NEXT_REQUEST.items() if state not in _CHOOSING}

# What every step reads: a member costs 70 ns when it is looked up in its class, and 5 ns here.
_GO_ON: Final = Wish.GO_ON
_LEAVING: Final = Wish.LEAVING
_CHARGE_LOOP: Final = State.CHARGE_LOOP


class AskingSession(Session):
    """The end that asks, as far as its wishes go: `EVCC` says the rest."""

    __slots__ = (
        "_choice",
        "_leave_as",
        "_services",
        "_table",
        "_wish",
        "meter_info",
        "notification",
        "outstanding",
        "settings",
        "termination_code",
        "termination_explanation",
    )

    def __init__(self, settings: EVCCSettings) -> None:
        super().__init__(settings.timers, settings.epoch_s)
        self.settings = settings
        self.outstanding: ComplexType | None = None
        self.notification: Notification | None = None
        self.meter_info: MeterInfo | None = None
        self._wish = Wish.GO_ON
        self._leave_as = ChargingSession.TERMINATE
        self.termination_code: str | None = None
        self.termination_explanation: str | None = None
        self._services = settings.services
        self._choice: tuple[Service, Variant] | None = None
        self._table: Table = SETUP

    # --- wishes -------------------------------------------------------------------------------------------------------

    def stop(self, code: str | None = None, explanation: str | None = None) -> None:
        """Wish to leave: PowerDeliveryReq(Stop) if power may flow, then SessionStopReq(Terminate)."""
        self._leave(ChargingSession.TERMINATE)
        self.termination_code = code
        self.termination_explanation = explanation

    def pause(self) -> None:
        """Wish to pause: power is stopped first, then SessionStopReq(Pause); a wish to leave outranks it."""
        self._leave(ChargingSession.PAUSE)

    def renegotiate_service(self, services: tuple[ServiceID, ...] | None = None) -> None:
        """Wish to choose the service anew, among `services` if given: stop, then back to ServiceDiscovery.

        Raises LocalProtocolError if the station has said that it does not support this (V2G20-1477).
        """
        if not self.service_renegotiation:
            raise LocalProtocolError("the station has not offered to renegotiate the service")
        self._services = services or self._services
        self._leave(ChargingSession.SERVICE_RENEGOTIATION)

    def _leave(self, kind: ChargingSession) -> None:
        leaving = self._wish in (Wish.STOP, Wish.LEAVING)
        if not leaving or _RANK.index(kind) > _RANK.index(self._leave_as):
            self._leave_as = kind
        if not leaving:
            self._wish = Wish.STOP

    def renegotiate_schedule(self) -> None:
        """Wish to walk the chain back to ScheduleExchange, from the next turn of the loop; a stop outranks it."""
        if self._wish is Wish.GO_ON or self._wish is Wish.STAND_BY:
            self._wish = Wish.RENEGOTIATE

    def stand_by(self) -> None:
        """Wish to stop power but not the session: PowerDeliveryReq(Standby), until `exit_standby`."""
        if self._wish is Wish.GO_ON:
            self._wish = Wish.STAND_BY

    def exit_standby(self) -> None:
        """Wish to go on: PowerDeliveryReq(Start) comes next."""
        if self._wish is Wish.STAND_BY:
            self._wish = Wish.GO_ON

    def confirm_meter(self) -> None:
        """Wish to confirm the readings of the meter, once, between two turns of the loop."""
        if self._wish is Wish.GO_ON and self.meter_info is not None:
            self._wish = Wish.CONFIRM_METER

    def heed(self) -> bool:
        """Wish for what the notification asks; whether it asks for anything that this session can do.

        A notification has been heeded when the request it asks for is made, see `next_step`.
        """
        if self.notification is None:
            return False
        kind = self.notification.kind
        if kind is EVSENotification.SERVICE_RENEGOTIATION and not self.service_renegotiation:
            return False  # V2G20-1477: never without having offered it
        if kind is EVSENotification.METERING_CONFIRMATION and self.meter_info is None:
            return False  # V2G20-1084: nothing was shown
        _OBEY[kind](self)
        return True

    def _take_notice(self, status: EVSEStatus | None, now_ns: int) -> None:
        """Keep a notification from when it first came; a response without it withdraws it."""
        if status is None:
            self.notification = None
        elif self.notification is None or self.notification.kind is not status.evse_notification:
            self.notification = Notification(status.evse_notification, now_ns + status.notification_max_delay * SECOND)

    # --- what follows from them ---------------------------------------------------------------------------------------

    @property
    def in_plain_loop(self) -> bool:
        """Whether the session is in the loop, with nothing outstanding and no wish or notification to act on."""
        return (
            self.state is _CHARGE_LOOP
            and self.outstanding is None
            and self._wish is _GO_ON
            and self.notification is None
        )

    @property
    def next_step(self) -> Step:
        """Key of the request that comes next, in the terms of `sequence`."""
        if self._wish is _GO_ON or self._wish is _LEAVING:
            plain = _PLAIN.get(self.state)
            if plain is not None:  # nearly every step of a session
                return plain
        allowed = self._table[self.state]
        if self._wish is Wish.STOP:
            if self.energised and ChargeProgress.STOP in allowed:
                return ChargeProgress.STOP
            if self.state is State.STANDBY:
                return ChargeProgress.STOP  # the contactors are closed
            if not self.energised and self._leave_as in allowed:
                return self._leave_as
        if self._wish is Wish.STAND_BY and ChargeProgress.STANDBY in allowed:
            return ChargeProgress.STANDBY
        if self._wish is Wish.RENEGOTIATE and ChargeProgress.SCHEDULE_RENEGOTIATION in allowed:
            return ChargeProgress.SCHEDULE_RENEGOTIATION
        if self.state is State.CHARGE_LOOP:
            assert self.agreed is not None
            return MeteringConfirmationReq if self._wish is Wish.CONFIRM_METER else self.agreed.service.loop_request
        if self.state is State.SESSION_STOP:
            return self._leave_as
        if self.state is State.CHARGE_PARAMETER_DISCOVERY or self._wish is Wish.DISCOVER_AGAIN:
            assert self.agreed is not None
            return self.agreed.service.discovery_request
        if self.state is State.SERVICE_SELECTION and self._choice is None:
            return ServiceDetailReq
        return NEXT_REQUEST[self.state]

    @property
    def next_request(self) -> type[ComplexType] | None:
        """Class of the request that comes next; None when the session has ended."""
        if self.ended is not None:
            return None
        key = self.next_step
        if isinstance(key, ChargeProgress):
            return PowerDeliveryReq
        return SessionStopReq if isinstance(key, ChargingSession) else key

    def _fulfilled(self, key: Step) -> None:
        """A step is done: what was wished of it is no more wished, and power flows or does not."""
        if key is ChargeProgress.START:
            self.energised = True
        elif key is ChargeProgress.STOP:
            self.energised = False
            self._wish = Wish.LEAVING
        elif key is ChargeProgress.STANDBY:
            self.energised = False
        elif key is MeteringConfirmationReq:
            self.notification = None  # done; the response carries no EVSEStatus that would withdraw it
            if self._wish is Wish.CONFIRM_METER:
                self._wish = Wish.GO_ON
        elif key is ChargeProgress.SCHEDULE_RENEGOTIATION and self._wish is Wish.RENEGOTIATE:
            again = self.settings.renegotiate_from is State.CHARGE_PARAMETER_DISCOVERY
            self._wish = Wish.DISCOVER_AGAIN if again else Wish.GO_ON
        elif self._wish is Wish.DISCOVER_AGAIN:
            self._wish = Wish.GO_ON

    def _declined(self) -> None:
        """A warning: asking for the same again would not change the answer."""
        if self._wish in (Wish.STAND_BY, Wish.RENEGOTIATE, Wish.CONFIRM_METER):
            self._wish = Wish.GO_ON


# How each notification is obeyed. A pause may also be answered by Standby: then the EV wishes that instead.
_OBEY: Final[Mapping[EVSENotification, Callable[[AskingSession], None]]] = {
    EVSENotification.TERMINATE: lambda evcc: evcc.stop("EVSENotification", "the station asked for it"),
    EVSENotification.PAUSE: AskingSession.pause,
    EVSENotification.EXIT_STANDBY: AskingSession.exit_standby,
    EVSENotification.SCHEDULE_RENEGOTIATION: AskingSession.renegotiate_schedule,
    EVSENotification.SERVICE_RENEGOTIATION: AskingSession.renegotiate_service,
    EVSENotification.METERING_CONFIRMATION: AskingSession.confirm_meter,
}
