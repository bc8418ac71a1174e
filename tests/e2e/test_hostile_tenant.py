"""A tenant that has every hostile thing at once, beside one whose events all arrive, once each."""

import asyncio
from collections import Counter, defaultdict
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest
from support.hostile import goes_on, ok, says, serving, stay_silent
from support.receiver import Receiver
from support.stack import Stack
from support.waiting import assert_eventually, eventually

HOSTILE = "data.l[?" + "&&".join("@" * 200) + "]"
DATA = {"l": [*range(1, 5_001)]}
FILTERS, TEMPLATES, OF_EACH_RECEIVER = 5, 5, 2
THEIR_EVENTS, OUR_EVENTS = 2, 30

EVALUATORS = 2
"""The worker has one process for expressions and the API another; neither is ever replaced."""

ENDS = ("exhausted", "delivered")
"""A flood of chunks behind a status of 200 counts as delivered, unless it outlasts the timeout."""

RETRIES = {"schedule_seconds": [0.2]}

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKS = goes_on(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1_000, pace=0)
INTERIM = goes_on(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000, pace=0)
RECEIVERS = {
    "hangs": says(b"", stay_silent),
    "floods of chunks": CHUNKS,
    "floods of interim heads": INTERIM,
    "fails": says(ok(status=b"500 No")),
}


async def test_a_tenant_with_everything_hostile_harms_nobody_else(
    busy: Stack, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Costly filters and templates, receivers that hang, flood and fail: all the same moment.

    The other tenant's events arrive exactly once, and each hostile delivery ends by its schedule.
    """
    started, start = list[object](), asyncio.create_subprocess_exec

    async def noted(*command: str, **settings: Any) -> asyncio.subprocess.Process:
        started.append(command)
        return await start(*command, **settings)

    monkeypatch.setattr("hookwright.expressions.evaluator.asyncio.create_subprocess_exec", noted)
    other = await busy.with_new_tenant()
    await other.add_endpoint(hooks.url)
    hostile = {"retry": RETRIES, "timeout_seconds": 1}
    async with AsyncExitStack() as stack:
        urls = [
            (await stack.enter_async_context(serving(script))).url for script in RECEIVERS.values()
        ]
        urls += ["http://name-that-is-not.invalid/in"]
        adds = [
            partial(busy.add_endpoint, url, **hostile)
            for url in urls
            for _ in range(OF_EACH_RECEIVER)
        ]
        adds += [
            partial(busy.add_endpoint, urls[0], **hostile, filter=f"{HOSTILE} || `{number}`")
            for number in range(FILTERS)
        ]
        adds += [
            partial(busy.add_endpoint, urls[0], **hostile, payload_template=f"[{HOSTILE}, `{n}`]")
            for n in range(TEMPLATES)
        ]
        endpoints = [await add() for add in adds]
        theirs = [(await busy.publish(data=DATA))["id"] for _ in range(THEIR_EVENTS)]
        ours = [(await other.publish())["id"] for _ in range(OUR_EVENTS)]
        await assert_eventually(lambda: len(hooks.requests) >= OUR_EVENTS, within=60)
        outcomes = defaultdict[str, list[str]](list)
        for endpoint in endpoints:
            for event in theirs:
                delivery = await eventually(
                    partial(busy.delivery, endpoint["id"], event),
                    lambda it: it.get("state") in ENDS,
                    within=60,
                )
                outcomes[endpoint["id"]] += [it["outcome"] for it in delivery["attempts"]]
    attempts = THEIR_EVENTS * (1 + len(RETRIES["schedule_seconds"]))
    assert max(map(len, outcomes.values())) <= attempts
    costly = [outcomes[it["id"]] for it in endpoints[-FILTERS - TEMPLATES :]]
    assert (
        costly
        == [["filter_error"] * attempts] * FILTERS + [["template_error"] * attempts] * TEMPLATES
    )
    assert Counter(hooks.ids()) == dict.fromkeys(ours, 1)
    assert 1 <= len(started) <= EVALUATORS
