"""What is known of one plugged-in vehicle's power: the segment it is in, what waits, its meters and its bounds.

A segment is a ramp from `start_w` at `segment_ns` to `target_w` at `end_ns`, or it holds `target_w`. A ramp that passes
zero goes on as another segment from there, at `turn_ns`; so does one that lasts for many grid ticks. Setpoints wait in
a queue until their reaction delay is over. Nothing is integrated in steps: power and energies are functions of the time
since the segment began, and whoever needs one asks for it at an instant. Meters are added to when a segment ends.

Functions take this state as their first argument: a `Car` in the message lane, a row with the same fields in the
compiled one. So they are written for both: no sequences that grow, no tuples unpacked from a row. `segment.py` reads
the present segment, `meters.py` adds up its energies, `tick_energy.py` has grid ticks count it, `bounds.py` watches the
state of charge, `delivery.py` times setpoints, `motion.py` begins and ends segments, `car.py` is asked by others.
"""

from cosim.kind import Kind
from cosim.sums import Sums

NEVER_NS = 1 << 62
WAITING = 4  # setpoints that the compiled lane lets wait; one at a time is usual


class CarState:
    """The state; a segment's `..._ns` are instants.

    Energies `..._ws` are meters since plug-in, up to the start of the present segment; positive into the vehicle [W s].
    """

    __slots__ = (
        "cells_ws",
        "charged_ws",
        "counted_uj",
        "discharged_ws",
        "due_ns",
        "end_ns",
        "energised",
        "ev_id",
        "grid_ws",
        "guard_ns",
        "held_w",
        "kind",
        "plug_ws",
        "queue_ns",
        "queue_w",
        "rate_w_per_s",
        "roomy",
        "segment_ns",
        "soc_seen",
        "soc_start",
        "start_w",
        "station_loss_ws",
        "steady",
        "step_level_w",
        "step_ns",
        "step_target_w",
        "sums",
        "target_w",
        "turn_ns",
        "vehicle_loss_ws",
        "waiting",
        "whole_ns",
    )

    def __init__(self, ev_id: int, kind: Kind, sums: Sums, soc: float, now_ns: int) -> None:
        self.ev_id = ev_id
        self.kind = kind
        self.sums = sums
        self.soc_start = soc
        self.soc_seen = soc  # as it was at the last offer
        self.segment_ns = self.turn_ns = self.end_ns = now_ns
        self.start_w = self.target_w = 0.0
        self.rate_w_per_s = kind.converter.ramp_up_w_per_s  # of the present segment's ramp, a magnitude
        self.grid_ws = self.plug_ws = self.cells_ws = self.station_loss_ws = self.vehicle_loss_ws = 0.0
        self.charged_ws = self.discharged_ws = 0.0
        self.energised = False
        self.steady = True  # holds its power
        self.held_w = 0.0  # at the AC meter, while it does
        self.counted_uj = 0  # what each tick counts while it does; else what the first tick of the ramp has counted
        self.whole_ns = 0  # when the ramp's second tick began: from there they are whole ones
        self.step_ns = -1  # decision of a setpoint step whose delivery is awaited; -1: none
        self.step_level_w = 0.0  # 90 % of it
        self.step_target_w = 0.0
        self.waiting = 0  # setpoints in the queue: instants and targets
        self.queue_ns = [0] * WAITING
        self.queue_w = [0.0] * WAITING
        self.guard_ns = NEVER_NS  # no bound of the state of charge is reached before
        self.roomy = False  # whatever the car is told within its ratings
        self.due_ns = NEVER_NS  # something happens by itself: the guard, the end of a segment, or a setpoint
