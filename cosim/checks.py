"""Invariants of a run: what must hold whatever the scenario. Broken ones are counted and the first of each is told.

The first is the one of the earliest instant, and of several the first by its text: it depends on no order of events.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

INVARIANTS = {
    "power_window": "no power outside PowerDelivery(Start) .. Stop response",
    "contactor_load": "no contactor opened under load without an injected cause",
    "soc_bounds": "state of charge within its hard bounds",
    "power_limits": "power within both sides' limits as known",
    "energy_balance": "grid, plug, cells and losses close to 1e-9",
    "one_outstanding": "one outstanding request per session",
    "frequency_finite": "frequency is finite",
}


class Check(NamedTuple):
    """Verdict on one invariant."""

    name: str
    ok: bool
    detail: str


class Found(NamedTuple):
    """How often an invariant was broken, and the first time."""

    times: int
    at_ns: int
    detail: str


class Checks:
    """Collects what was broken; never stops the run."""

    def __init__(self, now_ns: Callable[[], int] = lambda: 0) -> None:
        self.found: dict[str, Found] = {}
        self._now_ns = now_ns

    def broken(self, name: str, detail: str) -> None:
        """Note that an invariant did not hold."""
        assert name in INVARIANTS, f"there is no invariant {name}"
        self.add({name: Found(1, self._now_ns(), detail)})

    def add(self, found: Mapping[str, Found]) -> None:
        """What was found elsewhere counts, too."""
        for name, more in found.items():
            before = self.found.get(name, Found(0, more.at_ns, more.detail))
            _, at_ns, detail = min(before, more, key=lambda each: each[1:])
            self.found[name] = Found(before.times + more.times, at_ns, detail)

    def verdicts(self) -> tuple[Check, ...]:
        """One verdict per invariant, in a fixed order."""
        return tuple(_verdict(name, self.found.get(name)) for name in INVARIANTS)


def _verdict(name: str, found: Found | None) -> Check:
    if found is None:
        return Check(name, True, INVARIANTS[name])
    return Check(name, False, f"{found.times} times; first: {found.detail}")
