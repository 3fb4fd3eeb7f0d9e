"""The policy that follows a product: its response, the baseline it declares, and when energy comes back."""

import math
import random

import pytest

from models.control.charge_loop import StationView
from models.grid.products import PRODUCTS, share
from models.policies import nordic_fcr, product
from models.policies.product import Memory, Params, alert_state, released_share, resolved, returning_w, step

VIEW = StationView(rated_w=11_000.0, rated_discharge_w=11_000.0, target_energy_wh=0.0)


FOLLOWED = {key: row for key, row in PRODUCTS.items() if row.recovery != "managed"}  # by this module
FULL = VIEW._replace(minimum_energy_wh=-1e5, maximum_energy_wh=1e5)  # reservoirs without an end


def params(name: str, **own: float) -> Params:
    return Params(**resolved({"product": name, **own}))


@pytest.mark.parametrize("key", [key for key, row in PRODUCTS.items() if row.kind == "curve"])
def test_the_response_is_the_product_s_curve_around_the_schedule(key):
    row, module = PRODUCTS[key], product.follower({"product": key}) or product
    ours, memory = module.Params(**resolved({"product": key, "capacity_w": 4_000.0})), module.Memory()
    for deviation_hz in (-1.0, -0.3, -0.11, -0.04, 0.0, 0.02, 0.12, 0.25, 0.6):
        view = FULL._replace(nominal_hz=row.nominal_hz, frequency_hz=row.nominal_hz + deviation_hz, scheduled_w=500.0)
        asked_w, after = module.step(view, memory, ours)
        measured_hz = view.frequency_hz - view.nominal_hz
        assert asked_w == pytest.approx(500.0 - 4_000.0 * share(row, measured_hz))
        assert after.declared_w == 500.0, "the response is no part of the baseline"


def test_each_product_is_followed_by_the_module_that_knows_its_energy_rule():
    found = {key: product.follower({"product": key}) for key in PRODUCTS}
    assert {key for key, module in found.items() if module is nordic_fcr} == {
        "fcr-n", "fcr-d", "fcr-d-up", "fcr-d-down",
    }  # fmt: skip
    assert {module for key, module in found.items() if key in FOLLOWED} == {None}


def test_a_product_takes_the_place_of_another_with_all_of_its_numbers():
    """As when a run is repeated from its folder with another product."""
    dc, fcr_n = resolved({"product": "dc", "capacity_w": 1.0}), resolved({"product": "fcr-n", "capacity_w": 1.0})
    assert resolved({**fcr_n, "product": "dc"}) == pytest.approx(dc, nan_ok=True)
    assert resolved({**dc, "product": "fcr-n"}) == fcr_n


def test_the_defaults_are_the_row_of_fcr():
    assert Params(**resolved({"product": "fcr"})) == pytest.approx(Params(), nan_ok=True)
    assert resolved({"product": "FCR_CE", "capacity_w": 1.0}) == pytest.approx(
        {"capacity_w": 1.0, **product.row_parameters(PRODUCTS["fcr"])}, nan_ok=True
    )


def test_an_unknown_product_is_refused_and_fcr_the_default():
    with pytest.raises(ValueError, match=r"product must name a product, got 'fast'; known are fcr, fcr-n"):
        resolved({"product": "fast"})
    assert resolved({}) == pytest.approx(resolved({"product": "fcr"}), nan_ok=True)


@pytest.mark.parametrize(
    ("key", "settlement_s", "restore_pu"),
    [
        pytest.param("dc", 1800.0, 0.1, id="20 % of 15 min in half an hour"),
        pytest.param("dm", 1800.0, 0.2, id="20 % of 30 min in half an hour"),
        pytest.param("dr", 1800.0, 0.4, id="20 % of 60 min in half an hour"),
        pytest.param("fcr", 900.0, 0.25, id="a quarter of the offer"),
        pytest.param("ieee1547", 900.0, 0.0, id="no rule, nothing returned"),
    ],
)
def test_energy_returns_as_fast_as_the_rule_demands(key, settlement_s, restore_pu):
    found = resolved({"product": key})
    assert (found["settlement_s"], found["restore_pu"]) == pytest.approx((settlement_s, restore_pu))


def test_energy_returns_through_the_baseline_one_period_after_it_was_announced():
    """100 Wh are missing from the tenth second on; DC returns at most a tenth of 5 kW."""
    ours, memory, declared = params("dc"), Memory(), {}
    for time_s in range(0, 7_200, 10):
        missing_wh = 100.0 if time_s >= 10 else 0.0
        view = VIEW._replace(time_s=float(time_s), elapsed_s=10.0, target_energy_wh=missing_wh)
        asked_w, memory = step(view, memory, ours)
        assert asked_w == memory.declared_w, "quiet frequency: the baseline alone"
        declared[time_s] = memory.declared_w
    announced_w = 100.0 * 2.0 / 0.9  # in half an hour, with the losses of charging
    assert {declared[t] for t in range(0, 3_600, 10)} == {0.0}, "announced at 1800 s, for the period from 3600 s on"
    assert declared[3_600] == pytest.approx(announced_w)
    assert declared[5_390] == pytest.approx(announced_w)
    # At 3600 s the announced energy was counted as coming; the missing 100 Wh were still reported afterwards.
    assert declared[5_400] == 0.0


def test_a_battery_comes_back_and_the_baseline_returns_to_zero():
    ours, memory, missing_wh, flowed = params("fcr", capacity_w=10_000.0), Memory(), 0.0, []
    for time_s in range(0, 12 * 3_600, 10):
        deviation_hz = -0.2 if 600 <= time_s < 1_500 else 0.0  # full power for 15 min: 2.5 kWh
        view = VIEW._replace(time_s=float(time_s), elapsed_s=10.0, frequency_hz=50.0 + deviation_hz,
                             target_energy_wh=missing_wh)  # fmt: skip
        asked_w, memory = step(view, memory, ours)
        cells_w = asked_w * 0.9 if asked_w > 0.0 else asked_w / 0.9
        missing_wh -= cells_w * 10.0 / 3_600.0
        flowed.append((time_s, memory.declared_w, missing_wh))
    most_wh = max(missing for _, _, missing in flowed)
    assert most_wh == pytest.approx(2_500.0 / 0.9, rel=0.01)
    assert max(w for _, w, _ in flowed) == pytest.approx(2_500.0), "a quarter of the capacity"
    back_s = next(t for t, _, missing in flowed if t > 1_500 and missing < 0.1 * most_wh)
    assert back_s - 1_500 < 2.0 * 3_600.0, "the two hours of the rule, losses and the announcement included"
    assert flowed[-1][1] == 0.0
    assert abs(flowed[-1][2]) < 80.0, "less than a tenth of what a period may return is left"


def test_nothing_is_returned_in_alert_state():
    ours, memory = params("fcr"), Memory()
    for time_s in range(0, 4_000, 10):
        low = time_s < 2_000
        view = VIEW._replace(time_s=float(time_s), elapsed_s=10.0, frequency_hz=49.94 if low else 50.0,
                             target_energy_wh=200.0 if time_s else 0.0)  # fmt: skip
        _, memory = step(view, memory, ours)
        assert memory.alert == (1.0 if 900 <= time_s < 2_000 else 0.0)
        if time_s < 3_600:  # announced at 900 s it would have flowed from 1800 s on; the next notice is at 2700 s
            assert memory.declared_w == 0.0
    assert memory.declared_w > 0.0


def test_restoring_may_be_switched_off():
    ours, memory = params("dc", restore_scale=0.0), Memory()
    for time_s in range(0, 9_000, 100):
        view = VIEW._replace(time_s=float(time_s), elapsed_s=100.0, target_energy_wh=5.0 * time_s)
        _, memory = step(view, memory, ours)
        assert memory.declared_w == 0.0


def test_the_schedule_is_no_service_that_is_to_be_returned():
    ours, memory, target_wh = params("dc"), Memory(), 10_000.0
    for time_s in range(0, 9_000, 10):
        view = VIEW._replace(time_s=float(time_s), elapsed_s=10.0 if time_s else 0.0, scheduled_w=3_600.0,
                             target_energy_wh=target_wh)  # fmt: skip
        asked_w, memory = step(view, memory, ours)
        assert asked_w == 3_600.0
        target_wh -= 9.0  # 3.6 kW x 0.9 x 10 s


def test_a_step_product_is_released_once_held_and_ready_again_in_time():
    ours, memory, asked = params("ffr", capacity_w=1_000.0), Memory(), {}
    for tenth in range(12_000):
        time_s = 0.1 * tenth
        low = 10.0 <= time_s < 11.0 or 300.0 <= time_s < 400.0 or 1_000.0 <= time_s < 1_001.0
        view = VIEW._replace(time_s=time_s, elapsed_s=0.1, frequency_hz=49.7 if low else 49.9)
        asked[tenth], memory = step(view, memory, ours)
    assert asked[99] == 0.0
    assert asked[100] == -1_000.0
    assert asked[162] == -1_000.0, "held for 5 s beyond the 1.3 s to full power, although frequency is back"
    assert asked[183] == pytest.approx(-700.0, abs=1.0), "then back at 15 % a second, three quarters of what is allowed"
    assert asked[230] == 0.0
    assert {asked[t] for t in range(3_000, 4_000)} == {0.0}, "not again within 15 min"
    assert asked[10_000] == -1_000.0


@pytest.mark.parametrize(
    ("key", "begins_s", "power_w", "flows_s"),
    [
        # 6.3 s of full power and 6.67 s of its fall at 15 %/s are 9.63 kWs; 10 s later 250 W return them, with losses.
        pytest.param("ffr", 6.3 + 1.0 / 0.15 + 10.0, 250.0, 9_633.0 / 0.81 / 250.0, id="Nordic, a quarter"),
        # 15 min of full power at once; 1.3 times it for 14.2 min: back within the quarter-hour of the rule.
        pytest.param("ercot-ffr", 900.25, 1_300.0, 900.25 / 0.81 / 1.3, id="ERCOT, within 15 min"),
    ],
)
def test_energy_returns_after_a_release_so_that_the_next_finds_it(key, begins_s, power_w, flows_s):
    row, ours, memory = PRODUCTS[key], params(key, capacity_w=1_000.0), Memory()
    missing_wh, returned, step_s = 0.0, [], 0.25
    for k in range(round(2_000.0 / step_s)):
        time_s = k * step_s
        low = 100.0 <= time_s < 101.0
        view = VIEW._replace(
            time_s=time_s,
            elapsed_s=step_s if k else 0.0,
            nominal_hz=row.nominal_hz,
            frequency_hz=row.nominal_hz - (0.31 if low else 0.0),
            target_energy_wh=missing_wh,
        )
        asked_w, memory = step(view, memory, ours)
        missing_wh -= product.cells_w(asked_w, 0.9) * step_s / 3_600.0
        if memory.declared_w > 0.0:
            returned.append((time_s - 100.0, memory.declared_w))
            assert asked_w == memory.declared_w, "the baseline, never the response"
    assert returned[0][0] == pytest.approx(begins_s, abs=2 * step_s)
    assert max(w for _, w in returned) == pytest.approx(power_w)
    flowed_s = sum(w for _, w in returned) * step_s / power_w
    assert flowed_s == pytest.approx(flows_s, rel=0.03)
    assert returned[-1][0] < row.again_s, "ready for the next release"
    assert missing_wh < 0.5


def test_a_signal_is_followed_around_a_baseline_of_its_own():
    ours = params("regd")
    asked_w, memory = step(VIEW._replace(scheduled_w=-3_000.0, frequency_hz=49.0), Memory(), ours)
    assert (asked_w, memory.declared_w) == (-3_000.0, 0.0)


@pytest.mark.parametrize(
    ("deviation_hz", "seconds", "alert"),
    [
        pytest.param(0.2, 1, 1.0, id="200 mHz at once"),
        pytest.param(50.2 - 50.0, 1, 1.0, id="200 mHz with rounding"),
        pytest.param(0.11, 300, 0.0, id="100 mHz for 5 min is not yet"),
        pytest.param(-0.11, 301, 1.0, id="100 mHz for longer"),
        pytest.param(0.06, 900, 0.0, id="50 mHz for 15 min is not yet"),
        pytest.param(0.06, 901, 1.0, id="50 mHz for longer"),
        pytest.param(0.05, 9_000, 0.0, id="the standard range"),
    ],
)
def test_the_station_s_alert_timer_is_that_of_the_rule(deviation_hz, seconds, alert):
    standard_s = wide_s = found = 0.0
    for _ in range(seconds):
        standard_s, wide_s, found = alert_state(deviation_hz, 1.0, standard_s, wide_s, found)
    assert found == alert
    assert alert_state(0.04, 1.0, standard_s, wide_s, found) == (0.0, 0.0, 0.0)


def test_small_formulas():
    assert released_share(1.0, 5.0, 0.2) == 1.0
    assert released_share(7.5, 5.0, 0.2) == pytest.approx(0.5)
    assert released_share(1e12, 5.0, 0.2) == 0.0
    assert returning_w(90.0, 1_800.0, 500.0, 0.9) == pytest.approx(200.0)
    assert returning_w(-90.0, 1_800.0, 500.0, 0.9) == pytest.approx(-162.0)
    assert returning_w(9_000.0, 1_800.0, 500.0, 0.9) == 500.0
    assert returning_w(-9_000.0, 1_800.0, 500.0, 0.9) == -500.0
    assert returning_w(10.0, 1_800.0, 500.0, 0.9) == 0.0, "less than a tenth is left for later"


def test_compiled_it_is_the_same_bits(same_bits):
    draw = random.Random(5)
    rows = []
    for key in FOLLOWED:
        ours = params(key, capacity_w=7_000.0)
        for _ in range(60):
            view = VIEW._replace(
                time_s=draw.uniform(0.0, 9_000.0),
                elapsed_s=draw.uniform(0.0, 2.0),
                frequency_hz=50.0 + draw.choice([0.0, -0.3, 0.2, draw.uniform(-0.6, 0.6)]),
                target_energy_wh=draw.uniform(-2e3, 2e3),
                scheduled_w=draw.choice([0.0, 2e3, -3e3]),
            )
            memory = Memory(
                declared_w=draw.uniform(-1e3, 1e3),
                plan_w=draw.choice([0.0, 1e3]),
                restore_w=draw.uniform(-5e2, 5e2),
                next_w=draw.uniform(-5e2, 5e2),
                period=float(draw.randint(-1, 4)),
                planned_wh=draw.choice([math.nan, 0.0, 500.0]),
                released_s=draw.choice([-1e12, 0.0, view.time_s - 3.0, view.time_s - 8.0]),
                standard_s=draw.uniform(0.0, 1_000.0),
                wide_s=draw.uniform(0.0, 400.0),
                alert=draw.choice([0.0, 1.0]),
            )
            rows.append((view, memory, ours))
    same_bits(step, rows)
