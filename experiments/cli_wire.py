"""Commands about bytes on the wire. Only typer is imported here, everything else inside them."""

from typing import Annotated

import typer

exi = typer.Typer(name="exi", help="ISO 15118-20 messages as EXI bytes, and back.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


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
