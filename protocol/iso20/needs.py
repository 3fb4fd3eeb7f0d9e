"""What a station may settle for the EV where both agreed on MobilityNeedsMode 2: departure, least and wanted charge."""

from typing import Any, NamedTuple

__all__ = ["MobilityNeeds", "read_needs"]


class MobilityNeeds(NamedTuple):
    """None: the station says nothing of it, so what the EV wants stands. The SoCs are whole percent.

    `ack_max_delay_s`: how soon the EV should show in its requests that it has taken this over; the value is not
    sourced (peers send 30 s).
    """

    departure_s: int | None = None  # from the time stamp of the message
    minimum_soc: int | None = None
    target_soc: int | None = None
    ack_max_delay_s: int | None = None


def read_needs(mode: Any) -> MobilityNeeds:
    """What the Dynamic control mode of a ScheduleExchangeRes or a loop response says."""
    return MobilityNeeds(mode.departure_time, mode.minimum_soc, mode.target_soc, getattr(mode, "ack_max_delay", None))
