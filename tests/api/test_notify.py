"""A tenant's `notify` over REST: who is told, and a URL that is never shown."""

import io
from typing import Any

import httpx
import pytest
from support.stack import Stack

from hookwright.ids import tenant_workflow_id
from hookwright.models import NotifySettings
from hookwright.temporal import MemoKey

URL = "https://hooks.slack.com/services/T0/B0/s3cret-part"


async def put(service: Stack, **fields: Any) -> httpx.Response:
    return await service.http.put(service.root, json=fields)


async def stored(service: Stack) -> NotifySettings | None:
    """Return what workers read."""
    handle = service.client.get_workflow_handle(tenant_workflow_id(service.tenant))
    found: NotifySettings | None = await (await handle.describe()).memo_value(
        MemoKey.NOTIFY, None, type_hint=NotifySettings
    )
    return found


async def test_the_url_is_stored_and_not_shown(service: Stack, log_output: io.StringIO) -> None:
    """Workers read the chat's URL; answers and logs show its host at most."""
    answer = await put(service, notify={"emails": ["ops@example.com"], "slack_url": URL})
    assert answer.status_code == 200
    expected = {"emails": ["ops@example.com"], "slack_host": "hooks.slack.com"}
    assert answer.json()["notify"] == expected
    read = await service.http.get(service.root)
    assert read.json()["notify"] == expected
    listed = await service.http.get("/v1/tenants")
    found = await stored(service)
    assert found is not None
    assert found.slack_url == URL
    assert "s3cret" not in answer.text + read.text + listed.text + log_output.getvalue()


async def test_a_url_that_is_left_out_stays(service: Stack) -> None:
    """Only null, or no `notify` at all, takes away what no caller can read and send again."""
    await put(service, notify={"slack_url": URL})
    changed = await put(service, notify={"emails": ["ops@example.com"]})
    assert changed.json()["notify"]["slack_host"] == "hooks.slack.com"
    removed = await put(service, notify={"emails": ["ops@example.com"], "slack_url": None})
    assert removed.json()["notify"] == {"emails": ["ops@example.com"], "slack_host": None}
    found = await stored(service)
    assert found is not None
    assert found.slack_url is None
    nobody = await put(service, name="Test")
    assert nobody.json()["notify"] is None
    assert await stored(service) is None


async def patch(service: Stack, **fields: Any) -> httpx.Response:
    return await service.http.patch(service.root, json=fields)


async def test_a_change_in_part(service: Stack) -> None:
    """PATCH changes who is told, and keeps a URL that it leaves out."""
    first = await patch(service, notify={"emails": ["a@example.com"], "slack_url": URL})
    assert first.json()["notify"] == {
        "emails": ["a@example.com"],
        "slack_host": "hooks.slack.com",
    }
    await patch(service, notify={"emails": ["b@example.com"]})
    await patch(service, name="Renamed")
    await service.http.post(f"{service.root}/tokens/revoke", json={})
    found = await stored(service)
    assert found == NotifySettings(emails=["b@example.com"], slack_url=URL)
    refused = await patch(service, notify={"slack_url": "https://10.0.0.1/s3cret"})
    assert (refused.status_code, "s3cret" in refused.text) == (422, False)
    await patch(service, notify={"emails": ["b@example.com"], "slack_url": None})
    found = await stored(service)
    assert found == NotifySettings(emails=["b@example.com"])
    assert (await patch(service, notify=None)).json()["notify"] is None
    assert await stored(service) is None


async def test_what_was_read_can_be_sent_back(service: Stack) -> None:
    """Who reads a tenant, changes one setting and puts all of them back, keeps who is told."""
    await put(service, notify={"emails": ["ops@example.com"], "slack_url": URL})
    read = (await service.http.get(service.root)).json()
    for field in ("id", "created_at", "updated_at"):
        del read[field]
    sent_back = await put(service, **{**read, "name": "Renamed"})
    assert sent_back.json()["notify"] == read["notify"]
    found = await stored(service)
    assert found is not None
    assert found.slack_url == URL


@pytest.mark.parametrize(
    "url",
    [
        *("http://s3cret.example.com:25/", "https://10.0.0.1/s3cret", "https://169.254.169.254/"),
        *("ftp://example.com/s3cret", "s3cret", "https://user:s3cret@example.com/", ""),
        *("https://metadata.google.internal/s3cret", "https://example.com/s3cret\r\nx: y"),
    ],
)
async def test_the_guard_refuses(service: Stack, url: str) -> None:
    """A URL that webhooks may not go to is refused by name, and is not repeated."""
    answer = await put(service, notify={"slack_url": url})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "notify", "slack_url"]
    assert "s3cret" not in answer.text


@pytest.mark.parametrize(
    "notify",
    [
        {"emails": ["ops@example.com\r\nBcc: other@example.com"]},
        {"emails": ["Ops <ops@example.com>"]},
        {"emails": [f"{number}@example.com" for number in range(11)]},
        {"emails": "ops@example.com"},
        {"slack_url": 1},
        {"slack": URL},
        [],
    ],
)
async def test_what_is_not_valid(service: Stack, notify: object) -> None:
    """Addresses that are not plain, too many of them, and unknown fields are refused."""
    assert (await put(service, notify=notify)).status_code == 422
    assert (await service.http.get(service.root)).json()["notify"] is None


async def test_a_tenant_without_notify_has_no_entry(service: Stack) -> None:
    """The memo of a tenant that names nobody has no entry for it."""
    handle = service.client.get_workflow_handle(tenant_workflow_id(service.tenant))
    memo = (await handle.describe()).raw_description.workflow_execution_info.memo
    assert MemoKey.NOTIFY not in memo.fields
