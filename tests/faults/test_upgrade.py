"""An upgrade, and going back: workers of an older version and of this one over the same work."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.paths import REPOSITORY
from support.processes import api_on, worker_process
from support.receiver import Received, Receiver, Reply
from support.stack import Stack, unique
from support.waiting import assert_eventually, eventually

from runtime.dev import EmbeddedServer, free_port

OLDER = "48ffb39"
"""The oldest version whose workers may run beside today's, and to which one can go back.

When a change makes that impossible, name the first version for which it is possible again, and say
in CHANGELOG.md what waits until the newer version is back (docs/upgrading.md)."""

PACKAGES = ("hookwright", "workflows", "activities", "api", "runtime")
STEADY, FAILING, PAUSED, IN_ORDER, SLOW = "/steady", "/failing", "/paused", "/in-order", "/slow"
WITHIN = 60.0

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which Python runs the older version, taken from git's history."""
    folder = tmp_path_factory.mktemp("older")
    command = ("git", "archive", OLDER, *PACKAGES)
    archive = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"this checkout has no version {OLDER}: {archive.stderr.decode().strip()}")
    subprocess.run(("tar", "-x", "-C", folder), input=archive.stdout, check=True)
    variables = {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
    found = subprocess.check_output(
        (sys.executable, "-c", "import runtime; print(runtime.__file__)"),
        env={**os.environ, **variables},
        text=True,
    )
    assert found.startswith(str(folder))
    return variables


@dataclass
class Drill:
    """A tenant with an endpoint for each kind of waiting, and what its receiver was sent."""

    service: Stack
    hooks: Receiver
    endpoints: dict[str, str] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)
    works: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def add_endpoints(self) -> None:
        """Add an endpoint that works, one that fails, is paused, has an order, and is slow."""
        self.hooks.behave = self.reply
        base = self.hooks.url.removesuffix("/hooks")
        for path, fields in {
            STEADY: {},
            FAILING: {"retry": {"schedule_seconds": [4] * 30}},
            PAUSED: {"drain_per_second": 20},
            IN_ORDER: {"ordering": "fifo"},
            SLOW: {"timeout_seconds": 30},
        }.items():
            endpoint = await self.service.add_endpoint(base + path, **fields)
            self.endpoints[path] = endpoint["id"]

    def reply(self, request: Received) -> Reply:
        """Answer as the endpoint does."""
        if request.path == FAILING:
            return Reply(200 if self.works.is_set() else 500)
        return Reply(gate=self.answers if request.path == SLOW else None)

    async def call(self, method: str, path: str, action: str = "", **body: Any) -> dict[str, Any]:
        """Call a route of one of the endpoints."""
        url = f"{self.service.root}/endpoints/{self.endpoints[path]}{action}"
        answer = await self.service.http.request(method, url, json=body or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def publish(self) -> None:
        """Publish two events for all endpoints, and wait until they have got as far as they do.

        Also change an endpoint: its entity answers.
        """
        for _ in range(2):
            self.published.append((await self.service.publish())["id"])
        for path in (STEADY, FAILING, IN_ORDER, SLOW):
            await assert_eventually(
                lambda path=path: {*self.published} <= {*self.sent(path)}, WITHIN
            )

        async def held() -> int:
            return (await self.call("GET", PAUSED))["held"]

        not_yet = len(self.published) - len({*self.sent(PAUSED)})
        await eventually(held, lambda number: number == not_yet, WITHIN)
        name = unique("name")
        assert (await self.call("PATCH", STEADY, description=name))["description"] == name

    async def resume_and_pause(self) -> None:
        """Let go of what is held, and pause again once all of it has arrived."""
        await self.call("POST", PAUSED, "/resume")
        await assert_eventually(lambda: self.sent(PAUSED) == self.published, WITHIN)
        await self.call("POST", PAUSED, "/pause")

    def sent(self, path: str) -> list[str]:
        """Return the ids that were POSTed to an endpoint."""
        return [it.webhook_id for it in self.hooks.requests if it.path == path]


async def test_upgrade_and_back(older: dict[str, str], tmp_path: Path, hooks: Receiver) -> None:
    """Old, both, new, and old again: nothing is lost, nothing is sent twice, entities answer."""
    server, task_queue = EmbeddedServer(tmp_path, free_port()), unique("queue")
    async with (
        server.running(),
        api_on(server, task_queue) as api,
        AsyncExitStack() as old,
        AsyncExitStack() as new,
    ):
        await old.enter_async_context(worker_process(server.address, task_queue, **older))
        await eventually(lambda: api.http.get("/readyz"), lambda it: it.is_success, WITHIN)
        drill = Drill(await api.with_new_tenant(), hooks)
        await drill.add_endpoints()
        await drill.call("POST", PAUSED, "/pause")
        await drill.publish()

        await new.enter_async_context(worker_process(server.address, task_queue))
        await drill.publish()
        await drill.resume_and_pause()
        await drill.publish()

        stopping = asyncio.create_task(old.aclose())
        await asyncio.sleep(0)
        drill.answers.set()
        await stopping
        await drill.publish()
        await drill.resume_and_pause()
        await drill.publish()

        await old.enter_async_context(worker_process(server.address, task_queue, **older))
        await new.aclose()
        await drill.publish()
        await drill.resume_and_pause()
        drill.works.set()

        async def delivered() -> int:
            params = {"state": "delivered", "limit": 100}
            url = f"{drill.service.root}/deliveries"
            page = await drill.service.http.get(url, params=params)
            return len(page.json()["data"])

        await eventually(delivered, lambda number: number == len(drill.published) * 5, WITHIN)
    for path in (STEADY, PAUSED, IN_ORDER, SLOW):
        assert Counter(drill.sent(path)) == Counter(drill.published)
    assert drill.sent(IN_ORDER) == drill.published
