"""The command line."""
# ruff: noqa: PLC0415 - each command loads what it needs: Temporal and FastAPI take seconds

import json
import secrets
from pathlib import Path
from typing import Annotated

import typer

from runtime.dev import DEFAULT_STATE_DIR
from runtime.errors import CommandError
from runtime.running import console, errors, plain_errors, run, say

app = typer.Typer(
    help="Hookwright sends webhooks that are not lost. Start with: `hookwright dev`",
    rich_markup_mode="markdown",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they may hold secrets
)

StateDir = Annotated[
    Path, typer.Option(help="Folder that keeps the keys and the database of `hookwright dev`.")
]


@app.command()
def dev(  # noqa: PLR0913 - one parameter an option
    *,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the REST API.")] = 8000,
    temporal_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of the Temporal server.")
    ] = 7233,
    ui_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of the Temporal Web UI.")
    ] = 8233,
    listen_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65_535, help="Port of the receiver to try. Default: 8100, or a free one."
        ),
    ] = None,
    state_dir: StateDir = DEFAULT_STATE_DIR,
    api_key: Annotated[
        str | None,
        typer.Option(help="The operator key from now on, as `hwk_<id>_<secret>`. Default: made."),
    ] = None,
    strict_egress: Annotated[
        bool,
        typer.Option(
            "--strict-egress",
            help="Deliver as in production: https only, and to no private address.",
        ),
    ] = False,
) -> None:
    """Run everything on this machine: Temporal, the API, a worker and a receiver to try.

    Prints three curl lines that make a first delivery. Deliveries and keys are kept in the state
    folder, so the next run goes on where this one stopped.

    Example: `hookwright dev --port 8001 --state-dir /tmp/try`
    """
    from runtime.dev import Dev

    run(Dev(port, temporal_port, ui_port, listen_port, state_dir, api_key, strict_egress).run())


@app.command()
def api(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8000,
) -> None:
    """Serve the REST API.

    Reads HOOKWRIGHT_... and TEMPORAL_... settings. Run as many as you like. Temporal need not be
    up yet: /readyz tells when all is.

    Example: `hookwright api --host 0.0.0.0`
    """
    from runtime import logs
    from runtime.services import serve_api
    from runtime.settings import load_settings

    with plain_errors():
        logs.configure()
        run(serve_api(load_settings(), host, port))


@app.command()
def worker() -> None:
    """Run workflows and deliver webhooks.

    Reads HOOKWRIGHT_... and TEMPORAL_... settings. Run as many as you like; on SIGTERM or Ctrl-C
    deliveries under way may end first. Waits a minute for Temporal to come up.

    Example: `TEMPORAL_ADDRESS=temporal:7233 hookwright worker`
    """
    from runtime import logs
    from runtime.services import run_worker
    from runtime.settings import load_settings

    with plain_errors():
        logs.configure()
        run(run_worker(load_settings()))


@app.command()
def setup(
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for Temporal to come up.")
    ] = 60.0,
) -> None:
    """Make a Temporal namespace fit for Hookwright: retention and search attributes.

    Once for each namespace, before the first worker starts; safe to repeat. `hookwright dev` does
    it by itself.

    Example: `TEMPORAL_NAMESPACE=webhooks hookwright setup`
    """
    from runtime import logs
    from runtime.services import set_up
    from runtime.settings import load_settings

    with plain_errors():
        logs.configure()
        run(set_up(load_settings(), wait))


@app.command()
def listen(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8100,
    secret: Annotated[
        str | None,
        typer.Option(help="The endpoint's secret, whsec_... or whsk_...: verify signatures."),
    ] = None,
    status: Annotated[int, typer.Option(min=200, max=599, help="HTTP status to answer.")] = 200,
    delay: Annotated[float, typer.Option(min=0, help="Seconds to wait before answering.")] = 0.0,
) -> None:
    """Receive webhooks, and print them.

    With --secret it verifies each signature as a receiver should, and answers 401 to one that does
    not hold. With --status and --delay it plays a receiver in trouble.

    Example: `hookwright listen --status 503 --delay 2`
    """
    from hookwright.webhook import check_secret
    from runtime.dev import Listener
    from runtime.http import listening_socket, serve

    with plain_errors():
        try:
            checked = secret and check_secret(secret)
        except ValueError as error:
            raise CommandError(f"--secret: {error}") from None
        listener = listening_socket("127.0.0.1", port)
        say(f"Listening on http://localhost:{port}")
        run(serve(Listener(checked, status, delay).app(), listener))


@app.command()
def publish(  # noqa: PLR0913 - one parameter an option
    event_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="What happened, such as invoice.paid.")
    ],
    data: Annotated[
        str, typer.Argument(metavar="[DATA]", help="JSON, or - to read it from standard input.")
    ] = "{}",
    *,
    tenant: Annotated[str, typer.Option(help="Whose endpoints get it.")],
    event_id: Annotated[
        str | None, typer.Option("--id", help="The event's id: makes a repeat safe.")
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only to this endpoint.")] = None,
    api_url: Annotated[str, typer.Option(help="The REST API.")] = "http://localhost:8000",
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="HOOKWRIGHT_API_KEY",
            help="An operator key. Default: that of `hookwright dev` in the state folder.",
        ),
    ] = None,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Publish an event over REST, and print the answer.

    Example: `hookwright publish invoice.paid '{"amount": 1500}' --tenant acme`
    """
    from runtime.publish import known_key, read_data
    from runtime.publish import publish as post

    optional = {"id": event_id, "endpoint_id": endpoint}
    with plain_errors():
        event = {"type": event_type, "data": read_data(data)}
        event |= {name: value for name, value in optional.items() if value is not None}
        answer = post(api_url, known_key(api_key, state_dir), tenant, event)
        console.print_json(json.dumps(answer))


@app.command()
def keys() -> None:
    """Make an operator key, keys for encryption and tokens, and a codec token, for the settings.

    The operator key is for whoever calls the API; the settings hold only its digest, so it is
    printed apart, on the error output.

    Example: `hookwright keys >> .env`
    """
    from runtime.keys import digest, new_encryption_key, new_jwt_key, new_operator_key

    operator_key = new_operator_key()
    errors.print(f"The operator key, for callers of the API; nothing else keeps it: {operator_key}")
    say(f"HOOKWRIGHT_API_KEYS=operator:{digest(operator_key)}")
    say(f"HOOKWRIGHT_ENCRYPTION_KEYS={new_encryption_key()}")
    say(f"HOOKWRIGHT_JWT_KEY={new_jwt_key()}")
    say(f"HOOKWRIGHT_CODEC_TOKEN={secrets.token_urlsafe(32)}")


if __name__ == "__main__":
    app()
