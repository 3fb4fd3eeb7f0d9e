"""Rows of the fleet lane in memory: whole cache lines, and what is read most often in the first of them."""

import numpy as np
import pytest

from cosim.row import CACHE_LINE, FIELDS, ROW, blank_rows


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_every_row_begins_a_cache_line(size: int) -> None:
    rows = blank_rows(size)
    assert rows.shape == (size,)
    assert rows.ctypes.data % 64 == 0
    assert rows.strides[0] % 64 == 0
    assert not rows.view(np.uint8).any()


def test_every_field_has_its_place_and_none_straddles_two_lines() -> None:
    assert set(ROW.fields or ()) == set(FIELDS)
    for name in FIELDS:
        first = ROW.fields[name][1]  # type: ignore[index]  # it has fields
        last = first + ROW[name].base.itemsize - 1
        assert first // CACHE_LINE == last // CACHE_LINE, name


def test_a_tick_s_look_at_a_car_at_rest_reads_one_line() -> None:
    for name in ("phase", "kind", "part", "steady", "due_ns", "segment_ns", "cells_ws", "soc_start", "target_w"):
        assert ROW.fields[name][1] < CACHE_LINE, name  # type: ignore[index]  # it has fields
