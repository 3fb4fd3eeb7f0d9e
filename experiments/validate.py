"""Scenario files checked without running them."""

from collections.abc import Sequence
from typing import NamedTuple

from cosim.world import problems, warnings
from experiments.errors import UserError
from experiments.inputs import read_inputs
from experiments.load import load


class Verdict(NamedTuple):
    """What was found in one scenario; it can be run when there are no errors."""

    scenario: str
    runs: int
    errors: list[str]
    warnings: list[str]


def validate(scenario: str, overrides: Sequence[str] = ()) -> Verdict:
    """Check a scenario with all its variants and everything it names."""
    errors: list[str] = []
    told: list[str] = []
    try:
        variants = load(scenario, overrides)
    except UserError as error:
        return Verdict(scenario, 0, str(error).splitlines(), [])
    for loaded in variants:
        try:
            inputs = read_inputs(loaded.scenario).inputs
        except UserError as error:
            errors += str(error).splitlines()
            continue
        errors += problems(loaded.scenario, inputs)
        told += warnings(loaded.scenario, inputs)
    return Verdict(scenario, len(variants), list(dict.fromkeys(errors)), list(dict.fromkeys(told)))
