"""The `hookwright` command line."""
# ruff: noqa: PLC0415 - each command imports only what it needs: Temporal and FastAPI take seconds

from pathlib import Path
from typing import Annotated

import typer

from runtime.contract_commands import contract_app
from runtime.dev import DEFAULT_STATE_DIR
from runtime.key_commands import keys, reencrypt
from runtime.running import console, exit_on_command_error, print_line, run

app = typer.Typer(
    help="Hookwright sends webhooks that are not lost. Start with: `hookwright dev`",
    rich_markup_mode="markdown",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # local variables may hold secrets
)

app.add_typer(contract_app, name="contract")

StateDir = Annotated[
    Path, typer.Option(help="Folder that holds the keys and the database of `hookwright dev`.")
]


@app.command()
def dev(  # noqa: PLR0913 - one parameter for each option
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
            min=1, max=65_535, help="Port of the built-in receiver. Default: 8100, or a free port."
        ),
    ] = None,
    state_dir: StateDir = DEFAULT_STATE_DIR,
    api_key: Annotated[
        str | None,
        typer.Option(
            help="The new operator key, as `hwk_<id>_<secret>`. Default: the stored or a new one."
        ),
    ] = None,
    strict_egress: Annotated[
        bool,
        typer.Option(
            "--strict-egress",
            help="Deliver as in production: only over https, and only to public addresses.",
        ),
    ] = False,
) -> None:
    """Run everything on this machine: Temporal, the API, a worker and a built-in receiver.

    Prints three curl commands that make a first delivery. Deliveries and keys are kept in the state
    folder, so the next run continues where this one stopped.

    Example: `hookwright dev --port 8001 --state-dir /tmp/try`
    """
    from runtime import logs
    from runtime.dev import Dev
    from runtime.services import serve_api_and_worker

    logs.configure()
    it = Dev(
        *(serve_api_and_worker, port, temporal_port, ui_port, listen_port),
        *(state_dir, api_key, strict_egress),
    )
    run(it.run())


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8000,
) -> None:
    """Serve the REST API and deliver webhooks, in one process.

    Reads HOOKWRIGHT_... and TEMPORAL_... settings. You can run several at once. The API answers at
    once; the worker waits up to a minute for Temporal to start. If one part fails, both stop. After
    SIGTERM or Ctrl-C it finishes the requests and then the attempts in progress; another Ctrl-C
    stops it at once.

    Example: `hookwright serve --host 0.0.0.0`
    """
    from runtime import logs
    from runtime.services import serve_api_and_worker
    from runtime.settings import load_settings

    with exit_on_command_error():
        logs.configure()
        run(serve_api_and_worker(load_settings(), host, port))


@app.command()
def api(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8000,
) -> None:
    """Serve the REST API alone. `hookwright serve` runs it with a worker.

    Reads HOOKWRIGHT_... and TEMPORAL_... settings. You can run several at once. It can start before
    Temporal does: /readyz says when Temporal and a worker are ready.

    Example: `hookwright api --host 0.0.0.0`
    """
    from runtime import logs
    from runtime.services import serve_api
    from runtime.settings import load_settings

    with exit_on_command_error():
        logs.configure()
        run(serve_api(load_settings(), host, port))


@app.command()
def worker() -> None:
    """Run workflows and deliver webhooks, without the API. `hookwright serve` runs both.

    Reads HOOKWRIGHT_... and TEMPORAL_... settings. You can run several at once. After SIGTERM or
    Ctrl-C it finishes the attempts in progress. It waits up to a minute for Temporal to start.

    Example: `TEMPORAL_ADDRESS=temporal:7233 hookwright worker`
    """
    from runtime import logs
    from runtime.services import run_worker
    from runtime.settings import load_settings

    with exit_on_command_error():
        logs.configure()
        run(run_worker(load_settings()))


@app.command()
def setup(
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for Temporal to start.")
    ] = 60.0,
) -> None:
    """Prepare a Temporal namespace for Hookwright: set its retention and search attributes.

    Run it once for each namespace, before the first worker starts; it is safe to repeat.
    `hookwright dev` does this itself.

    Example: `TEMPORAL_NAMESPACE=webhooks hookwright setup`
    """
    from runtime import logs
    from runtime.services import set_up
    from runtime.settings import load_settings

    with exit_on_command_error():
        logs.configure()
        run(set_up(load_settings(), wait))


@app.command()
def listen(  # noqa: PLR0913 - one parameter for each option
    *,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8100,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            help="Verify signatures with this endpoint's secret. Repeat it during a rotation."
        ),
    ] = None,
    contract: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="The contract to verify by: its name, or its TOML file. Default: `standard`.",
        ),
    ] = None,
    contracts_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="HOOKWRIGHT_CONTRACTS_DIR",
            help="Folder of contract files beside those that ship; `--contract` may name them.",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="The endpoint's URL as registered, for a contract that signs it."
            " Default: the URL that is requested here."
        ),
    ] = None,
    status: Annotated[int, typer.Option(min=200, max=599, help="HTTP status to answer.")] = 200,
    delay: Annotated[float, typer.Option(min=0, help="Seconds to wait before answering.")] = 0.0,
) -> None:
    """Receive webhooks, and print them with all their headers.

    With --secret it verifies each signature as a receiver should. If the signature is wrong, it
    says why and answers 401. With --status and --delay it imitates a receiver that fails or is
    slow. Control characters in what arrives are printed as text.

    Example: `hookwright listen --contract acme.toml --secret "$SECRET"`
    """
    from runtime.contract_files import chosen_contract
    from runtime.dev import Listener, SignatureCheck
    from runtime.http import listening_socket, serve

    with exit_on_command_error():
        chosen = chosen_contract(contract, contracts_dir)
        check = SignatureCheck.with_secrets(chosen, secret, url) if secret else None
        listener = listening_socket("127.0.0.1", port)
        print_line(f"Listening on http://localhost:{port}")
        run(serve(Listener(check, status, delay).app(), listener))


@app.command()
def publish(  # noqa: PLR0913 - one parameter for each option
    event_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="The event's type, such as invoice.paid.")
    ],
    data: Annotated[
        str,
        typer.Argument(
            metavar="[DATA]", help="The event's data as JSON, or - to read it from standard input."
        ),
    ] = "{}",
    *,
    tenant: Annotated[str, typer.Option(help="The tenant whose endpoints get the event.")],
    event_id: Annotated[
        str | None,
        typer.Option("--id", help="The event's id. With an id the command is safe to repeat."),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Send the event only to this endpoint.")
    ] = None,
    api_url: Annotated[
        str, typer.Option(help="The URL of the REST API.")
    ] = "http://localhost:8000",
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="HOOKWRIGHT_API_KEY",
            help="An operator key. Default: the key of `hookwright dev` in the state folder.",
        ),
    ] = None,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Publish an event over REST, and print the answer.

    Example: `hookwright publish invoice.paid '{"amount": 1500}' --tenant acme`
    """
    from runtime.publish import find_operator_key, publish_event, read_data

    optional = {"id": event_id, "endpoint_id": endpoint}
    with exit_on_command_error():
        event = {"type": event_type, "data": read_data(data)}
        event |= {name: value for name, value in optional.items() if value is not None}
        answer = publish_event(api_url, find_operator_key(api_key, state_dir), tenant, event)
        # In ASCII no control character is left: JSON itself allows those from 0x7F to 0x9F.
        console.print_json(data=answer, ensure_ascii=True)


app.command()(keys)
app.command()(reencrypt)


if __name__ == "__main__":
    app()
