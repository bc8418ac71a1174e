"""The commands `hookwright tokens ...`."""
# ruff: noqa: PLC0415 - as in runtime.cli.services: each command imports only what it needs

from typing import TYPE_CHECKING, Annotated

import typer

from runtime.cli.api_command import Tenant, api_command

if TYPE_CHECKING:
    from runtime.remote import Session

app = typer.Typer(help="Make and revoke tokens of tenants.", no_args_is_help=True)


@api_command(app, "create")
def create_token(
    session: "Session",
    tenant: Tenant,
    scope: Annotated[
        list[str], typer.Option(help="Such as endpoints:read. Repeat it for more (docs/tokens.md).")
    ],
    expires_in: Annotated[
        int, typer.Option(metavar="SECONDS", help="How long it is valid.")
    ] = 3_600,
) -> None:
    """Make a token, and print it. It is not stored, and not shown again.

    Example: `hookwright tokens create --tenant acme --scope deliveries:read`
    """
    from runtime.remote import path_of

    body = {"scopes": scope, "expires_in_seconds": expires_in}
    document = session.api.send("POST", path_of("tenants", tenant, "tokens"), body)
    session.show(document, "")


@api_command(app, "revoke")
def revoke_tokens(
    session: "Session",
    tenant: Tenant,
    before: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Those issued before: 2h ago, or a time. Default: now."),
    ] = None,
) -> None:
    """Revoke the tokens of a tenant. Its keys stay valid.

    Example: `hookwright tokens revoke --tenant acme`
    """
    from runtime.remote import moment, path_of

    until = moment("--before", before)
    path = path_of("tenants", tenant, "tokens", "revoke")
    document = session.api.send("POST", path, {"before": until} if until else {})
    moment_of = document["tokens_not_before"]
    session.done(document, f"Tokens of {tenant} that were issued before {moment_of} are refused.")


@api_command(app, "check")
def check_token(session: "Session") -> None:
    """Show what the key or token of this call is good for.

    Example: `HOOKWRIGHT_KEY=$TOKEN hookwright tokens check`
    """
    from runtime.remote import path_of

    session.show(session.api.get(path_of("whoami")), "")
