"""The embedded server's database: which indexes it has, whatever the state of its folder."""

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.paths import REPOSITORY
from support.waiting import eventually
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType, WorkflowIDConflictPolicy

from hookwright.temporal.search_attributes import SEARCH_ATTRIBUTES
from runtime.dev import EmbeddedServer, free_port
from runtime.dev.indexes import KEPT, KEPT_KINDS, drop_unused_indexes

UNUSED_INDEX = "CREATE INDEX by_int_01 ON executions_visibility (namespace_id, Int01)"


def indexes(database: Path) -> set[str]:
    """Return the names of the indexes of the visibility table."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name = 'executions_visibility'"
        )
        return {name for (name,) in rows}


def is_kept(name: str) -> bool:
    """Return whether an index is one that the product's queries use."""
    return name in KEPT or name.startswith(KEPT_KINDS)


@pytest.mark.timeout(120)
async def test_new_and_old_folders_have_only_the_indexes_that_are_used(tmp_path: Path) -> None:
    """Unused indexes are gone after the first start, and after the next if they are there again."""
    server = EmbeddedServer(tmp_path, free_port())
    async with server.running():
        first = indexes(server.database)
    with closing(sqlite3.connect(server.database)) as connection, connection:
        connection.execute(UNUSED_INDEX)
    async with server.running():
        second = indexes(server.database)

    assert all(map(is_kept, first))
    assert set(KEPT) < first
    assert second == first


@pytest.mark.timeout(120)
async def test_indexes_may_be_dropped_while_workflows_start(tmp_path: Path) -> None:
    """A server that is writing meanwhile waits for the lock: no start fails, and all are listed."""
    server = EmbeddedServer(tmp_path, free_port())
    async with server.running():
        client = await Client.connect(server.address)
        with closing(sqlite3.connect(server.database, timeout=10)) as connection, connection:
            connection.execute(UNUSED_INDEX)

        async def start(number: int) -> None:
            await client.start_workflow(
                "Nobody",
                id=f"id-{number}",
                task_queue="nobody",
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            )

        *_, dropped = await asyncio.gather(
            *map(start, range(40)), asyncio.to_thread(drop_unused_indexes, server.database)
        )

        assert dropped == ["by_int_01"]
        await assert_eventually_listed(client, 40)


async def assert_eventually_listed(client: Client, wanted: int) -> None:
    """Wait until so many executions are counted."""

    async def count() -> int:
        return (await client.count_workflows("WorkflowType = 'Nobody'")).count

    await eventually(count, lambda found: found == wanted, within=30)


async def test_a_file_that_is_no_database_is_for_the_server_to_tell(tmp_path: Path) -> None:
    """A file that SQLite cannot read raises its error, which the start of the server ignores."""
    broken = tmp_path / "temporal.db"
    broken.write_bytes(b"no database" * 100)

    with pytest.raises(sqlite3.Error):
        drop_unused_indexes(broken)


def test_every_kind_of_our_search_attributes_keeps_its_indexes() -> None:
    """A search attribute of another kind needs its kind among those that are kept."""
    kept = {SearchAttributeIndexedValueType.KEYWORD, SearchAttributeIndexedValueType.DATETIME}

    assert {key.indexed_value_type for key in SEARCH_ATTRIBUTES} <= kept


def test_both_databases_keep_the_same_indexes() -> None:
    """What deploy/visibility-indexes.sql keeps on PostgreSQL is what the embedded server keeps."""
    script = (REPOSITORY / "deploy/visibility-indexes.sql").read_text()
    [listed] = re.findall(r"indexname NOT IN\s*\(([^)]*)\)", script)
    [kinds] = re.findall(r"\^by_\(([a-z|]+)\)_", script)

    assert {name.strip(" '") for name in listed.split(",")} == set(KEPT)
    assert tuple(f"by_{kind}_" for kind in kinds.split("|")) == KEPT_KINDS
