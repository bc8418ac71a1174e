"""A worker that stops polls its own task queue until what it has handed over has arrived there."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.stack import unique
from temporalio.testing import ActivityEnvironment

from activities.delivery import HandOvers
from activities.delivery import hand_overs as module
from hookwright.models import DeliveryLog


def in_activity(run: str, method: Callable[..., Any], *arguments: object) -> Any:
    """Call a method in an activity of a run."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, workflow_run_id=run)
    return environment.run(method, *arguments)


async def test_a_worker_waits_until_all_has_arrived() -> None:
    """The context is left when what was handed over has been taken, and not before."""
    hand_overs, runs = HandOvers("own"), [unique("run"), unique("run")]
    for run in runs:
        log = in_activity(run, hand_overs.give, DeliveryLog())
        assert log.begun_on == "own"
    leaves = asyncio.create_task(hand_overs.__aexit__())
    in_activity(runs[0], hand_overs.take)
    assert not (await asyncio.wait([leaves], timeout=0.1))[0]
    in_activity(runs[1], hand_overs.take)
    await leaves


async def test_it_does_not_wait_for_what_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not arrive, because another worker has it, ends the wait after some seconds."""
    monkeypatch.setattr(module, "ON_THE_WAY_SECONDS", 0.2)
    async with asyncio.timeout(20), HandOvers("own") as hand_overs:
        in_activity(unique("run"), hand_overs.give, DeliveryLog())
