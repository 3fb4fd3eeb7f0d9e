"""What the tests of `experiments` share: one small run, and a folder of their own to work in."""

from pathlib import Path
from typing import Any

import pytest

from experiments import simulate
from experiments.runs import Run

# Four cars for a minute: they plug in at once, a generator trips at 30 s, they leave before the end.
SMALL: dict[str, Any] = {
    "duration_s": 60.0,
    "fleet": {"n_ev": 4, "arrival": {"plug_in_s": [0.0, 1.0], "leave_s": [50.0, 52.0]}},
    "grid": {"events": [{"t_s": 30.0, "power_mw": -6.0}]},
}


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """Settings of the small run."""
    return SMALL


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The small run; tests read it and leave it as it is."""
    return simulate("quickstart", out=tmp_path_factory.mktemp("runs") / "small", **SMALL)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
