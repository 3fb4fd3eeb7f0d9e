"""The state of energy that NESO requires of a limited unit in Dynamic Containment, Moderation and Regulation.

Not the full volume at all times: what was delivered may be missing, and has to come back at a pace.
"""

from collections.abc import Sequence

RECOVERED = 0.2  # of the contracted volume, at most, in a settlement period
NOTICE = 3  # settlement periods between the shortfall that is looked at and the period in which it is added


def required_energy(volume: float, delivered: Sequence[float], recovered: float = RECOVERED) -> list[float]:
    """Energy required at the start of each settlement period, in one direction; all in one unit.

    It begins at the contracted volume and falls by what each period delivers. In each period the shortfall at the start
    of the third period before is added, less what has been added since, at most a share of the volume; never more than
    the volume is required. At or below zero the unit may be unavailable.

    Source: NESO, Response Service Terms, 6.11 (minimum state of energy requirement, energy recovery adjustment volume),
    with its example: of 50 MWh 2 are delivered in the first period; 48 are required until the sixth, then 50.
    """
    required, added = [volume], list[float]()
    for period, taken in enumerate(delivered):
        looked_at = period - NOTICE
        missing = volume - required[looked_at] - sum(added[looked_at:]) if looked_at >= 0 else 0.0
        added.append(min(recovered * volume, max(0.0, missing)))
        required.append(min(volume, required[period] - taken + added[period]))
    return required[:-1]
