"""NESO's running requirement of the state of energy, against the example of the rule and a closed form."""

import pytest

from models.grid.energy_requirement import required_energy


def test_the_example_of_the_service_terms():
    """50 MWh contracted, 2 delivered in the first half-hour: 48 are needed until the sixth period, then 50."""
    assert required_energy(50.0, [2.0, 0, 0, 0, 0, 0, 0, 0]) == [50.0, 48.0, 48.0, 48.0, 48.0, 50.0, 50.0, 50.0]


def test_a_volume_that_was_given_at_once_returns_by_a_fifth_in_each_period():
    required = required_energy(10.0, [10.0] + 10 * [0.0])
    assert required == pytest.approx([10, 0, 0, 0, 0, 2, 4, 6, 8, 10, 10])


def test_who_goes_on_giving_owes_less_and_nothing_below_zero_is_asked_for_more():
    required = required_energy(10.0, [4.0, 4.0, 4.0, 4.0])
    assert required == pytest.approx([10.0, 6.0, 2.0, -2.0])
    assert required_energy(10.0, [0.0] * 9) == [10.0] * 9
