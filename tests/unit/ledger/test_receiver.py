"""The receiver of the ledger harness: it writes down whatever it gets, and compares it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h11
import pytest
from ledger.publishers import plans
from ledger.receiver import Receiver
from ledger.records import Appending, Post, posts_in
from ledger.world import World
from standardwebhooks.webhooks import Webhook

WORLD = World.of(1)
PLAN = next(plan for plan in plans(WORLD, None) if plan.valid)
ENVELOPE = {"type": PLAN.event_type, "timestamp": "now", "data": PLAN.body["data"]}


def noted(
    folder: Path, body: bytes, path: str = "/plain-0", headers: Mapping[str, str] | None = None
) -> Post:
    """Return what is written down of a POST."""
    receiver = Receiver(WORLD, Appending(folder / "posts.jsonl"))
    all_headers = {"host": "receiver", **(headers or {})}
    request = h11.Request(method="POST", target=path, headers=[*all_headers.items()])
    receiver.note("token", 1, request, body)
    (post,) = posts_in(folder)
    return post


def test_a_body_as_it_was_published_is_intact(tmp_path: Path) -> None:
    """A body that has all that was published, and nothing else, is told as intact."""
    post = noted(tmp_path, json.dumps(ENVELOPE).encode())
    assert post.intact
    assert (post.tenant, post.event) == (PLAN.tenant, PLAN.event)
    assert post.event_type == PLAN.event_type


@pytest.mark.parametrize(
    "envelope",
    [
        {**ENVELOPE, "surplus": 1},
        {**ENVELOPE, "data": {"tenant": "t", "event": "e", "text": "cut"}},
        {**ENVELOPE, "data": {**ENVELOPE["data"], "surplus": 1}},  # type: ignore[dict-item]
        {**ENVELOPE, "data": []},
        {},
    ],
    ids=["field of the envelope", "text", "field of the data", "no data", "nothing"],
)
def test_a_body_that_differs_is_not_intact(tmp_path: Path, envelope: Mapping[str, Any]) -> None:
    """A body that has less, more or something else is written down, and told as such."""
    assert not noted(tmp_path, json.dumps(envelope).encode()).intact


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b"\xff"])
def test_a_body_that_cannot_be_read_is_written_down(tmp_path: Path, body: bytes) -> None:
    """A POST that is no event leaves a line, too."""
    post = noted(tmp_path, body)
    assert (post.hook, post.intact, post.genuine) == ("plain-0", False, False)


def test_a_post_to_no_endpoint_is_written_down(tmp_path: Path) -> None:
    """A POST to an unknown path leaves a line, and is answered 404."""
    assert noted(tmp_path, b"{}", "/other").status == 404


@pytest.mark.parametrize(("signed_ago", "status"), [(0, 200), (3_600, 401), (-3_600, 401)])
def test_a_wrong_clock_is_refused_and_is_no_forgery(
    tmp_path: Path, signed_ago: int, status: int
) -> None:
    """A POST that was signed an hour off is answered 401, and its signature is right."""
    body = json.dumps(ENVELOPE).encode()
    hook = next(hook for hook in WORLD.hooks if hook.name == "plain-0")
    signed_at = datetime.now(UTC) - timedelta(seconds=signed_ago)
    headers = {
        "webhook-id": "id",
        "webhook-timestamp": str(int(signed_at.timestamp())),
        "webhook-signature": Webhook(hook.secret).sign("id", signed_at, body.decode()),
    }
    post = noted(tmp_path, body, headers=headers)
    assert (post.status, post.genuine) == (status, True)
