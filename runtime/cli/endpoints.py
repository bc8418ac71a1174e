"""The commands `hookwright endpoints ...`."""
# ruff: noqa: PLC0415 - as in runtime.cli.services: each command imports only what it needs

from typing import TYPE_CHECKING, Annotated

import typer

from runtime.cli.api_command import Cursor, Limit, MaybeTenant, Tenant, api_command

if TYPE_CHECKING:
    from runtime.remote import Session

app = typer.Typer(help="Register, show, try, pause and delete endpoints.", no_args_is_help=True)

EndpointId = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's id.")]


@api_command(app, "list")
def list_endpoints(  # noqa: PLR0913 - one parameter for each option
    session: "Session",
    tenant: MaybeTenant = None,
    status: Annotated[
        str | None, typer.Option(help="Of all tenants: only active, paused or disabled ones.")
    ] = None,
    health: Annotated[
        str | None, typer.Option(help="Of all tenants: only green, yellow or red ones.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """List endpoints: those of a tenant, or those of all tenants by status and health.

    Example: `hookwright endpoints list --health red`
    """
    from runtime.errors import CommandError
    from runtime.remote import path_of

    if tenant and (status or health):
        raise CommandError(
            "--status and --health select among the endpoints of all tenants: leave out --tenant."
        )
    path = path_of("tenants", tenant, "endpoints") if tenant else path_of("endpoints")
    page = session.api.rows(path, limit, cursor, status=status, health=health)
    columns = {
        "id": "id",
        "tenant": "tenant_id",
        "status": "status",
        "health": "health",
        "held": "held",
        "url": "url",
        "why": "health_reason",
    }
    session.show_page(page, columns, "endpoints")


@api_command(app, "show")
def show_endpoint(session: "Session", endpoint: EndpointId, tenant: Tenant) -> None:
    """Show an endpoint: its settings, its health, and what happened to it.

    Example: `hookwright endpoints show ep_1 --tenant acme`
    """
    from runtime.remote import path_of, print_rows, print_sentence

    path = path_of("tenants", tenant, "endpoints", endpoint)
    document = session.api.get(path)
    session.show(document, "")
    if session.as_json:
        return
    changes = session.api.get(f"{path}/status-changes")["data"]
    if changes:
        print_sentence("")
        columns = {
            "at": "at",
            "what": "change",
            "why": "reason",
            "last error": "last_error",
            "by": "by",
        }
        print_rows(changes, columns)


@api_command(app, "create")
def create_endpoint(  # noqa: PLR0913 - one parameter for each option
    session: "Session",
    endpoint_url: Annotated[
        str, typer.Argument(metavar="ENDPOINT_URL", help="Where webhooks are to be sent.")
    ],
    tenant: Tenant,
    event_type: Annotated[
        list[str] | None,
        typer.Option(help="An event type, or a prefix such as 'invoice.*'. Repeat it for more."),
    ] = None,
    description: Annotated[str | None, typer.Option(help="A text for people.")] = None,
    contract: Annotated[str | None, typer.Option(help="Default: the tenant's.")] = None,
) -> None:
    """Register an endpoint, and print its secret, which is not shown again.

    Example: `hookwright endpoints create https://example.com/hooks --tenant acme`
    """
    from runtime.remote import path_of

    settings = {"event_types": event_type, "description": description, "contract": contract}
    body = {name: value for name, value in settings.items() if value}
    path = path_of("tenants", tenant, "endpoints")
    document = session.api.send("POST", path, {"url": endpoint_url, **body})
    session.show(document, "The endpoint is registered. Keep its secret: it is not shown again.")


@api_command(app, "test")
def try_endpoint(
    session: "Session",
    endpoint: EndpointId,
    tenant: Tenant,
    event_type: Annotated[str, typer.Option("--type", help="The event type.")] = "endpoint.test",
) -> None:
    """Send one test event now, and show the outcome. The exit status is 1 if it was not delivered.

    Example: `hookwright endpoints test ep_1 --tenant acme`
    """
    from runtime.errors import ExitStatus
    from runtime.remote import path_of

    path = path_of("tenants", tenant, "endpoints", endpoint)
    attempt = session.api.send("POST", f"{path}/test", {"type": event_type})
    session.show(attempt, "")
    if attempt["outcome"] != "delivered":
        raise typer.Exit(ExitStatus.FAILED)


@api_command(app, "pause")
def pause_endpoint(session: "Session", endpoint: EndpointId, tenant: Tenant) -> None:
    """Pause an endpoint: its deliveries are held until it is resumed.

    Example: `hookwright endpoints pause ep_1 --tenant acme`
    """
    switch_endpoint(session, tenant, endpoint, "pause")


@api_command(app, "resume")
def resume_endpoint(session: "Session", endpoint: EndpointId, tenant: Tenant) -> None:
    """Resume a paused or disabled endpoint. What was held is sent, oldest first.

    Example: `hookwright endpoints resume ep_1 --tenant acme`
    """
    switch_endpoint(session, tenant, endpoint, "resume")


@api_command(app, "delete")
def delete_endpoint(
    session: "Session",
    endpoint: EndpointId,
    tenant: Tenant,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete an endpoint. Deliveries that wait for it are cancelled.

    Example: `hookwright endpoints delete ep_1 --tenant acme`
    """
    from runtime.remote import path_of

    if not yes:
        typer.confirm(f"Delete the endpoint {endpoint} of {tenant}?", abort=True, err=True)
    session.api.send("DELETE", path_of("tenants", tenant, "endpoints", endpoint))
    session.done({"id": endpoint, "deleted": True}, f"The endpoint {endpoint} is deleted.")


def switch_endpoint(session: "Session", tenant: str, endpoint: str, how: str) -> None:
    """Pause or resume an endpoint."""
    from runtime.remote import path_of

    path = path_of("tenants", tenant, "endpoints", endpoint)
    document = session.api.send("POST", f"{path}/{how}")
    held = f" Held deliveries: {document['held']}." if document["held"] else ""
    session.done(document, f"The endpoint {endpoint} is {document['status']}.{held}")
