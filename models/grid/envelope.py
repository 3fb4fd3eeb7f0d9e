"""The envelope of what was wanted within the time allowed, and how far a response lies outside it."""

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

Floats = npt.NDArray[np.float64]


def envelope(wanted: Floats, samples: int) -> tuple[Floats, Floats]:
    """Smallest and largest value of the present and the `samples` samples before; before the first, the first."""
    padded = np.concatenate([np.full(samples, wanted[0]), wanted])
    windows = sliding_window_view(padded, samples + 1)
    return windows.min(axis=1), windows.max(axis=1)


def outside_envelope(wanted: Floats, delivered: Floats, samples: int) -> Floats:
    """Distance of `delivered` from the envelope of `wanted`; 0 inside."""
    low, high = envelope(wanted, samples)
    distance: Floats = np.maximum(0.0, np.maximum(delivered - high, low - delivered))
    return distance
