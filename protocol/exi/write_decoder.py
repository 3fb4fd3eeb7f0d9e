"""Writes the source of the function that decodes one declared type: `decode(v, p) -> (message, p)`.

`v` is the document as one integer with bits to spare behind it, `p` the number of bits not yet read. The function knows
what may stand there and nothing else: for everything unexpected it raises UnreadableError, and the interpreted codec
finds the words. `k` is an event code, counted from the state where a run of optional places began.
"""

from enum import Enum
from typing import Any, Final

from protocol.exi import pieces
from protocol.exi.grammar import Grammar, Held, State, Term, enum_bits, grammar, integer_bits
from protocol.iso20.common import Signature
from protocol.schema import ComplexType
from protocol.values import Integer, Octets, RationalNumber, Text, Truth

__all__ = ["DecoderSource"]

_PIECES: Final[dict[str, Any]] = {
    "R24": pieces.RATIONALS_24.get,
    "R32": pieces.RATIONALS_32.get,
    "UnreadableError": pieces.UnreadableError,
    "read_octets": pieces.read_octets,
    "read_rational": pieces.read_rational,
    "read_signed": pieces.read_signed,
    "read_text": pieces.read_text,
    "read_unsigned": pieces.read_unsigned,
}


class DecoderSource:
    """Source and names of one decoder; `called` are the types whose decoders it calls, as `d_<TypeName>`."""

    def __init__(self, held: type[ComplexType]) -> None:
        self.called: dict[str, type[ComplexType]] = {}
        self.names: dict[str, Any] = dict(_PIECES) | {"Type": held}
        self._lines = ["def decode(v, p):"]
        self._depth = 1
        self._zeros = 0  # bits that must be 0, not yet read
        self._rules: Grammar = grammar(held)
        self._read_terms()
        fields = ", ".join(f"{f}=f_{f}" for term in self._rules.terms for f in dict.fromkeys(term.fields))
        self._line(f"return Type({fields}), p")
        self.source = "\n".join(self._lines) + "\n"

    # --- lines and bits ---

    def _line(self, text: str) -> None:
        self._lines.append("    " * self._depth + text)

    def _require_zeros(self) -> None:
        """Read the bits that must be 0."""
        if self._zeros:
            self._line(f"p -= {self._zeros}")
            self._line(f"if v >> p & {(1 << self._zeros) - 1}: raise UnreadableError")
        self._zeros = 0

    def _read_code(self, state: State, offset: int = 0) -> None:
        """Read an event code into `k`, counted from the start of the run."""
        self._require_zeros()
        self._line(f"p -= {state.width}")
        self._line(f"k = (v >> p & {(1 << state.width) - 1})" + (f" + {offset}" if offset else ""))

    # --- the places of a type ---

    def _read_terms(self) -> None:
        rules = self._rules
        in_run, offset = False, 0  # options passed since the run of optional places began
        for index, term in enumerate(rules.terms):
            single = term.minimum == 1 and term.maximum == 1
            if single and len(term.options) == 1 and not in_run:
                self._zeros += 1  # the only production of its state
                self._read_value(term.options[0].type, f"f_{term.fields[0]}", term.attribute)
                continue
            if not in_run:
                self._read_code(rules.first[index])
                in_run, offset = True, 0
            behind = offset + len(term.options)
            if single:
                self._read_single(term, offset)
                in_run = False
            elif term.maximum == 1:
                self._read_optional(index, term, offset, behind)
            else:
                self._read_list(index, term, offset, behind)
            offset = behind
        if in_run:
            self._line(f"if k != {offset}: raise UnreadableError")
        else:
            self._zeros += 1
        self._require_zeros()

    def _read_single(self, term: Term, offset: int) -> None:
        """A mandatory place at the end of a run, or a choice."""
        if len(term.options) == 1:
            self._line(f"if k != {offset}: raise UnreadableError")
            self._read_value(term.options[0].type, f"f_{term.fields[0]}", term.attribute)
            return
        if len(set(term.fields)) > 1:
            self._line(" = ".join(f"f_{field}" for field in term.fields) + " = None")
        self._read_options(term, offset, "if")
        self._line("else: raise UnreadableError")

    def _read_options(self, term: Term, offset: int, word: str) -> None:
        """One branch for each option of a place."""
        for number, (option, field) in enumerate(zip(term.options, term.fields, strict=True)):
            if option.type is None or option.type is Signature:
                continue
            self._line(f"{word} k == {offset + number}:")
            self._depth += 1
            self._read_value(option.type, f"f_{field}", term.attribute)
            self._require_zeros()
            self._depth -= 1
            word = "elif"

    def _read_optional(self, index: int, term: Term, offset: int, behind: int) -> None:
        """A place that may be empty: behind its value stands another event code."""
        if term.options[0].type is Signature:
            self._line(f"f_{term.fields[0]} = None")
            return
        for number, (option, field) in enumerate(zip(term.options, term.fields, strict=True)):
            self._line(f"{'elif' if number else 'if'} k == {offset + number}:")
            self._depth += 1
            self._read_value(option.type, f"f_{field}", term.attribute)
            self._read_code(self._rules.first[index + 1], behind)
            self._depth -= 1
        self._line(f"else: f_{term.fields[0]} = None")

    def _read_list(self, index: int, term: Term, offset: int, behind: int) -> None:
        """A list: entries until the event code is another, or the list is full."""
        (option,) = term.options
        name = f"f_{term.fields[0]}"
        self._line("xs = []")
        self._line(f"while k == {offset}:")
        self._depth += 1
        self._read_value(option.type, "x", term.attribute)
        self._require_zeros()
        self._line("xs.append(x)")
        self._line(f"if len(xs) == {term.maximum}:")
        self._depth += 1
        self._read_code(self._rules.first[index + 1], behind)
        self._line("break")
        self._depth -= 1
        self._read_code(self._rules.again[index], offset)
        self._depth -= 1
        if term.minimum:
            self._line("if not xs: raise UnreadableError")
        self._line(f"{name} = tuple(xs)")

    # --- values ---

    def _read_value(self, held: Held, name: str, attribute: bool) -> None:
        """One element or attribute behind its event code, into the variable `name`."""
        if held is RationalNumber:
            self._read_rational(name)
        elif isinstance(held, type) and issubclass(held, ComplexType):
            self._require_zeros()
            self._line(f"{name}, p = d_{held.__name__}(v, p)")
            self.called[held.__name__] = held
        else:
            if not attribute:
                self._zeros += 1  # characters follow
            self._read_simple(held, name)
            if not attribute:
                self._zeros += 1  # end of element

    def _read_rational(self, name: str) -> None:
        """A RationalNumber: the zeros before it and its 24 or 32 bits are the key to a number seen before."""
        zeros = self._zeros
        self._zeros = 0
        self._line(f"{name} = R24(v >> p - {24 + zeros} & {(1 << 24 + zeros) - 1})")
        self._line(f"if {name} is not None: p -= {24 + zeros}")
        self._line("else:")
        self._depth += 1
        self._line(f"{name} = R32(v >> p - {32 + zeros} & {(1 << 32 + zeros) - 1})")
        self._line(f"if {name} is not None: p -= {32 + zeros}")
        self._line("else:")
        self._depth += 1
        self._zeros = zeros
        self._require_zeros()
        self._line(f"{name}, p = read_rational(v, p)")
        self._depth -= 2

    def _read_simple(self, held: Held, name: str) -> None:
        """The value of a simple type, inside its limits."""
        if isinstance(held, Truth):
            self._read_bits(name, 1)
            self._line(f"{name} = {name} == 1")
        elif isinstance(held, Integer):
            self._read_integer(held, name)
        elif isinstance(held, Text):
            self._require_zeros()
            limit = (1 << 31) if held.maximum_length is None else held.maximum_length
            self._line(f"{name}, p = read_text(v, p, {limit})")
        elif isinstance(held, Octets) and held.minimum_length == held.maximum_length < 128:
            size = held.maximum_length
            self._read_bits(name, 8 * size + 8)
            self._line(f"if {name} >> {8 * size} != {size}: raise UnreadableError")
            self._line(f'{name} = ({name} & {(1 << 8 * size) - 1}).to_bytes({size}, "big")')
        elif isinstance(held, Octets):
            self._require_zeros()
            self._line(f"{name}, p = read_octets(v, p, {held.minimum_length}, {held.maximum_length})")
        else:
            assert isinstance(held, type)
            assert issubclass(held, Enum)
            members = f"members_of_{held.__name__}"
            self.names[members] = tuple(held)
            self._read_bits(name, enum_bits(held))
            if len(held) < 1 << enum_bits(held):
                self._line(f"if {name} >= {len(held)}: raise UnreadableError")
            self._line(f"{name} = {members}[{name}]")

    def _read_integer(self, held: Integer, name: str) -> None:
        """An integer in the coding that its range picks."""
        width = integer_bits(held)
        if width is None:
            self._require_zeros()
            if held.minimum < 0:
                self._line(f"{name}, p = read_signed(v, p, {held.minimum}, {held.maximum})")
                return
            self._line(f"{name}, p = read_unsigned(v, p, {held.maximum})")
            if held.minimum:
                self._line(f"if {name} < {held.minimum}: raise UnreadableError")
            return
        self._read_bits(name, width)
        if held.maximum - held.minimum + 1 < 1 << width:
            self._line(f"if {name} > {held.maximum - held.minimum}: raise UnreadableError")
        if held.minimum:
            self._line(f"{name} += {held.minimum}")

    def _read_bits(self, name: str, width: int) -> None:
        """A fixed number of bits behind the zeros that are due."""
        zeros, self._zeros = self._zeros, 0
        self._line(f"p -= {width + zeros}")
        self._line(f"{name} = v >> p & {(1 << width + zeros) - 1}")
        if zeros:
            self._line(f"if {name} >> {width}: raise UnreadableError")
