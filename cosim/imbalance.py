"""What pushes the grid besides the fleet: events, a series, noise, market intervals, and what a recording implies."""

import math
from datetime import datetime

from cosim.inputs import Inputs, Series
from cosim.scenario import GridEvent, Scenario
from models.grid.area import GridParams
from models.grid.frequency import FrequencyModel
from models.grid.imbalance import PowerEvent, mean_power_mw, mean_sampled, sampled
from models.grid.noise import Path, market_path, noise_for_sigma_mw, noise_path

AREAS = ("home", "neighbour")


class Imbalance:
    """Mean power put into each area over a tick [MW]; positive lifts the frequency."""

    def __init__(self, scenario: Scenario, inputs: Inputs) -> None:
        section = scenario.grid
        self._areas = 2 if inputs.neighbour is not None else 1
        self._events = tuple(_powers(section.events, area) for area in AREAS[: self._areas])
        self._paths = _paths(scenario, inputs)
        self._reconstruction: Reconstruction | None = None
        if section.model == "reconstructed":
            assert inputs.grid is not None, "a preset is read before the run"
            assert inputs.frequency is not None, "a recording is read before the run"
            self._reconstruction = Reconstruction(inputs.grid, inputs.frequency, section.start_s)

    def mean_mw(self, from_ns: int, to_ns: int) -> tuple[float, ...]:
        """Ticks must be asked for in order: a recording is followed by a model of its own."""
        from_s, to_s = from_ns * 1e-9, to_ns * 1e-9
        powers = [mean_power_mw(events, from_s, to_s) for events in self._events]
        for path in self._paths:
            powers[0] += mean_sampled(path.t_s, path.mw, from_s, to_s)
        if self._reconstruction is not None:
            powers[0] += self._reconstruction.power_mw(from_ns, to_ns)
        return tuple(powers)


class Reconstruction:
    """The imbalance that makes the model's frequency the recorded one, tick by tick.

    The model is the preset without a fleet. Before the first sample frequency moves in a line from nominal to it.
    """

    def __init__(self, params: GridParams, recorded: Series, start_s: float) -> None:
        self._model = FrequencyModel(params._replace(shedding=()))  # what relays did is part of what is found
        self._recorded = recorded
        self._start_s = start_s

    def power_mw(self, from_ns: int, to_ns: int) -> float:
        """Power over the tick [MW]."""
        tick_s = (to_ns - from_ns) * 1e-9
        found_mw = self._model.power_for_hz(tick_s, self._target_hz(to_ns * 1e-9))
        self._model.step(tick_s, found_mw)
        return found_mw

    def _target_hz(self, time_s: float) -> float:
        since_s = time_s - self._start_s
        if since_s < 0.0:
            first_hz, nominal_hz = self._recorded.value[0], self._model.params.nominal_hz
            return nominal_hz + (first_hz - nominal_hz) * time_s / self._start_s
        return sampled(self._recorded.t_s, self._recorded.value, since_s)


def _powers(events: tuple[GridEvent, ...], area: str) -> tuple[PowerEvent, ...]:
    return tuple(PowerEvent(event.t_s, event.power_mw, event.ramp_s) for event in events if event.area == area)


def _paths(scenario: Scenario, inputs: Inputs) -> tuple[Path, ...]:
    """Series, noise and market intervals of the home area, for the whole run."""
    section, seed, until_s = scenario.grid, scenario.seed, scenario.duration_s
    paths = []
    if inputs.imbalance is not None:
        paths.append(Path(inputs.imbalance.t_s, tuple(watts * 1e-6 for watts in inputs.imbalance.value)))
    sigma_mw = noise_sigma_mw(scenario, inputs)
    if sigma_mw > 0.0:
        paths.append(noise_path(seed, sigma_mw, section.noise.memory_s, section.noise.step_s, until_s))
    market = section.market
    if market.sigma_mw > 0.0:
        clock_s = datetime.fromisoformat(scenario.start_utc).timestamp() % market.interval_s
        first_s = market.interval_s - clock_s
        paths.append(market_path(seed, market.sigma_mw, market.interval_s, market.ramp_s, first_s, until_s))
    return tuple(paths)


def noise_sigma_mw(scenario: Scenario, inputs: Inputs) -> float:
    """Standard deviation of the noise [MW]: stated, or such that the home area alone would have the wanted sigma."""
    noise = scenario.grid.noise
    if noise.sigma_hz is None:
        return noise.sigma_mw
    assert inputs.grid is not None, "a preset is read before the run"
    sigma_mw = noise_for_sigma_mw(inputs.grid._replace(shedding=()), noise.sigma_hz, noise.memory_s)
    return sigma_mw if math.isfinite(sigma_mw) else 0.0
