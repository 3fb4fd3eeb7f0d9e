"""Memory that the processes of one run share: what shards add up at each step, their progress, and the wish to stop.

The memory has no name and no file: it is inherited, and gone with the last process. A shard writes its numbers into a
cell of its own, tells the others through semaphores, and sums up when it has been told by all. Cells alternate, since a
shard that is early may already write its next numbers while another still reads the last ones.
"""

import mmap
import os
from collections.abc import Sequence
from multiprocessing.context import ForkContext

WIDTH = 16  # numbers in a cell: its length first, so that shards that have lost step notice
SEEN = 4  # numbers of progress: phase, simulated time [ns], vehicles in the message lane, in the fleet lane
TRIES = 50  # looks before going to sleep, each giving way to whoever wants the core
PATIENCE_S = 0.2  # of a sleep, after which to see whether the others still live
ABORTED, STOPS = 0, 1  # places of the flags


class BorderError(RuntimeError):
    """The other shards are not to be waited for: one has failed, or the run was aborted."""


class Border:
    """Made before the processes; `total` is called in each of them with the number of its shard."""

    def __init__(self, shards: int, context: ForkContext) -> None:
        size = 2 + shards * (2 * WIDTH + SEEN)
        self._words = memoryview(mmap.mmap(-1, 8 * size)).cast("q")
        self._shards = shards
        self._parent = os.getpid()
        self._told = [[context.Semaphore(0) for _ in range(shards)] for _ in range(shards)]  # by listener and speaker
        self._step = 0

    def total(self, number: int, own: Sequence[int]) -> tuple[int, ...]:
        """Sums of what all shards bring to this step; waits for them. Raises BorderError."""
        words, length = self._words, len(own)
        if self._words[ABORTED] or os.getppid() != self._parent:
            raise BorderError("aborted")
        self._step += 1
        cell = self._cell(number)
        words[cell] = length
        for place, value in enumerate(own, cell + 1):
            words[place] = value
        for listener in range(self._shards):
            if listener != number:
                self._told[listener][number].release()
        sums = list(own)
        for speaker in range(self._shards):
            if speaker == number:
                continue
            self._await(number, speaker)
            cell = self._cell(speaker)
            assert words[cell] == length, f"shards {number} and {speaker} have lost step"
            for place in range(length):
                sums[place] += words[cell + 1 + place]
        return tuple(sums)

    def _cell(self, number: int) -> int:
        return 2 + (2 * number + self._step % 2) * WIDTH

    def _await(self, number: int, speaker: int) -> None:
        told = self._told[number][speaker]
        for _ in range(TRIES):
            if told.acquire(block=False):
                return
            os.sched_yield()
        while not told.acquire(timeout=PATIENCE_S):
            if self._words[ABORTED] or os.getppid() != self._parent:
                raise BorderError("aborted")

    # --- what the parent says ---

    def abort(self) -> None:
        """Let no shard wait any longer."""
        self._words[ABORTED] = 1

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._words[STOPS] = 1

    def stops(self) -> bool:
        """Whether an orderly end was asked for."""
        return bool(self._words[STOPS])

    # --- what shards show ---

    def show(self, number: int, phase: int, now_ns: int, message: int, fleet: int) -> None:
        """How far a shard is."""
        start = self._seen(number)
        words = self._words
        words[start], words[start + 1], words[start + 2], words[start + 3] = phase, now_ns, message, fleet

    def seen(self) -> tuple[int, int, int, int]:
        """How far the run is: phase and simulated time [ns] of the slowest shard; vehicles in both lanes of all."""
        each = [tuple(self._words[self._seen(k) : self._seen(k) + SEEN]) for k in range(self._shards)]
        phase, now_ns = min(one[:2] for one in each)
        return phase, now_ns, sum(one[2] for one in each), sum(one[3] for one in each)

    def _seen(self, number: int) -> int:
        return 2 + self._shards * 2 * WIDTH + number * SEEN
