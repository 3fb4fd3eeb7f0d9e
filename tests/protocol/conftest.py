"""An EVCC and a SECC joined in memory, and the numbers the tests speak with."""

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import settings as hypothesis_settings

from protocol.iso20.answers import NOTHING_ASIDE
from protocol.iso20.codes import ControlMode, Processing, ServiceID
from protocol.iso20.evcc import EVCC, EVCCSettings, Event, EVRatings, Offer
from protocol.iso20.profiles import PowerStep, Schedule
from protocol.iso20.secc import SECC, Answer, EVSERatings, SECCSettings
from protocol.iso20.sequence import State

hypothesis_settings.register_profile("fixed", derandomize=True, deadline=None)
hypothesis_settings.load_profile("fixed")

MS = 1_000_000  # nanoseconds

EV = EVRatings(
    maximum_charge_w=11_000.0,
    minimum_charge_w=1_380.0,
    maximum_discharge_w=10_000.0,
    minimum_discharge_w=1_400.0,
    maximum_charge_a=32.0,
    minimum_charge_a=0.0,
    maximum_discharge_a=30.0,
    minimum_discharge_a=0.0,
    maximum_v=450.0,
    minimum_v=300.0,
)
EVSE = EVSERatings(
    maximum_charge_w=22_000.0,
    minimum_charge_w=100.0,
    maximum_discharge_w=20_000.0,
    minimum_discharge_w=200.0,
    maximum_charge_a=64.0,
    minimum_charge_a=0.0,
    maximum_discharge_a=60.0,
    minimum_discharge_a=0.0,
    maximum_v=500.0,
    minimum_v=150.0,
)
OFFER = Offer(
    departure_s=36_000.9,
    target_energy_wh=20_123.4,
    maximum_energy_wh=30_211.3,
    minimum_energy_wh=-5_323.3,
    maximum_v2x_energy_wh=25_000.0,
    minimum_v2x_energy_wh=-1_234.56,
    maximum_charge_w=11_000.0,
    minimum_charge_w=1_380.0,
    maximum_discharge_w=10_000.0,
    minimum_discharge_w=1_400.0,
    maximum_charge_a=32.0,
    maximum_discharge_a=30.0,
    maximum_v=450.0,
    minimum_v=300.0,
    present_active_w=7_123.4,
    present_reactive_var=0.0,
    present_v=397.12,
    target_v=400.0,
)
SCHEDULES = (
    Schedule(1, 0, (PowerStep(600.0, 9_000.0), PowerStep(7_200.0, 4_000.0)), (PowerStep(7_800.0, -3_000.0),)),
    Schedule(2, 0, (PowerStep(7_800.0, 6_000.0),), tolerance_w=500.0),
)
ANSWER = Answer(present_v=397.1, present_a=17.31, present_w=6_873.8)


class Exchange(NamedTuple):
    """One request, its response, what the EVCC made of it, and whether the SECC refused it."""

    request: Any
    response: Any
    event: Event
    refused: bool


class Pair:
    """Both ends of one session; every exchange takes 30 ms."""

    def __init__(self, evcc: EVCC, secc: SECC) -> None:
        self.evcc = evcc
        self.secc = secc
        self.now_ns = 0
        self.offer = OFFER
        self.answer = ANSWER
        self.log: list[Exchange] = []

    def exchange(self, processing: Processing = Processing.FINISHED, meter_info: bool = False) -> Exchange:
        """The EVCC's next request, all the way to its response and back."""
        request = self.evcc.request(self.offer, self.now_ns, processing, meter_info)
        self.now_ns += 10 * MS
        refusal = self.secc.receive(request, self.now_ns)
        self.now_ns += 10 * MS
        response = self.secc.respond(self.answer, self.now_ns) if refusal is None else refusal
        self.now_ns += 10 * MS
        event = self.evcc.receive(response, self.now_ns)
        self.log.append(Exchange(request, response, event, refusal is not None))
        return self.log[-1]

    def until(self, state: State) -> "Pair":
        """Exchange until both ends are in `state`."""
        for _ in range(100):
            if self.evcc.state is state:
                break
            assert self.evcc.ended is None, f"ended before {state.name}: {self.evcc.detail}"
            self.exchange()
        assert self.evcc.state is self.secc.state is state
        return self

    def ask(self, request: Any) -> Any:
        """A request that no EVCC of ours would send, answered by the SECC."""
        self.now_ns += 10 * MS
        refusal = self.secc.receive(request, self.now_ns)
        return self.secc.respond(self.answer, self.now_ns) if refusal is None else refusal


@pytest.fixture
def pair() -> Callable[..., Pair]:
    """Make a pair for one service; keywords go to the settings of both ends by name."""
    numbers = itertools.count(1)

    def join(service_id: ServiceID = ServiceID.DC_BPT, **settings: Any) -> Pair:
        ours = {"services": (service_id,)} | {k: v for k, v in settings.items() if k in EVCCSettings._fields}
        theirs = {k: v for k, v in settings.items() if k in SECCSettings._fields and k != "services"}
        paused = settings.get("paused")  # an earlier session that both ends remember
        evcc = EVCC(EVCCSettings(**({"evcc_id": "EV001", "ratings": EV} | ours)), paused)
        secc = SECC(
            SECCSettings(
                **{
                    "evse_id": "DE*V2G*E1",
                    "new_session_id": lambda: next(numbers).to_bytes(8, "big"),
                    **theirs,
                    "ratings": EVSE,
                }
            ),
            paused,
        )
        joined = Pair(evcc, secc)
        if settings.get("control_mode") is ControlMode.SCHEDULED:
            joined.answer = ANSWER._replace(aside=NOTHING_ASIDE._replace(schedules=SCHEDULES))
        evcc.connect(0)
        secc.connect(0)
        return joined

    return join


@pytest.fixture(scope="session")
def numbers() -> SimpleNamespace:
    """The same numbers, for tests that join the ends themselves."""
    return SimpleNamespace(EV=EV, EVSE=EVSE, OFFER=OFFER, ANSWER=ANSWER, SCHEDULES=SCHEDULES)
