"""What all commands over the REST API share: where the API is, the key, `--json`, and errors."""
# ruff: noqa: PLC0415 - as in runtime.cli.services: each command imports only what it needs

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

Value = TypeVar("Value")

Tenant = Annotated[str, typer.Option("--tenant", "-t", help="The tenant's id.")]
MaybeTenant = Annotated[
    str | None, typer.Option("--tenant", "-t", help="The tenant's id. Default: all tenants.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="The most rows.")]
Cursor = Annotated[
    str | None, typer.Option(help="Go on after another list: its `next_cursor`, see --json.")
]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Not before: 30m, 2h or 7d ago, or an RFC 3339 time."),
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Before: as --since. Default: now.")
]
Url = Annotated[
    str | None,
    typer.Option(help="The API's URL. [env HOOKWRIGHT_URL, default http://localhost:8000]"),
]
Key = Annotated[
    str | None,
    typer.Option(
        help="An operator key, or a tenant's key or token. Other users of the machine may see it"
        " here, so prefer the environment. [env HOOKWRIGHT_KEY]"
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        help="A profile with URL and key, in ~/.config/hookwright/profiles.toml."
        " [env HOOKWRIGHT_PROFILE]"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def _shared(
    *, url: Url = None, key: Key = None, profile: Profile = None, as_json: AsJson = False
) -> None:
    """Take the options of every command over the API."""


SHARED = inspect.signature(_shared).parameters


def given(**options: Value | None) -> dict[str, Value]:
    """Return the options that were given, by their names in the API."""
    return {name: value for name, value in options.items() if value is not None}


def api_command(
    app: typer.Typer, name: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose function takes a session first, and then its own parameters.

    The command has the shared options as well. A CommandError becomes a sentence and an exit
    status; Ctrl-C ends it with status 130.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        _, *own = inspect.signature(function).parameters.values()

        def command(**arguments: Any) -> None:  # noqa: ANN401
            from runtime.errors import ExitStatus
            from runtime.remote import Session
            from runtime.running import exit_on_command_error

            shared = {name: arguments.pop(name) for name in SHARED}
            try:
                with exit_on_command_error(), Session.opened(**shared) as session:
                    function(session, **arguments)
            except KeyboardInterrupt:
                raise typer.Exit(ExitStatus.INTERRUPTED) from None

        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.__annotations__ = {}
        command.__signature__ = inspect.Signature([*own, *SHARED.values()])  # type: ignore[attr-defined]
        app.command(name)(command)
        return function

    return register
