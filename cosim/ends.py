"""One end of a session alone: a vehicle whose station is elsewhere, or a station whose vehicle is.

The same vehicle, station, policy and grid as in a run; only the other end is reached through `transmit`, and what it
says comes in through `hear`. Whoever owns an end lets its clock run: by the wall, or as fast as it can. There is no
line in between, so link delays do not count here.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from cosim.build import Builder
from cosim.car import Car
from cosim.clock import Clock
from cosim.driver import APPLY, Answer, At, Moment, place
from cosim.ev import Ev
from cosim.evse import Station
from cosim.inputs import Inputs
from cosim.journal import LOOP_REQUESTS
from cosim.motion import begin, interrupt
from cosim.people import visit_of
from cosim.scenario import Scenario
from cosim.stage import Stage
from cosim.world import World
from protocol.iso20.ac import ACChargeLoopReq
from protocol.iso20.codes import ChargeProgress
from protocol.iso20.common import PowerDeliveryReq, PowerDeliveryRes
from protocol.iso20.dc import DCChargeLoopReq, DCChargeLoopRes
from protocol.iso20.evcc import EVCC, EVCCSettings
from protocol.iso20.secc import SECC, SECCSettings
from protocol.iso20.session import EndReason
from protocol.schema import ComplexType

__all__ = ["EvEnd", "StationEnd", "Stations", "Summary"]

Transmit = Callable[[ComplexType], None]


class Summary(NamedTuple):
    """What came of a session, as one end saw it; energies at the plug."""

    end_reason: str
    orderly: bool  # it ended with SessionStop(Terminate)
    service: str
    session_id: str
    seconds: float
    loops: int
    charged_wh: float
    discharged_wh: float


def _stage(scenario: Scenario, inputs: Inputs) -> tuple[Stage, Builder]:
    """Everything a run has, except that nobody comes by himself and nothing is recorded."""
    world = World(scenario, inputs, lambda _: None)
    return world.stage, world.builder


def _settle_at(car: Car, power_w: float, now_ns: int) -> None:
    """The car's power is this from now on: somebody else moves it."""
    if car.power_w(now_ns) != power_w or not car.holds_from(now_ns):
        interrupt(car, car.kind, car.sums, now_ns)
        begin(car, car.kind, car.sums, now_ns, power_w, power_w, car.rate_w_per_s)


# --- the vehicle alone ------------------------------------------------------------------------------------------------


class EvEnd:
    """The vehicle of a scenario with one, plugged in at once; it leaves when the scenario says."""

    def __init__(
        self,
        scenario: Scenario,
        inputs: Inputs,
        transmit: Transmit,
        settle: Callable[[EVCCSettings], EVCCSettings] = lambda settings: settings,
        believes: bool = True,
    ) -> None:
        """`settle` changes the EVCC's settings; with `believes` off, what the station measures is not waited for."""
        self._stage, builder = _stage(scenario, inputs)
        self.env: Clock = self._stage.env
        visit = visit_of(0, scenario, inputs)._replace(arrive_ns=0)
        coupled = builder.couple(visit)
        self._station = _Elsewhere(self._stage, coupled.station, transmit)
        evcc = EVCC(settle(coupled.evcc.settings._replace(evcc_id=coupled.evcc.evcc_id)))
        kind = Ev if believes else _Unbelieving
        self.ev = kind(self._stage, visit, evcc, self._station, coupled.car)
        self._live = self.env.process(self.ev.live())

    @property
    def over(self) -> bool:
        """Whether the session has ended and no power flows any more."""
        now_ns = self.env.now_ns
        car = self.ev.car
        return self.ev.evcc.ended is not None and car.power_w(now_ns) == 0.0 and car.holds_from(now_ns)

    def hear(self, response: ComplexType) -> None:
        """The station's response is there."""
        self._station.hear(response, self.env.now_ns)

    def cut(self, reason: str) -> None:
        """The connection is gone; the vehicle notices with the request that is out, or the next."""
        self._station.cut(lambda: self.ev.evcc.disconnect(reason))

    def leave(self) -> None:
        """The driver wants to go now: an orderly stop."""
        self.ev.change_departure(self.env.now_ns)

    def summary(self) -> Summary:
        """What came of it."""
        ev, now_ns = self.ev, self.env.now_ns
        ev.car.settle(now_ns)
        evcc = ev.evcc
        return Summary(
            end_reason=evcc.detail or (evcc.ended.value if evcc.ended else "running"),
            orderly=evcc.ended is EndReason.TERMINATED,
            service=evcc.agreed.service.name if evcc.agreed else "",
            session_id=evcc.session_id.hex().upper(),
            seconds=now_ns * 1e-9,
            loops=self._station.loops,
            charged_wh=ev.car.charged_ws / 3600.0,
            discharged_wh=ev.car.discharged_ws / 3600.0,
        )


class _Unbelieving(Ev):
    """A vehicle that looks at no voltage and no current of its station: for stations whose numbers are toys."""

    __slots__ = ()

    def _needs_time(self) -> bool:
        return False

    def _apply(self, response: Any, now_ns: int) -> None:
        super()._apply(response, now_ns)
        self.evse_a = 0.0


class _Elsewhere(Station):
    """The station as its vehicle meets it: requests go out, responses come back, the deadline is the vehicle's own."""

    __slots__ = ("_asked", "_disconnect", "_request", "_transmit", "_waiting")

    def __init__(self, stage: Stage, here: Station, transmit: Transmit) -> None:
        super().__init__(stage, here.evse_id, here.site, here.secc, here.is_dc)
        self._transmit = transmit
        self._waiting: Answer[Any] | None = None
        self._request: ComplexType | None = None
        self._asked = 0
        self._disconnect: Callable[[], None] | None = None  # set once the connection is gone

    def couple(self, car: Car) -> None:
        """The vehicle is plugged in; whoever answers is elsewhere."""
        self.car = car

    def request_arrives(self, now_ns: int, asked: tuple[Any, Answer[Any]]) -> None:
        """A request leaves here; silence ends at the vehicle's deadline."""
        self._request, self._waiting = asked
        assert self._waiting is not None
        self._asked += 1
        if self._disconnect is not None:
            self.cut(self._disconnect)
            return
        At(self.stage.env, self._waiting.deadline_ns, place(APPLY, self.evse_id), self._give_up, self._asked)
        self._transmit(self._request)

    def _give_up(self, event: Moment) -> None:
        if event.value == self._asked:
            self.fall_silent(self.stage.env.now_ns)

    def cut(self, disconnect: Callable[[], None]) -> None:
        """No answer will ever come again; `disconnect` tells the vehicle's end of the protocol."""
        self._disconnect = disconnect
        if self._waiting is not None:
            disconnect()
            self.fall_silent(self.stage.env.now_ns)

    def fall_silent(self, now_ns: int) -> None:
        """Nothing more is to be expected for the request that is out."""
        answer, self._waiting = self._waiting, None
        if answer is not None:
            answer.arrive(None, now_ns)

    def hear(self, response: ComplexType, now_ns: int) -> None:
        """A response is there. What the real station did with its contactor and converter happens to this car."""
        answer, self._waiting = self._waiting, None
        if answer is None:
            return  # nothing was asked, or it is too late
        car, request = self.car, self._request
        if isinstance(response, PowerDeliveryRes) and isinstance(request, PowerDeliveryReq) and car is not None:
            self._power_delivered(car, request.charge_progress, response.response_code.failed, now_ns)
        elif isinstance(response, DCChargeLoopRes) and car is not None:
            self.loops += 1
            _settle_at(car, response.evse_present_current.number * response.evse_present_voltage.number, now_ns)
        elif type(request) in LOOP_REQUESTS:
            self.loops += 1
        answer.arrive(response, now_ns)

    def _power_delivered(self, car: Car, progress: ChargeProgress, failed: bool, now_ns: int) -> None:
        if progress is ChargeProgress.START and not failed:
            self.contactor_closed = car.energised = True
        elif progress is ChargeProgress.STOP:
            if self.is_dc:
                _settle_at(car, 0.0, now_ns)
            self.contactor_closed = car.energised = False

    def lose(self, reason: str) -> None:
        """The session ends without an orderly stop: the vehicle opens its own contactors (DC) or ramps off (AC)."""
        super().lose(reason)
        if self.is_dc and self.car is not None:
            _settle_at(self.car, 0.0, self.stage.env.now_ns)


# --- the station alone ------------------------------------------------------------------------------------------------


class Stations:
    """Stations of one scenario on its grid, one for each vehicle that connects."""

    def __init__(self, scenario: Scenario, inputs: Inputs) -> None:
        self._stage, self._builder = _stage(scenario, inputs)
        self.env: Clock = self._stage.env
        self._visit = visit_of(0, scenario, inputs)
        self.env.process(self._stage.grid.run(lambda _: None))
        self._connected = 0

    def connect(
        self,
        transmit: Transmit,
        settle: Callable[[SECCSettings], SECCSettings] = lambda settings: settings,
    ) -> "StationEnd":
        """A vehicle has connected."""
        self._connected += 1
        return StationEnd(self._stage, self._builder.couple(self._visit), self._connected, transmit, settle)


class StationEnd:
    """One station and what it knows of the vehicle that is connected."""

    def __init__(
        self,
        stage: Stage,
        coupled: Ev,
        number: int,
        transmit: Transmit,
        settle: Callable[[SECCSettings], SECCSettings],
    ) -> None:
        self._stage = stage
        self._transmit = transmit
        self._began_ns = stage.env.now_ns
        here = coupled.station
        own = here.secc.settings._replace(evse_id=here.secc.evse_id, new_session_id=lambda: secrets.token_bytes(8))
        settings = settle(own)
        self._car = _Reported(coupled.car, number, self._began_ns)
        self.station = Station(stage, number, here.site, SECC(settings), here.is_dc)
        stage.fleet.plug_in(self._car)
        self.station.couple(self._car)

    @property
    def secc(self) -> SECC:
        """The protocol's end."""
        return self.station.secc

    @property
    def over(self) -> bool:
        """Whether the session has ended and the contactor is open."""
        return self.secc.ended is not None and not self.station.contactor_closed

    def hear(self, request: ComplexType) -> None:
        """A request is there: note what the vehicle says it measures, then let the station answer."""
        now_ns = self._stage.env.now_ns
        self._car.listen(request, now_ns)
        answer: _Sent = _Sent(self._stage.env, self._transmit)
        self.station.request_arrives(now_ns, (request, answer))

    def cut(self, reason: str) -> None:
        """The connection is gone."""
        if self.secc.ended is None:
            self.station.lose(reason)

    def summary(self) -> Summary:
        """What came of it; then the vehicle is unplugged and forgotten."""
        now_ns, secc, car = self._stage.env.now_ns, self.secc, self._car
        car.settle(now_ns)
        self.station.uncouple()
        self._stage.fleet.unplug(car, now_ns)
        return Summary(
            end_reason=self.station.lost or secc.detail or (secc.ended.value if secc.ended else "running"),
            orderly=secc.ended is EndReason.TERMINATED,
            service=secc.agreed.service.name if secc.agreed else "",
            session_id=secc.session_id.hex().upper(),
            seconds=(now_ns - self._began_ns) * 1e-9,
            loops=self.station.loops,
            charged_wh=car.charged_ws / 3600.0,
            discharged_wh=car.discharged_ws / 3600.0,
        )


class _Sent(Answer[Any]):
    """Where a station puts its response: it leaves at once."""

    def __init__(self, env: Clock, transmit: Transmit) -> None:
        super().__init__(env, 1 << 62, place(APPLY))
        self._transmit = transmit

    def arrive(self, message: Any, at_ns: int) -> None:
        """The response leaves."""
        self._transmit(message)

    def expect(self) -> None:
        """The response comes later; silence is for the vehicle to notice."""


class _Reported(Car):
    """A vehicle known by what it says: an endless battery, its voltage (DC) or its power (AC) as reported.

    In DC the converter is in the station and moves as in any run. In AC the station has no meter here, so what the
    vehicle says of its power counts as measured.
    """

    __slots__ = ("_said_v",)

    def __init__(self, like: Car, number: int, now_ns: int) -> None:
        battery = like.kind.battery
        endless = battery._replace(capacity_wh=1e12)
        super().__init__(number, replace(like.kind, battery=endless), like.sums, like.soc_start, now_ns)
        self._said_v = 0.0

    def voltage_v(self, power_w: float) -> float:
        """As said last; before that, as a battery of this kind has it."""
        return self._said_v or super().voltage_v(power_w)

    def listen(self, request: Any, now_ns: int) -> None:
        """What a request says of how the vehicle stands."""
        if isinstance(request, DCChargeLoopReq):
            self._said_v = request.ev_present_voltage.number
        elif isinstance(request, ACChargeLoopReq) and self.energised:
            mode: Any = request.control_mode
            names = ("ev_present_active_power", "ev_present_active_power_l2", "ev_present_active_power_l3")
            phases = [getattr(mode, name, None) for name in names]
            _settle_at(self, sum(phase.number for phase in phases if phase is not None), now_ns)
        elif getattr(request, "charge_progress", None) is ChargeProgress.STOP and not self.kind.is_dc:
            _settle_at(self, 0.0, now_ns)  # it has ramped to zero before it asks
