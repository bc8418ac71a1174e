"""The progress of a recovery: a bar on a terminal, and a line now and then without one."""

import time
from typing import Any

from runtime.progress_bar import progress_bar
from runtime.remote.client import path_of
from runtime.remote.session import Session
from runtime.running import error_console, note_line

POLL_SECONDS = 1.0
TRIES_WHILE_AWAY = 60
ENDED = ("completed", "cancelled")


def follow_recovery(session: Session, tenant: str, recovery_id: str) -> dict[str, Any]:
    """Show a recovery's progress until it has ended, then the result, and return it.

    The progress is shown on the error output, so that the output has nothing but the result.

    Raises:
        CommandError: It cannot be read.
    """
    path = path_of("tenants", tenant, "recoveries", recovery_id)

    def read() -> dict[str, Any]:
        found: dict[str, Any] = session.api.get(path)
        return found

    try:
        recovery = session.api.patiently(read)
        if error_console.is_terminal:
            recovery = _with_bar(session, read, recovery)
        else:
            recovery = _with_lines(session, read, recovery)
    except KeyboardInterrupt:
        note_line("The recovery goes on. To see it again, or to end it:")
        for command in ("watch", "cancel"):
            note_line(f"  hookwright recoveries {command} {recovery_id} --tenant {tenant}")
        raise
    session.done(recovery, f"The recovery {recovery['id']} is {_progress(recovery)}.")
    return recovery


def _with_bar(session: Session, read: Any, recovery: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    with progress_bar() as bar:
        task = bar.add_task(recovery["state"], total=None)
        while True:
            bar.update(
                task,
                description=recovery["state"],
                completed=recovery["done"],
                total=recovery["total"],
            )
            if recovery["state"] in ENDED:
                return recovery
            time.sleep(POLL_SECONDS)
            recovery = session.api.patiently(read, TRIES_WHILE_AWAY)


def _with_lines(session: Session, read: Any, recovery: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    told = ""
    while recovery["state"] not in ENDED:
        if (now := _progress(recovery)) != told:
            note_line(now)
            told = now
        time.sleep(POLL_SECONDS)
        recovery = session.api.patiently(read, TRIES_WHILE_AWAY)
    return recovery


def _progress(recovery: dict[str, Any]) -> str:
    """Return a recovery's state and counts in words."""
    total = "?" if recovery["total"] is None else recovery["total"]
    counts = {name: recovery[name] for name in ("delivered", "failed", "pending")}
    outcomes = ", ".join(f"{count} {name}" for name, count in counts.items() if count is not None)
    unreadable = f", {recovery['unreadable']} unreadable" if recovery["unreadable"] else ""
    return (
        f"{recovery['state']}: {recovery['done']} of {total} done{unreadable}"
        f"{' (' + outcomes + ')' if outcomes else ''}"
    )
