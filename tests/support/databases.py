"""The database of an embedded server."""

import sqlite3
from contextlib import closing

from runtime.dev import EmbeddedServer


def pages(server: EmbeddedServer) -> int:
    """Return how many pages it has, of 4 KiB each."""
    with closing(sqlite3.connect(server.database)) as connection:
        number: int = connection.execute("PRAGMA page_count").fetchone()[0]
    return number
