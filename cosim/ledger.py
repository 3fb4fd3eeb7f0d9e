"""What became of each session: one row, its part of the key figures, and the check of its energy balance."""

from typing import TYPE_CHECKING

from cosim.checks import Checks
from cosim.kpis import Kpis
from cosim.recorder import Recorder
from cosim.sums import micro
from models.car.battery import shortest_charge_s
from models.car.converter import loss_w
from models.metrics import why_missed

if TYPE_CHECKING:
    from cosim.car import Car
    from cosim.ev import Ev
    from cosim.wire import Wire

BALANCE = 1e-9  # relative
SOC_SLACK = 1e-12
MET_SLACK_SOC = 0.005  # a target counts as met this close: wire rounding and taper never end exactly on it


class Ledger:
    """Closes sessions."""

    def __init__(self, recorder: Recorder, kpis: Kpis, checks: Checks, wire: "Wire | None" = None) -> None:
        self._recorder = recorder
        self._kpis = kpis
        self._checks = checks
        self._wire = wire

    def close(self, ev: "Ev", now_ns: int) -> None:
        """The vehicle was unplugged at `now_ns`, or the run ended with it still there."""
        car, visit, station = ev.car, ev.visit, ev.station
        if self._wire is not None:
            self._wire.close(now_ns, visit.ev_id)
        car.settle(now_ns)
        soc_end = car.soc(now_ns)
        self._check(car, soc_end)
        target, why = self._verdict(ev, soc_end)
        table, kpis = self._recorder.sessions, self._kpis
        service = ev.evcc.agreed.service.name if ev.evcc.agreed is not None else visit.service
        session_id = ev.evcc.session_id.hex().upper() if ev.first_loop_ns >= 0 else None
        table.append(
            now_ns, visit.ev_id, station.evse_id, station.site.site_id,
            table.code("session_id", session_id), table.code("service", service),
            table.code("vehicle", visit.vehicle.name), table.code("v2g", visit.vehicle.v2g),
            visit.arrive_ns, ev.first_loop_ns, ev.stop_ns, ev.unplug_ns, station.loops,
            car.soc_start, soc_end, visit.target_soc,
            car.grid_ws / 3600.0, car.plug_ws / 3600.0, car.cells_ws / 3600.0,
            car.charged_ws / 3600.0, car.discharged_ws / 3600.0,
            table.code("end_reason", ev.end_reason), table.code("target", target), table.code("why_missed", why),
        )  # fmt: skip
        kpis.sessions += 1
        kpis.targets[target] += 1
        if why is not None:
            kpis.why_missed[why] += 1
        kpis.end_reasons[ev.end_reason] += 1
        kpis.grid_uj += micro(car.grid_ws)
        kpis.cells_uj += micro(car.cells_ws)
        kpis.charged_uj += micro(car.charged_ws)
        kpis.discharged_uj += micro(car.discharged_ws)
        kpis.loss_uj += micro(car.station_loss_ws + car.vehicle_loss_ws)

    def _verdict(self, ev: "Ev", soc_end: float) -> tuple[str, str | None]:
        """Whether the energy wanted was there at departure, and if not, whether it could have been."""
        visit, car, battery = ev.visit, ev.car, ev.car.kind.battery
        if soc_end >= visit.target_soc - MET_SLACK_SOC:
            return "met", None
        if ev.unplug_ns < 0:
            return "open", None
        kind = car.kind
        full_w = min(kind.charge_w, kind.station_charge_w)
        cells_w = full_w - loss_w(full_w, kind.vehicle_charge, kind.vehicle_discharge)
        # The cells taper from their strongest connector's power; a weaker one meets that taper later.
        taper_soc = battery.ceiling_soc - (battery.ceiling_soc - battery.charge_taper_soc) * full_w / kind.cells_w
        shortest_s = shortest_charge_s(
            car.soc_start,
            visit.target_soc - MET_SLACK_SOC,
            cells_w,
            taper_soc,
            battery.ceiling_soc,
            battery.capacity_wh,
        )
        stay_s = (ev.unplug_ns - visit.arrive_ns) * 1e-9
        loop_s = (ev.stop_ns - ev.first_loop_ns) * 1e-9 if 0 <= ev.first_loop_ns < ev.stop_ns else 0.0
        return "missed", why_missed(shortest_s, stay_s, loop_s)

    def _check(self, car: "Car", soc_end: float) -> None:
        scale_ws = max(car.charged_ws + car.discharged_ws, 1.0)
        grid_gap_ws = car.grid_ws - car.plug_ws - car.station_loss_ws
        cell_gap_ws = car.plug_ws - car.cells_ws - car.vehicle_loss_ws
        if max(abs(grid_gap_ws), abs(cell_gap_ws)) > BALANCE * scale_ws:
            self._checks.broken(
                "energy_balance", f"EV{car.ev_id:03d}: {grid_gap_ws:.3g} and {cell_gap_ws:.3g} W s do not close"
            )
        low, high = car.kind.battery.floor_soc, car.kind.battery.ceiling_soc
        if not low - SOC_SLACK <= soc_end <= high + SOC_SLACK:
            self._checks.broken("soc_bounds", f"EV{car.ev_id:03d} ends at {soc_end:.6f}, bounds {low:g} and {high:g}")
