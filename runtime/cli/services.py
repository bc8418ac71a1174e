"""The commands that run parts of Hookwright, and those that make keys and receive webhooks."""
# ruff: noqa: PLC0415 - each command imports only what it needs: Temporal and FastAPI take seconds

from pathlib import Path
from typing import Annotated

import typer

from runtime.backup_commands import backup, restore
from runtime.defaults import DEFAULT_STATE_DIR
from runtime.key_commands import keys, reencrypt
from runtime.promotion import promote

app = typer.Typer()
for command in (keys, reencrypt, promote, backup, restore):
    app.command()(command)

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
    from runtime.running import run
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
    from runtime.running import exit_on_command_error, run
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
    from runtime.running import exit_on_command_error, run
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
    from runtime.running import exit_on_command_error, run
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
    from runtime.running import exit_on_command_error, run
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
    forward: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Pass webhooks on to this URL, and answer what it answers. Without a path it gets"
            " the path that is requested here.",
        ),
    ] = None,
) -> None:
    """Receive webhooks, and print them with all their headers.

    With --secret it verifies each signature as a receiver should. If the signature is wrong, it
    says why and answers 401. With --status and --delay it imitates a receiver that fails or is
    slow. With --forward it passes them on, unchanged, to a program of yours; one whose signature is
    wrong is not passed on. Control characters in what arrives are printed as text.

    Example: `hookwright listen --contract acme.toml --secret "$SECRET"`
    """
    from runtime.contract_files import chosen_contract
    from runtime.dev import Forward, Listener, SignatureCheck
    from runtime.http import listening_socket, serve
    from runtime.running import exit_on_command_error, print_line, run

    with exit_on_command_error():
        chosen = chosen_contract(contract, contracts_dir)
        check = SignatureCheck.with_secrets(chosen, secret, url) if secret else None
        passed_on = Forward.to(forward) if forward else None
        listener = listening_socket("127.0.0.1", port)
        print_line(f"Listening on http://localhost:{port}")
        run(serve(Listener(check, status, delay, passed_on).app(), listener))
