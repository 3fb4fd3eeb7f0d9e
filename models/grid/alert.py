"""Alert state of a synchronous area, as limited energy reservoirs in FCR count it.

Source: Regulation (EU) 2017/1485 (SO GL), Art. 18(2): the system is in alert state when its frequency deviates too far,
or not so far for too long. The 15 min of full power that a limited reservoir owes count from there (Art. 156(9)), not
from the first deviation.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SLACK_HZ = 1e-9  # 50.2 - 50.0 is 0.20000000000000284, 49.8 - 50.0 is -0.20000000000000284


class FcrAlert(NamedTuple):
    """Limits of deviation [Hz] and time [s]; those of Continental Europe."""

    at_once_hz: float = 0.2  # the maximum steady-state deviation
    wide_hz: float = 0.1
    wide_s: float = 300.0
    standard_hz: float = 0.05  # the standard range; back inside ends alert state
    standard_s: float = 900.0


def alert_intervals(deviation_hz: npt.NDArray[np.float64], limits: FcrAlert, step_s: float = 1.0) -> list[list[int]]:
    """Intervals of alert state [start, end) in whole seconds, from deviations sampled every `step_s` seconds.

    On when the deviation reaches `at_once_hz`, or has been beyond `wide_hz` for more than `wide_s`, or beyond
    `standard_hz` for more than `standard_s`; off when it is back within `standard_hz`.
    """
    intervals: list[list[int]] = []
    beyond_standard = beyond_wide = 0
    start = -1
    most_standard, most_wide = limits.standard_s / step_s, limits.wide_s / step_s
    sizes = np.abs(deviation_hz).tolist()
    for k, size_hz in enumerate(sizes):
        beyond_standard = beyond_standard + 1 if size_hz > limits.standard_hz + SLACK_HZ else 0
        beyond_wide = beyond_wide + 1 if size_hz > limits.wide_hz + SLACK_HZ else 0
        if start >= 0 and beyond_standard == 0:
            intervals.append([round(start * step_s), round(k * step_s)])
            start = -1
        elif start < 0 and (
            size_hz >= limits.at_once_hz - SLACK_HZ or beyond_standard > most_standard or beyond_wide > most_wide
        ):
            start = k
    if start >= 0:
        intervals.append([round(start * step_s), round(len(sizes) * step_s)])
    return intervals
