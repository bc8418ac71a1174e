"""It drops the indexes of the embedded server's visibility table that no query of ours can use.

Temporal makes 58 indexes for all that anybody might list by, and every row is written to each of
them, twice: when a workflow starts and when it ends. docs/decisions/0027-postgresql.md tells what
the others cost. Only the speed of a list depends on an index, never its result.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

KEPT = (
    "default_idx",
    "by_execution_time",
    "by_workflow_id",
    "by_workflow_type",
    "by_status",
)
KEPT_KINDS = ("by_keyword_", "by_datetime_")
"""The kinds of our search attributes. Which of their columns has which one differs from namespace
to namespace, so all are kept."""

LOCK_TIMEOUT_SECONDS = 10.0

FIND = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
TABLE = "executions_visibility"


def drop_unused_indexes(database: Path) -> list[str]:
    """Drop the unused indexes of a database, and return their names. Safe to repeat.

    The server may run meanwhile: it waits for the lock, and prepares its statements again.

    Raises:
        sqlite3.Error: It is no database, or another process holds its lock.
    """
    with closing(sqlite3.connect(database, timeout=LOCK_TIMEOUT_SECONDS)) as connection, connection:
        found = [name for (name,) in connection.execute(FIND, [TABLE])]
        unused = [name for name in found if name not in KEPT and not name.startswith(KEPT_KINDS)]
        for name in unused:
            connection.execute(f'DROP INDEX IF EXISTS "{name}"')
    return unused
