"""What all actors of a run share, in one place, so that none needs to know another."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from cosim.checks import Checks
from cosim.clock import Clock
from cosim.fleet import Fleet
from cosim.grid import Grid
from cosim.inputs import LocalPolicy, Series
from cosim.journal import Journal
from cosim.kind import Kind
from cosim.kpis import Kpis
from cosim.ledger import Ledger
from cosim.link import Lines
from cosim.recorder import Recorder
from cosim.scenario import Scenario, to_ns
from cosim.wire import Wire
from models.control.limits import LimitParams

if TYPE_CHECKING:
    from cosim.lane import Lane


# Maximum and minimum charging power, the same for discharging, charging and discharging current, maximum and minimum
# voltage: as an Answer states them.
DcLimits = tuple[float, float, float, float, float, float, float, float]


class Spans(NamedTuple):
    """Spans of the scenario that each pair needs [ns]: one object for all."""

    loop_gap_ns: int
    loop_gap_jitter_ns: int
    answer_ns: int  # the vehicle's pause between two steps
    repeat_ns: int  # and before the same step again
    control_period_ns: int


@dataclass(slots=True, kw_only=True)
class Stage:
    """The environment and everything that is one per run."""

    env: Clock
    scenario: Scenario
    policy: LocalPolicy
    schedule: Series | None
    recorded_ns: tuple[tuple[int, int], ...]  # spans within which turns of the loop are recorded
    limits: LimitParams  # of all stations
    epoch_s: int  # calendar time of the start of the run, Unix seconds
    fleet: Fleet
    grid: Grid
    lines: Lines
    recorder: Recorder
    journal: Journal
    ledger: Ledger
    kpis: Kpis
    checks: Checks
    wire: Wire | None = None  # none: messages travel as objects
    lane: "Lane | None" = None  # none: the message lane has all
    kinds: dict[Kind, Kind] = field(default_factory=dict)  # one object for all equal ones
    # Terms of an agreement, a kind by its `id` among them -> that kind (so that nobody else gets its id), as settled.
    settled_kinds: dict[tuple[int, float, float, bool, bool], tuple[Kind, Kind]] = field(default_factory=dict)
    dc_limits: DcLimits = field(init=False)  # of the hardware of a DC station
    spans: Spans = field(init=False)

    def __post_init__(self) -> None:
        section = self.scenario.evse
        self.dc_limits = (
            section.dc_charge_w,
            section.dc_minimum_w,
            section.dc_discharge_w,
            section.dc_minimum_w,
            section.dc_maximum_a,
            section.dc_maximum_a,
            section.dc_maximum_v,
            section.dc_minimum_v,
        )
        ev = self.scenario.ev
        spans_s = (ev.loop_gap_s, ev.loop_gap_jitter_s, ev.answer_s, ev.repeat_s, section.control_period_s)
        self.spans = Spans(*map(to_ns, spans_s))
