"""A database without room for more: the API says so, and all goes on when there is room again."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from support.databases import pages
from support.processes import api_on
from support.receiver import Receiver
from support.stack import CONTRACTS, LOOPBACK, unique
from support.waiting import assert_eventually, eventually

from runtime.dev import EmbeddedServer, free_port
from runtime.worker import WorkerConfig, worker

MAX_PAGES = 1_000
"""Pages of 4 KiB. SQLite fails beyond them with the error that a full disk makes: SQLITE_FULL."""

AT_ONCE = 4
TEXT = "x" * 100_000

pytestmark = pytest.mark.timeout(180)


async def test_nothing_is_lost(tmp_path: Path, hooks: Receiver) -> None:
    """While nothing can be stored publishes are a 503, and every 202 before arrives afterwards."""
    server, accepted, told = EmbeddedServer(tmp_path, free_port()), list[str](), list[str]()
    limited = replace(server, pragmas=(("max_page_count", str(MAX_PAGES)),))
    async with AsyncExitStack() as small:
        await small.enter_async_context(limited.running())
        async with (
            api_on(server, unique("queue")) as api,
            worker(api.client, WorkerConfig(api.task_queue, LOOPBACK, CONTRACTS)),
        ):
            service = await api.with_new_tenant()
            await service.add_endpoint(hooks.url)

            async def publish(event: str) -> int:
                body = {"id": event, "type": "loan.funded", "data": TEXT}
                answer = await api.http.post(f"{service.root}/events", json=body)
                assert answer.status_code in (202, 503), answer.text
                (accepted if answer.status_code == 202 else told).append(event)
                return answer.status_code

            async def is_full() -> bool:
                events = [unique("evt") for _ in range(AT_ONCE)]
                statuses = {*await asyncio.gather(*map(publish, events))}
                return statuses == {503} and pages(server) > 0.9 * MAX_PAGES

            await eventually(is_full, within=60)
            await small.aclose()
            async with server.running():
                for event in [*told]:
                    await eventually(lambda event=event: publish(event), lambda it: it == 202)
                await assert_eventually(lambda: {*hooks.ids()} == {*accepted}, within=60)
    assert len(accepted) > len({*told})
