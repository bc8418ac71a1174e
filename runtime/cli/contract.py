"""The commands `hookwright contract ...`."""
# ruff: noqa: PLC0415 - as in runtime.cli.services: each command imports only what it needs

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Work with contract files (docs/contracts.md).", no_args_is_help=True)


@app.callback()
def contract() -> None:
    """Work with contract files (docs/contracts.md)."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The contract's TOML file.")],
    event: Annotated[
        Path | None,
        typer.Option(
            help="A JSON file with the event to send: `type`, `data`, perhaps `extra`."
            " Default: a sample."
        ),
    ] = None,
) -> None:
    """Check a contract file, and print the headers and the body that it would send.

    Nothing is sent. The secret is a sample, made for this run. If the file or the event is at
    fault, each fault is printed with its key, and the exit status is 1.

    Example: `hookwright contract check acme.toml --event invoice.json`
    """
    from runtime.cli.contract_check import check_contract
    from runtime.running import exit_on_command_error

    with exit_on_command_error():
        check_contract(file, event)
