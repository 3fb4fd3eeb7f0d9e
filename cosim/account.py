"""What came of a run: the account of each shard, and the outcome that they give together."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cosim.checks import Check, Checks, Found
from cosim.fleet import verify
from cosim.kpis import Kpis
from cosim.sums import Sums, add_counts
from cosim.wire import Totals, wire_figures
from protocol.schema import ComplexType


class Account(NamedTuple):
    """What one shard has counted, in whole numbers and by name, so that accounts can be added up."""

    status: str  # done | interrupted
    simulated_ns: int
    kpis: Kpis
    sums: Sums
    messages: dict[type[ComplexType], int]
    found: dict[str, Found]  # broken invariants
    grid: dict[str, Any]  # key figures of grid and loop; empty but for the shard that leads
    wire: Totals | None
    supply_lost: int  # sessions
    events: int
    lane_note: str
    lane_exchanges: int


class Outcome(NamedTuple):
    """What came of a run."""

    status: str  # done | interrupted
    simulated_s: float
    kpis: dict[str, Any]
    checks: tuple[Check, ...]
    events: int  # scheduled on the clocks
    lane: str  # message | fleet: fleet where a loop could have been a row
    lane_note: str  # why not fleet; empty if it was
    lane_exchanges: int  # charge loops that rows took


def outcome_of(accounts: Sequence[Account]) -> Outcome:
    """The outcome of a run from the accounts of its shards, the one that leads first; they are used up."""
    first, *others = accounts
    checks = Checks()
    checks.add(first.found)
    messages = dict(first.messages)
    for other in others:
        first.kpis.add(other.kpis)
        add_counts(first.sums, other.sums)
        checks.add(other.found)
        for kind, count in other.messages.items():
            messages[kind] = messages.get(kind, 0) + count
    verify(first.sums, checks)
    kpis = first.kpis.result(first.sums, messages) | first.grid
    wires = [account.wire for account in accounts if account.wire is not None]
    if wires:
        kpis |= wire_figures(wires)
    supply_lost = sum(account.supply_lost for account in accounts)
    if supply_lost:
        kpis["sessions_without_supply"] = supply_lost
    return Outcome(
        status=first.status,
        simulated_s=first.simulated_ns / 1e9,
        kpis=kpis,
        checks=checks.verdicts(),
        events=sum(account.events for account in accounts),
        lane="message" if first.lane_note else "fleet",
        lane_note=first.lane_note,
        lane_exchanges=sum(account.lane_exchanges for account in accounts),
    )
