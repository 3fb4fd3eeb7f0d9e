"""Writes the source of the function that encodes one declared type: `encode(m, a) -> a`.

`a` is the document so far, as one integer that begins with the 1 of the header; bits are shifted in from the right.
Bits known in advance (event codes, starts and ends of elements) are gathered in the generator and merged into the next
shift. Where optional elements make the next event code depend on what was present, it stands in `c`, its width in `w`.
"""

from enum import Enum
from typing import Any, Final

from protocol.exi import pieces
from protocol.exi.grammar import Grammar, Held, Term, enum_bits, grammar, integer_bits
from protocol.iso20.common import Signature
from protocol.schema import ComplexType
from protocol.values import Integer, Octets, RationalNumber, Text, Truth

__all__ = ["EncoderSource"]

_PIECES: Final[dict[str, Any]] = {
    "RATIONALS": pieces.RATIONALS,
    "UNSIGNED": pieces.UNSIGNED,
    "octets": pieces.octets,
    "signed": pieces.signed,
    "text": pieces.text,
}


class EncoderSource:
    """Source and names of one encoder; `called` are the types whose encoders it calls, as `e_<TypeName>`."""

    def __init__(self, held: type[ComplexType]) -> None:
        self.called: dict[str, type[ComplexType]] = {}
        self.names: dict[str, Any] = dict(_PIECES)
        self._lines = ["def encode(m, a):"]
        self._depth = 1
        self._bits, self._count = 0, 0  # constant bits not yet written
        self._rules: Grammar = grammar(held)
        self._write_terms()
        self.source = "\n".join(self._lines) + "\n"

    # --- lines and constant bits ---

    def _line(self, text: str) -> None:
        self._lines.append("    " * self._depth + text)

    def _constant(self, bits: int, count: int) -> None:
        self._bits, self._count = self._bits << count | bits, self._count + count

    def _flush(self) -> None:
        if self._count:
            self._line(f"a = a << {self._count}" + (f" | {self._bits}" if self._bits else ""))
        self._bits, self._count = 0, 0

    def _shift(self, value: str, width: int) -> None:
        """Write an expression of a known width behind the constant bits."""
        known = f" | {self._bits << width}" if self._bits else ""
        self._line(f"a = a << {self._count + width}{known} | {value}")
        self._bits, self._count = 0, 0

    def _shift_sized(self, pair: str) -> None:
        """Write `(bits, count)` behind the constant bits."""
        self._line(f"b, n = {pair}")
        shift = f"n + {self._count}" if self._count else "n"
        known = f" | {self._bits} << n" if self._bits else ""
        self._line(f"a = a << {shift}{known} | b")
        self._bits, self._count = 0, 0

    # --- the places of a type ---

    def _write_terms(self) -> None:
        rules = self._rules
        open_state = False  # whether the next event code stands in `c` and `w`, because optionals lie before it
        for index, term in enumerate(rules.terms):
            single = term.minimum == 1 and term.maximum == 1
            if not open_state and not single:
                self._flush()
                self._line(f"c = 0; w = {rules.first[index].width}")
                open_state = True
            if single:
                self._write_single(index, term, open_state)
                open_state = False
            elif term.maximum == 1:
                self._write_optional(index, term)
            else:
                self._write_list(index, term)
        if open_state:
            self._line("a = a << w | c")
        else:
            self._constant(0, 1)  # the end is the only production
        self._flush()
        self._line("return a")

    def _write_single(self, index: int, term: Term, open_state: bool) -> None:
        """A mandatory place: one option, or a choice."""
        width = self._rules.first[index].width
        if len(term.options) == 1:
            if open_state:
                self._line("a = a << w | c")
            else:
                self._constant(0, width)
            self._write_value(term.options[0].type, f"m.{term.fields[0]}", term.attribute)
            return
        self._flush()
        by_name = len(set(term.fields)) > 1
        if not by_name:
            self._line(f"x = m.{term.fields[0]}; t = x.__class__")
        word = "if"
        for number, (option, field) in enumerate(zip(term.options, term.fields, strict=True)):
            if option.type is None:
                continue
            if by_name:
                self._line(f"{word} m.{field} is not None:")
            else:
                name = f"T{index}_{number}"
                self.names[name] = option.type
                self._line(f"{word} t is {name}:")
            self._depth += 1
            if open_state:
                self._line(f"a = a << w | c + {number}")
            else:
                self._constant(number, width)
            self._write_value(option.type, f"m.{field}" if by_name else "x", term.attribute)
            self._flush()
            self._depth -= 1
            word = "elif"

    def _write_optional(self, index: int, term: Term) -> None:
        """A place that may be empty; `c` counts the options passed over."""
        field = term.fields[0]
        options = [(number, option) for number, option in enumerate(term.options) if option.type is not None]
        if options[0][1].type is Signature:
            self._line("c += 1")  # a Signature cannot be made
            return
        self._line(f"x = m.{field}")
        self._line("if x is None:")
        self._line(f"    c += {len(term.options)}")
        for number, option in options:
            if len(options) == 1:
                self._line("else:")
            else:
                name = f"T{index}_{number}"
                self.names[name] = option.type
                self._line(f"elif x.__class__ is {name}:")
            self._depth += 1
            self._line(f"a = a << w | c + {number}" if number else "a = a << w | c")
            self._write_value(option.type, "x", term.attribute)
            self._flush()
            self._line(f"c = 0; w = {self._rules.first[index + 1].width}")
            self._depth -= 1

    def _write_list(self, index: int, term: Term) -> None:
        """A list: the first entry in the state before it, the others in the state inside it."""
        (option,) = term.options
        inside = self._rules.again[index].width
        self._line(f"xs = m.{term.fields[0]}")
        self._line("if xs:")
        self._depth += 1
        self._line("for x in xs:")
        self._depth += 1
        self._line("a = a << w | c")
        if isinstance(option.type, type) and issubclass(option.type, ComplexType):
            # written from an integer of its own: a long document would be moved at each shift
            self._line(f"b = e_{option.type.__name__}(x, 1)")
            self._line("n = b.bit_length() - 1")
            self._line("a = a << n | b ^ 1 << n")
            self.called[option.type.__name__] = option.type
        else:
            self._write_value(option.type, "x", term.attribute)
            self._flush()
        self._line(f"c = 0; w = {inside}")
        self._depth -= 1
        self._line(f"if len(xs) == {term.maximum}: w = {self._rules.first[index + 1].width}")
        self._line("else: c = 1")
        self._depth -= 1
        if term.minimum == 0:
            self._line("else: c += 1")

    # --- values ---

    def _write_value(self, held: Held, value: str, attribute: bool) -> None:
        """One element or attribute behind its event code."""
        if held is RationalNumber:
            if "." in value:
                self._line(f"x = {value}")
            self._shift_sized("RATIONALS[x.exponent, x.value]")
        elif isinstance(held, type) and issubclass(held, ComplexType):
            self._flush()
            self._line(f"a = e_{held.__name__}({value}, a)")
            self.called[held.__name__] = held
        else:
            if not attribute:
                self._constant(0, 1)  # characters follow
            self._write_simple(held, value)
            if not attribute:
                self._constant(0, 1)  # end of element

    def _write_simple(self, held: Held, value: str) -> None:
        """The value of a simple type."""
        if isinstance(held, Truth):
            self._shift(value, 1)
        elif isinstance(held, Integer):
            width = integer_bits(held)
            if width is not None:
                self._shift(f"{value} - {held.minimum}" if held.minimum else value, width)
            elif held.minimum >= 0:
                self._shift_sized(f"UNSIGNED[{value}]")
            else:
                self._shift_sized(f"signed({value})")
        elif isinstance(held, Text):
            self._shift_sized(f"text({value})")
        elif isinstance(held, Octets) and held.minimum_length == held.maximum_length < 128:
            self._constant(held.maximum_length, 8)
            self._shift(f'int.from_bytes({value}, "big")', 8 * held.maximum_length)
        elif isinstance(held, Octets):
            self._shift_sized(f"octets({value})")
        else:
            assert isinstance(held, type)
            assert issubclass(held, Enum)
            name = f"index_of_{held.__name__}"
            self.names[name] = {member.value: index for index, member in enumerate(held)}
            self._shift(f"{name}[{value}._value_]", enum_bits(held))  # hashing a member itself costs a call
