"""Each invariant of a run can fail, and says where; and a broken one is reported, not raised."""

from collections.abc import Callable
from typing import Any

import pytest

from cosim.checks import INVARIANTS, Checks
from cosim.evse_power import open_contactor
from models.car.vehicle import Vehicle

S = 1_000_000_000


def at(run: Any, t_s: float, meddle: Callable[[Any], None]) -> None:
    """Play the run, and at one grid tick do something to the vehicle that is there."""
    done: list[bool] = []

    def progress(now_ns: int) -> None:
        if now_ns >= t_s * S and not done:
            done.append(True)
            meddle(next(iter(run.world._present.values())))

    run.finish(progress=progress)


def test_an_undisturbed_run_keeps_all_of_them(play: Callable[..., Any]) -> None:
    checks = play(service="DC_BPT").outcome.checks
    assert [check.name for check in checks] == list(INVARIANTS)
    assert all(check.ok for check in checks)


def test_power_outside_of_start_and_stop_is_noticed(prepare: Callable[..., Any]) -> None:
    run = prepare(service="DC_BPT", duration_s=40.0)
    at(run, 1.0, lambda ev: ev.car.command(S, 5_000.0))  # in the cable check
    assert "power_window" in run.broken()
    assert "EV000" in run.broken()["power_window"]


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_a_contactor_opened_under_load_is_noticed_and_logged(prepare: Callable[..., Any], service: str) -> None:
    run = prepare(service=service, duration_s=40.0)
    at(run, 20.0, lambda ev: open_contactor(ev.station, "test"))
    assert "contactor_load" in run.broken()
    events = run.tables["events"]
    assert "opened_under_load" in events["kind"]
    assert events["t_ns"][list(events["kind"]).index("opened_under_load")] == 20 * S


def test_a_state_of_charge_beyond_its_bounds_is_noticed(prepare: Callable[..., Any]) -> None:
    run = prepare(service="DC_BPT", duration_s=40.0)

    def overfill(ev: Any) -> None:
        ev.car.cells_ws += 60_000.0 * 3600.0

    at(run, 20.0, overfill)
    assert "soc_bounds" in run.broken()


@pytest.mark.parametrize("wish_w", [12_000.0, -12_000.0])
def test_a_setpoint_beyond_what_was_said_is_noticed(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, wish_w: float
) -> None:
    """With the limiter taken out, nothing else keeps a policy from asking for more than the car's 11 kW."""
    monkeypatch.setattr("cosim.control.limit", lambda requested_w, view, params: (requested_w, 0))
    run = play(service="AC_BPT", duration_s=20.0, policy=lambda view: wish_w)
    assert set(run.broken()) == {"power_limits"}
    assert abs(run.world.fleet_power_w[-1]) == 11_000.0, "the car obeys physics all the same"


@pytest.mark.parametrize("point", ["grid_ws", "plug_ws", "cells_ws", "station_loss_ws", "vehicle_loss_ws"])
def test_energies_that_do_not_close_are_noticed(prepare: Callable[..., Any], point: str) -> None:
    """A millijoule in a session of some megajoules is found."""
    run = prepare(service="DC_BPT", duration_s=40.0)
    at(run, 20.0, lambda ev: setattr(ev.car, point, getattr(ev.car, point) * (1.0 + 1e-8) + 1.0))
    assert set(run.broken()) == {"energy_balance"}


def test_a_second_request_before_the_answer_is_noticed(prepare: Callable[..., Any]) -> None:
    run = prepare(service="AC_BPT", duration_s=20.0)

    def keep_pending(ev: Any) -> None:
        ev.station.secc.pending = run.messages[-1].message

    at(run, 10.0, keep_pending)
    assert "one_outstanding" in run.broken()


def test_a_frequency_that_is_no_number_is_noticed(prepare: Callable[..., Any]) -> None:
    run = prepare(service="AC_BPT", duration_s=20.0)

    def spoil(_: Any) -> None:
        run.world._stage.grid._source._nominal_hz = float("nan")

    at(run, 10.0, spoil)
    assert "frequency_finite" in run.broken()


def test_verdicts_count_and_keep_the_first(car: Vehicle) -> None:
    checks = Checks()
    checks.broken("soc_bounds", "first")
    checks.broken("soc_bounds", "second")
    verdict = next(check for check in checks.verdicts() if check.name == "soc_bounds")
    assert not verdict.ok
    assert "2 times" in verdict.detail
    assert "first" in verdict.detail
    assert "second" not in verdict.detail
    assert sum(check.ok for check in checks.verdicts()) == len(INVARIANTS) - 1
