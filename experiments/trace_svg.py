"""One session drawn as a picture of its messages: two lines of life, an arrow per message, events in the margin."""

from pathlib import Path
from xml.sax.saxutils import escape

from cosim.scenario import NS
from experiments.trace import Line

ROW = 20  # height of a line of the trace [px]
TOP = 58
TIME_X, EV_X, EVSE_X, NOTE_X, WIDTH = 70, 170, 640, 660, 1180
COLOURS = {
    "fault": "#c0392b",
    "timer": "#c0392b",
    "session_lost": "#c0392b",
    "opened_under_load": "#c0392b",
    "profile_violation": "#c0392b",
}
NOTE_COLOUR = "#7d5a00"


def trace_svg(lines: list[Line], ev: int) -> str:
    """The drawing as SVG text; `lines` are drawn as they come, so fold them first."""
    height = TOP + ROW * (len(lines) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="sans-serif" font-size="11">',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#34495e"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        _text(TIME_X, 24, "time, s", "end"),
        _text(EV_X, 24, f"EV{ev:03d} (EVCC)", "middle", bold=True),
        _text(EVSE_X, 24, f"EVSE{ev:03d} (SECC)", "middle", bold=True),
        *(
            f'<line x1="{x}" y1="32" x2="{x}" y2="{height - ROW}" stroke="#95a5a6" stroke-dasharray="2 3"/>'
            for x in (EV_X, EVSE_X)
        ),
    ]
    for place, line in enumerate(lines):
        parts += _drawn(line, TOP + ROW * place)
    return "\n".join([*parts, "</svg>", ""])


def write_trace_svg(lines: list[Line], ev: int, path: Path) -> None:
    """Write the drawing to `path`."""
    path.write_text(trace_svg(lines, ev), encoding="utf-8")


def _drawn(line: Line, y: int) -> list[str]:
    middle = (EV_X + EVSE_X) // 2
    if line.kind == "fold":
        said = f"{line.repeats:,} more like this, until {line.t_ns / NS:.3f} s"
        return [_text(middle, y, f"... {said} ...", "middle", colour="#7f8c8d")]
    time = _text(TIME_X, y, f"{line.t_ns / NS:.3f}", "end", colour="#7f8c8d")
    if line.kind == "event":
        colour = COLOURS.get(line.message, NOTE_COLOUR)
        mark = f'<line x1="{EV_X}" y1="{y - 4}" x2="{EVSE_X}" y2="{y - 4}" stroke="{colour}" stroke-opacity="0.35"/>'
        return [time, mark, _text(NOTE_X, y, f"{line.message}: {line.details[0]}", "start", colour=colour)]
    from_x, to_x = (EV_X, EVSE_X) if line.from_ev else (EVSE_X, EV_X)
    arrow = f'<line x1="{from_x}" y1="{y}" x2="{to_x}" y2="{y}" stroke="#34495e" marker-end="url(#head)"/>'
    failed = any(detail.startswith("FAILED") for detail in line.details)
    label = " ".join((line.message, *line.details))
    return [time, arrow, _text(middle, y - 4, label, "middle", colour="#c0392b" if failed else "#2c3e50")]


def _text(x: int, y: int, words: str, anchor: str, *, colour: str = "#2c3e50", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}"{weight}>{escape(words)}</text>'
