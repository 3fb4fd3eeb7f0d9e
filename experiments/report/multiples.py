"""Pictures of a verdict: one row of panels for each figure, with the runs side by side on their axes.

The variants of a scenario are panels, its first axis goes across, its second one is a colour; further axes are panels,
too. Where two figures share a picture, the first is the dot and the second the end of the line that starts there.
"""

import itertools
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from experiments.family import VARIANT, value_text
from experiments.figures import PREFIXES, is_number, label, meaning, unit
from experiments.report.page import part
from experiments.report.plot import Axis, axis
from experiments.verdict import Verdict, drawable

WIDTH, LEFT, RIGHT = 980.0, 74.0, 20.0
TITLE, PANEL, FOOT, BETWEEN = 80.0, 170.0, 54.0, 22.0  # heights of a row's parts [px], and space between panels
COLOURS = ("blue", "orange", "green", "red", "grey")
DODGE = 9.0  # between colours at one place, so that none covers another [px]


class Dot(NamedTuple):
    """One run in a panel: where it stands across, its colour, its figure, and that at the end of the line."""

    across: int
    colour: int
    value: float
    end: float | None


class Layout(NamedTuple):
    """Which axis of the verdict goes where, by number; -1: none does."""

    across: int
    colour: int
    panels: tuple[int, ...]


def layout_of(verdict: Verdict) -> Layout:
    """The first axis goes across, the second is a colour, and the rest, variants among them, are panels."""
    numbered = [number for number, one in enumerate(verdict.axes) if one.name != VARIANT]
    if not numbered:
        return Layout(0, -1, ())
    across, colour = numbered[0], numbered[1] if len(numbered) > 1 else -1
    return Layout(
        across, colour, tuple(number for number in range(len(verdict.axes)) if number not in (across, colour))
    )


def verdict_svg(verdict: Verdict) -> str:
    """All figures that have numbers, one row of panels each; empty if there is none."""
    pairs = [pair for pair in verdict.figures if drawable(verdict, pair[0])]
    if not pairs:
        return ""
    height = TITLE + PANEL + FOOT
    parts = [part for row, pair in enumerate(pairs) for part in _row(verdict, pair, row * height)]
    style = part("picture.css") + part("multiples.css")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {len(pairs) * height:g}" role="img">',
            f"<title>{escape(', '.join(label(key) for pair in pairs for key in pair))}</title>",
            f"<style>{style}</style>",
            f'<rect width="{WIDTH:g}" height="{len(pairs) * height:g}" rx="10" class="page"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _row(verdict: Verdict, pair: Sequence[str], top: float) -> Iterator[str]:
    """The panels of one figure, on one upright axis."""
    layout = layout_of(verdict)
    panels = list(itertools.product(*(verdict.axes[number].values for number in layout.panels)))
    dots = [_dots(verdict, pair, layout, panel) for panel in panels]
    shown = [value for panel in dots for dot in panel for value in (dot.value, dot.end) if value is not None]
    factor, prefix = power_of_thousand(shown, unit(pair[0]))
    told = (meaning(pair[0]), f"the line ends at: {label(pair[1])}" if len(pair) > 1 else "")
    measured_in = f'<tspan class="aside"> [{prefix}{unit(pair[0])}]</tspan>' if unit(pair[0]) != "1" else ""
    title = f"{escape(label(pair[0]))}{measured_in}"
    yield f'<text x="{LEFT:g}" y="{top + 24:g}" class="title">{title}</text>'
    yield f'<text x="{LEFT:g}" y="{top + 43:g}">{escape("; ".join(text for text in told if text))}</text>'
    up = _upright([value / factor for value in shown])
    yield from _legend(verdict, layout, top)
    wide = (WIDTH - LEFT - RIGHT - BETWEEN * (len(panels) - 1)) / len(panels)
    for number, (panel, inside) in enumerate(zip(panels, dots, strict=True)):
        left = LEFT + number * (wide + BETWEEN)
        scaled = [dot._replace(value=dot.value / factor, end=dot.end and dot.end / factor) for dot in inside]
        yield from _panel(verdict, layout, up, scaled, (left, top + TITLE, wide), first=number == 0)
        yield f'<text x="{left:g}" y="{top + TITLE - 8:g}" class="name">{escape(" · ".join(panel))}</text>'


def _dots(verdict: Verdict, pair: Sequence[str], layout: Layout, panel: tuple[str, ...]) -> list[Dot]:
    found = []
    for place, figures in zip(verdict.places, verdict.found, strict=True):
        at = [value_text(value) for value in place]
        value, end = figures.get(pair[0]), figures.get(pair[-1]) if len(pair) > 1 else None
        if tuple(at[number] for number in layout.panels) == panel and is_number(value):
            across = verdict.axes[layout.across].values.index(at[layout.across])
            colour = verdict.axes[layout.colour].values.index(at[layout.colour]) if layout.colour >= 0 else 0
            found.append(Dot(across, colour, value, end if is_number(end) else None))
    return found


def power_of_thousand(values: Sequence[float], of: str) -> tuple[float, str]:
    """Factor and prefix for watts and watt hours; 1 for other units."""
    most = max(map(abs, values)) if of.startswith("W") else 0.0
    return next(((factor, prefix) for factor, prefix in PREFIXES if most >= factor), (1.0, ""))


def _upright(values: Sequence[float]) -> Axis:
    """From zero where that is not too far away."""
    low, high = min(values), max(values)
    near = [0.0] if (low > 0.0 and low < 0.7 * high) or (high < 0.0 and high > 0.7 * low) else []
    return axis([*values, *near])


def _legend(verdict: Verdict, layout: Layout, top: float) -> Iterator[str]:
    if layout.colour < 0:
        return
    one = verdict.axes[layout.colour]
    told = f"{one.name}: " + "".join(
        f'<tspan class="{COLOURS[k % len(COLOURS)]}"> ● {escape(value)}</tspan>' for k, value in enumerate(one.values)
    )
    yield f'<text x="{WIDTH - RIGHT:g}" y="{top + 24:g}" class="right">{told}</text>'


def _panel(
    verdict: Verdict, layout: Layout, up: Axis, dots: list[Dot], frame: tuple[float, float, float], *, first: bool
) -> Iterator[str]:
    """Grid lines, the runs, and the names of the places; `frame` is left, top and width."""
    left, top, wide = frame
    across = verdict.axes[layout.across]
    colours = len(verdict.axes[layout.colour].values) if layout.colour >= 0 else 1

    def x_of(dot: Dot) -> float:
        return left + wide * (dot.across + 0.5) / len(across.values) + DODGE * (dot.colour - 0.5 * (colours - 1))

    def y_of(value: float) -> float:
        return top + PANEL * (up.high - value) / (up.high - up.low)

    for value in up.marks():
        y = y_of(value)
        yield f'<line x1="{left:g}" x2="{left + wide:.1f}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        if first:
            yield f'<text x="{left - 10:g}" y="{y + 4:.1f}" class="right">{up.text(value)}</text>'
    for number, name in enumerate(across.values):
        x = left + wide * (number + 0.5) / len(across.values)
        yield f'<text x="{x:.1f}" y="{top + PANEL + 18:g}" class="middle">{escape(name)}</text>'
    if across.name != VARIANT:
        x = left + 0.5 * wide
        yield f'<text x="{x:.1f}" y="{top + PANEL + 38:g}" class="middle">{escape(across.name)}</text>'
    for colour in range(colours):
        own = [dot for dot in dots if dot.colour == colour]
        name = COLOURS[colour % len(COLOURS)]
        if across.name != VARIANT and len(own) > 1:
            points = " ".join(f"{x_of(dot):.1f},{y_of(dot.value):.1f}" for dot in own)
            yield f'<polyline points="{points}" class="{name} thin"/>'
        for dot in own:
            x, y = x_of(dot), y_of(dot.value)
            if dot.end is not None:
                yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{y_of(dot.end):.1f}" class="{name}"/>'
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="{name}"/>'
