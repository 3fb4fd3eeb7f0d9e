"""Compiled functions: the machine code kept on disk is never that of an older source."""

import importlib.util
import sys
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cosim import kernel
from cosim.kernel import compiled, is_kept
from cosim.row import KIND, constants
from cosim.sheet import PLACES, show
from models.control.charge_loop import StationView

SOURCE = """
from typing import NamedTuple

import numpy as np

import {settings}

GAIN = 2.0
TABLE = np.arange(2000.0)


class Curve(NamedTuple):
    slope: float
    level: float


def inner(x):
    return GAIN * x + {settings}.OFFSET


def outer(x, offset=1.0):
    curve = Curve(3.0, 0.5)
    return inner(x) + curve.slope * x + curve.level + TABLE[1000] + offset
"""

folders = count()


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Compile `outer` of a source, as a new process would: a module of its own, one place on disk for all."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def loaded(name: str, text: str) -> ModuleType:
        path = tmp_path / f"{next(folders)}" / f"{name}.py"
        path.parent.mkdir()
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    def from_text(text: str, settings: str = "OFFSET = 4.0", fresh: bool = True) -> tuple[Any, Any]:
        if fresh:
            monkeypatch.setattr(kernel, "_LOADED", {})
        loaded("compiled_settings", settings)
        outer = loaded("compiled_formulas", text.format(settings="compiled_settings")).outer
        return outer, compiled(outer, {})

    return from_text


def test_what_has_been_compiled_is_found_again(build: Any) -> None:
    _, first = build(SOURCE)
    assert not is_kept(first)
    value = first(1.5)
    _, second = build("# Neither comments nor spaces change anything.\n" + SOURCE.replace("GAIN * x", "GAIN  *  x"))
    assert is_kept(second)
    assert second(1.5) == value
    assert sum(second.stats.cache_hits.values()) == 1


def test_a_process_loads_it_once(build: Any) -> None:
    _, first = build(SOURCE)
    _, second = build(SOURCE, fresh=False)
    assert second is first
    _, edited = build(SOURCE.replace("GAIN = 2.0", "GAIN = 2.5"), fresh=False)
    assert edited is not first


EDITS = {
    "a function below": ("GAIN * x +", "GAIN * x -"),
    "a number in it": ("GAIN * x", "GAIN * x * 1.25"),
    "a constant": ("GAIN = 2.0", "GAIN = 2.5"),
    "the order of fields": ("slope: float\n    level: float", "level: float\n    slope: float"),
    "a default of the function": ("offset=1.0", "offset=1.5"),
    "the middle of a table": ("np.arange(2000.0)", "np.where(np.arange(2000.0) == 1000.0, 7.0, np.arange(2000.0))"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_never_overlooked(build: Any, edit: tuple[str, str]) -> None:
    _, before = build(SOURCE)
    before(1.5)
    assert edit[0] in SOURCE
    plain, after = build(SOURCE.replace(*edit), fresh=False)
    assert after.py_func.cache_key != before.py_func.cache_key
    assert not is_kept(after)
    assert after(1.5) == plain(1.5) != before(1.5)


def test_a_constant_of_another_module_is_not_overlooked(build: Any) -> None:
    _, before = build(SOURCE)
    before(1.5)
    plain, after = build(SOURCE, "OFFSET = 5.0", fresh=False)
    assert after(1.5) == plain(1.5) != before(1.5)


def test_a_policy_is_shown_every_field_of_the_view() -> None:
    numbers = [float(k + 1) for k in range(len(StationView._fields))]
    seen = np.zeros((len(numbers), PLACES))
    show(StationView(*numbers), seen, 3)
    assert seen[:, 3].tolist() == numbers


def test_the_constants_of_a_kind_keep_their_names() -> None:
    record = np.frombuffer(np.arange(KIND.itemsize, dtype=np.uint8).tobytes(), KIND).view(np.recarray)[0]
    read = constants(record)
    for name in KIND.names or ():
        assert np.array_equal(getattr(read, name), np.array(record[name].item()), equal_nan=True), name
