"""The command `hookwright doctor`."""
# ruff: noqa: PLC0415 - as in runtime.cli.services: each command imports only what it needs

from typing import Annotated

import typer

from runtime.cli.api_command import AsJson, Key, Profile, Url

app = typer.Typer()


@app.command()
def doctor(
    *,
    to: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A receiver that webhooks should reach; nothing is sent."),
    ] = None,
    url: Url = None,
    key: Key = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Check settings, keys, clocks, Temporal, workers, the API and the way out, on one page.

    Run it where the API or a worker runs, with the same settings. It changes nothing. Each fault
    comes with its remedy; the exit status is 1 if a check failed, and 0 with warnings only.

    Example: `hookwright doctor --to https://customer.example/hooks`
    """
    import asyncio

    from runtime.doctor import Verdict, examine, print_page
    from runtime.errors import ExitStatus
    from runtime.remote import print_json
    from runtime.running import run

    async def examined() -> None:
        try:
            findings = await examine({"url": url, "key": key, "profile": profile}, to)
        except asyncio.CancelledError:
            raise typer.Exit(ExitStatus.INTERRUPTED) from None
        is_failed = any(finding.verdict is Verdict.FAILED for finding in findings)
        if as_json:
            checks = [finding.document() for finding in findings]
            print_json({"ok": not is_failed, "checks": checks})
        else:
            print_page(findings)
        if is_failed:
            raise typer.Exit(ExitStatus.FAILED)

    run(examined())
