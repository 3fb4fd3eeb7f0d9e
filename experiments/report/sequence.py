"""A session's messages as a sequence diagram in SVG: two lifelines, an arrow for each message."""

from html import escape

from cosim.scenario import NS
from experiments.trace import Line

ROW = 24
TOP = 44
LEFT, RIGHT, WIDTH = 110, 610, 720
MOST_ROWS = 120


def sequence_svg(lines: list[Line], ev: int) -> str:
    """The diagram of `lines`, which should be folded."""
    shown = lines[:MOST_ROWS]
    height = TOP + ROW * len(shown) + 24
    parts = [
        f'<svg class="sequence" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Messages of EV{ev:03d}">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0.5 L8 4 L0 7.5 z"/></marker></defs>',
        *_lifeline(LEFT, f"EV{ev:03d}", "EVCC", height),
        *_lifeline(RIGHT, f"EVSE{ev:03d}", "SECC", height),
    ]
    for number, line in enumerate(shown):
        parts += _row(line, TOP + ROW * number + ROW - 6)
    if len(lines) > len(shown):
        parts.append(
            f'<text class="fold" x="{(LEFT + RIGHT) // 2}" y="{height - 6}">{len(lines) - len(shown)} more lines</text>'
        )
    return "".join([*parts, "</svg>"])


def _lifeline(x: int, name: str, role: str, height: int) -> list[str]:
    return [
        f'<rect class="head" x="{x - 52}" y="4" width="104" height="30" rx="6"/>',
        f'<text class="name" x="{x}" y="24">{name} <tspan class="role">{role}</tspan></text>',
        f'<line class="life" x1="{x}" y1="34" x2="{x}" y2="{height - 4}"/>',
    ]


def _row(line: Line, y: int) -> list[str]:
    middle = (LEFT + RIGHT) // 2
    if line.kind == "fold":
        told = f"{line.repeats:,} more like this, until {line.t_ns / NS:,.3f} s"
        return [f'<text class="fold" x="{middle}" y="{y - 3}">⋮ {told}</text>']
    time = f'<text class="time" x="52" y="{y}">{line.t_ns / NS:,.3f}</text>'
    if line.kind == "event":
        told = escape(f"{line.message}: {line.details[0]}")
        return [time, f'<text class="event" x="{middle}" y="{y - 3}">{told}</text>']
    start, end = (LEFT, RIGHT) if line.from_ev else (RIGHT, LEFT)
    kind = "failed" if any(detail.startswith("FAILED") for detail in line.details) else "message"
    details = f' <tspan class="detail">{escape(" · ".join(line.details))}</tspan>' if line.details else ""
    return [
        time,
        f'<line class="{kind}" x1="{start}" y1="{y}" x2="{end}" y2="{y}" marker-end="url(#tip)"/>',
        f'<text class="{kind}" x="{middle}" y="{y - 5}">{escape(line.message)}{details}</text>',
    ]
