"""One plot as an SVG that stands alone: curves over a number, with round grid lines. For curves and statistics."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from experiments.errors import UserError
from experiments.report.page import part
from experiments.report.picture import round_step

WIDTH, LEFT, RIGHT = 860.0, 84.0, 150.0  # the right margin holds the names of the curves
TOP, TALL, FOOT = 70.0, 300.0, 60.0
APART = 15.0  # between names, so that none covers another


class Trace(NamedTuple):
    """One curve; `colour` is blue, orange or grey."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str


class Plot(NamedTuple):
    """Curves over one axis."""

    title: str
    x_label: str
    y_label: str
    traces: list[Trace]


class Axis(NamedTuple):
    """Ends of an axis at multiples of `step`, and the decimals that its labels need."""

    low: float
    high: float
    step: float
    digits: int

    def marks(self) -> list[float]:
        """Values of the grid lines."""
        return [self.low + k * self.step for k in range(round((self.high - self.low) / self.step) + 1)]

    def text(self, value: float) -> str:
        """A value on this axis."""
        return f"{value:.{self.digits}f}".replace("-", "−")


def axis(values: Sequence[float], whole: bool = True) -> Axis:
    """An axis around values; `whole` ends at grid lines, otherwise at the values themselves."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    step, digits = round_step(high - low)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if not whole:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Axis(first * step, last * step, step, digits)


def plot_height() -> float:
    """Height that one plot takes on the page."""
    return TOP + TALL + FOOT


def plot_parts(plot: Plot, top: float) -> list[str]:
    """The elements of one plot whose title line begins at `top`; values that are no numbers are left out."""
    xs = [x for trace in plot.traces for x in trace.x if math.isfinite(x)]
    ys = [y for trace in plot.traces for y in trace.y if math.isfinite(y)]
    if not xs or not ys:
        raise UserError(f"nothing to draw for '{plot.title}'")
    left, right = min(xs), max(xs)
    across, up = axis(xs, whole=False), axis(ys)
    head, span = top + TOP, right - left or 1.0

    def x_of(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (x - left) / span

    def y_of(y: float) -> float:
        return head + TALL * (up.high - y) / (up.high - up.low)

    parts = [f'<text x="{LEFT:g}" y="{top + 30:g}" class="title">{escape(plot.title)}</text>']
    parts.append(f'<text x="{LEFT:g}" y="{head - 14:g}">{escape(plot.y_label)}</text>')
    for value in up.marks():
        y = y_of(value)
        parts.append(f'<line x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 10:g}" y="{y + 4:.1f}" class="right">{up.text(value)}</text>')
    for value in across.marks():
        x = x_of(value)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{head:g}" y2="{head + TALL:g}" class="grid"/>')
        parts.append(f'<text x="{x:.1f}" y="{head + TALL + 20:g}" class="middle">{across.text(value)}</text>')
    middle = 0.5 * (LEFT + WIDTH - RIGHT)
    parts.append(f'<text x="{middle:g}" y="{head + TALL + 44:g}" class="middle">{escape(plot.x_label)}</text>')
    named: list[float] = []
    for trace in sorted(plot.traces, key=lambda one: -one.y[-1]):
        points = " ".join(
            f"{x_of(x):.1f},{y_of(y):.1f}"
            for x, y in zip(trace.x, trace.y, strict=True)
            if math.isfinite(x) and math.isfinite(y)
        )
        parts.append(f'<polyline points="{points}" class="{trace.colour}"/>')
        y = y_of(trace.y[-1]) + 4.0
        if named and y < named[-1] + APART:
            y = named[-1] + APART
        named.append(y)
        text = f'<text x="{x_of(trace.x[-1]) + 8:.1f}" y="{y:.1f}" class="{trace.colour}">{escape(trace.name)}</text>'
        parts.append(text)
    return parts


def plots_svg(plots: Sequence[Plot]) -> str:
    """Plots below each other as one SVG, on a ground of their own."""
    parts = [part for k, plot in enumerate(plots) for part in plot_parts(plot, k * plot_height())]
    style = part("picture.css")
    height = len(plots) * plot_height()
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:g}" role="img">',
            f"<title>{escape(plots[0].title)}</title>",
            f"<style>{style}</style>",
            f'<rect width="{WIDTH:g}" height="{height:g}" rx="10" class="page"/>',
            *parts,
            "</svg>\n",
        ]
    )


def write_plots(plots: Sequence[Plot], path: Path) -> None:
    """Write plots into one file; raises UserError when it cannot be written."""
    try:
        path.write_text(plots_svg(plots), encoding="utf-8")
    except OSError as error:
        raise UserError(f"--svg {path}: {error.strerror or error}") from None
