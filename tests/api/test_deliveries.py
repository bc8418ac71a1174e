"""The delivery log and events over REST."""

from functools import partial
from typing import Any

import pytest
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import eventually

from runtime.dev import free_port


async def test_pending_delivery_shows_attempts_and_next(service: Stack, hooks: Receiver) -> None:
    """While a retry waits, the log shows every attempt so far and when the next is due."""
    hooks.behave = answering(500, 503)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [0.1, 600]})
    event = await service.publish()
    waiting = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: len(it.get("attempts", ())) == 2 and it["next_attempt_at"],
    )
    assert waiting["state"] == "pending"
    assert [a["status_code"] for a in waiting["attempts"]] == [500, 503]
    assert waiting["attempts"][0]["response_body"] == "ok"
    assert waiting["next_attempt_at"] > waiting["attempts"][1]["started_at"]
    assert waiting["ended_at"] is None
    read = (await service.http.get(f"{service.root}/events/{event['id']}")).json()
    assert read["deliveries"] == [waiting]
    assert read["fan_out"] == "complete"


async def test_exhausted_delivery(service: Stack, hooks: Receiver) -> None:
    """When the attempts run out the delivery is exhausted and its log stays."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [0.1]})
    event = await service.publish()
    ended = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: it.get("state") == "exhausted",
    )
    assert [a["status_code"] for a in ended["attempts"]] == [500, 500]
    assert ended["next_attempt_at"] is None
    assert ended["ended_at"] is not None


async def test_deleted_endpoint_cancels_what_waits(service: Stack, hooks: Receiver) -> None:
    """Deleting an endpoint cancels its waiting deliveries; no further POST, the log stays."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [600]})
    event = await service.publish()
    await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]), lambda it: it.get("next_attempt_at")
    )
    path = f"{service.root}/endpoints/{endpoint['id']}"
    assert (await service.http.delete(path)).status_code == 204
    ended = await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]),
        lambda it: it["state"] == "cancelled",
    )
    assert [a["status_code"] for a in ended["attempts"]] == [500]
    assert len(hooks.requests) == 1


async def test_lists_and_filters(service: Stack, hooks: Receiver) -> None:
    """Lists of deliveries and events answer by endpoint, event, type, state and time."""
    hooks.behave = lambda it: answering(500 if "bad" in it.path else 200)(it)
    good = await service.add_endpoint(f"{hooks.url}/good")
    bad = await service.add_endpoint(f"{hooks.url}/bad", retry={"schedule_seconds": []})
    for number in range(4):
        kind = "loan.funded" if number % 2 else "invoice.paid"
        await service.publish(id=f"evt_{number}", type=kind)

    async def find(**params: object) -> set[str]:
        answer = await service.http.get(f"{service.root}/deliveries", params=params)
        assert answer.status_code == 200, answer.text
        return {row["id"] for row in answer.json()["data"]}

    everything = {f"{e['id']}:evt_{n}" for e in (good, bad) for n in range(4)}
    await eventually(find, lambda ids: ids == everything)
    await eventually(
        lambda: find(state="exhausted"),
        lambda ids: ids == {f"{bad['id']}:evt_{n}" for n in range(4)},
    )
    assert await find(endpoint_id=good["id"], event_type="loan.funded") == {
        f"{good['id']}:evt_1", f"{good['id']}:evt_3",
    }  # fmt: skip
    assert await find(event_id="evt_2", state="delivered") == {f"{good['id']}:evt_2"}
    assert await find(until="2020-01-01T00:00:00Z") == set()
    assert await find(since="2020-01-01T00:00:00+01:00") == everything
    events = await service.http.get(f"{service.root}/events", params={"type": "loan.funded"})
    assert {row["id"] for row in events.json()["data"]} == {"evt_1", "evt_3"}


async def test_filter_by_the_last_answer(service: Stack, hooks: Receiver) -> None:
    """The answer to the last attempt selects, whatever the state; a cursor is for one class."""
    behaviours = {
        "2xx": answering(200), "3xx": answering(302), "4xx": answering(404),
        "5xx": answering(404, 500), "held": answering(200),
    }  # fmt: skip
    hooks.behave = lambda it: behaviours[it.path.rpartition("/")[2]](it)
    urls = {name: f"{hooks.url}/{name}" for name in behaviours}
    urls["none"] = f"http://127.0.0.1:{free_port()}/"
    ids = {}
    for name, url in urls.items():
        schedule = [0.1] if name == "5xx" else [600]
        endpoint = await service.add_endpoint(url, retry={"schedule_seconds": schedule})
        ids[name] = endpoint["id"]
    await service.http.post(f"{service.root}/endpoints/{ids.pop('held')}/pause")
    await service.publish(id="evt_1")

    async def page(last_status: str, **params: object) -> dict[str, Any]:
        query = {"last_status": last_status, **params}
        return (await service.http.get(f"{service.root}/deliveries", params=query)).json()

    await eventually(partial(page, "5xx", state="exhausted"), lambda it: it["data"])
    for last_status, endpoint_id in ids.items():
        found = await eventually(partial(page, last_status), lambda it: it["data"])
        assert [row["endpoint_id"] for row in found["data"]] == [endpoint_id]
    assert (await page("5xx", state="pending"))["data"] == []
    assert (await page("6xx"))["status"] == 422
    await service.publish(id="evt_2")
    first = await eventually(partial(page, "none", limit=1), lambda it: it["next_cursor"])
    assert (await page("3xx", limit=1, cursor=first["next_cursor"]))["status"] == 422


async def test_pages_of_deliveries(service: Stack, hooks: Receiver) -> None:
    """Cursors walk the log exactly once, and belong to one tenant and one set of filters."""
    endpoint = await service.add_endpoint(hooks.url)
    for number in range(5):
        await service.publish(id=f"evt_{number}")

    async def delivered() -> int:
        query = {"state": "delivered", "limit": 100}
        page = await service.http.get(f"{service.root}/deliveries", params=query)
        return len(page.json()["data"])

    await eventually(delivered, lambda number: number == 5)

    async def walk() -> list[str]:
        seen, cursor = [], None
        while True:
            params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await service.http.get(f"{service.root}/deliveries", params=params)).json()
            seen += [row["event_id"] for row in page["data"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return seen

    assert sorted(await eventually(walk, lambda ids: len(ids) == 5)) == [
        f"evt_{n}" for n in range(5)
    ]
    page = await service.http.get(f"{service.root}/deliveries", params={"limit": 2})
    cursor = page.json()["next_cursor"]
    for params in ({"endpoint_id": endpoint["id"]}, {"state": "pending"}):
        answer = await service.http.get(
            f"{service.root}/deliveries", params={**params, "limit": 2, "cursor": cursor}
        )
        assert answer.status_code == 422


async def test_nothing_of_another_tenant(service: Stack, hooks: Receiver) -> None:
    """Another tenant's endpoint, event and delivery are 404, with the body of an unknown id."""
    endpoint = await service.add_endpoint(hooks.url)
    event = await service.publish()
    await eventually(
        lambda: service.delivery(endpoint["id"], event["id"]), lambda it: it.get("state")
    )
    other = await service.with_new_tenant()
    for kind, foreign, unknown in (
        ("endpoints", endpoint["id"], "ep_none"),
        ("events", event["id"], "evt_none"),
        ("deliveries", f"{endpoint['id']}:{event['id']}", "ep_none:evt_none"),
    ):
        answers = [await service.http.get(f"{other.root}/{kind}/{it}") for it in (foreign, unknown)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].text == answers[1].text


@pytest.mark.parametrize("kind", ["events", "deliveries"])
@pytest.mark.parametrize("name", ["since", "until"])
async def test_impossible_times_are_refused(service: Stack, kind: str, name: str) -> None:
    """A time that UTC cannot express is a 422, not a 500."""
    for time in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00"):
        answer = await service.http.get(f"{service.root}/{kind}", params={name: time})
        assert answer.status_code == 422, answer.text
