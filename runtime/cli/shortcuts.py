"""The commands that an operator types most, without the name of a group."""
# ruff: noqa: PLC0415 - as in runtime.cli.services: each command imports only what it needs

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runtime.cli import deliveries, endpoints, events, recoveries
from runtime.cli.api_command import Cursor, Limit, MaybeTenant, Tenant, api_command

if TYPE_CHECKING:
    from runtime.remote import Session

app = typer.Typer()

RECOVERY = re.compile(r"[^:]+:[0-9a-f]{8}-[0-9a-f-]{27}")

AnyId = Annotated[
    str,
    typer.Argument(metavar="ID", help="Of a delivery, a recovery, an endpoint or an event."),
]
Switched = Annotated[
    str, typer.Argument(metavar="ID", help="Of an endpoint, or of a recovery that is under way.")
]


@api_command(app)
def tail(
    session: "Session",
    tenant: MaybeTenant = None,
    last: Annotated[
        int, typer.Option("--last", "-n", min=0, max=200, help="Begin with so many that were.")
    ] = 10,
    follow_for: Annotated[
        int, typer.Option(min=1, max=1_440, help="Minutes that a delivery is followed.")
    ] = 10,
    interval: Annotated[
        float, typer.Option(min=0.5, max=60, help="Seconds between two looks.")
    ] = 2.0,
) -> None:
    """Show deliveries live: each new one, each attempt, each end. Ctrl-C ends it with status 0.

    Example: `hookwright tail --tenant acme`
    """
    from datetime import timedelta

    from runtime.remote import Tail

    try:
        Tail(session, tenant, timedelta(minutes=follow_for), interval).run(last)
    except KeyboardInterrupt:
        raise typer.Exit from None


@api_command(app)
def show(session: "Session", any_id: AnyId, tenant: Tenant) -> None:
    """Show what an id names: a delivery, a recovery, an endpoint (ep_...) or else an event.

    Example: `hookwright show ep_1:evt_1 --tenant acme`
    """
    if RECOVERY.fullmatch(any_id):
        recoveries.show_recovery(session, any_id, tenant)
    elif ":" in any_id:
        deliveries.show_delivery(session, any_id, tenant)
    elif any_id.startswith("ep_"):
        endpoints.show_endpoint(session, any_id, tenant)
    else:
        events.show_event(session, any_id, tenant)


api_command(app, "retry")(deliveries.retry_delivery)
api_command(app, "recover")(recoveries.recover)


@api_command(app)
def pause(session: "Session", switched: Switched, tenant: Tenant) -> None:
    """Pause an endpoint or a recovery.

    Example: `hookwright pause ep_1 --tenant acme`
    """
    _switch(session, tenant, switched, "pause")


@api_command(app)
def resume(session: "Session", switched: Switched, tenant: Tenant) -> None:
    """Resume a paused or disabled endpoint, or a paused recovery.

    Example: `hookwright resume ep_1 --tenant acme`
    """
    _switch(session, tenant, switched, "resume")


@api_command(app)
def audit(
    session: "Session",
    tenant: Tenant,
    endpoint: Annotated[
        str | None, typer.Argument(metavar="[ENDPOINT]", help="Default: the tenant itself.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """Show who changed an endpoint or a tenant, what and when, the latest change first.

    Example: `hookwright audit ep_1 --tenant acme`
    """
    from runtime.remote import path_of

    of = ("endpoints", endpoint) if endpoint else ()
    page = session.api.rows(path_of("tenants", tenant, *of, "audit"), limit, cursor)
    columns: dict[str, Any] = {
        "at": "at",
        "action": "action",
        "times": "times",
        "by": "by",
        "changed": lambda row: ", ".join(each["field"] for each in row["changes"]),
        "reason": "reason",
        "request": "request_id",
    }
    session.show_page(page, columns, "changes")


api_command(app, "publish")(events.publish)
api_command(app, "trigger")(events.trigger)


def _switch(session: "Session", tenant: str, switched: str, how: str) -> None:
    if ":" in switched:
        recoveries.switch_recovery(session, tenant, switched, how)
    else:
        endpoints.switch_endpoint(session, tenant, switched, how)
