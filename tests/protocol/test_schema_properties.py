"""What holds for every declared type; values and faults are derived from the declarations."""

from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.exi import interpreted
from protocol.exi.codec import decode, encode
from protocol.exi.content import from_content, to_content
from protocol.exi.schemas import SCHEMAS, schema_of
from protocol.iso20 import ac, common, dc, loop, metering, parking, schedules
from protocol.iso20.common import Signature
from protocol.iso20.errors import LocalProtocolError
from protocol.iso20.refusals import least
from protocol.schema import ComplexType, Option, Particle
from protocol.values import Integer, Octets, RationalNumber, Text, Truth

TYPES = sorted(
    {
        cls
        for module in (common, schedules, loop, ac, dc, metering, parking)
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, ComplexType) and cls.xsd and cls is not Signature
    },
    key=lambda cls: cls.xsd,
)


def value_of(option: Option) -> st.SearchStrategy[Any]:
    """Any legal value of one element."""
    held = option.type
    if isinstance(held, Integer):
        return st.integers(held.minimum, held.maximum)
    if isinstance(held, Truth):
        return st.booleans()
    if isinstance(held, Text):
        return st.text(st.characters(codec="utf-8"), max_size=min(held.maximum_length or 9, 9))
    if isinstance(held, Octets):
        return st.binary(min_size=held.minimum_length, max_size=min(held.maximum_length, held.minimum_length + 9))
    if held is RationalNumber:
        return st.builds(RationalNumber, st.integers(-32_768, 32_767), st.integers(-128, 127))
    assert isinstance(held, type)
    if issubclass(held, Enum):
        return st.sampled_from(held)
    assert issubclass(held, ComplexType)
    return st.deferred(lambda: instance_of(held))


def content_of(particle: Particle) -> st.SearchStrategy[Any]:
    """Any legal content of one place; lists stay short."""
    options = [option for option in particle.options if option.type not in (None, Signature)]
    if not options:
        return st.none()
    value = st.one_of([value_of(option) for option in options])
    if particle.maximum > 1:
        most = min(particle.maximum, particle.minimum + 2)
        return st.lists(value, min_size=particle.minimum, max_size=most).map(tuple)
    return value if particle.minimum else st.none() | value


@st.composite
def instance_of(draw: Any, cls: type[ComplexType]) -> ComplexType:
    """Any legal instance of a declared type."""
    choices = {particle.alternative for particle in cls.particles if particle.alternative}
    chosen = {
        draw(st.sampled_from([particle.field for particle in cls.particles if particle.alternative == choice]))
        for choice in choices
    }
    values = {}
    for particle in cls.particles:
        if not particle.alternative:
            values[particle.field] = draw(content_of(particle))
        elif particle.field in chosen:
            values[particle.field] = draw(value_of(particle.options[0]))
    return cls(**values)


@settings(max_examples=300)
@given(st.sampled_from(TYPES).flatmap(instance_of))
def test_every_legal_content_is_accepted_and_kept(message):
    kept = {particle.field: getattr(message, particle.field) for particle in message.particles}
    assert type(message)(**kept) == message


@settings(max_examples=500)
@given(st.sampled_from([cls for schema in SCHEMAS.values() for cls in schema.messages.values()]).flatmap(instance_of))
def test_every_message_survives_the_wire(message):
    data = encode(message)
    schema = schema_of(type(message))
    assert data == interpreted.encode(message)
    assert decode(data, schema) == message
    assert interpreted.decode(data, schema) == message
    assert from_content(schema, to_content(message)) == message


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.wire_name)
def test_every_element_refuses_a_foreign_object_by_its_name(cls):
    legal = {particle.field: getattr(least(cls), particle.field) for particle in cls.particles}
    for particle in cls.particles:
        for wrong in (object(), [object()], (object(),) * max(particle.minimum, 1)):
            with pytest.raises(LocalProtocolError) as caught:
                cls(**{**legal, particle.field: wrong})
            name = particle.group or particle.options[0].name
            assert str(caught.value).startswith(f"{cls.wire_name}.")
            assert name in str(caught.value)


@pytest.mark.parametrize("cls", TYPES, ids=lambda cls: cls.wire_name)
def test_every_element_keeps_to_its_limits(cls):
    legal = {particle.field: getattr(least(cls), particle.field) for particle in cls.particles}
    for particle in cls.particles:
        for wrong in beyond(particle):
            with pytest.raises(LocalProtocolError, match=particle.group or particle.options[0].name):
                cls(**{**legal, particle.field: wrong})


def beyond(particle: Particle) -> list[Any]:
    """Values just outside the limits of one place."""
    held = particle.options[0].type
    wrong: list[Any] = []
    if isinstance(held, Integer):
        wrong = [held.minimum - 1, held.maximum + 1, True, 1.0]
    elif isinstance(held, Text) and held.maximum_length is not None:
        wrong = ["x" * (held.maximum_length + 1)]
    elif isinstance(held, Octets):
        sizes = (held.minimum_length - 1, held.maximum_length + 1)
        wrong = [bytes(size) for size in sizes if size >= 0]
    if particle.maximum == 1:
        return wrong + ([None] if particle.minimum else [])
    return [(value,) for value in wrong] + [None] + ([()] if particle.minimum else [])
