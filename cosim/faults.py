"""What goes wrong, as a scenario puts it in: each kind is a row of `FAULTS`, a function of the pair it befalls.

A fault changes the world (a line, a contactor, a sensor, a controller), never a session: what follows is what both ends
make of it. It is named in `events`, and in the reason of whatever session ends by it.
"""

from collections.abc import Callable, Mapping
from typing import Final

from cosim.driver import OFFER, At, Moment, place
from cosim.ev import Cut, Ev
from cosim.link import Line
from cosim.scenario import FAULT_KINDS, NS, Fault, to_ns
from cosim.stage import Stage

LINGERS_NS: Final = 5 * NS  # a fault that has passed is still named as the cause of what ends so soon after


class TroubledLine(Line):
    """The line of one pair while it is disturbed; draws are those of the line it stands for.

    `late_ns` is added to each message, `once_ns` to the next one only. Until `down_until_ns` nothing gets through: the
    transport sends again, and the message arrives a retransmission after the line is back.
    """

    troubled = True

    def __init__(self, stage: Stage, ev_id: int) -> None:
        usual = stage.lines.line(ev_id, long=False)
        super().__init__(
            lambda number: usual.request_ns(number) + self._trouble_ns(),
            lambda number: usual.response_ns(number) + self._trouble_ns(),
        )
        self._env = stage.env
        self._again_ns = to_ns(stage.scenario.link.retransmission_s)
        self.late_ns = self.once_ns = self.down_until_ns = 0

    def _trouble_ns(self) -> int:
        """What the fault adds [ns]."""
        once_ns, self.once_ns = self.once_ns, 0
        down_ns = self.down_until_ns - self._env.now_ns
        return self.late_ns + once_ns + (down_ns + self._again_ns if down_ns > 0 else 0)


class StuckSensor:
    """A frequency measurement that shows the same for ever."""

    def __init__(self, held_hz: float) -> None:
        self._held_hz = held_hz

    def sample(self, now_ns: int) -> tuple[float, float]:
        """Frequency [Hz] and its rate of change [Hz/s]."""
        return self._held_hz, 0.0


def strike(stage: Stage, ev: Ev, fault: Fault) -> None:
    """A fault befalls a pair."""
    now_ns, station = stage.env.now_ns, ev.station
    if station.car is None:
        return  # not plugged in yet, or no more
    stage.recorder.event(now_ns, ev.visit.ev_id, "fault", fault.kind)
    station.injected = fault.kind
    station.troubles += 1
    restore = FAULTS[fault.kind](stage, ev, fault)
    if restore is None:
        return  # it does not pass

    def passes(_: Moment) -> None:
        restore()
        station.troubles -= 1
        if ev.unplug_ns < 0:
            stage.recorder.event(stage.env.now_ns, ev.visit.ev_id, "fault_over", fault.kind)

    def forgotten(_: Moment) -> None:
        if station.injected == fault.kind:
            station.injected = ""

    over_ns = now_ns + to_ns(fault.duration_s)
    At(stage.env, over_ns, place(OFFER, ev.visit.ev_id), passes)
    At(stage.env, over_ns + LINGERS_NS, place(OFFER, ev.visit.ev_id), forgotten)


Restore = Callable[[], object] | None


# --- the line ---


def _troubled(stage: Stage, ev: Ev) -> tuple[TroubledLine, Callable[[], None]]:
    line, ev_id = TroubledLine(stage, ev.visit.ev_id), ev.visit.ev_id
    ev.line = ev.station.line = line

    def restore() -> None:
        if ev.line is line:  # else another fault has taken the line over
            sent = ev.requests, ev.station.responses
            ev.line = ev.station.line = stage.lines.line(ev_id, stage.lane is None, *sent)

    return line, restore


def _link_delay(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    line, restore = _troubled(stage, ev)
    line.late_ns = to_ns(fault.delay_s)
    return restore


def _lost_segment(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    line, restore = _troubled(stage, ev)
    line.once_ns = to_ns(stage.scenario.link.retransmission_s)
    return restore


def _link_down(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    line, restore = _troubled(stage, ev)
    line.down_until_ns = stage.env.now_ns + to_ns(fault.duration_s)
    return restore


def _tcp_reset(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    """Both ends learn of it at once."""
    if ev.evcc.ended is None:
        ev.station.lose("TCP reset")
        _cut(ev, Cut("TCP reset"))
    return _nothing


# --- the station ---


def _evse_restart(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    """Its controller forgets the session; the contactor opens in order. The vehicle hears nothing more."""
    if ev.station.secc.ended is None:
        ev.station.lose("EVSE restart")
    ev.station.secc.suspended = None  # a paused session does not outlive its memory
    return _nothing


def _contactor_stuck(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    station = ev.station
    station.contactor_stuck = True
    return lambda: setattr(station, "contactor_stuck", False)


def _isolation_fault(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    station = ev.station
    station.isolation_fault = True
    return lambda: setattr(station, "isolation_fault", False)


def _wrong_meter(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    station = ev.station
    station.meter_factor = fault.meter_factor
    return lambda: setattr(station, "meter_factor", 1.0)


def _sensor_stuck(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    control = ev.station.control
    control.measure_with(StuckSensor(control.frequency_hz))
    return lambda: control.measure_with(stage.grid.measured)


def _sensor_biased(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    control, usual_hz = ev.station.control, ev.station.control.bias_hz
    control.bias_hz = usual_hz + fault.bias_hz
    return lambda: setattr(control, "bias_hz", usual_hz)


# --- the vehicle ---


def _ev_silent(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    """Its controller says nothing more; its power electronics still obey the pilot."""
    _cut(ev, Cut("ev_silent", dead=True))
    return None


def _ev_mute(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    """It says nothing more and goes on drawing, pilot or not."""
    ev.station.car_obeys_pilot = False
    _cut(ev, Cut("ev_mute", dead=True))
    return None


def _ev_unplugged(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    """The connector is pulled without a Stop."""
    if ev.station.secc.ended is None:
        ev.station.secc.disconnect("ev_unplugged")
    _cut(ev, Cut("ev_unplugged", unplugged=True, dead=True))
    return None


def _clock_skew(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    """The vehicle's clock is ahead: its time stamps and the anchors of its profiles are."""
    ev.evcc.skew(fault.skew_s)
    return lambda: ev.evcc.skew(-fault.skew_s)


def _off_profile(stage: Stage, ev: Ev, fault: Fault) -> Restore:
    """Scheduled mode: it takes another power than it has promised. In Dynamic mode there is no promise to break."""
    ev.profile_factor = fault.profile_factor
    return lambda: setattr(ev, "profile_factor", 1.0)


def _cut(ev: Ev, cut: Cut) -> None:
    if ev.process is not None and ev.process.is_alive and (cut.unplugged or ev.evcc.ended is None):
        ev.process.interrupt(cut)


def _nothing() -> None:
    """What is over when it has happened."""


FAULTS: Final[Mapping[str, Callable[[Stage, Ev, Fault], Restore]]] = {
    "link_delay": _link_delay,
    "lost_segment": _lost_segment,
    "link_down": _link_down,
    "tcp_reset": _tcp_reset,
    "evse_restart": _evse_restart,
    "contactor_stuck": _contactor_stuck,
    "isolation_fault": _isolation_fault,
    "ev_silent": _ev_silent,
    "ev_unplugged": _ev_unplugged,
    "ev_mute": _ev_mute,
    "wrong_meter": _wrong_meter,
    "sensor_stuck": _sensor_stuck,
    "sensor_biased": _sensor_biased,
    "clock_skew": _clock_skew,
    "off_profile": _off_profile,
}
assert set(FAULTS) == set(FAULT_KINDS)
