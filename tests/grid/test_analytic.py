"""The frequency model against the closed form of Anderson and Mirheydar, and the closed form against its table."""

import csv
import math
from pathlib import Path
from typing import NamedTuple

import pytest

from models.grid.area import GridParams
from models.grid.frequency import FrequencyModel
from models.grid.governors import reheat

DATA = Path(__file__).parents[1] / "data" / "grid"


class Case(NamedTuple):
    """A row of the table; all p.u. on `base_mw`."""

    name: str
    nominal_hz: float
    base_mw: float
    inertia_s: float
    damping_pu: float
    droop_pu: float
    gain: float
    high_pressure_share: float
    reheat_s: float
    loss_mw: float
    nadir_hz: float
    nadir_s: float
    steady_hz: float

    def grid(self) -> GridParams:
        """The same system in MW, MW s and Hz."""
        stiffness_mw_per_hz = self.gain * self.base_mw / (self.droop_pu * self.nominal_hz)
        return GridParams(
            nominal_hz=self.nominal_hz,
            demand_mw=self.base_mw,
            kinetic_energy_mws=self.inertia_s * self.base_mw,
            damping_mw_per_hz=self.damping_pu * self.base_mw / self.nominal_hz,
            governors=(reheat("all", stiffness_mw_per_hz, 0.0, 0.0, self.reheat_s, self.high_pressure_share),),
        )

    def closed_form_hz(self, t_s: float) -> float:
        """Frequency after a step loss; valid while the damping ratio is below 1. atan2 picks the right branch."""
        h, d, r, km, fh, tr = self[3:9]
        wn = math.sqrt((d * r + km) / (2 * h * r * tr))
        z = wn * (2 * h * r + (d * r + km * fh) * tr) / (2 * (d * r + km))
        wr = wn * math.sqrt(1 - z * z)
        a = math.sqrt((1 - 2 * tr * z * wn + tr * tr * wn * wn) / (1 - z * z))
        phi = math.atan2(wr * tr, 1 - z * wn * tr) - math.atan2(math.sqrt(1 - z * z), -z)
        steady = -self.loss_mw / self.base_mw * r / (d * r + km)
        return self.nominal_hz * (1 + steady * (1 + a * math.exp(-z * wn * t_s) * math.sin(wr * t_s + phi)))


def read_cases() -> list[Case]:
    system = ("f0_hz", "s_base_mw", "H_s", "D_pu", "R_pu", "Km", "FH", "TR_s", "dP_mw")
    names = (*system, "f_nadir_hz", "t_nadir_s", "f_ss_hz")
    with (DATA / "analytic_sfr.csv").open() as lines:
        return [Case(row["name"], *(float(row[name]) for name in names)) for row in csv.DictReader(lines)]


CASES = read_cases()
IDS = [case.name for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_frequency_follows_the_closed_form_at_any_tick(case: Case) -> None:
    for tick_s in (0.02, 0.1, 1.0):
        model = FrequencyModel(case.grid())
        for k in range(1, round(30.0 / tick_s) + 1):
            assert abs(model.step(tick_s, -case.loss_mw) - case.closed_form_hz(k * tick_s)) < 1e-9


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_frequency_follows_the_stored_trace(case: Case) -> None:
    with (DATA / "analytic_sfr_traces.csv").open() as lines:
        stored_hz = [float(row[case.name]) for row in csv.DictReader(lines)]
    model = FrequencyModel(case.grid())
    trace_hz = [model.frequency_hz] + [model.step(0.05, -case.loss_mw) for _ in stored_hz[1:]]
    assert max(abs(a - b) for a, b in zip(trace_hz, stored_hz, strict=True)) < 1e-6


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_nadir_and_steady_state_are_those_of_the_table(case: Case) -> None:
    model = FrequencyModel(case.grid())
    trace_hz = [model.step(0.01, -case.loss_mw) for _ in range(10_000)]
    nadir_hz = min(trace_hz)
    assert nadir_hz == pytest.approx(case.nadir_hz, abs=1e-6)
    assert (trace_hz.index(nadir_hz) + 1) * 0.01 == pytest.approx(case.nadir_s, abs=0.01)
    assert trace_hz[-1] == pytest.approx(case.steady_hz, abs=1e-6)
