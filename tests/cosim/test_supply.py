"""Supply that is lost: feeders shed with the cars on them, stations that leave the grid, and how sessions end then."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from cosim.inputs import Series
from cosim.scenario import Scenario
from cosim.supply import Supply
from models.grid.area import GridParams
from models.grid.protection import SETTINGS, Level, Protection, looked, tripped, watch
from models.grid.shedding import Stage

S = 1_000_000_000
# 1000 MW, 0.005 Hz/s per MW, nothing that answers: a loss of 100 MW at 20 s reaches 49.05 Hz within 2 s more.
SHED_HALF = GridParams(50.0, 1000.0, 5000.0, 0.0, (), (), None, (Stage(49.05, 0.5, 0.0, 0.8),))
MANY = {"n_ev": 40, "target_soc": 0.4, "arrival": {"plug_in_s": [0.0, 0.0], "leave_s": [1e5, 1e5]}}


def shed(play: Callable[..., Any], service: str, **keywords: Any) -> Any:
    return play(
        **{
            "duration_s": 30.0,
            "service": service,
            "policy": lambda view: -8_000.0,
            "grid_params": SHED_HALF,
            "fleet": MANY,
            "grid": {"events": [{"t_s": 20.0, "power_mw": -100.0}]},
            **keywords,
        }
    )


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_cars_on_a_shed_feeder_vanish_with_it(play: Callable[..., Any], service: str) -> None:
    run = shed(play, service)
    events = run.tables["events"]
    lost = events["kind"] == "supply_lost"
    gone = set(events["ev_id"][lost].tolist())
    assert set(events["t_ns"][lost]) == {int(22.0 * S)}, "the crossing ends this tick"
    assert set(events["detail"][lost]) == {"feeder shed at 49.05 Hz"}
    assert 10 <= len(gone) <= 30, "half of the demand, so about half of 40 stations"
    assert run.outcome.kpis["sessions_without_supply"] == len(gone)
    grid = run.tables["grid"]
    power = dict(zip(grid["t_ns"].tolist(), grid["fleet_power_w"].tolist(), strict=True))
    each_w = power[int(21.9 * S)] / 40
    assert each_w < -7_000.0
    assert power[int(22.1 * S)] == pytest.approx(each_w * (40 - len(gone)), rel=1e-6)
    assert run.broken() == {}


def test_cars_are_counted_until_the_end_of_the_tick_and_the_error_is_their_power_for_so_long(
    play: Callable[..., Any],
) -> None:
    """The located instant is the same; frequency then differs by f0 / (2 Ek), 0.005 Hz/s per MW, times energy."""
    found = []
    for tick_s in (0.02, 0.8):
        run = shed(play, "AC_BPT", fleet={**MANY, "cars_per_ev": 10.0},
                   grid={"events": [{"t_s": 20.0, "power_mw": -100.0}], "tick_s": tick_s})  # fmt: skip
        events, grid = run.tables["events"], run.tables["grid"]
        (shed_row,) = (events["kind"] == "load_shed").nonzero()[0]
        located_s = float(events["detail"][shed_row].split(" at ")[1].split(" s")[0])
        lost = events["kind"] == "supply_lost"
        (lost_s,) = set((events["t_ns"][lost] * 1e-9).tolist())
        found.append((located_s, lost_s, int(lost.sum()), float(grid["frequency_hz"][grid["t_ns"] == 28 * S][0])))
    (exact_s, early_s, cars, fine_hz), (located_s, late_s, same_cars, coarse_hz) = found
    assert located_s == pytest.approx(exact_s, abs=0.002), "located, whatever the tick"
    assert same_cars == cars
    assert 0.0 <= early_s - exact_s <= 0.02
    assert 0.1 < late_s - exact_s <= 0.8, "at most one tick"
    counted_mws = cars * 10.0 * 8e-3 * (late_s - early_s)
    assert coarse_hz - fine_hz == pytest.approx(0.005 * counted_mws, rel=0.05)


@pytest.mark.parametrize("service", ["AC_BPT", "DC_BPT"])
def test_a_session_without_supply_ends_by_the_timer_of_the_vehicle(play: Callable[..., Any], service: str) -> None:
    run = shed(play, service)
    events = run.tables["events"]
    gone = events["ev_id"][events["kind"] == "supply_lost"].tolist()
    for ev_id in gone[:5]:
        heard = [sent.t_ns for sent in run.messages if sent.ev_id == ev_id and sent.message.wire_name.endswith("Res")]
        said = [sent.t_ns for sent in run.messages if sent.ev_id == ev_id and sent.message.wire_name.endswith("Req")]
        assert max(heard) <= 22 * S
        assert max(said) <= 22 * S + int(0.25 * S), "one more request at most, into silence"
        assert max(said) > max(heard)
    stays = [sent.t_ns for sent in run.messages if sent.ev_id not in gone]
    assert max(stays) > 29 * S
    run = shed(play, service, fleet={**MANY, "arrival": {"plug_in_s": [0.0, 0.0], "leave_s": [26.0, 26.0]}})
    ends = dict(
        zip(run.tables["sessions"]["ev_id"].tolist(), run.tables["sessions"]["end_reason"].tolist(), strict=True)
    )
    assert {ends[ev_id] for ev_id in gone} == {"feeder shed at 49.05 Hz"}
    assert {reason for ev_id, reason in ends.items() if ev_id not in gone} == {"departure"}


def test_a_car_that_comes_to_a_dark_station_finds_nobody(play: Callable[..., Any]) -> None:
    run = shed(play, "AC_BPT", fleet={**MANY, "arrival": {"plug_in_s": [25.0, 25.0], "leave_s": [1e5, 1e5]}})
    dark = {sent.ev_id for sent in run.messages} - {
        sent.ev_id for sent in run.messages if sent.message.wire_name.endswith("Res")
    }
    assert 10 <= len(dark) <= 30
    assert run.outcome.kpis["sessions_reached_loop"] <= 40 - len(dark)
    assert run.broken() == {}


def test_a_vehicle_that_tries_again_finds_the_station_still_dark(play: Callable[..., Any]) -> None:
    run = shed(play, "AC_BPT", ev={"retry_after_s": 1.0}, duration_s=40.0)
    events = run.tables["events"]
    gone = set(events["ev_id"][events["kind"] == "supply_lost"].tolist())
    again = events["ev_id"][events["kind"] == "reconnected"].tolist()
    assert set(again) == gone
    late = [sent for sent in run.messages if sent.ev_id in gone and sent.t_ns > 23 * S]
    assert late
    assert not [sent for sent in late if sent.message.wire_name.endswith("Res")]
    assert run.outcome.kpis["sessions_without_supply"] == len(gone)
    assert run.broken() == {}


def test_a_charging_car_that_is_shed_relieves_the_grid_as_load_does(play: Callable[..., Any]) -> None:
    """Declared 5 kW per car, each for 100: what the shed cars drew counts as service from then on."""
    run = shed(
        play,
        "AC_BPT",
        policy=lambda view: view.baseline_w,
        series=Series((0.0, 1.0), (5_000.0, 5_000.0)),
        fleet={**MANY, "cars_per_ev": 100.0},
    )
    gone = run.outcome.kpis["sessions_without_supply"]
    assert run.tables["grid"]["service_w"][-1] == pytest.approx(gone * 100 * 5_000.0, rel=1e-6)
    assert run.tables["grid"]["service_w"][190] == pytest.approx(0.0, abs=1.0)


def test_interruptible_load_takes_no_cars_along(play: Callable[..., Any]) -> None:
    params = SHED_HALF._replace(shedding=(Stage(49.0, 0.5, 0.0, 0.0, True),))
    run = shed(play, "AC_BPT", grid_params=params)
    assert run.outcome.kpis["shed_stages"] == 1
    assert "sessions_without_supply" not in run.outcome.kpis


def test_stations_stand_on_feeders_as_demand_does() -> None:
    stages = (Stage(48.8, 0.05, 0.0), Stage(48.75, 0.3, 0.0, 0.0, True), Stage(48.7, 0.10, 0.0))
    supply = Supply(Scenario(), stages, 0.1, 50.0)
    counts = dict.fromkeys((None, 0, 2), 0)
    for evse_id in range(20_000):
        counts[supply.stage_of(evse_id)] += 1
    assert counts[0] / 20_000 == pytest.approx(0.05, abs=0.005)
    assert counts[2] / 20_000 == pytest.approx(0.10, abs=0.007)


# --- protection ---


def test_stations_leave_the_grid_when_frequency_stays_too_low(play: Callable[..., Any]) -> None:
    """EN 50549-1: 47.5 Hz for 0.5 s. At 0.5 Hz/s from 20 s on that is 25 s, and 25.5 s."""
    run = shed(
        play,
        "DC_BPT",
        policy=lambda view: -8_000.0,
        grid_params=SHED_HALF._replace(shedding=()),
        evse={"protection": "en50549"},
        fleet={**MANY, "n_ev": 3},
        grid={"events": [{"t_s": 20.0, "power_mw": -100.0}], "baseline": "zero"},
    )
    events = run.tables["events"]
    lost = events["kind"] == "supply_lost"
    assert events["ev_id"][lost].tolist() == [0, 1, 2]
    assert set(events["detail"][lost]) == {"station protection: under-frequency 47.5 Hz"}
    assert events["t_ns"][lost][0] / S == pytest.approx(25.5, abs=0.11)
    assert run.tables["grid"]["fleet_power_w"][-1] == 0.0
    assert run.broken() == {}


def test_an_old_relay_sees_a_rate_that_a_new_one_bears(play: Callable[..., Any]) -> None:
    """0.25 Hz/s: beyond the 0.125 Hz/s of before 2019, within the 1 Hz/s of today."""
    old, new = (
        shed(
            play,
            "DC_BPT",
            duration_s=24.0,
            policy=lambda view: 0.0,
            grid_params=SHED_HALF._replace(shedding=()),
            evse={"protection": name},
            fleet={**MANY, "n_ev": 2},
            grid={"events": [{"t_s": 20.0, "power_mw": -50.0}]},
        )
        for name in ("g59-2018", "g99")
    )
    events = old.tables["events"]
    assert events["detail"][events["kind"] == "supply_lost"][0] == "station protection: rate of change 0.125 Hz/s"
    # Half of the window of 0.5 s at 0.25 Hz/s is 0.125; beyond it with the next tick.
    assert events["t_ns"][events["kind"] == "supply_lost"][0] / S == pytest.approx(20.3, abs=0.11)
    assert "sessions_without_supply" not in new.outcome.kpis


def seen_until(protection: Protection, trace: list[tuple[float, float]]) -> str:
    """The verdict after a trace of (time, frequency)."""
    state = watch(protection)
    for before, now in itertools.pairwise(trace):
        state = looked(protection, state, before, now, (now[1] - before[1]) / (now[0] - before[0]))
        verdict = tripped(protection, state, now[0])
        if verdict:
            return f"{verdict} at {now[0]:g}"
    return ""


LOW = Protection((Level(47.5, 0.5),), (Level(51.5, 0.2),))


@pytest.mark.parametrize(
    ("trace", "verdict"),
    [
        # The crossing lies half way between 1 and 2 s: 0.5 s of delay end at 2 s.
        pytest.param([(0, 50), (1, 48), (2, 47), (3, 47)], "under-frequency 47.5 Hz at 2", id="located"),
        pytest.param([(0, 50), (1, 47.4), (1.3, 47.6), (2, 47.6)], "", id="back in time"),
        pytest.param([(0, 50), (1, 52), (1.1, 52)], "over-frequency 51.5 Hz at 1", id="high"),
        pytest.param([(0, 47.5), (9, 47.5)], "", id="on the threshold"),
    ],
)
def test_levels_and_delays(trace: list[tuple[float, float]], verdict: str) -> None:
    assert seen_until(LOW, trace) == verdict


def test_every_setting_names_its_source() -> None:
    assert all(len(setting.source) > 10 for setting in SETTINGS.values())
    g99 = SETTINGS["g99"]
    assert seen_until(g99, [(0, 50), (0.5, 49.4), (1.0, 48.8), (1.5, 48.2)]) == "rate of change 1 Hz/s at 1"
