"""Frequency as a station measures it: a first-order filter in closed form, then noise and bias."""

import math


def filtered_hz(state_hz: float, held_hz: float, time_constant_s: float, dt_s: float) -> float:
    """Output of the filter [Hz] `dt_s` after its state was `state_hz`, while the input is held; no filter at 0."""
    if not time_constant_s > 0.0:
        return held_hz
    return held_hz + (state_hz - held_hz) * math.exp(-dt_s / time_constant_s)


def filtered_rocof(filtered: float, held_hz: float, time_constant_s: float) -> float:
    """Slope [Hz/s] of the filter where its output is `filtered`; 0 without a filter, where it is not defined."""
    if not time_constant_s > 0.0:
        return 0.0
    return (held_hz - filtered) / time_constant_s


def measured_hz(filtered: float, noise_hz: float, normal: float, bias_hz: float) -> float:
    """Sample of the filtered frequency [Hz] with a standard-normal draw times `noise_hz` and a fixed `bias_hz`."""
    return filtered + bias_hz + noise_hz * normal
