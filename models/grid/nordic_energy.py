"""Energy management of limited reservoirs in Nordic FCR: in normal state (NEM), and near exhaustion (AEM).

NEM moves the baseline while frequency is within the normal band, so that a reservoir that has given too much fills
again, and one that has taken too much gives. AEM moves the frequency around which a nearly exhausted unit responds, so
that its response fades out instead of ceasing at once. Both follow a mean over five minutes.

Sign: a positive share supports low frequency. Deviations are from nominal. Endurance is the time for which the
reservoir could give, or take, the contracted power; the source states it as a state of charge, in shares of the size.

Source: ENTSO-E Nordic, Technical Requirements for FCR Provision, 26 May 2023, section 3.5, Tables 10 and 11, equations
14 to 26. There the mean is one of 300 samples of one second; here of ten stretches of 30 s, exact but for the stretch
that is just leaving: a change within it is spread over it, which moves the mean by 2.5 % of the change at most.
"""

from typing import NamedTuple

STRETCHES = 10
STRETCH_S = 30.0
WINDOW_S = STRETCHES * STRETCH_S

Window = tuple[float, float, float, float, float, float, float, float, float, float, float]
"""Integrals of a signal over the present stretch and the ten before it, newest first."""


class Reservoir(NamedTuple):
    """What the rule asks of a limited reservoir; minutes of contracted power, shares of it."""

    energy_up_h: float  # to be held ready for low frequency
    energy_down_h: float  # and for high frequency
    nem_enable_min: float  # NEM begins with less endurance,
    nem_disable_min: float  # and ends with so much
    nem_share: float  # power of NEM
    aem_enable_min: float = 5.0
    aem_disable_min: float = 10.0
    band_hz: float = 0.1  # NEM acts inside only
    restored_h: float = 0.0  # all energy has to be back within; 0: not said


FCR_N = Reservoir(1.0, 1.0, 30.0, 57.5, 0.34)
FCR_D_UP = Reservoir(1.0 / 3.0, 0.0, 20.0, 20.0, 0.2, restored_h=2.0)
FCR_D_DOWN = Reservoir(0.0, 1.0 / 3.0, 20.0, 20.0, 0.2, restored_h=2.0)
FCR_D = Reservoir(1.0 / 3.0, 1.0 / 3.0, 20.0, 20.0, 0.2, restored_h=2.0)


def rolled(window: Window, filled_s: float, value: float, elapsed_s: float) -> Window:
    """The window after `value` has held for `elapsed_s`; its newest stretch was `filled_s` long."""
    while filled_s + elapsed_s >= STRETCH_S:
        part_s = STRETCH_S - filled_s
        window = (
            0.0, window[0] + value * part_s, window[1], window[2], window[3], window[4],
            window[5], window[6], window[7], window[8], window[9],
        )  # fmt: skip
        elapsed_s = elapsed_s - part_s
        filled_s = 0.0
    return (
        window[0] + value * elapsed_s, window[1], window[2], window[3], window[4], window[5],
        window[6], window[7], window[8], window[9], window[10],
    )  # fmt: skip


def filled_after_s(filled_s: float, elapsed_s: float) -> float:
    """Length of the newest stretch after `elapsed_s` [s], below `STRETCH_S`."""
    while filled_s + elapsed_s >= STRETCH_S:
        elapsed_s = elapsed_s - (STRETCH_S - filled_s)
        filled_s = 0.0
    return filled_s + elapsed_s


def mean_of(window: Window, filled_s: float) -> float:
    """Mean over the last five minutes; of the oldest stretch the share that has not yet left counts."""
    whole = (
        window[0] + window[1] + window[2] + window[3] + window[4]
        + window[5] + window[6] + window[7] + window[8] + window[9]
    )  # fmt: skip
    return (whole + window[10] * (1.0 - filled_s / STRETCH_S)) / WINDOW_S


def is_low(endurance_min: float, was: bool, enable_min: float, disable_min: float) -> bool:
    """Whether endurance is short: from below the first threshold up to the second."""
    return endurance_min < (disable_min if was else enable_min)


def nem_allowed(
    up_min: float, down_min: float, deviation_hz: float, before: float, enable_min: float, disable_min: float,
    band_hz: float,
) -> float:  # fmt: skip
    """NEM_Allowed (equation 14): -1 fills, 1 empties, 0 rests. inf stands for an endurance that is not owed.

    Whoever leaves the normal band starts anew: on return the reservoir has to be beyond the threshold that enables.
    """
    if not 0.0 - band_hz < deviation_hz < band_hz:
        return 0.0
    if is_low(up_min, before < 0.0, enable_min, disable_min):
        return -1.0
    return 1.0 if is_low(down_min, before > 0.0, enable_min, disable_min) else 0.0


def below(deviation_hz: float, edge_hz: float) -> float:
    """How far frequency lies below the lower edge of the response [Hz, not above 0]."""
    return deviation_hz + edge_hz if deviation_hz < 0.0 - edge_hz else 0.0


def above(deviation_hz: float, edge_hz: float) -> float:
    """How far frequency lies above the upper edge of the response [Hz, not below 0]."""
    return deviation_hz - edge_hz if deviation_hz > edge_hz else 0.0


def clipped(value: float, lowest: float, highest: float) -> float:
    """`value` within two bounds."""
    if value < lowest:
        return lowest
    return value if value < highest else highest
