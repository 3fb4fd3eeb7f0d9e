"""A shard: the part of a fleet that one process plays, and the one thing that it hears from the others.

Every shard has its vehicles and a grid of its own. At each tick the shards add up what their parts of the fleet did, in
whole numbers, so that all their grids go on from the same sums to the same frequency, bit for bit. Nothing else
crosses the border. Shard 0 alone writes down what is one per run: the tables `grid` and `fleet` and the grid's figures.
How the numbers travel is not known here.
"""

from collections.abc import Callable
from typing import NamedTuple

Numbers = tuple[int, ...]


def _own(numbers: Numbers) -> Numbers:
    return numbers


class Shard(NamedTuple):
    """One of so many parts, counted from 0. `total` adds up, place by place, what all shards bring to the same call.

    All shards make the same calls in the same order; each fits into 64 bits, and so must the sums.
    """

    number: int = 0
    shards: int = 1
    total: Callable[[Numbers], Numbers] = _own

    @property
    def leads(self) -> bool:
        """Whether this shard writes down what is one per run."""
        return self.number == 0


ALONE = Shard()
