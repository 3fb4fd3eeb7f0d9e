"""Rounding to the wire, and the numbers that travel."""

import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from protocol.iso20.errors import LocalProtocolError
from protocol.values import RationalNumber, rational, rational_read, wire, wire_within

FINITE = st.floats(min_value=-1e25, max_value=1e25) | st.floats(min_value=-40_000.0, max_value=40_000.0)


@pytest.mark.parametrize(
    ("x", "value", "exponent"),
    [
        pytest.param(11_000.0, 11_000, 0, id="whole watts"),
        pytest.param(32_767.0, 32_767, 0, id="the last whole number of 16 bits"),
        pytest.param(32_768.0, 3_277, 1, id="one more costs a digit"),
        pytest.param(150_000.0, 15_000, 1, id="150 kW"),
        pytest.param(7_123.4, 7_123, 0, id="above 3277 to the unit"),
        pytest.param(397.12, 3_971, -1, id="a battery voltage to the tenth"),
        pytest.param(50.013, 5_001, -2, id="to the hundredth"),
        pytest.param(17.3125, 17_313, -3, id="to the thousandth, halves away from zero"),
        pytest.param(-17.3125, -17_313, -3, id="the same below zero"),
        pytest.param(4.9999, 5, 0, id="a whole number after rounding has exponent 0"),
        pytest.param(0.0004, 0, 0, id="too small to travel"),
        pytest.param(-0.0, 0, 0, id="there is one zero"),
        pytest.param(5, 5, 0, id="an int will do"),
    ],
)
def test_a_number_travels_with_the_finest_exponent_that_holds_it(x, value, exponent):
    number = rational(x)
    assert (number.value, number.exponent) == (value, exponent)
    assert math.copysign(1.0, rational(-0.0).number) == 1.0


@given(FINITE)
@example(3276.75)
@example(32.7675)
@example(327.675)
@example(32767.5)
@example(math.nextafter(32767.5, 0.0))
def test_rational_is_wire_bit_for_bit_and_interned(x):
    assert rational(x).number.hex() == wire(x).hex()
    assert rational(x) is rational(wire(x))


@given(FINITE)
def test_wire_is_idempotent_and_odd(x):
    assert wire(wire(x)) == wire(x)
    assert wire(-x) == -wire(x)


@given(FINITE, FINITE)
def test_wire_is_monotone(x, y):
    assert (wire(x) <= wire(y)) if x <= y else (wire(x) >= wire(y))


@given(st.floats(min_value=-32_767.0, max_value=32_767.0))
def test_wire_is_off_by_at_most_half_a_step(x):
    step = 0.001 if abs(x) < 32.7 else 0.01 if abs(x) < 327.6 else 0.1 if abs(x) < 3_276.7 else 1.0
    assume(abs(x) < 32.7 or not any(abs(abs(x) - edge) < 0.1 for edge in (32.7, 327.6, 3_276.7)))
    assert abs(wire(x) - x) <= step * 0.5 * (1.0 + 1e-9)


@given(FINITE)
@example(10_000.6)
@example(3276.74)
@example(32.7674)
def test_rounding_within_never_passes_the_number_and_misses_it_by_less_than_a_step(x):
    number = wire_within(x)
    assert abs(number) <= abs(x)
    assert number * x >= 0.0
    assert rational(number).number == number
    coarsest = 0.001 * 10.0 ** max(0, math.ceil(math.log10(max(abs(x), 1e-9) / 32.7)))
    assert abs(x - number) <= coarsest * 1.001
    assert wire_within(number) == number


def defined(magnitude: float, towards_zero: bool) -> float:
    """The definition, digit by digit: the first power of ten from 10^-3 up whose 16-bit value holds the number."""
    for exponent in range(-3, 23):
        scaled = magnitude * 10.0**-exponent if exponent < 0 else magnitude / 10.0**exponent
        if scaled < 32_767.5:
            value = math.floor(scaled + 0.5)
            if towards_zero and number_of(value, exponent) > magnitude:
                value -= 1
            return number_of(value, exponent)
    return magnitude


def number_of(value: int, exponent: int) -> float:
    return value / 10.0**-exponent if exponent < 0 else value * 10.0**exponent


def test_the_quick_forms_are_the_definition_at_every_border():
    """Around all halves and whole steps at the ends of each range, and between: where a slip would show."""
    values = [*range(12), *range(3_270, 3_283), *range(32_760, 32_768), 4_999, 17_312]
    for exponent in range(-4, 23):
        for value in values:
            for middle in (number_of(value, exponent), number_of(2 * value + 1, exponent) / 2.0):
                for x in (middle, math.nextafter(middle, math.inf), math.nextafter(middle, 0.0)):
                    assert wire(x) == -wire(-x) == defined(x, towards_zero=False)
                    assert wire_within(x) == -wire_within(-x) == defined(x, towards_zero=True)


@given(st.integers(-32_767, 32_767), st.integers(-3, 20))
def test_a_number_that_has_travelled_travels_unchanged(value, exponent):
    number = RationalNumber(value, exponent).number
    assert wire(number) == number


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, 1e27])
def test_what_cannot_travel_is_refused_by_name(x):
    with pytest.raises(ValueError, match=repr(x).replace("+", r"\+")) as caught:
        rational(x)
    assert isinstance(caught.value, LocalProtocolError)
    assert wire(x) == x or math.isnan(wire(x))


def test_decimals_are_the_nearest_doubles():
    assert RationalNumber(32_767, -1).number == 3_276.7
    assert RationalNumber(3, -1).number == 0.3
    assert wire(0.30001) == 0.3


@pytest.mark.parametrize(
    ("value", "exponent", "message"),
    [
        (32_768, 0, "RationalNumber.Value must be an integer from -32768 to 32767, got 32768"),
        (1.0, 0, "RationalNumber.Value must be an integer from -32768 to 32767, got 1.0"),
        (1, 128, "RationalNumber.Exponent must be an integer from -128 to 127, got 128"),
    ],
)
def test_a_rational_number_is_checked_when_it_is_made(value, exponent, message):
    with pytest.raises(LocalProtocolError, match=message):
        RationalNumber(value, exponent)


def test_equal_means_equal_on_the_wire():
    assert RationalNumber(5, 0) == rational(5.0)
    assert hash(RationalNumber(5, 0)) == hash(rational(5.0))
    assert RationalNumber(5, 0) != RationalNumber(50, -1)
    assert RationalNumber(5, 0) != 5


def test_interpreted_and_compiled_rounding_give_the_same_bits():
    pytest.importorskip("numba")
    from cosim.kernel import compiled

    built = {}
    for plain in (wire, wire_within):
        quick = compiled(plain, built)
        for exponent in range(-5, 27):
            for k in range(200):
                x = (1.0 + 0.0451 * k) * 10.0**exponent * (-1.0) ** k
                assert quick(x).hex() == plain(x).hex()
        for x in (0.0, -0.0, 3276.75, 32767.5, 32.7675, -327.675, 327675.0, math.inf, -math.inf):
            assert quick(x).hex() == plain(x).hex()


@given(st.integers(-32_768, 32_767), st.integers(-128, 127))
def test_a_number_that_was_read_is_the_one_that_would_be_made(value, exponent):
    made, read = RationalNumber(value, exponent), rational_read(value, exponent)
    assert read == made
    assert read.number.hex() == made.number.hex()
