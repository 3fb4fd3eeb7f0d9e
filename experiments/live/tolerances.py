"""What a live endpoint overlooks in its peer: each by name, none by default."""

from collections.abc import Sequence
from typing import NamedTuple

from experiments.errors import UserError
from experiments.keys import did_you_mean
from protocol.iso20.evcc import EVCCSettings
from protocol.iso20.secc import SECCSettings
from protocol.iso20.session import SECOND, Timers

NAMES = {
    "slow-peer": "wait 60 s for the next request and 10 s for a response of the loop, as deployed stacks do",
}


class Tolerances(NamedTuple):
    """Those that are on."""

    names: frozenset[str] = frozenset()

    def _timers(self, timers: Timers) -> Timers:
        if "slow-peer" not in self.names:
            return timers
        return timers._replace(message_ns=10 * SECOND, charge_loop_ns=10 * SECOND, secc_loop_sequence_ns=60 * SECOND)

    def evcc(self, settings: EVCCSettings) -> EVCCSettings:
        """Settings of our vehicle's end."""
        return settings._replace(timers=self._timers(settings.timers))

    def secc(self, settings: SECCSettings) -> SECCSettings:
        """Settings of our station's end."""
        return settings._replace(timers=self._timers(settings.timers))


def tolerances(names: Sequence[str]) -> Tolerances:
    """Tolerances by name; raises UserError for an unknown one."""
    for name in names:
        if name not in NAMES:
            raise UserError(f"there is no tolerance '{name}'.{did_you_mean(name, NAMES)}")
    return Tolerances(frozenset(names))
