"""Key figures of a run, accumulated as it goes, so that they do not depend on what is recorded."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from cosim.sums import Sums
from models.control.limits import REASONS
from models.metrics import delay_summary
from protocol.schema import ComplexType

SESSION_SUMS = ("sessions", "reached_loop", "charged_uj", "discharged_uj", "grid_uj", "cells_uj", "loss_uj")


class Kpis:
    """Sums and extremes; `result` turns them into the document that is written."""

    def __init__(self, nominal_hz: float, cars_per_ev: float) -> None:
        self.targets: Counter[str] = Counter()
        self.why_missed: Counter[str] = Counter()
        self.end_reasons: Counter[str] = Counter()
        self.sessions = 0
        self.reached_loop = 0
        self.charged_uj = self.discharged_uj = self.grid_uj = self.cells_uj = self.loss_uj = 0
        self._nominal_hz = nominal_hz
        self._cars_per_ev = cars_per_ev
        self._ticks = 0
        self._lowest_hz = self._lowest_without_hz = math.inf
        self._highest_hz = self._highest_without_hz = -math.inf
        self._steepest_hz_per_s = 0.0
        self._squared_error_w2 = 0.0
        self._most_service_w = 0.0

    def tick(
        self,
        frequency_hz: float,
        without_hz: float,
        rocof_hz_per_s: float,
        fleet_w: float,
        setpoint_w: float,
        service_w: float,
    ) -> None:
        """One grid tick: frequencies [Hz], powers of the simulated cars [W], service times cars_per_ev [W]."""
        self._ticks += 1
        self._lowest_hz = min(self._lowest_hz, frequency_hz)
        self._highest_hz = max(self._highest_hz, frequency_hz)
        if without_hz == without_hz:
            self._lowest_without_hz = min(self._lowest_without_hz, without_hz)
            self._highest_without_hz = max(self._highest_without_hz, without_hz)
        self._steepest_hz_per_s = max(self._steepest_hz_per_s, abs(rocof_hz_per_s))
        self._squared_error_w2 += (fleet_w - setpoint_w) * (fleet_w - setpoint_w)
        self._most_service_w = max(self._most_service_w, abs(service_w))

    def add(self, other: "Kpis") -> None:
        """The sessions of another shard; the grid was the same for both."""
        for mine, theirs in ((self.targets, other.targets), (self.why_missed, other.why_missed)):
            mine.update(theirs)
        self.end_reasons.update(other.end_reasons)
        for name in SESSION_SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def result(self, sums: Sums, messages: Mapping[type[ComplexType], int]) -> dict[str, Any]:
        """The key figures, `messages` being how many of each there were; None where there is nothing to state."""
        return {
            "nadir_hz": _finite(self._lowest_hz),
            "nadir_without_hz": _finite(self._lowest_without_hz),
            "zenith_hz": _finite(self._highest_hz),
            "zenith_without_hz": _finite(self._highest_without_hz),
            "maximum_deviation_hz": _finite(
                max(self._nominal_hz - self._lowest_hz, self._highest_hz - self._nominal_hz)
            ),
            "maximum_rocof_hz_per_s": self._steepest_hz_per_s,
            "maximum_service_w": self._most_service_w,
            "sessions": self.sessions,
            "sessions_reached_loop": self.reached_loop,
            "charge_loops": sums.exchanges,
            "grid_energy_wh": self.grid_uj * 1e-6 / 3600.0,
            "charged_wh": self.charged_uj * 1e-6 / 3600.0,
            "discharged_wh": self.discharged_uj * 1e-6 / 3600.0,
            "battery_energy_wh": self.cells_uj * 1e-6 / 3600.0,
            "loss_wh": self.loss_uj * 1e-6 / 3600.0,
            "targets": dict(sorted(self.targets.items())),
            "why_missed": dict(sorted(self.why_missed.items())),
            "target_met_share": _share(self.targets["met"], self.targets["met"] + self.targets["missed"]),
            "feasible_target_met_share": _share(
                self.targets["met"], self.targets["met"] + self.targets["missed"] - self.why_missed["infeasible"]
            ),
            "tracking_rmse_w": math.sqrt(self._squared_error_w2 / self._ticks) * self._cars_per_ev
            if self._ticks
            else None,
            "response_delay": delay_summary(sums.delays, sums.superseded),
            "minimum_power_gap_s": sums.gap_ns * 1e-9,
            "soc_bounds_reached": sums.bounds_reached,
            "clips": {name: count for name, count in zip(REASONS, sums.clips, strict=True) if count},
            "end_reasons": dict(sorted(self.end_reasons.items())),
            "messages": {
                kind.wire_name: count for kind, count in sorted(messages.items(), key=lambda item: item[0].wire_name)
            },
        }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
