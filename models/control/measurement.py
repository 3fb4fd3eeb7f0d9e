"""Frequency as a station measures it: a first-order filter in closed form, then noise and bias."""


def filtered_hz(state_hz: float, held_hz: float, time_constant_s: float, dt_s: float) -> float:
    """Output of the filter [Hz] `dt_s` after its state was `state_hz`, while the input is held; no filter at 0."""
    if not time_constant_s > 0.0:
        return held_hz
    return held_hz + (state_hz - held_hz) * decay(dt_s / time_constant_s)


def decay(x: float) -> float:
    """e^-x for x >= 0, absolute error below 4e-16, from `+ - * /` alone.

    Unlike `math.exp` it compiles to vector code. The Taylor series of e^-y - 1 at y = x / 128, then seven squarings:
    with q = e^-y - 1, q (q + 2) is e^-2y - 1, which keeps the digits that e^-y itself would round away.
    """
    y = (x if x < 40.0 else 40.0) * 0.0078125
    series = 1 / 2 - y * (1 / 6 - y * (1 / 24 - y * (1 / 120 - y * (1 / 720 - y * (1 / 5040 - y * (1 / 40320))))))
    q = y * (y * series - 1.0)
    q = q * (q + 2.0)
    q = q * (q + 2.0)
    q = q * (q + 2.0)
    q = q * (q + 2.0)
    q = q * (q + 2.0)
    q = q * (q + 2.0)
    q = q * (q + 2.0)
    return 1.0 + q


def filtered_rocof(filtered: float, held_hz: float, time_constant_s: float) -> float:
    """Slope [Hz/s] of the filter where its output is `filtered`; 0 without a filter, where it is not defined."""
    if not time_constant_s > 0.0:
        return 0.0
    return (held_hz - filtered) / time_constant_s


def measured_hz(filtered: float, noise_hz: float, normal: float, bias_hz: float) -> float:
    """Sample of the filtered frequency [Hz] with a standard-normal draw times `noise_hz` and a fixed `bias_hz`."""
    return filtered + bias_hz + noise_hz * normal
