"""The declarations agree with the facts of the published schemas."""

import json
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from protocol.iso20 import ac, common, dc, loop, metering, parking, schedules
from protocol.iso20.sequence import RESPONSES
from protocol.schema import ComplexType, Option, Particle
from protocol.values import Integer, Octets, RationalNumber, Text, Truth

FACTS = json.loads((Path(__file__).parents[1] / "data" / "iso20" / "schema_facts.json").read_text())
BASES = {
    "ct:V2GRequestType",
    "ct:V2GResponseType",
    "ct:ChargeLoopReqType",
    "ct:ChargeLoopResType",
    "ct:Dynamic_CLReqControlModeType",
    "ct:Scheduled_CLReqControlModeType",
    "ct:Dynamic_CLResControlModeType",
    "ct:Scheduled_CLResControlModeType",
    "ds:SignatureType",
}
DECLARED = {
    cls.xsd: cls
    for module in (common, schedules, loop, ac, dc, metering, parking)
    for cls in vars(module).values()
    if isinstance(cls, type) and issubclass(cls, ComplexType) and cls.xsd and cls.xsd not in BASES
}


def facts_of(cls: type[ComplexType]) -> dict[str, Any]:
    return FACTS["complex_types"].get(cls.xsd) or FACTS["messages"][cls.wire_name]


def shape(cls: type[ComplexType]) -> list[tuple[list[str], int, int, bool]]:
    """Names, cardinality and kind of each place; a choice by name is one place."""
    places: list[tuple[list[str], int, int, bool]] = []
    last = ""
    for particle in cls.particles:
        names = [option.name for option in particle.options]
        if particle.alternative and particle.alternative == last:
            places[-1][0].extend(names)
        else:
            minimum = 1 if particle.alternative else particle.minimum
            places.append((names, minimum, particle.maximum, particle.attribute))
        last = particle.alternative
    return places


@pytest.mark.parametrize("cls", DECLARED.values(), ids=lambda cls: cls.wire_name)
def test_elements_have_the_order_names_and_cardinality_of_the_schema(cls):
    facts = facts_of(cls)
    expected = [([a["name"]], a["min"], a["max"], True) for a in facts["attributes"]]
    for field in facts.get("fields", []):
        options = field.get("choice") or [field]
        expected.append(([option["name"] for option in options], field["min"], field["max"], False))
    assert shape(cls) == expected


@pytest.mark.parametrize("cls", DECLARED.values(), ids=lambda cls: cls.wire_name)
def test_elements_have_the_types_of_the_schema(cls):
    facts = facts_of(cls)
    types = {a["name"]: a["type"] for a in facts["attributes"]}
    for field in facts.get("fields", []):
        for option in field.get("choice") or [field]:
            types[option["name"]] = None if option.get("abstract") else option["type"]
    for particle in cls.particles:
        for option in particle.options:
            check_type(option, types[option.name])


def check_type(option: Option, xsd: str | None) -> None:
    """One declared type against the name and the facets of the schema's type."""
    held = option.type
    if xsd is None:
        assert held is None
    elif isinstance(held, type) and issubclass(held, Enum):
        assert [member.value for member in held] == FACTS["simple_types"][xsd]["values"]
    elif isinstance(held, type):
        assert held.xsd == xsd
    else:
        assert held is not None
        assert held.xsd == xsd
        facts = FACTS["simple_types"][xsd]
        if isinstance(held, Integer):
            assert (held.minimum, held.maximum) == (facts["min"], facts["max"])
        elif isinstance(held, Text):
            assert facts["kind"] == "string"
            assert held.maximum_length == facts.get("maxLength")
        elif isinstance(held, Octets):
            assert facts["kind"] == ("hexBinary" if held.hexadecimal else "base64Binary")
            assert held.maximum_length == facts.get("length", facts.get("maxLength"))
            assert held.minimum_length == facts.get("length", 0)
        else:
            assert isinstance(held, Truth)
            assert facts["kind"] == "boolean"


def test_substitution_groups_are_those_of_the_schema():
    groups = 0
    for cls in DECLARED.values():
        for particle, field in zip(cls.particles, facts_of(cls).get("fields", []), strict=False):
            if "substitution_group" in field:
                assert particle.group == field["substitution_group"]
                groups += 1
    assert groups == 8


def test_every_type_of_the_facts_is_declared():
    declared = {cls.wire_name for cls in DECLARED.values()} | {"RationalNumber"}
    named = {xsd.partition(":")[2].removesuffix("Type") for xsd in FACTS["complex_types"]}
    assert named | set(FACTS["messages"]) == declared


def test_every_message_of_a_session_is_declared():
    spoken = {cls.wire_name for pairing in RESPONSES.items() for cls in pairing}
    declared_beside = {"VehicleCheckIn", "VehicleCheckOut"}
    beside = {name + end for name in declared_beside for end in ("Req", "Res")}
    assert spoken | beside == set(FACTS["messages"])
    assert len(spoken | beside) == 40


def test_rational_number_has_the_fields_of_the_schema():
    fields = {field["name"]: field["type"] for field in FACTS["complex_types"]["ct:RationalNumberType"]["fields"]}
    assert fields == {"Exponent": "xs:byte", "Value": "xs:short"}
    assert RationalNumber.xsd == "ct:RationalNumberType"


def test_a_number_with_a_unit_in_its_name_says_the_same_unit():
    units = {"Power": "W", "Energy": "Wh", "Voltage": "V", "Current": "A", "Frequency": "Hz"}

    def stated(particle: Particle) -> str | None:
        if particle.options[0].type is not RationalNumber or not particle.options[0].name.startswith(("EVSE", "EV")):
            return None
        if "Reactive" in particle.options[0].name:
            return "var"
        if "Ramp" in particle.options[0].name:
            return "%/min"
        words = [unit for word, unit in units.items() if word in particle.options[0].name]
        return words[0] if words else None

    checked = 0
    for cls in DECLARED.values():
        for particle in cls.particles:
            expected = stated(particle)
            if expected is not None:
                assert particle.unit == expected, f"{cls.wire_name}.{particle.options[0].name}"
                checked += 1
    assert checked > 200
