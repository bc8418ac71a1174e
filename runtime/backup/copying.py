"""Copying an SQLite database to a new file, whole and checked, or not at all."""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

LOCK_SECONDS = 10.0
"""How long a lock is waited for. A server that has just been told to stop ends within that."""

SIDE_FILES = ("-journal", "-wal", "-shm")
"""What SQLite puts beside a database, behind its name. It belongs to that database alone."""


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading; none is made.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    uri = f"{file.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_SECONDS)) as database:
        yield database


@contextmanager
def checked_copy(
    source: sqlite3.Connection, target: Path, change: Callable[[sqlite3.Connection], None]
) -> Iterator[Path]:
    """Copy a database, change the copy, check it, and yield its file, which lies beside `target`.

    Whoever wants to keep it calls `put_in_place`; otherwise it is removed. Only its owner can
    read it.

    All pages are copied in one step, which is one read transaction, so the copy is of one moment.
    With a write-ahead log nobody waits for it meanwhile. A copy in several steps would begin again
    whenever somebody writes between two of them.

    Raises:
        OSError: it cannot be made.
        sqlite3.Error: the source cannot be read or is damaged, or the copy cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(descriptor)
    file = Path(name)
    try:
        with closing(sqlite3.connect(file)) as copy:
            source.backup(copy)
            # With the source's write-ahead log the copy would be more than one file.
            copy.execute("PRAGMA journal_mode = DELETE")
            change(copy)
            _check(copy)
        _to_disk(file)
        yield file
    finally:
        for suffix in ("", *SIDE_FILES):
            Path(f"{file}{suffix}").unlink(missing_ok=True)


def put_in_place(copy: Path, target: Path) -> None:
    """Give a copy its name."""
    copy.replace(target)
    _to_disk(target.parent)


def _check(copy: sqlite3.Connection) -> None:
    faults = [" ".join(text.split()) for (text,) in copy.execute("PRAGMA integrity_check(3)")]
    if faults != ["ok"]:
        raise sqlite3.DatabaseError(f"it is damaged ({'; '.join(faults)})")


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
