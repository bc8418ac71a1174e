"""The drill: a copy under load, the machine lost, the copy restored elsewhere, published again."""

import asyncio
import json
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.commands import hookwright
from support.pages import walk
from support.receiver import Received, Receiver, Reply
from support.running import Dev, dev
from support.waiting import assert_eventually, eventually

STEADY, LATER = "/steady", "/later"
PUBLISHERS = 2
WITHIN = 60.0


@dataclass
class Load:
    """Publishers of one tenant, with ids of their own, and what became of each event."""

    http: httpx.AsyncClient
    tried: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    async def publish(self, event: str) -> dict[str, Any]:
        """Publish an event until it is accepted. The same id always has the same body."""
        body = {"id": event, "type": "loan.funded", "data": {"id": event}}
        answer = await eventually(
            lambda: self.http.post("events", json=body), lambda it: it.status_code != 503, WITHIN
        )
        assert answer.status_code == 202, answer.text
        return answer.json()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish while the context lasts. Each publisher ends when the API is gone."""
        stopped = False

        async def publisher() -> None:
            while not stopped:
                event = f"evt_{len(self.tried)}"
                self.tried.append(event)
                try:
                    await self.publish(event)
                except httpx.TransportError:
                    return
                self.accepted.append(event)

        tasks = [asyncio.create_task(publisher()) for _ in range(PUBLISHERS)]
        try:
            yield
        finally:
            stopped = True
            await asyncio.gather(*tasks)

    async def more(self, number: int) -> None:
        """Wait until so many more are accepted."""
        goal = len(self.accepted) + number
        await assert_eventually(lambda: len(self.accepted) >= goal, WITHIN)

    async def deliveries(self, state: str, **filters: str) -> set[str]:
        """Return the ids of the events whose deliveries are in a state."""
        rows = await walk(self.http, "deliveries", state=state, limit=100, **filters)
        return {row["event_id"] for row in rows}


@asynccontextmanager
async def load_on(it: Dev, folder: Path) -> AsyncIterator[Load]:
    """Give publishers for the tenant of a `hookwright dev`, with the key of its state folder."""
    key = json.loads((folder / ".hookwright" / "keys.json").read_text())["operator_key"]
    async with httpx.AsyncClient(
        base_url=f"{it.api_url}/v1/tenants/acme/",
        headers={"authorization": f"Bearer {key}"},
        timeout=30,
    ) as http:
        yield Load(http)


@dataclass
class TwoEndpoints:
    """A receiver's answers: one endpoint always works, the other one does from some moment on."""

    works: bool = False
    taken: dict[str, Counter[str]] = field(
        default_factory=lambda: {STEADY: Counter(), LATER: Counter()}
    )

    def answer(self, request: Received) -> Reply:
        if request.path == LATER and not self.works:
            return Reply(500)
        self.taken[request.path][request.webhook_id] += 1
        return Reply()

    def has(self, events: list[str]) -> bool:
        """Return whether both endpoints have taken all of these events."""
        return all({*events} <= taken.keys() for taken in self.taken.values())


@pytest.mark.timeout(180)
async def test_restored_from_a_copy_under_load(tmp_path: Path, hooks: Receiver) -> None:
    """Nothing is lost once it is published again; twice has come only what the copy lacks as sent.

    What is in the copy comes by itself. What the copy knows as delivered comes no second time.
    """
    lost, new, copy = tmp_path / "lost", tmp_path / "new", tmp_path / "copy.db"
    endpoints = TwoEndpoints()
    hooks.behave = endpoints.answer
    lost.mkdir()
    async with dev(lost) as it, load_on(it, lost) as load:
        ids = {}
        for path in (STEADY, LATER):
            url = hooks.url.removesuffix("/hooks") + path
            body = {"url": url, "retry": {"schedule_seconds": [3] * 30}}
            answer = await load.http.post("endpoints", json=body)
            assert answer.status_code == 201, answer.text
            ids[path] = answer.json()["id"]
        async with load.running():
            await load.more(12)
            in_copy = [*load.accepted]
            sent = await eventually(
                lambda: load.deliveries("delivered", endpoint_id=ids[STEADY]),
                lambda found: len(found) >= 6,
                WITHIN,
            )
            done = await hookwright("backup", str(copy), folder=lost)
            assert done.status == 0, done.output
            await load.more(12)
        endpoints.works = True
        await assert_eventually(lambda: endpoints.has(in_copy), WITHIN)
        async with load.running():
            await load.more(2)
            processes = it.children
            await it.command.stop(signal.SIGKILL)
            for process in processes:
                process.kill()

    (new / ".hookwright").mkdir(parents=True)
    shutil.copy(lost / ".hookwright" / "keys.json", new / ".hookwright")
    done = await hookwright("restore", str(copy), folder=new)
    assert done.status == 0, done.output
    async with dev(new) as it, load_on(it, new) as again:
        # It was pending in the copy, so it comes again without being published again.
        await assert_eventually(
            lambda: all(endpoints.taken[LATER][event] == 2 for event in in_copy), WITHIN
        )
        answers = await asyncio.gather(*(again.publish(event) for event in load.tried))
        assert {event["id"] for event in answers if event["duplicate"]} >= {*in_copy}
        await assert_eventually(lambda: endpoints.has(load.tried), WITHIN)
        for endpoint in ids.values():  # the lists lag
            await eventually(
                lambda endpoint=endpoint: again.deliveries("delivered", endpoint_id=endpoint),
                lambda found: found == {*load.tried},
                WITHIN,
            )
    assert {endpoints.taken[STEADY][event] for event in sent} == {1}
    for taken in endpoints.taken.values():
        assert max(taken.values()) <= 2
