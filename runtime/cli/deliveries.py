"""The commands `hookwright deliveries ...`."""
# ruff: noqa: PLC0415 - as in runtime.cli.services: each command imports only what it needs

from typing import TYPE_CHECKING, Annotated

import typer

from runtime.cli.api_command import Cursor, Limit, MaybeTenant, Since, Tenant, Until, api_command

if TYPE_CHECKING:
    from runtime.remote import Columns, Row, Session

app = typer.Typer(help="See, retry and cancel deliveries.", no_args_is_help=True)

DeliveryId = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="The delivery's id: ENDPOINT:EVENT.")
]


@api_command(app, "list")
def list_deliveries(  # noqa: PLR0913 - one parameter for each option
    session: "Session",
    tenant: MaybeTenant = None,
    state: Annotated[
        str | None,
        typer.Option(help="pending, held, delivered, exhausted, expired or cancelled."),
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="Needs --tenant.")] = None,
    event: Annotated[str | None, typer.Option(help="Needs --tenant.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="The event type.")] = None,
    last_status: Annotated[
        str | None,
        typer.Option(help="Of the last attempt: 2xx, 3xx, 4xx, 5xx or none. Needs --tenant."),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """List deliveries, newest first: those of a tenant, or those of all tenants.

    Example: `hookwright deliveries list --tenant acme --state exhausted --since 2h`
    """
    from runtime.errors import CommandError
    from runtime.remote import moment, path_of

    of_tenant = {"endpoint_id": endpoint, "event_id": event, "last_status": last_status}
    if not tenant and any(of_tenant.values()):
        raise CommandError("--endpoint, --event and --last-status need --tenant.")
    path = path_of("tenants", tenant, "deliveries") if tenant else path_of("deliveries")
    page = session.api.rows(
        path,
        limit,
        cursor,
        state=state,
        event_type=event_type,
        since=moment("--since", since),
        until=moment("--until", until),
        **of_tenant,
    )
    columns: Columns = {
        "delivery": "id",
        "tenant": "tenant_id",
        "state": "state",
        "attempts": _attempts,
        "last": last_answer,
        "type": "event_type",
        "created": "created_at",
        "next attempt": "next_attempt_at",
    }
    session.show_page(page, columns, "deliveries")


@api_command(app, "show")
def show_delivery(session: "Session", delivery: DeliveryId, tenant: Tenant) -> None:
    """Show a delivery with all its attempts, and the last one in full.

    Example: `hookwright deliveries show ep_1:evt_1 --tenant acme`
    """
    from runtime.remote import path_of, print_record, print_rows, print_sentence

    document = session.api.get(path_of("tenants", tenant, "deliveries", delivery))
    session.show(document, "", leave_out=["attempts"])
    if session.as_json or not document["attempts"]:
        return
    print_sentence("")
    columns = {
        "attempt": "number",
        "started": "started_at",
        "outcome": "outcome",
        "status": "status_code",
        "ms": "duration_ms",
        "trigger": "trigger",
    }
    print_rows(document["attempts"], columns)
    print_sentence("")
    print_record(document["attempts"][-1], leave_out=list(columns.values()))


@api_command(app, "retry")
def retry_delivery(session: "Session", delivery: DeliveryId, tenant: Tenant) -> None:
    """Attempt a delivery now, whatever its endpoint's status; one that has ended is sent again.

    Example: `hookwright deliveries retry ep_1:evt_1 --tenant acme`
    """
    switch_delivery(session, tenant, delivery, "retry", "is attempted now")


@api_command(app, "cancel")
def cancel_delivery(session: "Session", delivery: DeliveryId, tenant: Tenant) -> None:
    """Cancel a delivery that is pending or held.

    Example: `hookwright deliveries cancel ep_1:evt_1 --tenant acme`
    """
    switch_delivery(session, tenant, delivery, "cancel", "is cancelled")


def switch_delivery(session: "Session", tenant: str, delivery: str, how: str, done: str) -> None:
    """Retry or cancel a delivery."""
    from runtime.remote import path_of

    document = session.api.send("POST", path_of("tenants", tenant, "deliveries", delivery, how))
    session.done(document, f"The delivery {delivery} {done}.")


def last_answer(delivery: "Row") -> str:
    """Return what came of a delivery's last attempt: a status, or why there was none."""
    if not delivery["attempts"]:
        return ""
    last = delivery["attempts"][-1]
    return str(last["status_code"] or last["outcome"])


def _attempts(delivery: "Row") -> int:
    return len(delivery["attempts"])
