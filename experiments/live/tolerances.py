"""What a live endpoint overlooks in its peer: each by name, none by default."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from experiments.errors import UserError
from experiments.keys import did_you_mean
from protocol.iso20.evcc import EVCCSettings
from protocol.iso20.secc import SECCSettings
from protocol.iso20.session import SECOND, Timers

NAMES = {
    "slow-peer": "wait 60 s for the next request, 30 s for any response, 2 minutes for the set-up",
    "toy-measurements": "wait for no voltage and no current that the station says: pre-charge, welding detection, stop",
    "charge-meter-only": "leave BPT_DischargedEnergyReadingWh out of MeterInfo: iso15118 0.31.2 cannot read it",
}


class Tolerances(NamedTuple):
    """Those that are on."""

    names: frozenset[str] = frozenset()

    def _timers(self, timers: Timers) -> Timers:
        if "slow-peer" not in self.names:
            return timers
        return timers._replace(
            message_ns=30 * SECOND,
            service_detail_ns=30 * SECOND,
            charge_loop_ns=30 * SECOND,
            communication_setup_ns=120 * SECOND,
            secc_loop_sequence_ns=60 * SECOND,
        )

    @property
    def believes(self) -> bool:
        """Whether our vehicle looks at what the station measures."""
        return "toy-measurements" not in self.names

    def evcc(self, settings: EVCCSettings) -> EVCCSettings:
        """Settings of our vehicle's end."""
        return settings._replace(timers=self._timers(settings.timers))

    def secc(self, settings: SECCSettings) -> SECCSettings:
        """Settings of our station's end."""
        return settings._replace(timers=self._timers(settings.timers))

    def outgoing(self, message: Any) -> Any:
        """A response of our station as this peer can read it."""
        meter = getattr(message, "meter_info", None)
        if meter is None or "charge-meter-only" not in self.names:
            return message
        return _with(message, meter_info=_with(meter, bpt_discharged_energy_reading_wh=None))


def _with(message: Any, **changes: Any) -> Any:
    """A message of the same type with other values in some fields."""
    kept = {particle.field: getattr(message, particle.field) for particle in message.particles}
    return type(message)(**(kept | changes))


def tolerances(names: Sequence[str]) -> Tolerances:
    """Tolerances by name; raises UserError for an unknown one."""
    for name in names:
        if name not in NAMES:
            raise UserError(f"there is no tolerance '{name}'.{did_you_mean(name, NAMES)}")
    return Tolerances(frozenset(names))
