"""The receiver of the ledger harness: it writes down whatever it gets, and compares it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h11
import pytest
from ledger.publishers import plans
from ledger.receiver import Receiver
from ledger.records import Appending, Post, posts_in
from ledger.world import World

WORLD = World.of(1)
PLAN = next(plan for plan in plans(WORLD, None) if plan.valid)
ENVELOPE = {"type": PLAN.event_type, "timestamp": "now", "data": PLAN.body["data"]}


def noted(folder: Path, body: bytes, path: str = "/plain-0") -> Post:
    """Return what is written down of a POST."""
    receiver = Receiver(WORLD, Appending(folder / "posts.jsonl"))
    request = h11.Request(method="POST", target=path, headers=[("host", "receiver")])
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
