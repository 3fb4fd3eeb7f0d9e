"""Nordic FCR with a limited reservoir, against the numbers and test sequences of the technical requirements.

Source: ENTSO-E Nordic, Technical Requirements for FCR Provision, 26 May 2023, section 3.5, Tables 10 to 13, equations
14 to 26. Durations of the sequences may be adjusted to the reservoir, as the source says; they were.
"""

import random
from collections.abc import Iterable
from typing import NamedTuple

import pytest

from models.control.charge_loop import StationView
from models.grid.nordic_energy import STRETCH_S, filled_after_s, mean_of, nem_allowed, rolled
from models.grid.products import PRODUCTS
from models.policies.nordic_fcr import Memory, Params, response_share, step
from models.policies.product import resolved

C_W = 1_000.0
EMPTY = (0.0,) * 11


class Second(NamedTuple):
    """What a unit does in one second; power into it, as a share of the contract."""

    time_s: float
    memory: Memory
    power: float
    declared: float
    up_min: float  # endurance


def params(key: str, **own: float) -> Params:
    return Params(**resolved({"product": key, "capacity_w": C_W, "efficiency": 1.0, **own}))


def play(ours: Params, up_min: float, size_min: float, steps: Iterable[tuple[float, float]]) -> list[Second]:
    """A unit that follows its setpoint without loss, second by second, through (minutes, frequency)."""
    memory, stored_wh, size_wh, told = Memory(), up_min * C_W / 60.0, size_min * C_W / 60.0, []
    for minutes, frequency_hz in steps:
        for _ in range(round(60.0 * minutes)):
            time_s = float(len(told))
            view = StationView(time_s=time_s, elapsed_s=1.0 if told else 0.0, frequency_hz=frequency_hz,
                               minimum_energy_wh=-stored_wh, maximum_energy_wh=size_wh - stored_wh)  # fmt: skip
            asked_w, memory = step(view, memory, ours)
            stored_wh = min(max(stored_wh + asked_w / 3_600.0, 0.0), size_wh)
            told.append(Second(time_s, memory, asked_w / C_W, memory.declared_w / C_W, stored_wh * 60.0 / C_W))
    return told


@pytest.mark.parametrize(
    ("key", "power_up", "power_down", "energy_up_h", "energy_down_h", "nems"),
    [
        pytest.param("fcr-n", 1.34, 1.34, 1.0, 1.0, (-1.0, 0.0, 1.0), id="FCR-N"),
        pytest.param("fcr-d-up", 1.0, 0.2, 1.0 / 3.0, 0.0, (-1.0, 0.0), id="FCR-D upwards"),
        pytest.param("fcr-d-down", 0.2, 1.0, 0.0, 1.0 / 3.0, (0.0, 1.0), id="FCR-D downwards"),
    ],
)
def test_power_and_energy_are_those_of_table_10(key, power_up, power_down, energy_up_h, energy_down_h, nems):
    """The power is what the unit uses at most, wherever frequency and the two schemes may stand."""
    row, ours = PRODUCTS[key], params(key)
    assert row.reservoir is not None
    assert (row.reservoir.energy_up_h, row.reservoir.energy_down_h) == pytest.approx((energy_up_h, energy_down_h))
    extremes = [
        response_share(deviation_hz, shift_hz, nem * ours.nem_share, ours) + nem * ours.nem_share
        for deviation_hz in (-1.0, -0.1, 0.0, 0.1, 1.0)
        for shift_hz in (-0.9, -0.1, 0.0, 0.1, 0.9)
        for nem in nems
    ]
    assert (max(extremes), -min(extremes)) == pytest.approx((power_up, power_down))


def test_fcr_n_passes_the_energy_management_test_of_table_12():
    sequence = [  # minutes, Hz, NEM and AEM at the end of it
        (2.0, 50.0, 0, "off"),
        (28.0, 50.09, 1, "off"),
        (6.0, 50.11, 0, "off"),
        (2.5, 50.09, 1, "off"),
        (7.5, 50.11, 0, "on"),
        (10.0, 50.09, 1, "on"),
        (85.0, 49.91, -1, "off"),
        (5.0, 49.89, 0, "off"),
        (2.5, 49.91, -1, "off"),
        (20.0, 49.89, 0, "on"),
        (10.0, 49.91, -1, "on"),
        (160.0, 50.0, 0, "off"),
    ]
    told = play(params("fcr-n"), 89.0, 120.0, [(minutes, hz) for minutes, hz, _, _ in sequence])
    end = 0
    for number, (minutes, _, nem, aem) in enumerate(sequence):
        end += round(60.0 * minutes)
        memory = told[end - 1].memory
        assert memory.nem == nem, f"NEM in step {number}"
        assert (memory.aem_low + memory.aem_high > 0.0) == (aem == "on"), f"AEM in step {number}"
    assert told[-1].up_min == pytest.approx(57.5, abs=1.0), "where NEM ends, and the five minutes that it fades"


@pytest.mark.parametrize("mirrored", [False, True], ids=["upwards", "downwards"])
def test_fcr_d_passes_the_energy_management_test_of_table_13(mirrored):
    near, far, sign = (50.09, 50.5, 1) if mirrored else (49.91, 49.5, -1)
    sequence = [(0.5, near, 0, False), (10.0, far, 0, False), (2.5, near, sign, False), (15.0, far, 0, True),
                (60.0, near, sign, False), (70.0, near, 0, False)]  # fmt: skip
    key, up_min = ("fcr-d-down", 0.0) if mirrored else ("fcr-d-up", 20.0)
    told = play(params(key), up_min, 20.0, [(minutes, hz) for minutes, hz, _, _ in sequence])
    end = 0
    for number, (minutes, _, nem, aem) in enumerate(sequence):
        end += round(60.0 * minutes)
        memory = told[end - 1].memory
        assert (memory.nem, memory.aem_low + memory.aem_high > 0.0) == (nem, aem), f"step {number}"


def test_nem_ramps_over_five_minutes_to_a_third_of_the_contract_in_fcr_n():
    told = play(params("fcr-n"), 25.0, 120.0, [(10.0, 50.0)])
    for seconds, share in ((0, 0.0), (150, 0.17), (300, 0.34), (599, 0.34)):
        assert told[seconds].declared == pytest.approx(share, abs=1e-9)
        assert told[seconds].power == told[seconds].declared, "quiet frequency: the baseline alone"


def test_fcr_d_is_restored_within_two_hours_and_the_time_is_that_of_the_rule():
    """20 min at full power return at a fifth of it: 100 min, and half of the five minutes of the ramp."""
    ours = params("fcr-d-up")._replace(aem_enable_min=0.0, aem_disable_min=0.0)
    told = play(ours, 20.0, 20.0, [(20.0, 49.5), (120.0, 49.95)])
    empty = next(second for second in told if second.up_min < 1e-6)
    assert empty.time_s == pytest.approx(1_199.0)
    full = next(second for second in told if second.time_s > 1_300.0 and second.up_min >= 20.0 - 1e-9)
    assert full.time_s - 1_200.0 == pytest.approx(6_150.0, abs=2.0)


def test_the_response_fades_out_over_five_minutes_near_exhaustion():
    """AEM begins at 5 min; the reference follows frequency, so the response is gone 5 min later, with 2.5 min left."""
    told = play(params("fcr-d-up"), 20.0, 20.0, [(30.0, 49.5)])
    begins = next(second for second in told if second.memory.aem_low > 0.0)
    assert begins.time_s == pytest.approx(900.0, abs=1.0)
    assert told[int(begins.time_s) + 150].power == pytest.approx(-0.5, abs=0.01)
    assert told[int(begins.time_s) + 300].power == pytest.approx(0.0, abs=0.01)
    assert told[-1].up_min == pytest.approx(2.5, abs=0.05)


def test_the_mean_is_that_of_300_samples_but_for_the_stretch_that_leaves():
    window, filled_s, samples, worst = EMPTY, 0.0, [0.0] * 300, 0.0
    for k in range(2_000):
        value = 1.0 if (k // 170) % 2 else 0.0
        window, filled_s = rolled(window, filled_s, value, 1.0), filled_after_s(filled_s, 1.0)
        samples.append(value)
        worst = max(worst, abs(mean_of(window, filled_s) - sum(samples[-300:]) / 300.0))
    assert worst <= 0.025 + 1e-12, "2.5 % of the change"
    for elapsed_s in (0.3, 29.9, 30.0, 95.0, 1_000.0):  # uneven decisions, and a station that was long away
        window = rolled(EMPTY, 12.0, 2.0, elapsed_s)
        assert sum(window) == pytest.approx(2.0 * min(elapsed_s, 10.0 * STRETCH_S + (12.0 + elapsed_s) % STRETCH_S))
        assert filled_after_s(12.0, elapsed_s) == pytest.approx((12.0 + elapsed_s) % STRETCH_S)


@pytest.mark.parametrize(
    ("up_min", "down_min", "deviation_hz", "before", "allowed"),
    [
        pytest.param(29.9, 90.0, 0.0, 0.0, -1.0, id="low: fills"),
        pytest.param(30.0, 90.0, 0.0, 0.0, 0.0, id="not yet low"),
        pytest.param(57.4, 90.0, 0.0, -1.0, -1.0, id="goes on to 57.5 min"),
        pytest.param(57.5, 90.0, 0.0, -1.0, 0.0, id="ends there"),
        pytest.param(90.0, 29.9, 0.09, 0.0, 1.0, id="full: empties"),
        pytest.param(20.0, 90.0, -0.1, -1.0, 0.0, id="not outside the normal band"),
        pytest.param(20.0, 90.0, 0.1, -1.0, 0.0, id="nor above it"),
    ],
)
def test_nem_is_allowed_as_equation_14_says(up_min, down_min, deviation_hz, before, allowed):
    assert nem_allowed(up_min, down_min, deviation_hz, before, 30.0, 57.5, 0.1) == allowed


def test_compiled_it_is_the_same_bits(same_bits):
    draw = random.Random(6)
    rows = []
    for key in ("fcr-n", "fcr-d", "fcr-d-up", "fcr-d-down"):
        ours = Params(**resolved({"product": key}))
        for _ in range(60):
            view = StationView(
                elapsed_s=draw.choice([0.0, 0.25, 2.0, 95.0]),
                frequency_hz=50.0 + draw.uniform(-0.6, 0.6) * draw.choice([0.1, 1.0]),
                minimum_energy_wh=-draw.uniform(0.0, 8e3),
                maximum_energy_wh=draw.uniform(0.0, 8e3),
                minimum_v2x_energy_wh=draw.choice([float("nan"), -1e3]),
                maximum_v2x_energy_wh=draw.choice([float("nan"), 1e3]),
                scheduled_w=draw.choice([0.0, 1e3]),
            )
            state = [draw.uniform(-30.0, 30.0) for _ in Memory._fields]
            memory = Memory(*state)._replace(
                nem=draw.choice([-1.0, 0.0, 1.0]), aem_low=draw.choice([0.0, 1.0]), aem_high=draw.choice([0.0, 1.0]),
                filled_s=draw.uniform(0.0, 30.0), shift_hz=draw.uniform(-0.4, 0.4),
            )  # fmt: skip
            rows.append((view, memory, ours))
    same_bits(step, rows)
