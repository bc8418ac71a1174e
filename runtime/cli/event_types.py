"""The commands `hookwright event-types ...`."""
# ruff: noqa: PLC0415 - as in runtime.cli.services: each command imports only what it needs

from typing import TYPE_CHECKING, Annotated

import typer

from runtime.cli.api_command import Cursor, Limit, api_command

if TYPE_CHECKING:
    from runtime.remote import Columns, Session

app = typer.Typer(help="See the catalogue of event types.", no_args_is_help=True)


@api_command(app, "list")
def list_event_types(
    session: "Session",
    contract: Annotated[
        str | None, typer.Option(help="Only the types that this contract may send.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """List event types, by name.

    Example: `hookwright event-types list --contract plain`
    """
    from runtime.remote import path_of

    page = session.api.rows(path_of("event-types"), limit, cursor, contract=contract)
    columns: Columns = {
        "type": "name",
        "example": lambda row: row["example"] is not None,
        "contracts": "contracts",
        "description": "description",
    }
    session.show_page(page, columns, "event types")


@api_command(app, "show")
def show_event_type(
    session: "Session",
    name: Annotated[str, typer.Argument(metavar="TYPE", help="The event type's name.")],
) -> None:
    """Show an event type with its schema and its example.

    Example: `hookwright event-types show invoice.paid`
    """
    from runtime.remote import path_of

    session.show(session.api.get(path_of("event-types", name)), "")
