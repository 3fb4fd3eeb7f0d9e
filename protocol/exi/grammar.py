"""The EXI grammar of a declared type: states, and what may come next in each. EXI 1.0, section 8.5.4; strict is off.

In each state the productions are counted from 0: the elements (or attributes) that may come next, in schema order, then
the end of the type. As strict is off there is one more code, the escape to undeclared content, which is why a state
of n productions takes `n.bit_length()` bits. The states of a type follow from its particles:

- state `i` is where place `i` comes next: its options, and those of the places behind it up to the first mandatory one;
- state `again(i)` stands inside a list that is not full: the options of place `i` once more, then those of state `i+1`.
"""

from enum import Enum
from typing import Any, Final, NamedTuple

from protocol.schema import ComplexType, Option, Particle
from protocol.values import Facet, Integer, RationalNumber

__all__ = [
    "END",
    "RATIONAL",
    "Grammar",
    "Production",
    "State",
    "Term",
    "enum_bits",
    "grammar",
    "integer_bits",
    "values_of",
]

Held = type[ComplexType] | type[RationalNumber] | type[Enum] | Facet | None

_NBIT_RANGE: Final = 4096  # EXI 1.0, 7.1.5: up to this many values an integer takes a fixed number of bits


class Term(NamedTuple):
    """One place of a type: a particle, or the particles that form one choice by name."""

    options: tuple[Option, ...]
    fields: tuple[str, ...]  # the field that each option fills
    minimum: int
    maximum: int
    attribute: bool


class Production(NamedTuple):
    """What may come next: the option `option` of place `term`; the end of the type has neither name nor place."""

    name: str
    held: Held
    field: str
    term: int
    attribute: bool = False


class State(NamedTuple):
    """The productions that are possible at one point, in the order of their codes."""

    productions: tuple[Production, ...]

    @property
    def width(self) -> int:
        """Bits of an event code, the escape included."""
        return len(self.productions).bit_length()


class Grammar(NamedTuple):
    """States of one type: `first[i]` with place `i` next, `again[i]` inside the list of place `i`."""

    name: str
    terms: tuple[Term, ...]
    first: tuple[State, ...]
    again: tuple[State, ...]


END: Final = Production("", None, "", -1)

_BYTE: Final = Integer("xs:byte", -(2**7), 2**7 - 1)
_SHORT: Final = Integer("xs:short", -(2**15), 2**15 - 1)
RATIONAL: Final = (
    Particle("exponent", (Option("Exponent", _BYTE),), 1, 1),
    Particle("value", (Option("Value", _SHORT),), 1, 1),
)


def grammar(held: type[ComplexType] | type[RationalNumber]) -> Grammar:
    """The grammar of a declared type, or of RationalNumber, which is no declaration but a class of its own."""
    if held not in _GRAMMARS:
        _GRAMMARS[held] = _grammar(held)
    return _GRAMMARS[held]


_GRAMMARS: Final[dict[type, Grammar]] = {}  # of the types asked for so far


def _grammar(held: type[ComplexType] | type[RationalNumber]) -> Grammar:
    """Lay out the states of one type."""
    particles = RATIONAL if held is RationalNumber else held.particles  # type: ignore[union-attr]
    terms = tuple(_terms(particles))
    first = [State((END,))]
    for index in range(len(terms) - 1, -1, -1):
        behind = () if terms[index].minimum else first[0].productions
        first.insert(0, State(_productions(terms[index], index) + behind))
    again = [State(_productions(term, index) + first[index + 1].productions) for index, term in enumerate(terms)]
    return Grammar(held.wire_name, terms, tuple(first), tuple(again))


def _terms(particles: tuple[Particle, ...]) -> list[Term]:
    """Particles as places: those of one choice by name stand together."""
    terms: list[Term] = []
    last = ""
    for particle in particles:
        if particle.alternative and particle.alternative == last:
            before = terms.pop()
            terms.append(
                before._replace(options=before.options + particle.options, fields=(*before.fields, particle.field))
            )
        else:
            minimum = 1 if particle.alternative else particle.minimum
            fields = (particle.field,) * len(particle.options)
            terms.append(Term(particle.options, fields, minimum, particle.maximum, particle.attribute))
        last = particle.alternative
    return terms


def _productions(term: Term, index: int) -> tuple[Production, ...]:
    """The options of one place."""
    return tuple(
        Production(option.name, option.type, field, index, term.attribute)
        for option, field in zip(term.options, term.fields, strict=True)
    )


def values_of(message: Any, term: Term) -> tuple[tuple[Option, int, Any], ...]:
    """What `message` holds at one place: option, its number among the options, and value, for each entry."""
    if len(term.options) > 1 and len(set(term.fields)) > 1:  # a choice by name: one of the fields is filled
        return tuple(
            (option, number, getattr(message, field))
            for number, (option, field) in enumerate(zip(term.options, term.fields, strict=True))
            if getattr(message, field) is not None
        )
    held = getattr(message, term.fields[0])
    entries = held if term.maximum > 1 else () if held is None else (held,)
    if len(term.options) == 1:
        return tuple((term.options[0], 0, entry) for entry in entries)
    by_class = {option.type: number for number, option in enumerate(term.options)}
    return tuple((term.options[by_class[type(entry)]], by_class[type(entry)], entry) for entry in entries)


def integer_bits(facet: Integer) -> int | None:
    """Bits of an integer of few values, which counts from its minimum; None where it takes groups of 7 bits."""
    count = facet.maximum - facet.minimum + 1
    return (count - 1).bit_length() if count <= _NBIT_RANGE else None


def enum_bits(held: type[Enum]) -> int:
    """Bits of an enumeration."""
    return (len(held) - 1).bit_length()
