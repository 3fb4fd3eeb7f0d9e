"""Commands about bytes on the wire. Only typer is imported here, everything else inside them."""

from typing import Annotated

import typer

serve = typer.Typer(name="serve", help="Run one of our endpoints for others to connect to.", no_args_is_help=True)
connect = typer.Typer(name="connect", help="Run one of our endpoints against another's.", no_args_is_help=True)
exi = typer.Typer(name="exi", help="ISO 15118-20 messages as EXI bytes, and back.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Settings = Annotated[
    list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings to change, such as policy.name=droop.")
]
Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Address of the station.")]
Port = Annotated[int, typer.Option(metavar="N", help="TCP port of the station.", min=0, max=65535)]
ScenarioName = Annotated[str, typer.Option("--scenario", metavar="NAME", help="Where all other settings come from.")]
Service = Annotated[str, typer.Option(metavar="NAME", help="AC, AC_BPT, DC or DC_BPT.")]
Interface = Annotated[str, typer.Option("--sdp", metavar="INTERFACE", help="Find each other by SDP on this interface.")]
Tolerate = Annotated[
    list[str] | None, typer.Option("--tolerate", metavar="NAME", help="A deviation of the peer to overlook.")
]
Every = Annotated[bool, typer.Option("--all", help="Every message, repeated ones included.")]
LIVE_PORT = 15118


def add_wire_commands(app: typer.Typer) -> None:
    """Put the groups into the command line."""
    for each in (exi, serve, connect):
        app.add_typer(each)


@exi.callback()
def group() -> None:
    """ISO 15118-20 messages as EXI bytes, and back."""


@exi.command()
def encode() -> None:
    """Encode JSON Lines from stdin: {"id", "schema", "content"} becomes {"id", "exi"}.

    The schema is SAP, CommonMessages, AC or DC; the content has the element names of the schema. A line that fails
    becomes {"id", "error"}, the rest goes on, and the exit code is 1.
    """
    from experiments.exi_commands import encode_line, pipe

    raise typer.Exit(pipe(encode_line))


@exi.command()
def decode(
    frame: Annotated[
        str, typer.Option("--hex", metavar="FRAME", help="One V2GTP frame, header included, shown for a person.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Decode JSON Lines from stdin: {"id", "schema", "exi"} becomes {"id", "content"} or {"id", "error"}.

    A line that fails leaves the others alone, and the exit code is 1.
    """
    from experiments.cli import plain_errors
    from experiments.exi_commands import decode_line, frame_command, pipe

    if not frame:
        raise typer.Exit(pipe(decode_line))
    with plain_errors():
        raise typer.Exit(frame_command(frame, as_json))


@serve.callback()
def serve_group() -> None:
    """Run one of our endpoints for others to connect to."""


@serve.command("secc")
def serve_secc(
    settings: Settings = None,
    host: Host = "127.0.0.1",
    port: Port = LIVE_PORT,
    service: Service = "DC_BPT",
    scenario: ScenarioName = "quickstart",
    sessions: Annotated[int, typer.Option(metavar="N", help="Stop after N sessions; 0: never.", min=0)] = 0,
    sdp: Interface = "",
    tolerate: Tolerate = None,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """A station that speaks ISO 15118-20 over TCP, with policy and grid of a scenario, in wall-clock time."""
    from experiments.cli import plain_errors

    with plain_errors():
        from experiments.live.commands import serve_command

        raise typer.Exit(
            serve_command(settings or [], host, port, service, scenario, sessions, sdp, tolerate or [], every, as_json)
        )


@connect.callback()
def connect_group() -> None:
    """Run one of our endpoints against another's."""


@connect.command("evcc")
def connect_evcc(
    settings: Settings = None,
    host: Host = "127.0.0.1",
    port: Port = LIVE_PORT,
    service: Service = "DC_BPT",
    scenario: ScenarioName = "quickstart",
    stay: Annotated[float, typer.Option(metavar="S", help="Leave after so many seconds.", min=0.0)] = 30.0,
    sdp: Interface = "",
    tolerate: Tolerate = None,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """A vehicle that speaks ISO 15118-20 over TCP, with car and battery of a scenario, in wall-clock time.

    Ctrl-C makes it leave in good order. The exit code is 1 if the session did not end with SessionStop.
    """
    from experiments.cli import plain_errors

    with plain_errors():
        from experiments.live.commands import connect_command

        raise typer.Exit(
            connect_command(settings or [], host, port, service, scenario, stay, sdp, tolerate or [], every, as_json)
        )
