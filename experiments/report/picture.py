"""One picture of a run, for a page or a talk: frequency with and without the fleet, power asked for and delivered.

An SVG that stands on a ground of its own, light or dark, and refers to nothing outside itself.
"""

import math
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.errors import UserError
from experiments.report.page import part
from experiments.report.series import Values, power_unit
from experiments.runs import Run

WIDTH, LEFT, RIGHT = 860.0, 74.0, 150.0  # the right margin holds the names of the curves
TOP, TALL, LOW, BETWEEN = 62.0, 210.0, 130.0, 46.0  # first panel's top, heights of the panels, space between them
BEFORE_S, AFTER_S = 4.0, 26.0  # around the event
APART = 15.0  # between names, so that none covers another


class Line(NamedTuple):
    """One curve of a panel."""

    name: str
    values: Values
    colour: str


class Panel(NamedTuple):
    """Curves over the shared time axis; `low` and `high` are the ends of the upright axis."""

    title: str
    top: float
    height: float
    low: float
    high: float
    step: float  # between grid lines
    digits: int
    lines: list[Line]

    def y(self, value: float) -> float:
        """Height of a value on the page."""
        return self.top + self.height * (self.high - value) / (self.high - self.low)


def picture_svg(run: Run) -> str:
    """The picture, around the first event of a closed-loop run; raises UserError for a run without one."""
    events = run.config.get("grid", {}).get("events", [])
    if not events or run.kpis.get("nadir_without_hz") is None:
        raise UserError(f"{run.name} has no grid event that could be drawn with and without the fleet")
    start_s = max(0.0, events[0]["t_s"] - BEFORE_S)
    end_s = events[0]["t_s"] + AFTER_S
    rows = run.table("grid", between=(start_s, end_s), as_="arrow")
    columns = {name: rows[name].to_numpy().astype(np.float64) for name in rows.column_names}
    times_s = columns["time_s"]
    unit, watts = power_unit(columns["fleet_power_w"], columns["setpoint_power_w"])
    frequency = _panel(
        "Grid frequency, Hz",
        TOP,
        TALL,
        [
            Line("without the fleet", columns["frequency_without_hz"], "orange"),
            Line("with the fleet", columns["frequency_hz"], "blue"),
        ],
    )
    power = _panel(
        f"Power of the fleet, {unit} (below zero it feeds the grid)",
        TOP + TALL + BETWEEN,
        LOW,
        [
            Line("asked for", columns["setpoint_power_w"] / watts, "grey"),
            Line("delivered", columns["fleet_power_w"] / watts, "blue"),
        ],
    )
    foot = power.top + power.height
    event_x = _x(events[0]["t_s"], start_s, end_s)
    change = f"{events[0]['power_mw']:+g}".replace("-", "−")
    parts = [
        f'<text x="{LEFT:g}" y="28" class="title">{escape(_heading(run, events[0]))}</text>',
        *_frame(frequency),
        *_frame(power),
        *_event(frequency, event_x),
        *_event(power, event_x),
        f'<text x="{event_x - 7:.1f}" y="{TOP + TALL - 8:g}" class="right event">{change} MW</text>',
        *_curves(frequency, times_s, start_s, end_s),
        *_curves(power, times_s, start_s, end_s),
        *_lowest(frequency, times_s, start_s, end_s),
        *_seconds(start_s, end_s, foot),
    ]
    height = foot + 34.0
    style = part("picture.css")
    described = f"{run.name}: {run.manifest.get('description', '')}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:g}" role="img">',
            f"<title>{escape(described)}</title>",
            f"<style>{style}</style>",
            f'<rect width="{WIDTH:g}" height="{height:g}" rx="10" class="page"/>',
            *parts,
            "</svg>\n",
        ]
    )


def write_picture(run: Run, path: str | Path) -> Path:
    """Write the picture of a run; return its path."""
    path = Path(path)
    path.write_text(picture_svg(run), encoding="utf-8")
    return path


def _heading(run: Run, event: dict[str, float]) -> str:
    cars = run.manifest["n_ev"] * run.manifest.get("cars_per_ev", 1.0)
    kind = "lost" if event["power_mw"] < 0.0 else "gained"
    return f"{abs(event['power_mw']):g} MW {kind}, {cars:,.0f} cars answer"


def _panel(title: str, top: float, height: float, lines: list[Line]) -> Panel:
    """A panel whose axis ends at round numbers around the values."""
    low = min(float(np.nanmin(line.values)) for line in lines)
    high = max(float(np.nanmax(line.values)) for line in lines)
    step, digits = round_step(high - low or 1.0)
    return Panel(title, top, height, math.floor(low / step) * step, math.ceil(high / step) * step, step, digits, lines)


def round_step(span: float) -> tuple[float, int]:
    """Distance of grid lines, 1, 2 or 5 times a power of ten, and the decimals it needs."""
    power = math.floor(math.log10(span / 3.0))
    factor = next(f for f in (1, 2, 5, 10) if f * 10.0**power >= span / 5.0)
    return factor * 10.0**power, max(0, -power)


def _x(t_s: float, start_s: float, end_s: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (t_s - start_s) / (end_s - start_s)


def _frame(panel: Panel) -> list[str]:
    parts = [f'<text x="{LEFT:g}" y="{panel.top - 10:g}">{escape(panel.title)}</text>']
    for k in range(round((panel.high - panel.low) / panel.step) + 1):
        value = panel.low + k * panel.step
        y = panel.y(value)
        parts.append(f'<line x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        label = f"{value:.{panel.digits}f}".replace("-", "−")
        parts.append(f'<text x="{LEFT - 10:g}" y="{y + 4:.1f}" class="right">{label}</text>')
    return parts


def _curves(panel: Panel, times_s: Values, start_s: float, end_s: float) -> list[str]:
    """The curves, each with its name beside its end."""
    parts = []
    taken: list[float] = []
    for line in sorted(panel.lines, key=lambda one: -one.values[-1]):
        points = " ".join(
            f"{_x(t, start_s, end_s):.1f},{panel.y(v):.1f}"
            for t, v in zip(times_s.tolist(), line.values.tolist(), strict=True)
        )
        parts.append(f'<polyline points="{points}" class="{line.colour}"/>')
        y = panel.y(float(line.values[-1])) + 4.0
        if taken and y < taken[-1] + APART:
            y = taken[-1] + APART
        taken.append(y)
        parts.append(f'<text x="{WIDTH - RIGHT + 8:g}" y="{y:.1f}" class="{line.colour}">{escape(line.name)}</text>')
    return parts


def _lowest(panel: Panel, times_s: Values, start_s: float, end_s: float) -> list[str]:
    """The lowest point of each curve with its value: above it for the upper curve, below it for the lower one."""
    parts = []
    for rank, line in enumerate(sorted(panel.lines, key=lambda one: -float(np.min(one.values)))):
        at = int(np.argmin(line.values))
        x, y = _x(float(times_s[at]), start_s, end_s), panel.y(float(line.values[at]))
        text_x, text_y = (x + 20.0, y - 26.0) if rank == 0 else (x + 6.0, y + 20.0)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="{line.colour}"/>')
        parts.append(
            f'<text x="{text_x:.1f}" y="{text_y:.1f}" class="middle {line.colour}">{line.values[at]:.3f} Hz</text>'
        )
    return parts


def _event(panel: Panel, x: float) -> list[str]:
    foot = panel.top + panel.height
    return [f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{panel.top:g}" y2="{foot:g}" class="event"/>']


def _seconds(start_s: float, end_s: float, foot: float) -> list[str]:
    step = 5.0
    first = math.ceil(start_s / step)
    return [
        f'<text x="{_x(k * step, start_s, end_s):.1f}" y="{foot + 20:g}" class="middle">{k * step:g} s</text>'
        for k in range(first, math.floor(end_s / step) + 1)
    ]
