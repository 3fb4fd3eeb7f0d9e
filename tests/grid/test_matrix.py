"""The matrix exponential and the exact step, against closed forms."""

import math

import pytest

from models.grid.matrix import exponential, held_input_step, multiply


@pytest.mark.parametrize("angle", [1e-6, 1.0, 20.0])
def test_exponential_of_a_rotation(angle: float) -> None:
    (a, b), (c, d) = exponential(((0.0, -angle), (angle, 0.0)))
    assert (a, b, c, d) == pytest.approx(
        (math.cos(angle), -math.sin(angle), math.sin(angle), math.cos(angle)), abs=1e-13
    )


def test_exponential_of_zero_is_the_unit_matrix() -> None:
    assert exponential(((0.0, 0.0), (0.0, 0.0))) == ((1.0, 0.0), (0.0, 1.0))


def test_exponential_of_time_constants_far_apart() -> None:
    result = exponential(((-50.0, 0.0), (0.0, -1e-6)))
    assert result[0][0] == pytest.approx(math.exp(-50.0), rel=1e-12)
    assert result[1][1] == pytest.approx(math.exp(-1e-6), rel=1e-14)


def test_exact_step_of_a_first_order_lag_and_of_an_integrator() -> None:
    ((a, b),) = held_input_step(((-2.0,),), ((2.0,),), 0.3)
    assert (a, b) == pytest.approx((math.exp(-0.6), 1.0 - math.exp(-0.6)), rel=1e-14)
    assert held_input_step(((0.0,),), ((5.0,),), 0.1) == ((1.0, 0.5),)


def test_product_of_rectangular_matrices() -> None:
    assert multiply(((1.0, 2.0),), ((3.0, 4.0), (5.0, 6.0))) == ((13.0, 16.0),)
