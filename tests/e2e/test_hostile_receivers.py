"""Hostile receivers in a whole delivery: each attempt fails alike, and the schedule holds."""

from datetime import datetime, timedelta

import pytest
from support.hostile import goes_on, ok, reset, says, serving, stay_silent
from support.receiver import Receiver, Reply
from support.stack import Stack
from support.tcp_server import Talk
from support.waiting import eventually

HEAD = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"

SCRIPTS = {
    "never answers": (says(b"", stay_silent), "timeout"),
    "drips headers": (goes_on(HEAD, b"a: b\r\n"), "timeout"),
    "drips the body": (goes_on(HEAD + b"content-length: 60000\r\n\r\n", b"x"), "timeout"),
    "announces for ever": (goes_on(b"", INTERIM, pace=0), "protocol_error"),
    "10 MB of headers": (goes_on(HEAD, b"a: b\r\n" * 10_000, pace=0), "protocol_error"),
    "is not HTTP": (says(b"SSH-2.0-OpenSSH_9.6\r\n"), "protocol_error"),
    "resets in the body": (says(HEAD + b"content-length: 9\r\n\r\n", reset), "connection_error"),
    "redirects to itself": (says(ok(b"", b"location: /in", status=b"307 T")), "http_error"),
}


@pytest.mark.parametrize(("script", "outcome"), SCRIPTS.values(), ids=SCRIPTS.keys())
async def test_the_schedule_holds(service: Stack, script: Talk, outcome: str) -> None:
    """Each attempt is bounded by the endpoint's timeout, and after the last one it is exhausted."""
    async with serving(script) as server:
        endpoint = await service.add_endpoint(
            server.url, retry={"schedule_seconds": [0.2]}, timeout_seconds=1
        )
        event = await service.publish(endpoint_id=endpoint["id"])
        delivery = await eventually(
            lambda: service.delivery(endpoint["id"], event["id"]),
            lambda it: it.get("state") == "exhausted",
        )
    assert [it["outcome"] for it in delivery["attempts"]] == [outcome] * 2
    assert all(it["duration_ms"] < 1500 for it in delivery["attempts"])
    assert server.connections == 2


@pytest.mark.parametrize(
    "asked", ["0", "-1", "1e309", "soon", "", "Mon, 01 Jan 1900 00:00:00 GMT", "\xff"]
)
async def test_retry_after_that_changes_nothing(
    service: Stack, hooks: Receiver, asked: str
) -> None:
    """A Retry-After below the schedule's delay, or a malformed one, leaves the schedule alone."""
    replies = [Reply(503, headers=(("retry-after", asked),)), Reply()]
    hooks.behave = lambda _: replies.pop(0)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [0.2]})
    event = await service.publish(endpoint_id=endpoint["id"])
    delivery = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: it.get("state") == "delivered",
    )
    first, second = (datetime.fromisoformat(it["started_at"]) for it in delivery["attempts"])
    assert second - first >= timedelta(seconds=0.2)


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        (["99999999999"], timedelta(days=1)),
        (["9" * 5_000], timedelta(days=1)),
        (["Fri, 31 Dec 9999 23:59:59 GMT"], timedelta(days=1)),
        (["3600", "1"], timedelta(hours=1)),
    ],
)
async def test_retry_after_that_delays(
    service: Stack, hooks: Receiver, asked: list[str], wait: timedelta
) -> None:
    """A wish for more is granted up to a day; of two the first counts."""
    hooks.behave = lambda _: Reply(503, headers=tuple(("retry-after", it) for it in asked))
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [0.2]})
    event = await service.publish(endpoint_id=endpoint["id"])
    delivery = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: it.get("next_attempt_at"),
    )
    due = datetime.fromisoformat(delivery["next_attempt_at"])
    began = datetime.fromisoformat(delivery["attempts"][0]["started_at"])
    assert timedelta(0) <= due - began - wait < timedelta(seconds=10)
