"""Running and reading experiments: `simulate`, `load_run`, and the command line `v2g-cosim`.

Names are looked up when they are used: importing this package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.errors import UserError
    from experiments.reference import grid_preset, machine_cases, machine_traces, published_events
    from experiments.run import simulate
    from experiments.runs import Run, load_run

__all__ = [
    "Run",
    "UserError",
    "grid_preset",
    "load_run",
    "machine_cases",
    "machine_traces",
    "published_events",
    "simulate",
]

HOMES = {
    "Run": "runs",
    "UserError": "errors",
    "grid_preset": "reference",
    "load_run": "runs",
    "machine_cases": "reference",
    "machine_traces": "reference",
    "published_events": "reference",
    "simulate": "run",
}


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(importlib.import_module(f"experiments.{HOMES[name]}"), name)
    raise AttributeError(f"module 'experiments' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *HOMES])
