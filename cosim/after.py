"""What a frequency did over a run, told afterwards from its values at the grid ticks."""

from collections.abc import Sequence
from typing import Any

LATE_SHARE = 0.1  # of the run: its last tenth
CLEAR_HZ = 0.02  # a dip that is smaller is not looked at for what came after it


def late_swing_hz(frequencies_hz: Sequence[float]) -> float | None:
    """Span between highest and lowest frequency in the last tenth of a run: near 0 at rest, wide when it rings."""
    late = frequencies_hz[-max(2, int(LATE_SHARE * len(frequencies_hz))) :]
    return max(late) - min(late) if len(late) > 1 else None


def second_fall_hz(frequencies_hz: Sequence[float], nominal_hz: float) -> float | None:
    """Largest fall of frequency after it came back by half from its first dip; None if it never did.

    The first dip ends where frequency has risen by half of the deviation that it had reached by then. From there on, a
    fall is from the highest value so far: what a rebound or a swing makes of the recovery.
    """
    lowest, highest, fall_hz = nominal_hz, 0.0, 0.0
    recovered = False
    for frequency_hz in frequencies_hz:
        if not recovered:
            lowest = min(lowest, frequency_hz)
            depth_hz = nominal_hz - lowest
            recovered = depth_hz > CLEAR_HZ and frequency_hz > nominal_hz - 0.5 * depth_hz
        if recovered:
            highest = max(highest, frequency_hz)
            fall_hz = max(fall_hz, highest - frequency_hz)
    return fall_hz if recovered else None


def without_nothing(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures that there is something to say about."""
    return {key: value for key, value in figures.items() if value is not None}
