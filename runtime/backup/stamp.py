"""The stamp in a backup's file: that it is one, of when, and what is needed to use it."""

import sqlite3
from contextlib import suppress
from datetime import datetime

from pydantic import BaseModel, ValidationError

APPLICATION_ID = 0x484B5742
"""Stands in the head of each backup's file (SQLite's `application_id`): "HKWB"."""

TABLE = "hookwright_backup"


class Stamp(BaseModel):
    """What a backup says of itself. `keys` has the fingerprint of each encryption key, by its id.

    The embedded server never changes the tables of a file that it finds, and stores no version of
    them; so the version of the `temporal` command that made the file stands here.
    """

    made_at: datetime
    temporal_version: str
    keys: dict[str, str]


def write_stamp(database: sqlite3.Connection, stamp: Stamp) -> None:
    """Stamp a copy."""
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"CREATE TABLE {TABLE} (stamp TEXT NOT NULL)")
    database.execute(f"INSERT INTO {TABLE} VALUES (?)", [stamp.model_dump_json()])  # noqa: S608
    database.commit()


def read_stamp(database: sqlite3.Connection) -> Stamp | None:
    """Return the stamp of a file, or None if it is no backup.

    Raises:
        sqlite3.Error: the file cannot be read.
    """
    if database.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
        return None
    with suppress(sqlite3.OperationalError, TypeError, ValidationError):
        (text,) = database.execute(f"SELECT stamp FROM {TABLE}").fetchone()  # noqa: S608
        return Stamp.model_validate_json(text)
    return None


def remove_stamp(database: sqlite3.Connection) -> None:
    """Make a copy what the server's own file was."""
    database.execute(f"DROP TABLE {TABLE}")
    database.execute("PRAGMA application_id = 0")
    database.commit()
