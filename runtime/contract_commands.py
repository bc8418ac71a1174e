"""The commands `hookwright contract ...`."""
# ruff: noqa: PLC0415 - as in runtime.cli: each command imports only what it needs

from pathlib import Path
from typing import Annotated

import typer

from runtime.running import exit_on_command_error

contract_app = typer.Typer(
    help="Work with contract files.", no_args_is_help=True, rich_markup_mode="markdown"
)


@contract_app.callback()
def contract() -> None:
    """Work with contract files (docs/contracts.md)."""


@contract_app.command()
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
    from runtime.contract_check import check_contract

    with exit_on_command_error():
        check_contract(file, event)
