"""Published events beside the grid presets: what was seen, and what the model gives, as it comes.

One preset was calibrated on its event, and says so; the others were left out of every fit.
"""

from pathlib import Path
from typing import NamedTuple

from experiments import screen
from experiments.cli import print_json
from experiments.errors import UserError
from experiments.keys import did_you_mean
from experiments.presets import DIRECTORY, load_grid
from experiments.rows import read_rows
from models.grid.area import initial_rocof_hz_per_s
from models.grid.frequency import FrequencyModel
from models.grid.imbalance import PowerEvent, mean_power_mw

FILE = DIRECTORY.parent / "events" / "published_events.csv"
TICK_S = 0.1


class Event(NamedTuple):
    """One event of the table, and how it is laid beside a preset."""

    published: str  # its name in the table
    preset: str
    extreme_hz: float  # lowest or highest frequency that was reported
    until_s: float  # afterwards other things act than the model has
    fit: str


AS_IT_COMES = "as it comes: the preset knows nothing of this event"
EVENTS = {
    "gb-2019": Event(
        "GB_2019-08-09", "gb-2019-calibrated", 48.787, 120.0, "calibrated on this event, so no proof of the model"
    ),
    "ce-2021-north-west": Event("CE_split_2021-01-08_NW", "continental-europe", 49.74, 60.0, AS_IT_COMES),
    "ce-2021-south-east": Event("CE_split_2021-01-08_SE", "continental-europe", 50.6, 60.0, AS_IT_COMES),
    "odessa-2021": Event("ERCOT_Odessa_2021-05-09", "ercot", 59.817, 60.0, AS_IT_COMES),
}


class Milestone(NamedTuple):
    """What was seen at an instant, and what the model gives there."""

    t_s: float
    what: str
    published_hz: float
    model_hz: float


class Beside(NamedTuple):
    """An event beside the model."""

    losses: tuple[PowerEvent, ...]
    t_s: list[float]
    f_hz: list[float]
    extreme_hz: float  # the model's
    rocof_hz_per_s: float  # right after the first loss, all losses of its first second together
    shed_s: list[float]  # when relays trip in the model: contracted response, then load shedding
    milestones: list[Milestone]


def find_event(name: str) -> Event:
    """The event of a name; raises UserError naming the nearest."""
    if name not in EVENTS:
        raise UserError(f"there is no event '{name}'.{did_you_mean(name, EVENTS)} Known are {', '.join(EVENTS)}")
    return EVENTS[name]


def beside(event: Event) -> Beside:
    """Play the published losses on the preset; those of the other sign are what the system did itself."""
    rows = [row for row in read_rows(FILE, ("event", "t_s")) if row.text("event") == event.published]
    params = load_grid(event.preset).params
    lost = [(row.needed("t_s"), row.value("loss_mw", 0.0)) for row in rows]
    first_mw = next(mw for _, mw in lost if mw != 0.0)
    losses = tuple(PowerEvent(t_s, -mw) for t_s, mw in lost if mw * first_mw > 0.0)
    model = FrequencyModel(params)
    times = [round(TICK_S * (k + 1), 6) for k in range(round(event.until_s / TICK_S))]
    values = [model.step(TICK_S, mean_power_mw(losses, t_s - TICK_S, t_s)) for t_s in times]
    milestones = []
    for row in rows:
        t_s, seen_hz = row.needed("t_s"), row.value("f_hz")
        if seen_hz == seen_hz and 0.0 < t_s <= event.until_s:
            milestones.append(Milestone(t_s, row.text("what"), seen_hz, values[round(t_s / TICK_S) - 1]))
    extreme_hz = min(values) if event.extreme_hz < params.nominal_hz else max(values)
    together_mw = sum(loss.power_mw for loss in losses if loss.start_s <= losses[0].start_s + 1.0)
    rocof = initial_rocof_hz_per_s(params, together_mw)
    return Beside(losses, times, values, extreme_hz, rocof, [trip.time_s for trip in model.trips], milestones)


def events_command(name: str, svg: Path | None, as_json: bool) -> None:
    """List the events, or lay one beside its preset."""
    if not name:
        if svg is not None:
            raise UserError("--svg needs an event to draw")
        listed = [(key, event.preset, event.fit) for key, event in EVENTS.items()]
        if as_json:
            print_json([{"event": key, "preset": preset, "fit": fit} for key, preset, fit in listed])
            return
        screen.console().print(screen.table(("event", "preset", "fit"), listed))
        return
    event = find_event(name)
    found = beside(event)
    if svg is not None:
        _draw(name, found, svg)
    if as_json:
        print_json(
            {
                "event": name,
                "preset": event.preset,
                "fit": event.fit,
                "extreme": {"published_hz": event.extreme_hz, "model_hz": found.extreme_hz},
                "initial_rocof_hz_per_s": found.rocof_hz_per_s,
                "shed_s": found.shed_s,
                "milestones": [milestone._asdict() for milestone in found.milestones],
            }
        )
        return
    out = screen.console()
    out.print(f"[bold]{name}[/] · preset {event.preset} · {event.fit}")
    lost = " + ".join(f"{-loss.power_mw:,.0f} MW at {loss.start_s:g} s" for loss in found.losses)
    out.print(f"lost: {lost} · first slope {found.rocof_hz_per_s:+.3f} Hz/s")
    if found.shed_s:
        out.print(f"relays trip in the model at {', '.join(f'{t_s:.1f} s' for t_s in found.shed_s)}")
    out.print("")
    rows = [("", f"extreme until {event.until_s:g} s", *_compared(event.extreme_hz, found.extreme_hz))]
    rows += [(f"{m.t_s:g}", m.what, *_compared(m.published_hz, m.model_hz)) for m in found.milestones]
    out.print(screen.table(("t [s]", "what was seen", "published [Hz]", "model [Hz]", "mHz apart"), rows, (0, 2, 3, 4)))


def _compared(published_hz: float, model_hz: float) -> tuple[str, str, str]:
    return f"{published_hz:.3f}", f"{model_hz:.3f}", f"{1e3 * (model_hz - published_hz):+.0f}"


def _draw(name: str, found: Beside, path: Path) -> None:
    from experiments.report.plot import Plot, Trace, write_plots

    curves = [Trace("model", found.t_s, found.f_hz, "blue")]
    seen = found.milestones
    if len(seen) > 1:
        curves.append(Trace("published", [m.t_s for m in seen], [m.published_hz for m in seen], "orange"))
    write_plots([Plot(f"{name}: published and modelled", "time, s", "frequency, Hz", curves)], path)
