"""The command group `v2g-cosim grid`: the frequency model on its own."""

from pathlib import Path
from typing import Annotated

import typer

grid = typer.Typer(name="grid", help="The frequency model on its own, without a fleet.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@grid.callback()
def group() -> None:
    """The frequency model on its own, without a fleet."""


@grid.command()
def simulate(
    params: Annotated[
        Path,
        typer.Argument(
            metavar="PARAMS.json",
            help="Machines, governors and the disturbance: a file, or the name of a packaged case.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.csv", help="Where to write t_s,f_hz.")],
    electrical_power: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Instead of the nominal disturbance: columns t_s and dpe_mw."),
    ] = None,
    until: Annotated[float | None, typer.Option(metavar="S", help="Last instant; default: the file's.")] = None,
    dt: Annotated[float, typer.Option(metavar="S", help="Step of the output.")] = 0.02,
    as_json: AsJson = False,
) -> None:
    """Simulate the frequency after a disturbance at t = 0 and write it as CSV."""
    from experiments.cli import plain_errors

    with plain_errors():
        from experiments.grid_commands import simulate_command

        simulate_command(params, out, electrical_power, until, dt, as_json)


@grid.command()
def presets(
    name: Annotated[str, typer.Argument(metavar="PRESET", help="One grid: its numbers and their sources.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the packaged grids, or every number of one with its source."""
    from experiments.cli import plain_errors

    with plain_errors():
        from experiments.grid_commands import presets_command

        presets_command(name, as_json)


@grid.command()
def event(
    name: Annotated[str, typer.Argument(metavar="EVENT", help="One event, beside its preset.")] = "",
    svg: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw it, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """List published events, or lay one beside the model: milestones as seen and as modelled."""
    from experiments.cli import plain_errors

    with plain_errors():
        from experiments.events import events_command

        events_command(name, svg, as_json)
