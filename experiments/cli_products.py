"""Commands about products and recorded frequency. Only typer is imported here, everything else inside them."""

from pathlib import Path
from typing import Annotated

import typer

frequency_app = typer.Typer(name="frequency", help="Look at recorded frequency.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Svg = Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw into an SVG file.")]


def add_product_commands(app: typer.Typer) -> None:
    """Put the commands of this file into the command line."""
    app.command()(score)
    app.command()(curve)
    app.add_typer(frequency_app)


def score(
    product: Annotated[
        str,
        typer.Argument(metavar="PRODUCT", help="pjm, dc, dm, dr, fcr, fcr-d, ffr or afrr; other names of them, too."),
    ],
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
    product: Annotated[str | None, typer.Argument(metavar="PRODUCT", help="Without one, all are listed.")] = None,
    svg: Svg = None,
    as_json: AsJson = False,
) -> None:
    """Print or draw the static curve of a product, with its timing, energy rule and source."""
    from experiments.cli import plain_errors

    with plain_errors():
        from experiments.products import curve_command

        curve_command(product, svg, as_json)


@frequency_app.callback()
def frequency() -> None:
    """Look at recorded frequency."""


@frequency_app.command()
def describe(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV or Parquet, or a packaged series.")],
    column: Annotated[str | None, typer.Option(help="Which column, when several could be meant.")] = None,
    unit: Annotated[str | None, typer.Option(help="hz, mhz, dev_hz or dev_mhz, when its name does not say.")] = None,
    step_s: Annotated[float | None, typer.Option(help="Sampling step, when there is no time column.")] = None,
    nominal_hz: Annotated[float | None, typer.Option(help="Nominal frequency.")] = None,
    svg: Svg = None,
    as_json: AsJson = False,
) -> None:
    """Tell what is wrong with a file of recorded frequency, and its statistics beside recorded ones."""
    from experiments.cli import plain_errors

    with plain_errors():
        from experiments.frequency import describe_command

        describe_command(file, column, step_s, unit, nominal_hz, svg, as_json)
