"""The commands `hookwright tenants ...`."""
# ruff: noqa: PLC0415 - as in runtime.cli.services: each command imports only what it needs

from typing import TYPE_CHECKING, Annotated

import typer

from runtime.cli.api_command import Cursor, Limit, api_command, given

if TYPE_CHECKING:
    from runtime.remote import Session

app = typer.Typer(help="Create, change, show and delete tenants.", no_args_is_help=True)

TenantId = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]
Name = Annotated[str | None, typer.Option(help="A name for people.")]
Contract = Annotated[str | None, typer.Option(help="The contract of its endpoints.")]
Tier = Annotated[str | None, typer.Option(help="Its rate limits: free, pro or enterprise.")]


@api_command(app, "list")
def list_tenants(session: "Session", limit: Limit = 50, cursor: Cursor = None) -> None:
    """List tenants, the newest first.

    Example: `hookwright tenants list`
    """
    from runtime.remote import path_of

    page = session.api.rows(path_of("tenants"), limit, cursor)
    columns = {name: name for name in ("id", "name", "tier", "contract", "created_at")}
    session.show_page(page, columns, "tenants")


@api_command(app, "show")
def show_tenant(session: "Session", tenant: TenantId) -> None:
    """Show a tenant's settings.

    Example: `hookwright tenants show acme`
    """
    from runtime.remote import path_of

    session.show(session.api.get(path_of("tenants", tenant)), "")


@api_command(app, "create")
def create_tenant(
    session: "Session",
    tenant: TenantId,
    name: Name = None,
    contract: Contract = None,
    tier: Tier = None,
) -> None:
    """Create a tenant. One that exists is refused: `tenants set` changes it.

    Example: `hookwright tenants create acme --name "Acme Ltd" --tier pro`
    """
    from runtime.errors import CommandError, ExitStatus
    from runtime.remote import ApiError, path_of

    path = path_of("tenants", tenant)
    # A PUT would give every setting that is not named here its default.
    try:
        session.api.get(path)
    except ApiError as error:
        if error.status is not ExitStatus.NOT_FOUND:
            raise
    else:
        raise CommandError(f"The tenant {tenant} exists. `hookwright tenants set` changes it.")
    settings = given(name=name, contract=contract, tier=tier)
    session.show(session.api.send("PUT", path, settings), f"The tenant {tenant} is created.")


@api_command(app, "set")
def set_tenant(
    session: "Session",
    tenant: TenantId,
    name: Name = None,
    contract: Contract = None,
    tier: Tier = None,
) -> None:
    """Change the settings of a tenant that are given, and no others.

    Example: `hookwright tenants set acme --tier enterprise`
    """
    from runtime.errors import CommandError
    from runtime.remote import path_of

    settings = given(name=name, contract=contract, tier=tier)
    if not settings:
        raise CommandError("Nothing is to be changed: give --name, --contract or --tier.")
    document = session.api.send("PATCH", path_of("tenants", tenant), settings)
    session.show(document, f"The tenant {tenant} is changed.")


@api_command(app, "delete")
def delete_tenant(
    session: "Session",
    tenant: TenantId,
    *,
    erase: Annotated[
        bool, typer.Option("--erase", help="Also remove its events and deliveries from Temporal.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a tenant with all its endpoints. Deliveries that wait for them are cancelled.

    Example: `hookwright tenants delete acme`
    """
    from runtime.remote import path_of

    if not yes:
        typer.confirm(f"Delete the tenant {tenant} with all its endpoints?", abort=True, err=True)
    query = "?erase=true" if erase else ""
    session.api.send("DELETE", path_of("tenants", tenant) + query)
    session.done({"id": tenant, "deleted": True}, f"The tenant {tenant} is deleted.")
