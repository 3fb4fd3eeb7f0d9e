"""Formulas over arrays."""

import numpy as np
import pytest

from models import elementwise
from models.car.battery import charge_limit_w
from models.car.converter import Energy, Loss, hold_energy, loss_w
from models.control.charge_loop import StationView
from models.control.limits import LimitParams, limit


def test_numbers_and_arrays_are_broadcast():
    soc = np.linspace(0.0, 1.0, 6).reshape(2, 3)
    limits_w = elementwise(charge_limit_w)(soc, 11_000.0, 0.8, 1.0)
    assert limits_w.shape == (2, 3)
    assert limits_w.dtype == np.float64
    assert limits_w.ravel().tolist() == [charge_limit_w(value, 11_000.0, 0.8, 1.0) for value in soc.ravel().tolist()]


def test_tuples_reach_every_call_unchanged():
    loss = Loss(100.0, 0.1, 0.0)
    assert elementwise(loss_w)([0.0, 1_000.0, -2_000.0], loss, loss).tolist() == [0.0, 200.0, 300.0]


def test_a_named_result_is_a_named_tuple_of_arrays():
    none = Loss(0.0, 0.0, 0.0)
    energy = elementwise(hold_energy)([750.0, 1_000.0], 2.0, none, none, none, none)
    assert isinstance(energy, Energy)
    assert energy.plug_ws.tolist() == [1_500.0, 2_000.0]


def test_a_plain_tuple_is_a_tuple_of_arrays():
    setpoints_w, reasons = elementwise(limit)([1_000.0, -1_000.0], StationView(maximum_energy_wh=1e4), LimitParams())
    assert setpoints_w.tolist() == [0.0, 0.0]
    assert reasons.tolist() == [7.0, 2.0]


def test_nothing_gives_nothing():
    assert elementwise(charge_limit_w)(np.array([]), 1.0, 0.8, 1.0).shape == (0,)


def test_a_single_number_stays_one():
    assert float(elementwise(charge_limit_w)(0.5, 1.0, 0.8, 1.0)) == 1.0


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="broadcast"):
        elementwise(charge_limit_w)([0.1, 0.2], [1.0, 2.0, 3.0], 0.8, 1.0)
