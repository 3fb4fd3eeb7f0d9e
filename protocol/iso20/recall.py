"""What has been read of an element is not read again from the very same object.

Messages are values that never change, and what equal stations or equal vehicles say of how they are built is one object
for all of their sessions: with a thousand of them it is read once. Elements that were decoded from bytes are each new.
"""

from collections.abc import Callable
from functools import wraps
from typing import Final, TypeVar

__all__ = ["read_once"]

_KEPT: Final = 1024

Element = TypeVar("Element")
Reading = TypeVar("Reading")


def read_once(read: Callable[[Element], Reading]) -> Callable[[Element], Reading]:
    """`read`, which depends on nothing but its argument, called once for each object that is still kept."""
    known: dict[int, tuple[Element, Reading]] = {}  # by `id`; the element is kept, so that no other gets its id

    @wraps(read)
    def recall(element: Element) -> Reading:
        found = known.get(id(element))
        if found is None:
            if len(known) >= _KEPT:
                known.clear()
            known[id(element)] = found = (element, read(element))
        return found[1]

    return recall
