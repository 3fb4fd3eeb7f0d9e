"""Energy rules kept, or not, in whole runs: an exhausted reserve comes back as the product's rule has it."""

from pathlib import Path
from typing import Any

from experiments import simulate

C_W = 8_000.0


def played(here: Path, product: str, event_s: float, hz: float, duration_s: float, **parameters: Any) -> dict[str, Any]:
    """Two cars that lend energy for some 21 minutes each way; an event at 600 s. The figures of the product."""
    here.mkdir(exist_ok=True)
    rows = [f"{t},{hz if 600 <= t < 600 + event_s else 50.0}" for t in range(int(duration_s) + 1)]
    (here / "event.csv").write_text("\n".join(["t_s,f_hz", *rows]) + "\n", encoding="utf-8")
    run = simulate(
        "fcr-24h-ler", variant="recovery", out=here / "run", report=False, duration_s=duration_s, lane="fleet",
        fleet={"n_ev": 2, "cars_per_ev": 1.0, "soc": [0.6, 0.6], "v2x_soc": [0.55, 0.65], "model": "Hyundai Kona"},
        grid={"file": str(here / "event.csv"), "step_s": None}, policy="product",
        parameters={"product": product, "capacity_w": C_W, **parameters},
        products=[{"product": product, "from_s": 60.0}],
    )  # fmt: skip
    return run.kpis["products"][product]


def test_fcr_d_is_full_again_within_two_hours(here: Path) -> None:
    """15 min of full power return at a fifth of it: 75 min, the ramp of NEM, and what losses add both ways."""
    found = played(here, "fcr-d-up", 900.0, 49.5, 6_600.0)
    assert found["score"]["passes"] is True
    assert 75.0 * 60.0 + 150.0 < found["restored_longest_s"] < 7_200.0
    assert 0.0 < found["endurance_min"] < 21.6 - 15.0 / 0.95 + 2.0
    assert found["exhausted_share"] == 0.0, "AEM begins below 5 min"
    assert found["baseline_mwh"] > 2 * C_W * 0.25e-6


def test_dc_has_the_energy_required_only_if_energy_returns(here: Path) -> None:
    """Ten minutes of full power: from the fifth settlement period on a fifth of the volume is owed in each."""
    with_return = played(here / "a", "dc", 600.0, 49.5, 12_600.0)
    assert (with_return["energy_required_met_share"], with_return["energy_required_short_h"]) == (1.0, 0.0)
    without = played(here / "b", "dc", 600.0, 49.5, 12_600.0, restore_scale=0.0)
    assert without["energy_required_met_share"] < 0.9
    assert without["energy_required_short_h"] > 0.01
    assert without["baseline_mwh"] == 0.0
