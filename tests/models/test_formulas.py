"""Formulas that both lanes share use only arithmetic that gives the same bits interpreted and compiled."""

import ast
from pathlib import Path

import pytest

import models

FOLDER = Path(models.__file__).parent
SHARED = (
    "draws.py",
    "car/battery.py",
    "car/converter.py",
    "control/charge_loop.py",
    "control/limits.py",
    "control/measurement.py",
    "policies/uncontrolled.py",
    "policies/schedule.py",
    "policies/droop.py",
    "policies/droop_soc.py",
)
NOT_IN_A_LANE = {"shortest_charge_s", "stream_key"}
MATH = {"sqrt", "exp", "floor", "inf", "nan"}
BUILTINS = {"min", "max", "abs", "round", "sum", "pow", "divmod"}


@pytest.mark.parametrize("name", SHARED)
def test_shared_formulas_use_plain_arithmetic(name):
    found = []
    for function in ast.parse((FOLDER / name).read_text()).body:
        if not isinstance(function, ast.FunctionDef) or function.name in NOT_IN_A_LANE:
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Pow | ast.Mod | ast.FloorDiv | ast.Global | ast.Nonlocal | ast.Lambda):
                found.append(f"{function.name}: {type(node).__name__}")
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "math":
                found += [f"{function.name}: math.{node.attr}"] if node.attr not in MATH else []
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BUILTINS:
                found.append(f"{function.name}: {node.func.id}")
    assert found == []
