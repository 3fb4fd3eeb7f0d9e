"""What a charge-loop request costs as bytes: the generated codec beside the interpreted one, in the same run."""

import sys
import timeit
from collections.abc import Callable
from typing import Any, NamedTuple

from protocol.exi import codec, interpreted, pieces
from protocol.exi.schemas import SCHEMAS

# DC_ChargeLoopReq, BPT Dynamic, no optional element: 59 bytes
DOCUMENT = bytes.fromhex(
    "8034040091a2b3c4d5e6f7880a980ba062810012006048301e04181e020c41010601608000004001002003080c"
    "1001580408300b04000002000808"
)


class Row(NamedTuple):
    """One form of the codec; microseconds per message."""

    form: str
    encode_us: float
    decode_us: float


def bench() -> list[Row]:
    """Best of several rounds of each; numbers seen before come from a cache, so the caches are also emptied once."""
    schema = SCHEMAS["DC"]
    message = codec.decode(DOCUMENT, schema)

    def encode_new() -> None:
        pieces.RATIONALS.clear()
        pieces.UNSIGNED.clear()
        codec.encode(message)

    def decode_new() -> None:
        pieces.RATIONALS_24.clear()
        pieces.RATIONALS_32.clear()
        codec.decode(DOCUMENT, schema)

    return [
        Row(
            "generated, numbers seen before",
            _best_us(lambda: codec.encode(message), 4_000),
            _best_us(lambda: codec.decode(DOCUMENT, schema), 4_000),
        ),
        Row("generated, every number new", _best_us(encode_new, 1_000), _best_us(decode_new, 1_000)),
        Row(
            "interpreted",
            _best_us(lambda: interpreted.encode(message), 200),
            _best_us(lambda: interpreted.decode(DOCUMENT, schema), 200),
        ),
    ]


def _best_us(call: Callable[[], Any], number: int, rounds: int = 7) -> float:
    call()  # functions are written and caches filled at first use
    return min(timeit.repeat(call, number=number, repeat=rounds)) / number * 1e6


def report(rows: list[Row]) -> None:
    """Print the table."""
    sys.stdout.write(f"\nBPT Dynamic DC_ChargeLoopReq as EXI, {len(DOCUMENT)} bytes\n")
    sys.stdout.write(f"{'codec':<32}  {'encode':>9}  {'decode':>9}\n")
    for row in rows:
        sys.stdout.write(f"{row.form:<32}  {row.encode_us:>6.1f} us  {row.decode_us:>6.1f} us\n")
