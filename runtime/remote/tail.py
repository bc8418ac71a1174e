"""Deliveries as they happen: the list is read again and again, and what has changed is printed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.text import Text

from runtime.errors import ExitStatus
from runtime.remote.client import ApiError, path_of
from runtime.remote.output import Row, print_json_line, shown, styled
from runtime.remote.session import Session
from runtime.running import note_line, print_line
from runtime.terminal_text import one_line

MOST_ROWS = 200
"""How many deliveries a look reads, at most: two calls to Temporal's search, which allows ten a
second for all who list."""

Key = tuple[str, str]
Seen = tuple[str, int]


@dataclass
class Tail:
    """A look at the newest deliveries, repeated until Ctrl-C.

    A delivery is followed from its beginning until it is older than `followed`.
    """

    session: Session
    tenant: str | None
    followed: timedelta
    interval_seconds: float
    sleep: Callable[[float], None] = time.sleep
    _seen: dict[Key, Seen] = field(default_factory=dict)
    _has_warned: bool = False

    def run(self, last: int) -> None:
        """Print the last changes, then each new one, until interrupted.

        Raises:
            CommandError: The first look failed, or the API refuses to be asked again.
        """
        before = self._changes()
        for row in before[len(before) - min(last, len(before)) :]:
            self._print(row)
        while True:
            self.sleep(self.interval_seconds)
            for row in self._changes_when_available():
                self._print(row)

    def _changes_when_available(self) -> list[Row]:
        is_told = False
        while True:
            try:
                return self._changes()
            except ApiError as error:
                if error.status is not ExitStatus.UNAVAILABLE:
                    raise
                if not is_told:
                    note_line(f"{error} The tail goes on as soon as it can.")
                    is_told = True
                self.sleep(max(error.retry_after or 0.0, self.interval_seconds))

    def _changes(self) -> list[Row]:
        """Return the deliveries that have changed since the last look, the oldest first."""
        since = (datetime.now(UTC) - self.followed).isoformat()
        of_tenant = ("tenants", self.tenant, "deliveries") if self.tenant else ("deliveries",)
        page = self.session.api.rows(path_of(*of_tenant), MOST_ROWS, since=since)
        if page["next_cursor"] and not self._has_warned:
            self._has_warned = True
            note_line(
                f"More than {MOST_ROWS} deliveries began within the time that is followed; only"
                f" changes of the newest {MOST_ROWS} are shown. A smaller --follow-for has fewer."
            )
        rows: list[dict[str, Any]] = page["data"]
        now = {_key(row): (row["state"], len(row["attempts"])) for row in rows}
        changed = [row for row in rows if self._seen.get(_key(row)) != now[_key(row)]]
        self._seen = now
        return sorted(changed, key=_when)

    def _print(self, row: Row) -> None:
        if self.session.as_json:
            print_json_line(row)
        else:
            print_line(_line(row, with_tenant=self.tenant is None))


def _key(row: Row) -> Key:
    return row["tenant_id"], row["id"]


def _when(row: Row) -> str:
    """Return when a delivery last changed, as far as it tells."""
    last = row["attempts"][-1]["started_at"] if row["attempts"] else row["created_at"]
    return str(max(last, row["ended_at"] or ""))


def _line(row: Row, *, with_tenant: bool) -> Text:
    """Return a delivery as one line: when, state, which, what, and its last attempt."""
    facts = [shown(_when(row))[11:] or "", row["event_type"], row["id"]]
    line = Text(f"{facts[0]}  ").append_text(styled(f"{row['state']}"))
    tenant = [row["tenant_id"]] if with_tenant else []
    line.append("".join(f"  {one_line(str(fact))}" for fact in (*tenant, *facts[1:])))
    return line.append("".join(f"  {one_line(fact)}" for fact in _last_attempt(row)))


def _last_attempt(row: Row) -> Iterator[str]:
    if not row["attempts"]:
        return
    last = row["attempts"][-1]
    answer = last["status_code"] or last["outcome"]
    yield f"{answer} in {last['duration_ms']} ms (attempt {last['number']})"
