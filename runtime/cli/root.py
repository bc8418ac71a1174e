"""The root of the command line: each group of commands, and the commands that stand alone."""

import typer

from runtime.cli import (
    contract,
    deliveries,
    doctor,
    endpoints,
    event_types,
    events,
    recoveries,
    services,
    shortcuts,
    tenants,
    tokens,
)

app = typer.Typer(
    help="Hookwright sends webhooks that are not lost. Start with: `hookwright dev`",
    epilog="The commands over the REST API take HOOKWRIGHT_URL and HOOKWRIGHT_KEY from the"
    " environment. Exit status: 0 done, 1 failed or refused, 2 wrong usage, 3 not available now,"
    " 4 no access, 5 not found, 130 interrupted.",
    # Rich's help would take longer to import than everything else that `--help` needs.
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # local variables may hold secrets
)

for alone in (services, shortcuts, doctor):
    app.add_typer(alone.app)

for name, group in {
    "tenants": tenants,
    "endpoints": endpoints,
    "deliveries": deliveries,
    "events": events,
    "event-types": event_types,
    "recoveries": recoveries,
    "tokens": tokens,
    "contract": contract,
}.items():
    app.add_typer(group.app, name=name)
