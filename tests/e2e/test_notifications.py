"""People are told: from a failing receiver to a mail and a line in a chat, on the whole product."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from support.mail import Mail, MailBox, mail_box
from support.receiver import Receiver, Reply, answering
from support.stack import Stack, stack, unique
from support.waiting import assert_eventually, eventually
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.notices import NoticeActivities
from activities.notify import NotificationStarter
from hookwright.contracts import DisabledReason
from hookwright.health import DISABLED_BECAUSE, Notice
from hookwright.ids import notification_workflow_id, notifications_queue
from hookwright.models import EndpointRef, NoticesInput, Told
from hookwright.temporal import TENANT_ID, WorkflowType, attribute_is, described, executions_of

pytestmark = pytest.mark.cluster

PORTAL = "https://webhooks.example.com"
EXHAUSTED = "Webhook deliveries have failed for good"
DISABLED = "Webhook endpoint switched off"
RECOVERED = "Webhook endpoint works again"
SOON = 45.0


@dataclass(frozen=True)
class Office:
    """A product that mails, its mail server, and a tenant with a person who is told."""

    service: Stack
    box: MailBox
    person: str

    async def wants(self, **notify: Any) -> dict[str, Any]:
        answer = await self.service.http.put(self.service.root, json={"notify": notify})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def lose_a_delivery(self, url: str, **fields: Any) -> str:
        """Add an endpoint that is disabled by its first exhausted delivery, and lose one."""
        settings = {"contract": "cr3dentials", "retry": {"schedule_seconds": [0.1]}, **fields}
        endpoint = await self.service.add_endpoint(url, **settings)
        await self.service.publish(endpoint_id=endpoint["id"])
        return str(endpoint["id"])

    def mails(self, person: str | None = None) -> list[Mail]:
        return self.box.to(person or self.person)

    def titles(self, person: str | None = None) -> list[str]:
        return sorted(it.message["Subject"].partition(":")[0] for it in self.mails(person))

    async def disabled(self, endpoint: str) -> str:
        """Return the id of the workflow that tells that the endpoint was disabled."""
        prefix = notification_workflow_id(self.service.tenant, endpoint, "")
        query = executions_of(
            WorkflowType.NOTIFICATION, attribute_is(TENANT_ID, self.service.tenant)
        )

        async def found() -> list[str]:
            rows = self.service.client.list_workflows(query)
            ids = [row.id async for row in rows]
            return [it for it in ids if it.startswith(prefix) and "exhausted" not in it]

        [workflow_id] = await eventually(found, within=SOON)
        return workflow_id

    async def results(self, workflow_id: str) -> list[Told]:
        handle = self.service.client.get_workflow_handle(workflow_id, result_type=list[Told])
        told: list[Told] = await handle.result()
        return told

    async def notifications(self) -> int:
        query = executions_of(
            WorkflowType.NOTIFICATION, attribute_is(TENANT_ID, self.service.tenant)
        )
        return (await self.service.client.count_workflows(query)).count


@pytest_asyncio.fixture(scope="module")
async def mailing(client: Client) -> AsyncIterator[tuple[Stack, MailBox]]:
    """API, worker and a mail server for the tests of this module."""
    async with (
        mail_box() as box,
        stack(client, mail_server=box.server(), portal_url=PORTAL) as service,
    ):
        yield service, box


@pytest_asyncio.fixture
async def office(mailing: tuple[Stack, MailBox]) -> Office:
    """A tenant of this test's own, with an address that no other has."""
    service, box = mailing
    return Office(await service.with_new_tenant(), box, f"{unique('ops')}@example.com")


async def test_the_whole_story(office: Office, hooks: Receiver) -> None:
    """Lost, switched off, back: each is told once to each person and to the chat, with a link."""
    second = f"second-{office.person}"
    hooks.behave = lambda it: Reply(500 if "bad" in it.path else 200)
    await office.wants(emails=[office.person, second], slack_url=f"{hooks.url}/chat")
    endpoint = await office.lose_a_delivery(f"{hooks.url}/bad", description="Accounting")
    for person in (office.person, second):
        await assert_eventually(
            lambda who=person: office.titles(who) == sorted([DISABLED, EXHAUSTED]), within=SOON
        )
    held = await office.service.publish(endpoint_id=endpoint)
    path = f"{office.service.root}/endpoints/{endpoint}"
    await eventually(
        lambda: office.service.delivery(endpoint, held["id"]), lambda it: it.get("state") == "held"
    )

    async def number_held() -> int:
        return int((await office.service.http.get(path)).json()["held"])

    await eventually(number_held, lambda it: it == 1, within=SOON)
    hooks.behave = lambda _: Reply()
    await office.service.http.post(f"{path}/resume")
    for person in (office.person, second):
        await assert_eventually(lambda who=person: RECOVERED in office.titles(who), within=SOON)

    by_title = {it.message["Subject"].partition(":")[0]: it for it in office.mails()}
    lost, off, back = (by_title[title] for title in (EXHAUSTED, DISABLED, RECOVERED))
    assert off.message["Subject"] == f"{DISABLED}: Accounting"
    assert off.recipients == [office.person]
    for mail in (lost, off, back):
        assert f"{PORTAL}/portal/endpoints/{endpoint}" in mail.part("plain")
        assert f'href="{PORTAL}/portal/endpoints/{endpoint}"' in mail.part("html")
        assert "Last error: the receiver answered 500" in mail.part("plain")
    reason = DISABLED_BECAUSE[DisabledReason.EXHAUSTED]
    assert f"Reason: {reason}" in off.part("plain")
    assert "Held deliveries: 1" in back.part("plain")

    await assert_eventually(
        lambda: sum(it.path.endswith("/chat") for it in hooks.requests) == 3, within=SOON
    )
    chat = [json.loads(it.body)["text"] for it in hooks.requests if it.path.endswith("/chat")]
    assert sum(f"*{DISABLED}*" in text for text in chat) == 1
    assert len({it.message["Message-ID"] for it in [*office.mails(), *office.mails(second)]}) == 6


async def test_many_lost_deliveries_are_told_once(office: Office, hooks: Receiver) -> None:
    """Deliveries that are lost one after the other make one message in an hour."""
    hooks.behave = answering(500)
    await office.wants(emails=[office.person])
    quick = {"schedule_seconds": [0.1]}
    endpoint = (await office.service.add_endpoint(hooks.url, retry=quick))["id"]
    for _ in range(4):
        event = await office.service.publish(endpoint_id=endpoint)
        await eventually(
            lambda it=event: office.service.delivery(endpoint, it["id"]),
            lambda it: it.get("state") == "exhausted",
            within=SOON,
        )
    await assert_eventually(lambda: office.titles() == [EXHAUSTED], within=SOON)
    await eventually(office.notifications, lambda it: it == 1)
    assert office.titles() == [EXHAUSTED]


@pytest_asyncio.fixture
async def noticed(office: Office, hooks: Receiver) -> tuple[NoticeActivities, EndpointRef]:
    """The activity that publishes notices, and an endpoint whose notices it gets from a test."""
    await office.wants(emails=[office.person])
    endpoint = await office.service.add_endpoint(hooks.url)
    queue = office.service.task_queue
    starter = NotificationStarter(office.service.client, notifications_queue(queue), mails=True)
    activities = NoticeActivities(office.service.client, None, queue, starter)
    ref = EndpointRef(tenant_id=office.service.tenant, endpoint_id=endpoint["id"])
    return activities, ref


async def test_a_repeat_tells_nobody_twice(
    office: Office, noticed: tuple[NoticeActivities, EndpointRef]
) -> None:
    """However often the activity runs again, there is one message for each notice and hour."""
    activities, endpoint = noticed
    hour = datetime(2026, 1, 15, 10, 59, 59, tzinfo=UTC)
    next_hour = datetime(2026, 1, 15, 11, 0, 0, tzinfo=UTC)
    lost = {"type": "delivery.exhausted", "data": {"attempts": 8}}
    notices = [
        Notice(number=1, at=hour, **lost),
        Notice(number=2, at=hour, more=40, **lost),
        Notice(number=3, at=next_hour, **lost),
        Notice(number=4, at=hour, type="endpoint.disabled", data={"reason": "exhausted"}),
        Notice(number=5, at=hour, type="delivery.expired", data={}),
        Notice(number=6, type="endpoint.recovered", data={"reason": "exhausted", "held": 0}),
    ]
    for _ in range(3):
        published = await ActivityEnvironment().run(
            activities.publish, NoticesInput(endpoint=endpoint, notices=notices)
        )
        assert published == len(notices)
    expected = sorted([EXHAUSTED, EXHAUSTED, DISABLED, RECOVERED])
    await assert_eventually(lambda: office.titles() == expected, within=SOON)
    await eventually(office.notifications, lambda it: it == len(expected))
    ids = ("exhausted-20260115T10", "exhausted-20260115T11", "4", "6")
    for notice in ids:
        workflow_id = notification_workflow_id(office.service.tenant, endpoint.endpoint_id, notice)
        [told] = await office.results(workflow_id)
        assert told == Told(to=office.person, outcome="sent")
    assert office.titles() == expected
    assert any("42 deliveries have failed" in mail.part("plain") for mail in office.mails())


async def test_without_notify_nothing_is_told(office: Office, hooks: Receiver) -> None:
    """A tenant that names nobody has no message, and no workflow for one."""
    hooks.behave = lambda it: Reply(500 if "bad" in it.path else 200)
    answer = await office.service.http.put(office.service.root, json={"name": "Quiet"})
    assert answer.json()["notify"] is None
    await office.service.add_endpoint(f"{hooks.url}/events", event_types=["endpoint.disabled"])
    endpoint = await office.lose_a_delivery(f"{hooks.url}/bad")
    path = f"{office.service.root}/endpoints/{endpoint}"
    await assert_eventually(
        lambda: any(it.path.endswith("/events") for it in hooks.requests), within=SOON
    )
    await office.wants(emails=[office.person])
    await office.service.http.post(f"{path}/resume")
    await assert_eventually(lambda: office.titles() == [RECOVERED], within=SOON)
    await eventually(office.notifications, lambda it: it == 1)


async def test_a_refusal_concerns_one_address(office: Office, hooks: Receiver) -> None:
    """An address that is refused for good is not tried again; the others and the chat are told."""
    hooks.behave = lambda it: Reply(500 if "bad" in it.path else 200)
    gone = f"gone-{office.person}"
    office.box.to_recipients[gone] = ["550 No such user"]
    await office.wants(emails=[gone, office.person], slack_url=f"{hooks.url}/chat")
    endpoint = await office.lose_a_delivery(f"{hooks.url}/bad")
    await assert_eventually(lambda: DISABLED in office.titles(), within=SOON)
    refused, sent, chat = await office.results(await office.disabled(endpoint))
    assert (refused.outcome, sent.outcome, chat.outcome) == ("failed", "sent", "sent")
    assert refused.error == "the mail server answered 550: No such user"
    assert office.mails(gone) == []


async def test_a_busy_mail_server_is_tried_again(office: Office, hooks: Receiver) -> None:
    """A mail that is not taken now comes later, once; deliveries do not wait for it."""
    hooks.behave = lambda it: Reply(500 if "bad" in it.path else 200)
    office.box.to_recipients[office.person] = ["451 Try again later", "250 OK"]
    await office.wants(emails=[office.person])
    endpoint = await office.lose_a_delivery(f"{hooks.url}/bad")
    path = f"{office.service.root}/endpoints/{endpoint}"
    await eventually(office.notifications, lambda it: it == 2, within=SOON)
    hooks.behave = lambda _: Reply()
    await office.service.http.post(f"{path}/resume")
    event = await office.service.publish(endpoint_id=endpoint)
    await eventually(
        lambda: office.service.delivery(endpoint, event["id"]),
        lambda it: it.get("state") == "delivered",
        within=SOON,
    )
    await assert_eventually(
        lambda: office.titles() == sorted([DISABLED, EXHAUSTED, RECOVERED]), within=SOON
    )
    await eventually(office.notifications, lambda it: it == 3)
    assert len({mail.message["Message-ID"] for mail in office.mails()}) == 3


@pytest.mark.parametrize("change", ["the address is removed", "the tenant is deleted"])
async def test_who_is_not_wanted_any_more_is_not_told(
    office: Office, hooks: Receiver, change: str
) -> None:
    """A mail that still waits is not sent once its address or its tenant is gone."""
    hooks.behave = answering(500)
    waiting = f"waiting-{office.person}"
    office.box.to_recipients[waiting] = ["450 Not now"]
    await office.wants(emails=[waiting])
    endpoint = await office.lose_a_delivery(hooks.url)
    await eventually(office.notifications, lambda it: it == 2, within=SOON)
    if change == "the tenant is deleted":
        await office.service.http.delete(office.service.root)
    else:
        await office.wants(emails=[])
    # The mail server refuses to the end, so an attempt that is under way now sends no mail.
    workflow_id = await office.disabled(endpoint)

    async def is_over() -> bool:
        found = await described(office.service.client, workflow_id)
        return found is not None and found.close_time is not None

    await eventually(is_over, within=60)
    [told] = await office.results(workflow_id)
    assert told.outcome == "unwanted"


async def test_an_erased_tenant_has_no_messages(office: Office, hooks: Receiver) -> None:
    """Erasing a tenant removes messages, too: those that wait and those that were sent."""
    hooks.behave = answering(500)
    waiting = f"waiting-{office.person}"
    office.box.to_recipients[waiting] = ["450 Not now"]
    await office.wants(emails=[office.person, waiting])
    endpoint = await office.lose_a_delivery(hooks.url)
    await assert_eventually(lambda: len(office.mails()) == 2, within=SOON)
    workflow_id = await office.disabled(endpoint)
    await office.service.http.delete(f"{office.service.root}?erase=true")

    async def gone() -> bool:
        return await described(office.service.client, workflow_id) is None

    await eventually(gone, within=90)
    assert office.mails(waiting) == []
