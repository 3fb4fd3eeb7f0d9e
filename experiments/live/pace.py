"""Lets a simulated clock run by the wall: what is due happens, what comes in happens now."""

import asyncio
from collections.abc import Callable
from typing import Any

from cosim.clock import Clock
from cosim.driver import APPLY, At, place

NS = 1_000_000_000


class Pace:
    """One clock, in step with the event loop's since it was made."""

    def __init__(self, env: Clock) -> None:
        self._env = env
        self._loop = asyncio.get_running_loop()
        self._zero_s = self._loop.time() - env.now_ns / NS
        self._woken = asyncio.Event()

    def now_ns(self) -> int:
        """The wall's time on the simulated clock, never before what has happened there."""
        return max(int((self._loop.time() - self._zero_s) * NS), self._env.now_ns)

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Something comes from outside: it happens now, in its place on the clock."""
        At(self._env, self.now_ns(), place(APPLY), lambda _: function(*arguments))
        self._woken.set()

    async def play(self, done: Callable[[], bool]) -> None:
        """Let happen what is due, until `done()`."""
        env = self._env
        while not done():
            self._woken.clear()
            while env.peek() <= self.now_ns() and not done():
                env.step()
            if done():
                return
            wait_s = max(0.0, (env.peek() - self.now_ns()) / NS)
            try:
                await asyncio.wait_for(self._woken.wait(), min(wait_s, 1.0))
            except TimeoutError:
                continue
