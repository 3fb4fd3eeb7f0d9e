"""One vehicle as the message lane has it, and what is asked of any at an instant; how it moves is in `motion.py`."""

from dataclasses import replace

from cosim.car_state import CarState
from cosim.kind import Kind
from cosim.motion import begin, catch_up, command, interrupt, ramp_off, settle
from cosim.segment import cells_in_segment_ws, power_in_segment_w
from cosim.sums import Sums
from models.car.battery import open_circuit_v, soc_after, terminal_v


class Car(CarState):
    """One plugged-in vehicle and the converter that moves its power."""

    __slots__ = ()

    def power_w(self, now_ns: int) -> float:
        """Power at the plug [W]."""
        return power_w(self, self.kind, self.sums, now_ns)

    def soc(self, now_ns: int) -> float:
        """State of charge."""
        return soc_at(self, self.kind, self.sums, now_ns)

    def voltage_v(self, power_w: float) -> float:
        """Voltage at the battery's terminals under `power_w` [V], charged as it was at the last offer."""
        return voltage_at_v(self.kind, self.soc_seen, power_w)

    def settle(self, now_ns: int) -> None:
        """Bring all meters up to now."""
        settle(self, self.kind, self.sums, now_ns)

    def peek(self, now_ns: int) -> tuple[float, float]:
        """State of charge and energy of the cells since plug-in [W s]."""
        return peek(self, self.kind, self.sums, now_ns)

    def command(self, now_ns: int, target_w: float) -> None:
        """A setpoint at the plug [W]; takes effect after the reaction delay, later out of zero power."""
        self.make_room()
        command(self, self.kind, self.sums, now_ns, target_w)

    def make_room(self) -> None:
        """See to it that one more setpoint can wait: with long delays and quick loops there may be many."""
        if self.waiting == len(self.queue_ns):
            self.queue_ns.append(0)
            self.queue_w.append(0.0)

    def limit_ramps(self, most_w_per_s: float) -> None:
        """Ramp no faster than this from the next setpoint on; stopping is not a setpoint."""
        converter = self.kind.converter
        self.kind = replace(
            self.kind,
            converter=converter._replace(
                ramp_up_w_per_s=min(converter.ramp_up_w_per_s, most_w_per_s),
                ramp_down_w_per_s=min(converter.ramp_down_w_per_s, most_w_per_s),
            ),
        )

    def ramp_off(self, now_ns: int) -> None:
        """To zero with the off-ramp, at once; setpoints still waiting are dropped."""
        ramp_off(self, self.kind, self.sums, now_ns)

    def cut(self, now_ns: int) -> None:
        """Power is gone at once: a contactor opened."""
        interrupt(self, self.kind, self.sums, now_ns)
        begin(self, self.kind, self.sums, now_ns, 0.0, 0.0, self.rate_w_per_s)

    def holds_from(self, now_ns: int) -> bool:
        """Whether nothing is going to change from now on, unless the car is told something."""
        return self.waiting == 0 and self.end_ns <= now_ns


def power_w(car: CarState, kind: Kind, sums: Sums, now_ns: int) -> float:
    """Power at the plug [W]."""
    if now_ns >= car.due_ns:
        catch_up(car, kind, sums, now_ns)
    return power_in_segment_w(car, now_ns)


def soc_at(car: CarState, kind: Kind, sums: Sums, now_ns: int) -> float:
    """State of charge."""
    if now_ns >= car.due_ns:
        catch_up(car, kind, sums, now_ns)
    return soc_after(car.soc_start, cells_in_segment_ws(car, kind, now_ns), kind.battery.capacity_wh)


def peek(car: CarState, kind: Kind, sums: Sums, now_ns: int) -> tuple[float, float]:
    """State of charge and energy of the cells since plug-in [W s]."""
    if now_ns >= car.due_ns:
        catch_up(car, kind, sums, now_ns)
    cells_ws = cells_in_segment_ws(car, kind, now_ns)
    return soc_after(car.soc_start, cells_ws, kind.battery.capacity_wh), cells_ws


def voltage_at_v(kind: Kind, soc: float, power_w: float) -> float:
    """Voltage at the battery's terminals under `power_w` [V] at a state of charge."""
    battery = kind.battery
    open_v = open_circuit_v(soc, battery.open_circuit_empty_v, battery.open_circuit_full_v)
    return terminal_v(power_w, open_v, battery.resistance_ohm)
