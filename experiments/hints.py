"""Why a run came out as it did, in one line, where the key figures alone leave one wondering."""

from experiments.runs import Run


def quiet_reason(run: Run) -> str:
    """Why the fleet did nothing beside its plan; empty if it did something, or if there are no key figures."""
    kpis = run.kpis
    if kpis.get("maximum_service_w") != 0.0:
        return ""
    if not kpis.get("sessions_reached_loop"):
        return "no car reached the charge loop, so none could be asked for anything"
    clips = kpis.get("clips")
    if clips:
        reasons = sorted(clips, key=lambda name: -clips[name])
        return "setpoints that left the plan were all clipped to it: " + ", ".join(
            f"{name} {clips[name]:,}" for name in reasons[:2]
        )
    return _distance(run)


def _distance(run: Run) -> str:
    """How far the frequency went, and how far it would have had to go for this policy."""
    policy = run.manifest.get("policy", {})
    deviation_hz = run.kpis.get("maximum_deviation_hz") or 0.0
    band_hz = policy.get("parameters", {}).get("deadband_hz")
    if band_hz is not None and deviation_hz > band_hz:
        return (
            "no car was asked while the frequency was outside the dead band: "
            f"{_millihertz(deviation_hz)} against {_millihertz(band_hz)}"
        )
    band = "" if band_hz is None else f", dead band {_millihertz(band_hz)}"
    name = policy.get("name", "the policy")
    return f"{name} never left the plan: frequency at most {_millihertz(deviation_hz)} off nominal{band}"


def _millihertz(value_hz: float) -> str:
    return f"{1e3 * value_hz:.1f}".removesuffix(".0") + " mHz"
