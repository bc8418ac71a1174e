"""The delivery log in the portal: lists, filters, one delivery, and what can be done with it."""

import re
from functools import partial
from typing import Any

import pytest
from playwright.async_api import Page
from support.portal import Person, Portal
from support.receiver import Receiver, Reply, answering
from support.stack import Stack
from support.waiting import eventually

from api.portal.timing import phases
from api.portal.words import ANSWERS, OUTCOMES, STATES, TRIGGERS
from api.tokens import Scope
from hookwright.ids import event_workflow_id
from hookwright.models import Attempt, Timing
from hookwright.outcomes import DeliveryState, Outcome, StatusClass, Trigger
from hookwright.temporal import delete_execution

LINK = re.compile(r'<td data-label="Event"><a href="/portal/deliveries/([^"]+)">')
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"


def shown(html: str) -> list[str]:
    """Return the ids of the deliveries on a page."""
    return LINK.findall(html)


async def log(person: Person, **filters: str) -> str:
    answer = await person.get("/portal/deliveries", **filters)
    assert answer.status_code == 200, answer.text
    return answer.text


async def reached(service: Stack, endpoint: str, event: str, state: str) -> dict[str, Any]:
    return await eventually(
        partial(service.delivery, endpoint, event), lambda it: it.get("state") == state
    )


async def waiting(service: Stack, endpoint: str, event: str) -> dict[str, Any]:
    """Return a delivery that waits for its next attempt."""
    return await eventually(
        partial(service.delivery, endpoint, event), lambda it: it.get("next_attempt_at")
    )


async def test_an_empty_log_teaches(portal: Portal) -> None:
    """Without deliveries the page says what will stand there; with filters, that none fits."""
    async with portal.visit() as person:
        assert "No deliveries yet" in await log(person)
        assert "Nothing found" in await log(person, state="held")


async def test_filters(portal: Portal, hooks: Receiver) -> None:
    """Each filter of the form selects as the API's does, and stays in its field."""
    service = portal.service
    hooks.behave = lambda it: answering(500 if "bad" in it.path else 200)(it)
    good = await service.add_endpoint(f"{hooks.url}/good")
    bad = await service.add_endpoint(f"{hooks.url}/bad", retry={"schedule_seconds": [600]})
    for number, kind in enumerate(("loan.funded", "orders/create:v2")):
        await service.publish(id=f"evt_{number}", type=kind)
        await reached(service, good["id"], f"evt_{number}", "delivered")
        await waiting(service, bad["id"], f"evt_{number}")

    def ids(endpoint: dict[str, Any], *numbers: int) -> set[str]:
        return {f"{endpoint['id']}:evt_{number}" for number in numbers}

    async with portal.visit() as person:
        for filters, expected in (
            ({}, ids(good, 0, 1) | ids(bad, 0, 1)),
            ({"endpoint_id": good["id"]}, ids(good, 0, 1)),
            ({"state": "pending"}, ids(bad, 0, 1)),
            ({"last_status": "5xx"}, ids(bad, 0, 1)),
            ({"last_status": "none"}, set()),
            ({"event_type": "orders/create:v2"}, ids(good, 1) | ids(bad, 1)),
            ({"event_id": "evt_0", "state": "delivered"}, ids(good, 0)),
            ({"until": "2020-01-01T00:00"}, set()),
            ({"since": "2020-01-01T00:00"}, ids(good, 0, 1) | ids(bad, 0, 1)),
        ):
            html = await eventually(
                partial(log, person, **filters), lambda it, it_is=expected: set(shown(it)) == it_is
            )
            for value in filters.values():
                assert f'value="{value}"' in html
        assert " selected>5xx: server error" in await log(person, last_status="5xx")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint_id", "' OR 1=1"),
        ("state", "gone"),
        ("last_status", "6xx"),
        ("event_type", 'a"b'),
        ("event_id", "<script>"),
        ("since", "yesterday"),
        ("until", "0001-01-01T00:00+14:00"),
    ],
)
async def test_a_faulty_filter_is_shown_beside_its_field(
    portal: Portal, field: str, value: str
) -> None:
    """What cannot be read is a 422 whose page marks the field and keeps what else was typed."""
    async with portal.visit() as person:
        answer = await person.get("/portal/deliveries", **{"event_id": "evt_7", field: value})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert f'id="{field}-fault"' in answer.text
        assert "<script>" not in answer.text
        assert field == "event_id" or 'value="evt_7"' in answer.text


async def test_pages_lead_through_the_whole_log(
    portal: Portal, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links lead from page to page, newest first, each delivery once, and keep the filters."""
    monkeypatch.setattr("api.portal.logs.log_pages.PAGE_SIZE", 2)
    service = portal.service
    endpoint = await service.add_endpoint(hooks.url)
    for number in range(5):
        await service.publish(id=f"evt_{number}")
        await reached(service, endpoint["id"], f"evt_{number}", "delivered")

    async def walk(person: Person) -> list[str]:
        path, found = "/portal/deliveries?state=delivered", []
        while True:
            html = (await person.get(path)).text
            found += shown(html)
            older = re.search(r'href="([^"]+)">Older deliveries', html)
            if older is None:
                return found
            path = older[1].replace("&amp;", "&")
            assert "state=delivered" in path

    async with portal.visit() as person:
        expected = [f"{endpoint['id']}:evt_{number}" for number in (4, 3, 2, 1, 0)]
        await eventually(lambda: walk(person), lambda found: found == expected)
        assert (await person.get("/portal/deliveries", cursor="bm9uZQ==")).status_code == 422


async def test_many_webhooks(
    portal: Portal, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more webhooks than a list has room for, or a deleted one, its id is typed."""
    service = portal.service
    first = await service.add_endpoint(hooks.url)
    event = await service.publish()
    await reached(service, first["id"], event["id"], "delivered")
    hint = "The id of a webhook"
    async with portal.visit() as person:

        async def html() -> str:
            return await log(person, endpoint_id=first["id"])

        expected = [f"{first['id']}:{event['id']}"]
        assert hint not in await eventually(html, lambda it: shown(it) == expected)
        with monkeypatch.context() as patch:
            patch.setattr("api.portal.logs.log_pages.MAX_CHOICES", 0)
            assert hint in await html()
        assert (await service.http.delete(f"{service.root}/endpoints/{first['id']}")).is_success
        after = await html()
        assert hint in after
        assert shown(after) == expected
        one = (await person.get(f"/portal/deliveries/{expected[0]}")).text
        assert f"<code>{first['id']}</code>" in one
        refused = await person.send(f"/portal/deliveries/{expected[0]}/retry")
        assert refused.status_code == 409
        assert "The endpoint was deleted" in refused.text


async def test_an_empty_page_leads_on(
    portal: Portal, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no delivery that was read for a page fits, the page says so and leads to older ones."""
    monkeypatch.setattr("api.services.lists.MAX_READS", 1)
    monkeypatch.setattr("api.portal.logs.log_pages.PAGE_SIZE", 1)
    service = portal.service
    hooks.behave = answering(404, 500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [600]})
    for number in range(2):
        await service.publish(id=f"evt_{number}")
        await waiting(service, endpoint["id"], f"evt_{number}")
    async with portal.visit() as person:

        async def newest() -> str:
            return await log(person, last_status="4xx")

        html = await eventually(newest, lambda it: "Nothing found yet" in it)
        older = re.search(r'href="([^"]+)">Older deliveries', html)
        assert older
        following = (await person.get(older[1].replace("&amp;", "&"))).text
        assert shown(following) == [f"{endpoint['id']}:evt_0"]


async def test_one_delivery(portal: Portal, hooks: Receiver) -> None:
    """The page tells what the API tells: event, attempts, request, reply, times, what is next."""
    hooks.behave = lambda _: Reply(503, (("x-hint", HOSTILE[:28]),), b'{"why":"' + b'busy"}')
    service = portal.service
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [600]})
    event = await service.publish(data={"note": HOSTILE})
    delivery = await waiting(service, endpoint["id"], event["id"])
    async with portal.visit() as person:
        html = (await person.get(f"/portal/deliveries/{delivery['id']}")).text
    [attempt] = delivery["attempts"]
    for text in (
        f"POST {hooks.url}",
        f"webhook-id: {event['id']}",
        "webhook-signature: [redacted]",
        "&lt;img src=x onerror=alert(1)&gt;\\u001b[31m",
        "The schedule started this attempt.",
        f"It took {attempt['duration_ms']} ms.",
        "&#34;why&#34;: &#34;busy&#34;",
        'class="timing"',
        f'<time datetime="{delivery["next_attempt_at"]}">',
        "Try now",
        "Cancel",
    ):
        assert text in html
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "Send again" not in html


async def test_retry_cancel_and_send_again(portal: Portal, hooks: Receiver) -> None:
    """Buttons attempt a delivery now, cancel it, and send it again when it has ended."""
    hooks.behave = answering(500, 500, 200)
    service = portal.service
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [600, 600]})
    event = await service.publish()
    delivery = await waiting(service, endpoint["id"], event["id"])
    path = f"/portal/deliveries/{delivery['id']}"
    async with portal.visit() as person:
        answer = await person.send(f"{path}/retry")
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        await eventually(
            partial(service.delivery, endpoint["id"], event["id"]),
            lambda it: len(it["attempts"]) == 2 and it["next_attempt_at"],
        )
        assert "A person asked for this attempt." in (await person.get(path)).text
        assert (await person.send(f"{path}/cancel")).status_code == 303
        await reached(service, endpoint["id"], event["id"], "cancelled")
        html = (await person.get(path)).text
        assert "Send again" in html
        assert "Try now" not in html
        assert (await person.send(f"{path}/retry")).status_code == 303
        await reached(service, endpoint["id"], event["id"], "delivered")
        refused = await person.send(f"{path}/cancel")
        assert refused.status_code == 409
        assert (
            "The delivery has ended; only a pending or held one can be cancelled." in refused.text
        )
        assert "Send again" in refused.text
    assert len(hooks.requests) == 3


async def test_what_a_session_may_not_do(portal: Portal, hooks: Receiver) -> None:
    """Without `deliveries:write` there are no buttons and no changes, and no log without read."""
    service = portal.service
    endpoint = await service.add_endpoint(hooks.url)
    event = await service.publish()
    delivery = await reached(service, endpoint["id"], event["id"], "delivered")
    path = f"/portal/deliveries/{delivery['id']}"
    async with portal.visit(scopes=[Scope.DELIVERIES_READ]) as person:
        html = (await person.get(path)).text
        assert "Send again" not in html
        assert "/portal/endpoints/" not in html
        assert (await person.send(f"{path}/retry")).status_code == 403
        assert (await person.send(f"{path}/cancel")).status_code == 403
        assert "The id of a webhook" in await log(person)
    async with portal.visit(scopes=[Scope.ENDPOINTS_READ]) as person:
        assert (await person.get(path)).status_code == 403
        assert (await person.get("/portal/deliveries")).status_code == 403
    assert len(hooks.requests) == 1


async def test_another_tenants_deliveries_are_not_there(portal: Portal, hooks: Receiver) -> None:
    """A foreign delivery is the same 404 as one that does not exist, and stands in no list."""
    other = await portal.service.with_new_tenant()
    endpoint = await other.add_endpoint(hooks.url)
    event = await other.publish()
    await reached(other, endpoint["id"], event["id"], "delivered")
    async with portal.visit() as person:
        for delivery in (f"{endpoint['id']}:{event['id']}", "ep_none:evt_none", "nothing", "a:b:c"):
            path = f"/portal/deliveries/{delivery}"
            assert (await person.get(path)).status_code == 404
            assert (await person.send(f"{path}/retry")).status_code == 404
            assert (await person.send(f"{path}/cancel")).status_code == 404
        assert shown(await log(person, event_id=event["id"])) == []


async def test_erased_content_is_said_so(portal: Portal, hooks: Receiver) -> None:
    """If only the delivery is left, its page says that the event's content is gone."""
    service = portal.service
    endpoint = await service.add_endpoint(hooks.url)
    await service.add_endpoint(hooks.url)  # with one endpoint event and delivery would be the same
    event = await service.publish(data={"secret": "to be forgotten"})
    delivery = await reached(service, endpoint["id"], event["id"], "delivered")
    # Retention deletes the event's workflow before the delivery's.
    await delete_execution(service.client, event_workflow_id(service.tenant, event["id"]))
    async with portal.visit() as person:

        async def html() -> str:
            return (await person.get(f"/portal/deliveries/{delivery['id']}")).text

        page = await eventually(html, lambda it: "no longer kept" in it)
        assert "to be forgotten" not in page.replace("&#34;", '"').split("Attempts")[0]


async def test_the_log_is_live(portal: Portal, hooks: Receiver, page: Page) -> None:
    """A new delivery appears without a reload; what a person closed stays closed."""
    service = portal.service
    hooks.behave = answering(500, 500, 200)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": [600, 600]})
    await portal.open(page, "/portal/deliveries")
    event = await service.publish()
    row = page.get_by_role("link", name="loan.funded")
    await row.wait_for(timeout=20_000)
    delivery = await waiting(service, endpoint["id"], event["id"])
    await row.click()
    await page.wait_for_url(f"**/{delivery['id']}")
    await page.get_by_role("button", name="Try now").click()
    await page.locator("#attempt-2").wait_for(timeout=20_000)
    await page.locator("#attempt-2 summary").click()
    was_open = await page.locator("#attempt-2").evaluate("it => it.open")
    await page.locator("h1").click()  # nothing is refreshed while somebody uses it
    await service.http.post(f"{service.root}/deliveries/{delivery['id']}/retry")
    await page.locator("#attempt-3").wait_for(timeout=20_000)
    assert await page.locator("#attempt-2").evaluate("it => it.open") is was_open is False


def test_every_state_has_words() -> None:
    """Whatever the API can say of a delivery, the pages have words for."""
    assert STATES.keys() == set(DeliveryState)
    assert OUTCOMES.keys() == set(Outcome)
    assert TRIGGERS.keys() == set(Trigger)
    assert ANSWERS.keys() == set(StatusClass)


@pytest.mark.parametrize(
    ("duration_ms", "timing", "expected"),
    [
        (100, Timing(), [("rest", 100, 0.0, 100.0)]),
        (0, Timing(), [("rest", 0, 0.0, 0.0)]),
        (
            100,
            Timing(dns_ms=10, connect_ms=20, tls_ms=30, first_byte_ms=20),
            [
                ("dns", 10, 0.0, 10.0),
                ("connect", 20, 10.0, 20.0),
                ("tls", 30, 30.0, 30.0),
                ("first-byte", 20, 60.0, 20.0),
                ("rest", 20, 80.0, 20.0),
            ],
        ),
        (1, Timing(connect_ms=1, first_byte_ms=1), [
            ("connect", 1, 0.0, 50.0), ("first-byte", 1, 50.0, 50.0), ("rest", 0, 100.0, 0.0),
        ]),
    ],
)  # fmt: skip
def test_the_timing_bar_is_whole(
    duration_ms: int, timing: Timing, expected: list[tuple[str, int, float, float]]
) -> None:
    """The parts follow each other and fill the bar, also if rounding makes them longer."""
    attempt = Attempt.model_construct(duration_ms=duration_ms, timing=timing)
    parts = [(it.key, it.milliseconds, it.start, it.share) for it in phases(attempt)]
    assert parts == expected
