"""TOML that is written is read back as it was."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cosim.scenario import Scenario
from experiments.toml import toml_text

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.one_of(
    texts,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.lists(st.floats(allow_nan=False), max_size=3),
)
tables = st.recursive(
    st.dictionaries(texts.filter(lambda key: "." not in key), values, max_size=3),
    lambda inner: st.dictionaries(
        texts.filter(lambda key: "." not in key),
        st.one_of(values, inner, st.lists(inner, min_size=1, max_size=2)),
        max_size=3,
    ),
    max_leaves=6,
)


@given(tables)
def test_what_is_written_is_read_back(data: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(data)) == data


def test_absent_values_are_left_out_and_remarks_stand_behind_values() -> None:
    text = toml_text({"a": 1, "b": None, "c": {"d": "x"}}, lambda key: f"about {key}")
    assert text == 'a = 1  # about a\n\n[c]\nd = "x"  # about c.d\n'


def test_a_scenario_survives_the_way_through_toml() -> None:
    scenario = Scenario.model_validate(
        {"grid": {"events": [{"t_s": 1.0, "power_mw": -2.0}]}, "fleet": {"arrival": {"leave_s": [5.0, 1e6]}}}
    )
    assert Scenario.model_validate(tomllib.loads(toml_text(scenario.model_dump()))) == scenario
