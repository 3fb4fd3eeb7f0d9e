"""The command line. A command parses, calls one function below and shows where the result lies.

Only typer is imported here; everything else inside the commands, so that `--help` answers at once.
stdout carries data, stderr talk. Exit codes: 0 done, 1 failed, 2 bad usage or scenario, 3 environment, 4 broken
invariant, 130 interrupted with partial results kept.
"""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.cli_grid import grid
from experiments.cli_products import add_product_commands
from experiments.cli_wire import add_wire_commands

FAILED, BAD_USAGE, BAD_ENVIRONMENT, BROKEN_INVARIANT, INTERRUPTED = 1, 2, 3, 4, 130

app = typer.Typer(
    name="v2g-cosim",
    help="Simulate a vehicle-to-grid fleet that speaks ISO 15118-20 with its stations, on a power grid.",
    epilog="Begin with: v2g-cosim run quickstart",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.add_typer(grid)
add_wire_commands(app)


def scenario_names(incomplete: str) -> list[str]:
    """Completion: packaged scenarios."""
    folder = Path(__file__).parent / "scenarios"
    return sorted(path.stem for path in folder.glob("*.toml") if path.stem.startswith(incomplete))


def run_names(incomplete: str) -> list[str]:
    """Completion: folders in runs/."""
    return sorted(path.name for path in Path("runs").glob("*") if path.name.startswith(incomplete))


ScenarioName = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO", help="Packaged scenario, TOML file, or run folder.", autocompletion=scenario_names
    ),
]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings to change, such as fleet.n_ev=100.")
]
RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Run folder, its name, latest, latest~1 for the one before, or RUN/VARIANT.",
        autocompletion=run_names,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", hidden=True)]


def main() -> None:
    """Entry point of `v2g-cosim`."""
    from experiments.environment import InstallationError, check_packages

    try:
        check_packages()
    except InstallationError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(BAD_ENVIRONMENT) from None
    atexit.register(gc.freeze)  # a process that ends need not look through what is left: 60 us a connected pair
    app()


@contextmanager
def plain_errors(debug: bool = False) -> Iterator[None]:
    """Errors that a user can mend, as lines on stderr and an exit code."""
    from experiments.environment import InstallationError
    from experiments.errors import UserError

    try:
        yield
    except (UserError, InstallationError) as error:
        if debug:
            raise
        for line in str(error).splitlines():
            typer.echo(f"error: {line}", err=True)
        raise typer.Exit(BAD_USAGE if isinstance(error, UserError) else BAD_ENVIRONMENT) from None


def print_json(document: Any) -> None:
    """One document on stdout."""
    from experiments.folder import json_text

    sys.stdout.write(json_text(document))


@app.command()
def run(
    scenario: ScenarioName,
    overrides: Overrides = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the scenario's.", min=0)] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder itself; refused if it exists and is not empty.")
    ] = None,
    until: Annotated[float | None, typer.Option(metavar="S", help="Stop after S simulated seconds.", min=0.0)] = None,
    variant: Annotated[str, typer.Option(help="Only this variant of the scenario.")] = "",
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
    pcap: Annotated[
        bool, typer.Option("--pcap", help="Write capture.pcapng, for Wireshark: messages travel as bytes.")
    ] = False,
    shards: Annotated[int, typer.Option(help="In how many processes; the tables are the same for any.", min=1)] = 1,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print the run folder only.")] = False,
    debug: Debug = False,
) -> None:
    """Run a scenario into a folder of tables, key figures and a report."""
    with plain_errors(debug):
        from experiments.running import run_command

        raise typer.Exit(
            run_command(
                scenario, overrides or [], seed=seed, out=out, until=until, variant=variant, report=report, pcap=pcap,
                shards=shards, as_json=as_json, quiet=quiet, debug=debug,
            )
        )  # fmt: skip


@app.command()
def show(
    name: RunName = "latest",
    table: Annotated[str | None, typer.Argument(metavar="TABLE", help="Its first rows, with units; or cars.")] = None,
    ev: Annotated[int | None, typer.Option(help="Only this vehicle.")] = None,
    rows: Annotated[int, typer.Option("-n", "--rows", help="How many rows.", min=1)] = 20,
    where: Annotated[str, typer.Option(help='Only rows that fit, such as "soc < 0.5".')] = "",
    as_json: AsJson = False,
) -> None:
    """Show a run's key figures and tables, or the first rows of one table."""
    with plain_errors():
        from experiments.commands import show_command

        show_command(name, table, ev, rows, where, as_json)


@app.command()
def trace(
    name: RunName = "latest",
    ev: Annotated[int | None, typer.Option(help="Vehicle; default: the first one whose loop was recorded.")] = None,
    rows: Annotated[int | None, typer.Option("-n", "--rows", help="At most so many lines.", min=1)] = None,
    every: Annotated[bool, typer.Option("--all", help="Every message, repeated loops included.")] = False,
    svg: Annotated[Path | None, typer.Option("--svg", help="Draw it into this file instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the messages of one vehicle's session, with timers that fired, notifications and faults."""
    with plain_errors():
        from experiments.commands import trace_command

        trace_command(name, ev, rows, not every, as_json, svg)


@app.command()
def compare(
    names: Annotated[list[str], typer.Argument(metavar="RUN...", help="Two or more runs, or a folder of variants.")],
    every: Annotated[bool, typer.Option("--all", help="Also figures that do not differ.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare key figures and settings of runs."""
    with plain_errors():
        from experiments.commands import compare_command

        compare_command(names, every, as_json)


@app.command()
def digest(name: RunName = "latest", as_json: AsJson = False) -> None:
    """Print one hash per table: equal for equal rows, whatever the order and the parts."""
    with plain_errors():
        from experiments.commands import digest_command

        digest_command(name, as_json)


@app.command()
def scenarios(as_json: AsJson = False) -> None:
    """List the packaged scenarios."""
    with plain_errors():
        from experiments.listings import scenarios_command

        scenarios_command(as_json)


@app.command()
def policies(as_json: AsJson = False) -> None:
    """List the setpoint policies and their parameters."""
    with plain_errors():
        from experiments.listings import policies_command

        policies_command(as_json)


@app.command()
def config(
    scenario: ScenarioName,
    overrides: Overrides = None,
    variant: Annotated[str, typer.Option(help="Which variant of the scenario.")] = "",
    as_json: AsJson = False,
) -> None:
    """Print the resolved scenario, each value with where it comes from."""
    with plain_errors():
        from experiments.listings import config_command

        config_command(scenario, overrides or [], variant, as_json)


@app.command()
def validate(
    files: Annotated[list[str], typer.Argument(metavar="SCENARIO...", help="Scenarios by name or file.")],
    as_json: AsJson = False,
) -> None:
    """Check scenarios without running them."""
    with plain_errors():
        from experiments.listings import validate_command

        raise typer.Exit(0 if validate_command(files, as_json) else BAD_USAGE)


@app.command()
def schema(
    table: Annotated[
        str | None, typer.Argument(metavar="TABLE", help="One table, or 'scenario' for all settings.")
    ] = None,
    json_schema: Annotated[bool, typer.Option("--json-schema", help="JSON Schema of a scenario.")] = False,
    as_json: AsJson = False,
) -> None:
    """Describe the tables' columns, or a scenario's settings."""
    with plain_errors():
        from experiments.listings import schema_command

        schema_command(table, json_schema, as_json)


@app.command()
def report(name: RunName = "latest") -> None:
    """Make report.html again from a run folder."""
    with plain_errors():
        from experiments.commands import report_command

        report_command(name)


@app.command()
def bench(
    n: Annotated[list[int] | None, typer.Option("--n", help="Number of vehicles; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure charge-loop exchanges per second, beside a hand-written yardstick; set-up, memory and logging too."""
    with plain_errors():
        from experiments.bench import SIZES
        from experiments.bench import main as bench_main

        bench_main(as_json, tuple(n or SIZES))


add_product_commands(app)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check this installation."""
    with plain_errors():
        from experiments.listings import doctor_command

        raise typer.Exit(0 if doctor_command(as_json) else BAD_ENVIRONMENT)


@app.callback(invoke_without_command=True)
def version(
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Simulate a vehicle-to-grid fleet that speaks ISO 15118-20 with its stations, on a power grid."""
    if show_version:
        from experiments.environment import version_of

        typer.echo(version_of("v2g-cosim") or "not installed")
        raise typer.Exit


if __name__ == "__main__":
    main()
