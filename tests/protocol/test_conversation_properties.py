"""Whatever comes in whatever order, both ends keep the rules of the conversation.

A state machine interleaves messages, lost messages, time, timeouts, failures, notifications and the wishes of a driver.
"""

from types import SimpleNamespace
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol.iso20.answers import NOTHING_ASIDE, Answer
from protocol.iso20.codes import (
    ChargeProgress,
    ControlMode,
    EVSENotification,
    MobilityNeedsMode,
    Processing,
    ResponseCode,
    ServiceID,
)
from protocol.iso20.common import Header, PowerDeliveryReq, SupportedAppProtocolReq, SupportedAppProtocolRes
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.evcc import EVCC, EVCCSettings
from protocol.iso20.needs import MobilityNeeds
from protocol.iso20.refusals import least
from protocol.iso20.secc import SECC, SECCSettings
from protocol.iso20.sequence import RESPONSES, SETUP, State
from protocol.iso20.services import SERVICES
from protocol.iso20.session import EndReason

MS = 1_000_000
STILL = [State.AUTHORIZATION, State.SCHEDULE_EXCHANGE, State.SCHEDULE_RENEGOTIATION, State.CABLE_CHECK]
OWN = [State.PRE_CHARGE, State.POWER_DELIVERY, State.WELDING_DETECTION]


WISHES = [
    "stop",
    "pause",
    "stand_by",
    "exit_standby",
    "renegotiate_schedule",
    "renegotiate_service",
    "confirm_meter",
]
FAULT = st.one_of(
    st.sampled_from(["lose", "cut evcc", "cut secc"]),
    st.sampled_from([10, 240, 260, 600, 2_100, 12_000, 61_000]),  # silence, in milliseconds
    st.sampled_from([code for code in ResponseCode if not code.value.startswith("OK")]),
)
INTERRUPTION = st.one_of(st.none(), st.none(), st.none(), st.sampled_from(WISHES), FAULT)


class Conversation(RuleBasedStateMachine):
    """One pair of ends, and after a pause the next pair with what the first one kept."""

    seen: ClassVar[set[State]] = set()
    said: ClassVar[SimpleNamespace]  # the numbers both ends speak with, as in the other tests

    @initialize(
        service_id=st.sampled_from(ServiceID),
        control_mode=st.sampled_from(ControlMode),
        standby=st.booleans(),
        renegotiation=st.booleans(),
        settles=st.booleans(),
        turns=st.sampled_from([0, 3, 8, 12, 14, 14, 14]),
    )
    def plug_in(self, service_id, control_mode, standby, renegotiation, settles, turns):
        self.settings = EVCCSettings(
            evcc_id="EV001",
            ratings=self.said.EV,
            services=(service_id,),
            control_mode=control_mode,
            mobility_needs_mode=MobilityNeedsMode.SECC if settles else MobilityNeedsMode.EVCC,
        )
        self.numbers = iter(range(1, 1000))
        self.station = SECCSettings(
            evse_id="DE*V2G*E1",
            ratings=self.said.EVSE,
            new_session_id=lambda: next(self.numbers).to_bytes(8, "big"),
            standby=standby,
            service_renegotiation=renegotiation,
            settles_needs=settles,
        )
        self.now_ns = 0
        self.answer = self.said.ANSWER._replace(
            aside=NOTHING_ASIDE._replace(schedules=self.said.SCHEDULES, needs=MobilityNeeds(600, 20, 80, 30)),
            meter_charged_wh=1,
            meter_discharged_wh=0,
        )
        self.connect(None)
        self.go_on(turns)

    def connect(self, suspended):
        self.evcc = EVCC(self.settings, suspended)
        self.secc = SECC(self.station, suspended)
        self.evcc.connect(self.now_ns)
        self.secc.connect(self.now_ns)
        self.forth = self.back = None  # messages on their way
        self.ended = {}
        self.started = self.intruded = False

    # --- messages ---

    @rule(count=st.integers(1, 4))
    def go_on(self, count):
        """Exchanges without disturbance."""
        for _ in range(count):
            self.exchange()

    @rule(on_the_way=INTERRUPTION, deciding=INTERRUPTION, on_the_way_back=INTERRUPTION, ongoing=st.booleans())
    def exchange(self, on_the_way=None, deciding=None, on_the_way_back=None, ongoing=False):
        """One request and its response, with whatever comes between."""
        if self.evcc.ended is not None or self.evcc.outstanding is not None:
            return
        self.now_ns += 20 * MS
        self.expire()
        if self.evcc.ended is None:
            self.ask(ongoing)
            self.interrupt(on_the_way)
        if self.forth is not None:
            request, self.forth = self.forth, None
            self.back = self.secc.receive(request, self.now_ns)
            self.interrupt(deciding)
        if self.secc.pending is not None:
            self.respond(ongoing)
            self.interrupt(on_the_way_back)
        if self.back is not None:
            response, self.back = self.back, None
            self.evcc.receive(response, self.now_ns)

    def ask(self, ongoing):
        processing = Processing.ONGOING if ongoing and self.evcc.state in OWN else Processing.FINISHED
        self.forth = self.evcc.request(self.said.OFFER, self.now_ns, processing, ongoing)
        if isinstance(self.forth, PowerDeliveryReq) and self.forth.charge_progress is ChargeProgress.START:
            self.started = True
        with pytest.raises(LocalProtocolError):
            self.evcc.request(self.said.OFFER, self.now_ns)  # one outstanding request

    def respond(self, ongoing):
        answer: Answer = self.answer
        if ongoing and self.secc.state in STILL:
            answer = answer._replace(processing=Processing.ONGOING)
        self.back = self.secc.respond(answer, self.now_ns)
        self.answer = self.answer._replace(failure=None)

    # --- what comes between ---

    @rule(what=st.sampled_from(WISHES))
    def wish(self, what):
        if what == "renegotiate_service" and not self.evcc.service_renegotiation:
            return
        getattr(self.evcc, what)()

    @rule(kind=st.sampled_from([*EVSENotification, None]), heed=st.booleans())
    def notify(self, kind, heed):
        self.answer = self.answer._replace(notification=kind, notification_max_delay_s=60)
        self.go_on(1)
        if heed:
            self.evcc.heed()

    @rule(what=FAULT)
    def interrupt(self, what):
        """A fault, a wish or silence, here and now."""
        if what in WISHES:
            self.wish(what)
        elif what == "lose":
            self.forth = self.back = None
        elif what == "cut evcc":
            self.evcc.disconnect("cut")
        elif what == "cut secc":
            self.secc.disconnect("cut")
        elif isinstance(what, int):
            self.now_ns += what * MS
            self.expire()
        elif what is not None:
            self.answer = self.answer._replace(failure=what)

    def expire(self):
        for end in (self.evcc, self.secc):
            if end.deadline_ns is not None and end.deadline_ns <= self.now_ns:
                assert end.timeout(self.now_ns) is not None

    @precondition(lambda self: self.evcc.suspended is not None and self.secc.suspended is not None)
    @rule()
    def come_back(self):
        assert self.evcc.suspended == self.secc.suspended
        self.connect(self.secc.suspended)

    # --- what must hold ---

    @invariant()
    def the_state_is_in_the_table(self):
        self.seen.add(self.evcc.state)
        for end in (self.evcc, self.secc):
            table = SETUP if end.agreed is None else SERVICES[end.agreed.service.id].transitions
            assert end.state in table
            if end is self.evcc and end.ended is None and end.outstanding is None:
                assert end.next_step in table[end.state]

    @invariant()
    def the_end_is_final(self):
        for name, end in (("evcc", self.evcc), ("secc", self.secc)):
            if name in self.ended:
                assert end.ended is self.ended[name]
            if end.ended is not None:
                self.ended[name] = end.ended
                assert end.state is State.ENDED
                assert end.deadline_ns is None
                assert not end.energised

    @invariant()
    def failed_is_said_once_and_for_all(self):
        if self.secc.failed_code is not None:
            assert self.secc.ended in (EndReason.FAILED, EndReason.NO_PROTOCOL)
            assert self.secc.pending is None
        if self.evcc.failed_code is not None:
            assert self.evcc.ended is EndReason.FAILED

    @invariant()
    def power_flows_only_after_a_start(self):
        for end in (self.evcc, self.secc):
            if end.energised:
                assert self.started
                assert end.state in (State.CHARGE_LOOP, State.SCHEDULE_RENEGOTIATION, State.POWER_DELIVERY)
        if self.evcc.energised and self.secc.ended is None and self.evcc.outstanding is None and not self.intruded:
            assert self.secc.energised  # the station knows before the vehicle does

    @invariant()
    def both_ends_agree_between_two_exchanges(self):
        alive = self.evcc.ended is None and self.secc.ended is None
        if alive and self.evcc.outstanding is None and not self.intruded:
            assert self.evcc.state is self.secc.state
            assert self.evcc.session_id == self.secc.session_id or self.evcc.state is State.SESSION_SETUP

    @invariant()
    def somebody_will_always_be_called(self):
        """An end that waits for the other has a deadline, so nothing waits for ever."""
        if self.evcc.ended is None and self.evcc.outstanding is not None:
            assert self.evcc.deadline_ns is not None
        if self.secc.ended is None and self.secc.pending is None:
            assert self.secc.deadline_ns is not None


class WithAForeigner(Conversation):
    """The same, and somebody else says something that may be anything, to either end."""

    @rule(request=st.sampled_from([*RESPONSES]), own_id=st.booleans())
    def ask_out_of_turn(self, request, own_id):
        header = Header(session_id=self.secc.session_id if own_id else b"\7" * 8, time_stamp=0)
        asked = least(request, {} if request is SupportedAppProtocolReq else {"header": header})
        alone = self.secc.pending is None
        self.intruded = True
        self.started |= request is PowerDeliveryReq
        answer = self.secc.receive(asked, self.now_ns)
        if alone and self.secc.pending is not None:
            answer = self.secc.respond(self.answer, self.now_ns)
        assert answer is None or type(answer) is RESPONSES[request]
        self.forth = self.back = None

    @rule(response=st.sampled_from([*RESPONSES.values()]), own_id=st.booleans())
    def answer_out_of_turn(self, response, own_id):
        header = Header(session_id=self.evcc.session_id if own_id else b"\7" * 8, time_stamp=0)
        self.intruded = True
        wanted = self.evcc.outstanding
        told = least(response, {} if response is SupportedAppProtocolRes else {"header": header})
        self.evcc.receive(told, self.now_ns)
        if wanted is None or RESPONSES[type(wanted)] is not response:
            assert self.evcc.ended is not None
        self.forth = self.back = None


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=150, stateful_step_count=60, derandomize=True, deadline=None)
TestWithAForeigner = WithAForeigner.TestCase
TestWithAForeigner.settings = settings(max_examples=50, stateful_step_count=30, derandomize=True, deadline=None)


@pytest.fixture(scope="module", autouse=True)
def every_state_was_seen(numbers):
    Conversation.said = numbers
    yield
    assert len(Conversation.seen) >= 14, "the search hardly leaves the first states"
