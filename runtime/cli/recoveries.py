"""The commands `hookwright recoveries ...`, and `recover`, which starts one."""
# ruff: noqa: PLC0415 - as in runtime.cli.services: each command imports only what it needs

from typing import TYPE_CHECKING, Annotated

import typer

from runtime.cli.api_command import Cursor, Limit, Tenant, Until, api_command, given
from runtime.cli.endpoints import EndpointId

if TYPE_CHECKING:
    from runtime.remote import Session

app = typer.Typer(help="See and steer recoveries; `recover` starts one.", no_args_is_help=True)

RecoveryId = Annotated[
    str, typer.Argument(metavar="RECOVERY", help="The recovery's id: ENDPOINT:RUN.")
]


@api_command(app, "list")
def list_recoveries(
    session: "Session",
    tenant: Tenant,
    endpoint: Annotated[str | None, typer.Option(help="Only those of this endpoint.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """List a tenant's recoveries, newest first.

    Example: `hookwright recoveries list --tenant acme`
    """
    from runtime.remote import path_of

    path = path_of("tenants", tenant, "recoveries")
    page = session.api.rows(path, limit, cursor, endpoint_id=endpoint)
    columns = {
        "recovery": "id",
        "state": "state",
        "of": "status",
        "done": "done",
        "total": "total",
        "created": "created_at",
    }
    session.show_page(page, columns, "recoveries")


@api_command(app, "show")
def show_recovery(session: "Session", recovery: RecoveryId, tenant: Tenant) -> None:
    """Show a recovery, its progress, and what became of its deliveries.

    Example: `hookwright recoveries show ep_1:0a6b... --tenant acme`
    """
    from runtime.remote import path_of

    session.show(session.api.get(path_of("tenants", tenant, "recoveries", recovery)), "")


@api_command(app, "start")
def recover(  # noqa: PLR0913 - one parameter for each option
    session: "Session",
    endpoint: EndpointId,
    tenant: Tenant,
    since: Annotated[
        str,
        typer.Option(metavar="TIME", help="From when on: 30m, 2h or 7d ago, or an RFC 3339 time."),
    ],
    until: Until = None,
    status: Annotated[
        str,
        typer.Option(help="`failed`: deliveries that failed. `missing`: events never sent."),
    ] = "failed",
    rate: Annotated[
        float | None, typer.Option(help="Deliveries a second. Default: the endpoint's drain rate.")
    ] = None,
    *,
    wait: Annotated[bool, typer.Option(help="Show the progress until it has ended.")] = True,
) -> None:
    """Send an endpoint what it has not had, oldest first, and show the progress.

    Ctrl-C ends only the display. The exit status is 1 if the recovery was cancelled.

    Example: `hookwright recover ep_1 --tenant acme --since 6h`
    """
    from runtime.remote import moment, path_of

    body = given(
        since=moment("--since", since),
        until=moment("--until", until),
        status=status,
        rate_per_second=rate,
    )
    path = path_of("tenants", tenant, "endpoints", endpoint, "recover")
    started = session.api.send("POST", path, body)
    if wait:
        _follow(session, tenant, started["id"])
    else:
        session.done(started, f"The recovery {started['id']} is {started['state']}.")


@api_command(app, "watch")
def watch_recovery(session: "Session", recovery: RecoveryId, tenant: Tenant) -> None:
    """Show the progress of a recovery until it has ended.

    Example: `hookwright recoveries watch ep_1:0a6b... --tenant acme`
    """
    _follow(session, tenant, recovery)


@api_command(app, "pause")
def pause_recovery(session: "Session", recovery: RecoveryId, tenant: Tenant) -> None:
    """Pause a recovery. Deliveries that it has started go on.

    Example: `hookwright recoveries pause ep_1:0a6b... --tenant acme`
    """
    switch_recovery(session, tenant, recovery, "pause")


@api_command(app, "resume")
def resume_recovery(session: "Session", recovery: RecoveryId, tenant: Tenant) -> None:
    """Resume a paused recovery.

    Example: `hookwright recoveries resume ep_1:0a6b... --tenant acme`
    """
    switch_recovery(session, tenant, recovery, "resume")


@api_command(app, "cancel")
def cancel_recovery(session: "Session", recovery: RecoveryId, tenant: Tenant) -> None:
    """Cancel a recovery. Deliveries that it has started go on.

    Example: `hookwright recoveries cancel ep_1:0a6b... --tenant acme`
    """
    switch_recovery(session, tenant, recovery, "cancel")


def switch_recovery(session: "Session", tenant: str, recovery: str, how: str) -> None:
    """Pause, resume or cancel a recovery."""
    from runtime.remote import path_of

    document = session.api.send("POST", path_of("tenants", tenant, "recoveries", recovery, how))
    session.done(document, f"The recovery {recovery} is {document['state']}.")


def _follow(session: "Session", tenant: str, recovery: str) -> None:
    """Show a recovery's progress, and exit with 1 if it was cancelled."""
    from runtime.errors import ExitStatus
    from runtime.remote import follow_recovery

    ended = follow_recovery(session, tenant, recovery)
    if ended["state"] != "completed":
        raise typer.Exit(ExitStatus.FAILED)
