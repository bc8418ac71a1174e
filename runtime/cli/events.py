"""The commands `hookwright events ...`, and those that publish events."""
# ruff: noqa: PLC0415 - as in runtime.cli.services: each command imports only what it needs

from typing import TYPE_CHECKING, Annotated

import typer

from runtime.cli.api_command import Cursor, Limit, Since, Tenant, Until, api_command, given
from runtime.cli.deliveries import last_answer

if TYPE_CHECKING:
    from runtime.remote import Columns, Session

app = typer.Typer(
    help="See events with their deliveries; cancel scheduled ones.", no_args_is_help=True
)

EventId = Annotated[str, typer.Argument(metavar="EVENT", help="The event's id.")]
EventType = Annotated[
    str, typer.Argument(metavar="TYPE", help="The event's type, such as invoice.paid.")
]
NewId = Annotated[
    str | None,
    typer.Option("--id", help="The event's id. With an id the command is safe to repeat."),
]
OnlyEndpoint = Annotated[str | None, typer.Option(help="Send the event only to this endpoint.")]


@api_command(app, "list")
def list_events(  # noqa: PLR0913 - one parameter for each option
    session: "Session",
    tenant: Tenant,
    event_type: Annotated[str | None, typer.Option("--type", help="The event type.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """List a tenant's events. The last published comes first.

    Example: `hookwright events list --tenant acme --type invoice.paid`
    """
    from runtime.remote import moment, path_of

    times = {"since": moment("--since", since), "until": moment("--until", until)}
    path = path_of("tenants", tenant, "events")
    page = session.api.rows(path, limit, cursor, type=event_type, **times)
    columns = {
        "event": "id",
        "type": "type",
        "created": "created_at",
        "fan-out": "fan_out",
        "deliver at": "deliver_at",
    }
    session.show_page(page, columns, "events")


@api_command(app, "show")
def show_event(session: "Session", event: EventId, tenant: Tenant) -> None:
    """Show an event with its data and its deliveries.

    Example: `hookwright events show evt_1 --tenant acme`
    """
    from runtime.remote import path_of, print_rows, print_sentence

    document = session.api.get(path_of("tenants", tenant, "events", event))
    session.show(document, "", leave_out=["deliveries"])
    if session.as_json:
        return
    print_sentence("")
    if document["deliveries"]:
        columns: Columns = {"delivery": "id", "state": "state", "last": last_answer}
        print_rows(document["deliveries"], columns)
    else:
        print_sentence("It has no deliveries: no endpoint wants it, or it is not fanned out yet.")


@api_command(app, "cancel")
def cancel_event(session: "Session", event: EventId, tenant: Tenant) -> None:
    """Take back a scheduled event that is not due yet.

    Example: `hookwright events cancel evt_1 --tenant acme`
    """
    from runtime.remote import path_of

    document = session.api.send("POST", path_of("tenants", tenant, "events", event, "cancel"))
    session.done(document, f"The event {event} is cancelled.")


@api_command(app, "publish")
def publish(  # noqa: PLR0913 - one parameter for each option
    session: "Session",
    event_type: EventType,
    data: Annotated[
        str,
        typer.Argument(
            metavar="[DATA]", help="The event's data as JSON, or - to read it from standard input."
        ),
    ] = "{}",
    *,
    tenant: Tenant,
    event_id: NewId = None,
    endpoint: OnlyEndpoint = None,
) -> None:
    """Publish an event.

    Example: `hookwright publish invoice.paid '{"amount": 1500}' --tenant acme`
    """
    import json
    import sys

    from runtime.errors import CommandError

    try:
        content = json.loads(sys.stdin.read() if data == "-" else data)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"The data is not JSON: {error}.") from None
    _publish(session, tenant, {"type": event_type, "data": content}, event_id, endpoint)


@api_command(app, "trigger")
def trigger(
    session: "Session",
    event_type: EventType,
    tenant: Tenant,
    event_id: NewId = None,
    endpoint: OnlyEndpoint = None,
) -> None:
    """Publish the example that the catalogue has of an event type.

    Example: `hookwright trigger invoice.paid --tenant acme`
    """
    from runtime.errors import CommandError
    from runtime.remote import path_of

    known = session.api.get(path_of("event-types", event_type))
    if known["example"] is None:
        raise CommandError(
            f"The event type {event_type} has no example in the catalogue. Add one with"
            f" PUT /v1/event-types/{event_type}, or give the data to `hookwright publish`."
        )
    event = {"type": event_type, "data": known["example"]}
    _publish(session, tenant, event, event_id, endpoint)


def _publish(
    session: "Session",
    tenant: str,
    event: dict[str, object],
    event_id: str | None,
    endpoint: str | None,
) -> None:
    """Publish an event, and show that it is stored."""
    from runtime.remote import path_of, print_sentence

    event |= given(id=event_id, endpoint_id=endpoint)
    document = session.api.send("POST", path_of("tenants", tenant, "events"), event)
    again = " It was published before." if document["duplicate"] else ""
    session.done(document, f"The event {document['id']} is accepted.{again}")
    if not session.as_json:
        for warning in document["warnings"]:
            print_sentence(f"Warning: {warning}")
