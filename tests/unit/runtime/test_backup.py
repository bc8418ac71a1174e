"""`hookwright backup` and `hookwright restore` on a state folder, without a server."""

import errno
import json
import re
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from runtime.backup import make_backup, restore_backup
from runtime.backup.stamp import TABLE
from runtime.dev import locked
from runtime.errors import CommandError
from runtime.keys import new_encryption_key

K1, K2 = new_encryption_key(), new_encryption_key()
ROWS = 200


def key_id(key: str) -> str:
    return key.partition(":")[0]


def write_keys(folder: Path, ring: str) -> None:
    folder.mkdir(exist_ok=True)
    keys = {"encryption_key": ring, "operator_key": "hwk_a_b", "codec_token": "t"}
    (folder / "keys.json").write_text(json.dumps(keys))


@pytest.fixture
def state(tmp_path):
    """A state folder whose database has a write-ahead log, as the embedded server's has."""
    folder = tmp_path / "state"
    write_keys(folder, f"{K2},{K1}")
    with closing(sqlite3.connect(folder / "temporal.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE history (n, text)")
        database.execute("CREATE TABLE visibility (n)")
        rows = [(n, "x" * 500) for n in range(ROWS)]
        database.executemany("INSERT INTO history VALUES (?, ?)", rows)
        database.executemany("INSERT INTO visibility VALUES (?)", [(n,) for n, _ in rows])
        database.commit()
    return folder


@pytest.fixture
def backup(state, tmp_path):
    """A backup of it."""
    make_backup(state, tmp_path / "backup.db")
    return tmp_path / "backup.db"


@pytest.fixture
def fresh(tmp_path):
    """A new state folder, which has only the keys."""
    write_keys(tmp_path / "fresh", f"{K2},{K1}")
    return tmp_path / "fresh"


def count(database: Path, table: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return number


def content(folder: Path) -> dict[str, bytes]:
    return {it.name: it.read_bytes() for it in folder.iterdir() if not it.name.endswith("-shm")}


def test_copy_while_somebody_writes(state, fresh, tmp_path):
    """It is of one moment: no write is half in it; and the writer does not wait for it."""
    database, stop, waits = state / "temporal.db", threading.Event(), list[int]()

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=0)) as connection:
            while not stop.is_set():
                with connection:
                    connection.execute("INSERT INTO history VALUES (?, ?)", (1, "x" * 500))
                    connection.execute("INSERT INTO visibility VALUES (1)")
                waits.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            before = len(waits)
            made = make_backup(state, tmp_path / f"{number}.db")
            assert len(waits) > before
    finally:
        stop.set()
        writer.join()
    assert made.keys == [key_id(K2), key_id(K1)]
    restore_backup(tmp_path / "4.db", fresh, force=False)
    restored = fresh / "temporal.db"
    assert count(restored, "history") == count(restored, "visibility")
    assert ROWS < count(restored, "history") <= ROWS + len(waits)


def test_backup_is_one_private_file_without_keys(state, backup, tmp_path):
    """Only its owner can read it, no key is in it, and nothing else is left."""
    assert oct(backup.stat().st_mode)[-3:] == "600"
    assert {it.name for it in tmp_path.iterdir()} == {"state", "backup.db"}
    for key in (K1, K2):
        assert key.partition(":")[2].encode() not in backup.read_bytes()
    assert count(state / "temporal.db", "history") == ROWS


def spoil(file: Path) -> None:
    """Damage the pages of a database behind the first."""
    with file.open("r+b") as it:
        it.seek(8192 + 100)
        it.write(b"\xff" * 12_000)


def remove_keys(state: Path) -> None:
    (state / "keys.json").unlink()


def remove_database(state: Path) -> None:
    (state / "temporal.db").unlink()


def break_keys(state: Path) -> None:
    write_keys(state, "k1:short")


@pytest.mark.parametrize(
    ("change", "target", "told"),
    [
        (remove_keys, "new.db", "state has no keys.json, so it is no state folder"),
        (remove_database, "new.db", "state has no temporal.db, so it is no state folder"),
        (break_keys, "new.db", "keys.json: encryption_key: key k1: not 32 bytes"),
        (lambda it: spoil(it / "temporal.db"), "new.db", "(damaged|malformed).* No file was made"),
        (lambda _: None, "nowhere/new.db", "new.db cannot be written: No such file"),
        (lambda _: None, "taken.db", "taken.db exists, and a backup never replaces a file"),
    ],
)
def test_backup_refused(state, tmp_path, change: Callable[[Path], None], target: str, told: str):
    """Each reason is told, and no file is left that looks like a backup."""
    (tmp_path / "taken.db").touch()
    change(state)
    with pytest.raises(CommandError, match=told):
        make_backup(state, tmp_path / target)
    assert {it.name for it in tmp_path.iterdir()} == {"state", "taken.db"}
    assert (tmp_path / "taken.db").read_bytes() == b""


def test_restore(backup, fresh):
    """The database is the server's own again, in a folder that has only keys."""
    done = restore_backup(backup, fresh, force=False)
    assert (done.kept, done.missing_keys, done.older_temporal) == (None, [], None)
    database = fresh / "temporal.db"
    assert count(database, "history") == ROWS
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0,)
        assert not connection.execute(f"PRAGMA table_info({TABLE})").fetchall()
    assert oct(database.stat().st_mode)[-3:] == "600"
    assert {it.name for it in fresh.iterdir()} == {"keys.json", "temporal.db"}


def test_restore_keeps_what_was_there(state, backup):
    """With `force` the old database is kept whole, with what was only in its log."""
    crashed = sqlite3.connect(state / "temporal.db")
    crashed.execute("INSERT INTO visibility VALUES (1)")
    crashed.commit()
    log = (state / "temporal.db-wal").read_bytes()
    crashed.close()
    (state / "temporal.db-wal").write_bytes(log)  # as after kill -9
    done = restore_backup(backup, state, force=True)
    assert count(state / "temporal.db", "visibility") == ROWS
    assert count(done.kept, "visibility") == ROWS + 1


def test_restore_replaces_a_damaged_database(state, backup):
    """A database that cannot be read is kept as it is."""
    (state / "temporal.db").write_bytes(b"damaged" * 1000)
    done = restore_backup(backup, state, force=True)
    assert count(state / "temporal.db", "history") == ROWS
    assert done.kept.read_bytes() == b"damaged" * 1000


def test_restore_that_fails_at_its_end(state, backup, fresh, monkeypatch):
    """If the copy cannot be put in its place, the folder is as it was: a database, or its log."""
    (fresh / "temporal.db-wal").write_bytes(b"its log")
    before = [{it.name for it in folder.iterdir()} for folder in (state, fresh)]

    def fail(copy: Path, target: Path) -> None:
        copy.replace(target)
        raise OSError(errno.ENOSPC, "No space left on device")

    (state / "temporal.db").write_bytes(b"damaged" * 1000)
    monkeypatch.setattr("runtime.backup.restoring.put_in_place", fail)
    for folder in (state, fresh):
        with pytest.raises(CommandError, match="cannot be changed: No space left on device"):
            restore_backup(backup, folder, force=True)
    assert (state / "temporal.db").read_bytes() == b"damaged" * 1000
    assert (fresh / "temporal.db-wal").read_bytes() == b"its log"
    assert [{it.name for it in folder.iterdir()} for folder in (state, fresh)] == before


def test_restore_beside_a_log_alone(backup, fresh):
    """A log whose database is gone is put aside: SQLite would write it into the restored one."""
    (fresh / "temporal.db-wal").write_bytes(b"its log")
    done = restore_backup(backup, fresh, force=False)
    assert Path(f"{done.kept}-wal").read_bytes() == b"its log"
    assert {it.name for it in fresh.iterdir()} == {
        *("keys.json", "temporal.db", f"{done.kept.name}-wal")
    }
    assert count(fresh / "temporal.db", "history") == ROWS


def test_restore_without_an_older_key(backup, fresh):
    """Older keys may have been retired, so a folder without them is told of it."""
    write_keys(fresh, K2)
    assert restore_backup(backup, fresh, force=False).missing_keys == [key_id(K1)]


def restamp(backup: Path, **fields: object) -> None:
    with closing(sqlite3.connect(backup)) as connection, connection:
        (text,) = connection.execute(f"SELECT stamp FROM {TABLE}").fetchone()
        stamp = json.dumps(json.loads(text) | fields)
        connection.execute(f"UPDATE {TABLE} SET stamp = ?", [stamp])


def test_restore_of_an_older_server(backup, fresh):
    """Its tables stay as they are, so its version is told."""
    restamp(backup, temporal_version="1.8.3")
    assert restore_backup(backup, fresh, force=False).older_temporal == "1.8.3"


def replace_by_plain_database(backup: Path) -> None:
    backup.unlink()
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute("CREATE TABLE history (n)")


@pytest.mark.parametrize(
    ("change", "ring", "told"),
    [
        (Path.unlink, K2, "backup.db does not exist"),
        (lambda it: it.write_text("text " * 2000), K2, "no backup that `hookwright backup` has"),
        (replace_by_plain_database, K2, "no backup that `hookwright backup` has made"),
        (spoil, K2, "(damaged|malformed).* Nothing was changed"),
        (
            lambda it: restamp(it, temporal_version="99.0.0"),
            K2,
            "is of `temporal` 99.0.0, and an older",
        ),
        (
            lambda _: None,
            None,
            f"keys.json is missing, .* needs the keys {key_id(K2)}, {key_id(K1)}: put",
        ),
        (
            lambda _: None,
            K1,
            f"has only the keys {key_id(K1)}, and .* needs {key_id(K2)}, {key_id(K1)};",
        ),
        (
            lambda _: None,
            f"{K2},{key_id(K1)}:{new_encryption_key().partition(':')[2]}",
            f"the key {key_id(K1)} in .* is not the one with which",
        ),
    ],
    ids=[
        "no backup",
        "a text",
        "another database",
        "damaged",
        "a newer Temporal",
        "no keys",
        "an older key only",
        "another key of this id",
    ],
)
def test_restore_refused(
    backup, fresh, change: Callable[[Path], object], ring: str | None, told: str
):
    """Each reason is told with its remedy, and the folder is as it was."""
    (fresh / "keys.json").unlink() if ring is None else write_keys(fresh, ring)
    change(backup)
    before = content(fresh)
    with pytest.raises(CommandError) as refused:
        restore_backup(backup, fresh, force=False)
    assert re.search(told, str(refused.value))
    assert content(fresh) == before


def test_restore_over_a_state(state, backup):
    """A database that is there is not touched without `force`."""
    before = content(state)
    with pytest.raises(CommandError, match=r"temporal\.db exists; .* or replace it with --force"):
        restore_backup(backup, state, force=False)
    assert content(state) == before


def test_restore_while_dev_runs(backup, fresh):
    """The lock of `hookwright dev` refuses it."""
    told = "a `hookwright dev` is using .*; stop it before you restore"
    with locked(fresh, ""), pytest.raises(CommandError, match=told):
        restore_backup(backup, fresh, force=False)
    assert {it.name for it in fresh.iterdir()} == {"keys.json"}


def test_restore_while_a_server_has_the_database(state, backup, monkeypatch):
    """A Temporal that outlived its `hookwright dev` refuses it, too."""
    monkeypatch.setattr("runtime.backup.restoring.LOCK_SECONDS", 0)
    with closing(sqlite3.connect(state / "temporal.db")) as server:
        server.execute("SELECT count(*) FROM history").fetchone()
        with pytest.raises(CommandError, match=r"a Temporal server still uses .*; stop it"):
            restore_backup(backup, state, force=True)
        assert server.execute("SELECT count(*) FROM history").fetchone() == (ROWS,)
