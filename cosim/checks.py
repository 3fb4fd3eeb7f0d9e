"""Invariants of a run: what must hold whatever the scenario. Broken ones are counted and the first of each is told."""

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


class Checks:
    """Collects what was broken; never stops the run."""

    def __init__(self) -> None:
        self._count = dict.fromkeys(INVARIANTS, 0)
        self._first: dict[str, str] = {}

    def broken(self, name: str, detail: str) -> None:
        """Note that an invariant did not hold."""
        self._count[name] += 1
        self._first.setdefault(name, detail)

    def verdicts(self) -> tuple[Check, ...]:
        """One verdict per invariant, in a fixed order."""
        return tuple(
            Check(name, count == 0, INVARIANTS[name] if count == 0 else f"{count} times; first: {self._first[name]}")
            for name, count in self._count.items()
        )
