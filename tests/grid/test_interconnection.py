"""Two areas with a tie line, secondary control and load shedding: closed forms and text book numbers."""

import math

import pytest

from models.grid.area import GridParams, TieLine
from models.grid.frequency import FrequencyModel
from models.grid.governors import limited, non_reheat, split_servo
from models.grid.held import CurvePoint, HeldResponse
from models.grid.interconnection import Interconnection
from models.grid.secondary import Secondary, SecondaryState, sampled_secondary
from models.grid.shedding import Stage

# Text book area (Elgerd, Electric Energy Systems Theory, chapter 9), on a base of 2000 MW:
# H 5 s, D .00833 p.u./Hz, R 2.4 Hz/p.u., Tg .08 s, Tt .3 s, 2 pi T12 .545 p.u./Hz, 60 Hz.
BASE_MW = 2000.0
TEXT_BOOK = GridParams(60.0, BASE_MW, 5.0 * BASE_MW, 0.00833 * BASE_MW, (non_reheat("g", BASE_MW / 2.4, 0.08, 0.3),))
TIE = TieLine(0.545 * BASE_MW)
BETA = (0.00833 + 1.0 / 2.4) * BASE_MW  # MW/Hz


def test_two_areas_come_to_rest_at_the_text_book_frequency_and_share_the_load() -> None:
    """A load of 1 % in area 1: F = -dP / (beta1 + beta2) = -11.76 mHz, half of it comes over the line."""
    system = Interconnection((TEXT_BOOK, TEXT_BOOK), TIE)
    for _ in range(600):
        system.step(0.1, (-0.01 * BASE_MW, 0.0))
    assert system.frequencies_hz == pytest.approx((60.0 - 20.0 / (2 * BETA),) * 2, abs=1e-6)
    assert 60.0 - system.frequencies_hz[0] == pytest.approx(0.01176, abs=1e-5)
    assert system.tie_mw == pytest.approx(-10.0, abs=1e-3)


def test_the_line_swings_at_its_closed_form() -> None:
    """Two areas without governors: F1 - F2 obeys x'' = -2 c T x with c = f0 / (2 Ek), an undamped swing."""
    bare = GridParams(50.0, 1000.0, 5000.0, 0.0)
    system = Interconnection((bare, bare), TieLine(600.0))
    omega = math.sqrt(2.0 * 50.0 / (2.0 * 5000.0) * 600.0)
    for k in range(1, 101):
        first, second = system.step(0.037, (-10.0, 0.0))
        t_s = 0.037 * k
        apart = -0.05 * math.sin(omega * t_s) / omega
        assert first - second == pytest.approx(apart, abs=1e-11)
        assert 0.5 * (first + second) == pytest.approx(50.0 - 0.025 * t_s, abs=1e-11)


def test_identical_areas_under_identical_disturbance_are_one_area() -> None:
    one, two = FrequencyModel(TEXT_BOOK), Interconnection((TEXT_BOOK, TEXT_BOOK), TIE)
    for _ in range(100):
        expected = one.step(0.1, -30.0)
        assert two.step(0.1, (-30.0, -30.0)) == pytest.approx((expected, expected), abs=1e-12)
    assert two.tie_mw == pytest.approx(0.0, abs=1e-9)


def test_halving_the_tick_changes_two_areas_by_less_than_a_tenth_of_a_millihertz() -> None:
    """Valves with limits, a held block, secondary control and a stage of load shedding, all at once."""
    rest, lag_s, _ = split_servo(TEXT_BOOK.governors[0], 0)
    valve = limited(rest, servo_lag_s=lag_s, deadband_hz=0.015, up_mw=60.0, opening_mw_per_s=40.0)
    block = HeldResponse("h", 30.0, 30.0, (CurvePoint(0.02, 0.0), CurvePoint(0.2, 1.0)), 0.4, 0.3)
    first = TEXT_BOOK._replace(
        governors=(valve,), held=(block,), secondary=control(), shedding=(Stage(59.75, 0.02, 0.15),)
    )
    traces, trips = [], []
    for tick_s in (0.04, 0.02):
        system = Interconnection((first, TEXT_BOOK), TIE)
        every = round(0.04 / tick_s)
        steps = [system.step(tick_s, (-300.0, 0.0)) for _ in range(round(20.0 / tick_s))]
        traces.append(steps[every - 1 :: every])
        trips.append([trip.time_s for trip in system.trips])
    assert len(trips[0]) == 1
    assert trips[0] == pytest.approx(trips[1], abs=2e-3)
    assert max(abs(a - b) for one, two in zip(*traces, strict=True) for a, b in zip(one, two, strict=True)) < 1e-4


def control(bias: float = BETA, **changes: float) -> Secondary:
    values = {"gain": 0.1, "integral_s": 40.0, "rate_mw_per_s": 10.0, "up_mw": 200.0, "down_mw": 200.0, **changes}
    return Secondary(2.0, bias, **values)


def test_secondary_control_brings_frequency_and_line_back_and_the_neighbour_keeps_still() -> None:
    """With B = beta the neighbour's error is its own disturbance only: in the end it gives nothing."""
    areas = (TEXT_BOOK._replace(secondary=control()),) * 2
    system = Interconnection(areas, TIE)
    for _ in range(6000):
        system.step(0.1, (-20.0, 0.0))
    assert system.frequencies_hz == pytest.approx((60.0, 60.0), abs=1e-5)
    assert system.tie_mw == pytest.approx(0.0, abs=1e-2)
    assert system.secondary_mw == pytest.approx((20.0, 0.0), abs=1e-2)


def test_a_neighbour_with_half_the_bias_works_against_the_area_in_need() -> None:
    first = TEXT_BOOK._replace(secondary=control())
    least = {}
    for share in (1.0, 0.5):
        system = Interconnection((first, TEXT_BOOK._replace(secondary=control(share * BETA))), TIE)
        for _ in range(300):
            system.step(0.1, (-20.0, 0.0))
        least[share] = system.secondary_mw[1]
    assert least[0.5] < least[1.0] - 0.5, "it takes power out, because it blames itself for its export"


def test_a_sample_of_the_controller() -> None:
    """ACE = 4 + 100 x (-0.1) = -6 MW: the integral gains 6 x 2 / 40 = 0.3, the gain 0.6; the rate allows 0.5."""
    agc = Secondary(2.0, 100.0, 0.1, 40.0, 0.25, 200.0, 200.0)
    assert sampled_secondary(agc, SecondaryState(), -0.1, 4.0) == pytest.approx((0.3, 0.5))
    fast = agc._replace(rate_mw_per_s=100.0)
    assert sampled_secondary(fast, SecondaryState(), -0.1, 4.0) == pytest.approx((0.3, 0.9))
    full = sampled_secondary(fast._replace(up_mw=0.2), SecondaryState(), -0.1, 4.0)
    assert full == pytest.approx((0.2, 0.2)), "within the range, and no wind-up behind it"


@pytest.mark.parametrize("tick_s", [0.5, 0.3, 0.1])
def test_samples_fall_on_their_instants_whatever_the_tick(tick_s: float) -> None:
    area = TEXT_BOOK._replace(secondary=control())
    model, other = FrequencyModel(area), FrequencyModel(area)
    for _ in range(round(30.0 / tick_s)):
        model.step(tick_s, -20.0)
    for _ in range(3000):
        other.step(0.01, -20.0)
    assert model.frequency_hz == pytest.approx(other.frequency_hz, abs=1e-10)
    assert model.secondary_mw == pytest.approx(other.secondary_mw, abs=1e-9)


# --- load shedding: without damping and governors frequency falls in a straight line, so instants are known ---

BARE = GridParams(50.0, 1000.0, 5000.0, 0.0)  # 0.005 Hz/s per MW


@pytest.mark.parametrize("tick_s", [1.0, 0.3, 0.1, 0.02])
def test_a_stage_trips_at_its_crossing_and_its_delay(tick_s: float) -> None:
    """0.5 Hz/s: 48.8 Hz after 2.4 s, tripped at 2.6 s; 10 % of 1000 MW ends the fall at 48.7 Hz."""
    model = FrequencyModel(BARE._replace(shedding=(Stage(48.8, 0.1, 0.2),)))
    for _ in range(round(6.0 / tick_s)):
        model.step(tick_s, -100.0)
    (trip,) = model.trips
    assert trip.time_s == pytest.approx(2.6, abs=2e-6)
    assert trip.net_mw == 100.0
    assert model.frequency_hz == pytest.approx(48.7, abs=2e-6)


def test_embedded_generation_on_a_feeder_is_lost_with_it() -> None:
    """Great Britain 2019: 931 MW of feeders gave some 350 MW. Net is gross less what stood on it."""
    stage = Stage(48.8, 0.05, 0.0, 0.6)
    assert stage.net_mw(18_620.0) == pytest.approx(372.4)
    model = FrequencyModel(BARE._replace(shedding=(Stage(48.8, 0.1, 0.0, 0.6),)))
    for _ in range(50):
        model.step(0.1, -100.0)
    assert model.frequency_hz == pytest.approx(48.8 - 0.005 * 60.0 * 2.6, abs=1e-5)


def test_stages_trip_in_order_and_never_twice() -> None:
    stages = (Stage(48.8, 0.05, 0.1), Stage(48.6, 0.05, 0.1), Stage(48.4, 0.05, 0.1))
    model = FrequencyModel(BARE._replace(shedding=stages))
    for _ in range(100):
        model.step(0.1, -120.0)
    assert [trip.stage for trip in model.trips] == [0, 1, 2]
    # 0.6 Hz/s to 48.8 at 2 s, tripped at 2.1; 0.35 Hz/s from 48.74, 48.6 after 0.4 s more, and so on.
    assert [trip.time_s for trip in model.trips] == pytest.approx([2.1, 2.6, 2.6 + 0.165 / 0.1 + 0.1], abs=1e-5)


def test_a_relay_that_sees_frequency_recover_in_time_does_not_trip() -> None:
    """Down to 48.75 Hz and back above 48.8 within the delay: 0.2 s below it."""
    for delay_s, trips in ((0.25, 0), (0.15, 1)):
        model = FrequencyModel(BARE._replace(shedding=(Stage(48.8, 0.1, delay_s),)))
        for _ in range(25):
            model.step(0.1, -100.0)
        for _ in range(5):
            model.step(0.1, 100.0 if not model.trips else 0.0)
        assert len(model.trips) == trips


def test_a_dip_between_two_sub_steps_is_seen() -> None:
    """The turning point lies inside a sub-step of 50 ms; the threshold is under it, and above both its ends' reach."""
    fine = FrequencyModel(TEXT_BOOK)
    trace = [fine.step(0.001, -60.0) for _ in range(2000)]
    nadir_hz = min(trace)
    ends_hz = min(trace[49::50])
    assert ends_hz - nadir_hz > 2e-7
    for threshold_hz, trips in ((0.5 * (nadir_hz + ends_hz), 1), (nadir_hz - 1e-7, 0)):
        model = FrequencyModel(TEXT_BOOK._replace(shedding=(Stage(threshold_hz, 0.01, 0.0),)))
        for _ in range(40):
            model.step(0.05, -60.0)
        assert len(model.trips) == trips


def test_damping_leaves_with_the_load() -> None:
    area = BARE._replace(damping_mw_per_hz=20.0, shedding=(Stage(49.0, 0.1, 0.0),))
    model = FrequencyModel(area)
    for _ in range(3000):
        model.step(0.1, -118.0)
    assert len(model.trips) == 1
    assert model.frequency_hz == pytest.approx(50.0 - 18.0 / 18.0, abs=1e-6)


# --- the other way round: which power gives a frequency ---


def test_the_power_that_leads_to_a_frequency_is_found() -> None:
    rest, lag_s, _ = split_servo(TEXT_BOOK.governors[0], 0)
    block = HeldResponse("h", 50.0, 50.0, (CurvePoint(0.01, 0.0), CurvePoint(0.1, 1.0)), 0.3, 0.2)
    area = TEXT_BOOK._replace(
        governors=(limited(rest, servo_lag_s=lag_s, deadband_hz=0.01, up_mw=60.0),), held=(block,)
    )
    powers = [100.0 * math.sin(0.3 * k) for k in range(60)]
    recorded = FrequencyModel(area)
    trace = [recorded.step(0.2, power) for power in powers]
    model = FrequencyModel(area)
    for power, f in zip(powers, trace, strict=True):
        found = model.power_for_hz(0.2, f)
        assert found == pytest.approx(power, abs=1e-6)
        model.step(0.2, found)


@pytest.mark.parametrize(
    ("areas", "tie", "message"),
    [
        pytest.param((BARE, BARE), None, "a tie line joins two areas, got 2 area", id="no line"),
        pytest.param((BARE,), TIE, "a tie line joins two areas, got 1 area", id="one area"),
        pytest.param((BARE, BARE), TieLine(0.0), "mw_per_hz_s of the tie line must be positive", id="no strength"),
        pytest.param((BARE._replace(secondary=control(gain=-1.0)),), None, "gain of the secondary", id="gain"),
        pytest.param((BARE._replace(secondary=control(integral_s=0.0)),), None, "integral_s of", id="integral"),
        pytest.param((BARE._replace(shedding=(Stage(48.8, 1.5, 0.1),)),), None, "demand_share of a shed", id="share"),
        pytest.param((BARE._replace(shedding=(Stage(48.8, 0.6, 0.1),) * 2),), None, "more than the whole", id="all"),
    ],
)
def test_an_impossible_interconnection_is_refused(
    areas: tuple[GridParams, ...], tie: TieLine | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Interconnection(areas, tie)
