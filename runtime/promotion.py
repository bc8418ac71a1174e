"""The command `promote`: which build of the worker gets work."""
# ruff: noqa: PLC0415 - as in runtime.cli: each command imports only what it needs

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from runtime.settings import Settings

NONE = "none"
"""What is promoted to go back to workers without a build id. It is asked for by name, because
nothing is delivered if there are no such workers, and Temporal does not check that."""


def promote(
    build_id: Annotated[
        str,
        typer.Argument(help="The build that is to get work; `none`: workers without a build id."),
    ],
    *,
    percent: Annotated[
        float,
        typer.Option(min=0, max=100, help="Share of the workflows that it gets; the rest stay."),
    ] = 100.0,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for workers of this build.")
    ] = 60.0,
) -> None:
    """Make a build of the worker current, so that it gets all work.

    Workers with HOOKWRIGHT_WORKER_BUILD_ID get no work before that. Keep the workers of the build
    before until this command has succeeded. To go back, promote the build before.

    Example: `hookwright promote 0.2.0 --percent 10`
    """
    from runtime import logs
    from runtime.running import exit_on_command_error, run
    from runtime.settings import load_settings

    with exit_on_command_error():
        logs.configure()
        run(_promote(load_settings(), None if build_id == NONE else build_id, percent, wait))


async def _promote(
    settings: "Settings", build_id: str | None, percent: float, wait_seconds: float
) -> None:
    """Promote a build, and print where work goes from now on.

    Raises:
        CommandError: Temporal does not answer in time, or the build has no workers.
    """
    from runtime import deployment
    from runtime.connecting import connect_without_keys
    from runtime.running import print_line

    client = await connect_without_keys(wait_seconds)
    name = deployment.deployment_name(settings.task_queue)
    await deployment.promote(client, name, build_id, percent, wait_seconds)
    print_line(f"✓ deployment {name}: {await deployment.routing_of(client, name)}")
