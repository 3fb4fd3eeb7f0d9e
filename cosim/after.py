"""What a frequency did over a run, told afterwards from its values at the grid ticks."""

from collections.abc import Sequence
from typing import Any

LATE_SHARE = 0.1  # of the run: its last tenth
CLEAR_HZ = 0.02  # a dip that is smaller is not looked at for what came after it


def late_swing_hz(frequencies_hz: Sequence[float]) -> float | None:
    """Span between highest and lowest frequency in the last tenth of a run: near 0 at rest, wide when it rings."""
    late = frequencies_hz[-max(2, int(LATE_SHARE * len(frequencies_hz))) :]
    return max(late) - min(late) if len(late) > 1 else None


def second_nadir_hz(frequencies_hz: Sequence[float], nominal_hz: float) -> float | None:
    """Lowest frequency after it had come back by half from its first dip; None without a dip, or if it never came back.

    The first dip ends where frequency has risen by half of the deviation that it had reached by then.
    """
    lowest = nominal_hz
    for place, frequency_hz in enumerate(frequencies_hz):
        lowest = min(lowest, frequency_hz)
        depth_hz = nominal_hz - lowest
        if depth_hz > CLEAR_HZ and frequency_hz > nominal_hz - 0.5 * depth_hz:
            return min(frequencies_hz[place:])
    return None


def without_nothing(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures that there is something to say about."""
    return {key: value for key, value in figures.items() if value is not None}
