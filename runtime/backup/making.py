"""Making a backup: `hookwright backup`."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from runtime.backup.copying import checked_copy, opened, put_in_place
from runtime.backup.key_files import fingerprints_of
from runtime.backup.stamp import Stamp, write_stamp
from runtime.defaults import DATABASE_FILE, KEYS_FILE
from runtime.dev import temporal_version
from runtime.errors import CommandError


@dataclass(frozen=True)
class Backup:
    """A backup that was made. What was accepted before `made_at` is in it.

    `keys` are the ids of the encryption keys that it needs.
    """

    made_at: datetime
    size_bytes: int
    keys: Sequence[str]


def make_backup(state_dir: Path, file: Path) -> Backup:
    """Copy the database of a state folder to a new file. The server may run meanwhile.

    Raises:
        CommandError: it is no state folder, or the copy cannot be made. There is no file then.
    """
    database = state_dir / DATABASE_FILE
    known = fingerprints_of(state_dir)
    if known is None or not database.exists():
        raise CommandError(
            f"{state_dir} has no {KEYS_FILE if known is None else DATABASE_FILE}, so it is no state"
            " folder of `hookwright dev`; name the folder with --state-dir"
        )
    if file.exists():
        raise CommandError(
            f"{file} exists, and a backup never replaces a file; choose another name, or remove it"
        )
    stamp = Stamp(made_at=datetime.now(UTC), temporal_version=temporal_version(), keys=known)
    try:
        with (
            opened(database) as source,
            checked_copy(source, file, partial(write_stamp, stamp=stamp)) as copy,
        ):
            put_in_place(copy, file)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from None
    except sqlite3.Error as error:
        raise CommandError(
            f"{database} cannot be copied to {file}: {error}. No file was made; keep your earlier"
            " backups"
        ) from None
    return Backup(stamp.made_at, file.stat().st_size, [*stamp.keys])
