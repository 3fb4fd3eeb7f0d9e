"""Policies from everywhere: packaged, a file, a module, an object; and what is said when they are not policies."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from experiments.errors import UserError
from experiments.policies import Found, find_policy, local_policy, packaged_policies
from models.control.charge_loop import StationView

FILE = """
from typing import NamedTuple

class Params(NamedTuple):
    watts: float = 7.0

class Memory(NamedTuple):
    seen: float = 0.0

def setpoint_w(view, params):
    return params.watts

def counting(view, memory, params: Params):
    return memory.seen, Memory(memory.seen + 1.0)

class Own:
    class Params(NamedTuple):
        share: float = 0.5

    def setpoint_w(view, params):
        return params.share * view.rated_w
"""


class Params(NamedTuple):
    watts: float = 3.0
    offset: float = 0.0


def given(view: StationView, params: Params) -> float:
    return params.watts + params.offset


@pytest.fixture
def file(here: Path) -> Path:
    path = here / "mine.py"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", packaged_policies())
def test_packaged_policies_have_one_function_and_defaults(name: str) -> None:
    policy = local_policy(find_policy(name), {})
    assert (policy.setpoint_w is None) != (policy.step is None)
    assert (policy.memory is None) == (policy.step is None)


def test_a_function_of_a_file(file: Path) -> None:
    policy = local_policy(find_policy("./mine.py:setpoint_w"), {"watts": 9})
    assert policy.setpoint_w is not None
    assert policy.setpoint_w(StationView(), policy.params) == 9.0


def test_a_function_with_memory(file: Path) -> None:
    policy = local_policy(find_policy("./mine.py:counting"), {})
    assert policy.step is not None
    setpoint_w, memory = policy.step(StationView(), policy.memory, policy.params)
    assert (setpoint_w, memory.seen) == (0.0, 1.0)


def test_a_class_as_a_name_for_its_function_and_parameters(file: Path) -> None:
    policy = local_policy(find_policy("./mine.py:Own"), {})
    assert policy.setpoint_w is not None
    assert policy.setpoint_w(StationView(rated_w=10.0), policy.params) == 5.0


def test_a_module_in_the_current_folder(file: Path) -> None:
    file.rename(file.with_name("policies_of_mine.py"))
    assert local_policy(find_policy("policies_of_mine:setpoint_w"), {}).params.watts == 7.0


def test_an_object() -> None:
    policy = local_policy(Found("given", given, "given"), {"offset": 1})
    assert policy.setpoint_w is not None
    assert policy.setpoint_w(StationView(), policy.params) == 4.0


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param("./mine.py:setpoint", "has no 'setpoint'. Did you mean 'setpoint_w'?", id="no such function"),
        pytest.param("./mine.py:Params", "must have one function", id="not a policy"),
        pytest.param("no_such_module:f", "No module named 'no_such_module'", id="no such module"),
    ],
)
def test_a_name_that_leads_to_no_policy(name: str, complaint: str, file: Path) -> None:
    with pytest.raises(UserError) as caught:
        local_policy(find_policy(name), {})
    assert complaint in str(caught.value)


def test_a_file_that_does_not_load_is_told_with_its_line(file: Path) -> None:
    file.write_text("x = 1\ny = x / 0\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"mine.py line 2: ZeroDivisionError"):
        find_policy("./mine.py:f")
    file.write_text("x = 1\ndef f(:\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"mine.py line 2: SyntaxError"):
        find_policy("./mine.py:f")


@pytest.mark.parametrize(
    ("thing", "complaint"),
    [
        pytest.param(lambda view: 0.0, "takes 1 arguments", id="one argument"),
        pytest.param(
            SimpleNamespace(step=lambda view, memory, params: 0.0), "needs a NamedTuple 'Memory'", id="no memory"
        ),
        pytest.param(SimpleNamespace(setpoint_w=given, Params=dict), "Params must be a NamedTuple", id="wrong Params"),
        pytest.param(SimpleNamespace(setpoint_w=given, step=given), "must have one function", id="two functions"),
    ],
)
def test_what_is_not_shaped_like_a_policy_is_refused(thing: Any, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        local_policy(Found("mine", thing, "given"), {})
    assert complaint in str(caught.value)
