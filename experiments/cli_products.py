"""Commands about products and recorded frequency. Only typer is imported here, everything else inside them."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Svg = Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw into an SVG file.")]


def add_product_commands(app: typer.Typer) -> None:
    """Put the commands of this file into the command line."""
    app.command()(score)
    app.command()(curve)


def score(
    product: Annotated[str, typer.Argument(help="pjm, dc, dm, dr, fcr, fcr-d, ffr or afrr; other names of them, too.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Recorded response, CSV or Parquet.")],
    contract_mw: Annotated[float | None, typer.Option(help="Contracted power, for a response in MW.")] = None,
    window_s: Annotated[float | None, typer.Option(help="dc, dm, dr: window of the envelope.")] = None,
    level_hz: Annotated[float | None, typer.Option(help="ffr: activation level.")] = None,
    max_full_time_s: Annotated[float | None, typer.Option(help="ffr: longest time to full power.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score a recorded response by the rule of a product."""
    from experiments.cli import plain_errors

    with plain_errors():
        from experiments.products import score_command

        given = {"contract_mw": contract_mw, "window_s": window_s, "level_hz": level_hz}
        given["max_full_time_s"] = max_full_time_s
        score_command(product, file, {key: value for key, value in given.items() if value is not None}, as_json)


def curve(
    product: Annotated[str | None, typer.Argument(help="A product; without one, all are listed.")] = None,
    svg: Svg = None,
    as_json: AsJson = False,
) -> None:
    """Print or draw the static curve of a product, with its timing, energy rule and source."""
    from experiments.cli import plain_errors

    with plain_errors():
        from experiments.products import curve_command

        curve_command(product, svg, as_json)
