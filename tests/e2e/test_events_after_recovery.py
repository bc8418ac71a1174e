"""Lists of events after a recovery: each event stands where it was published."""

import pytest
from support.receiver import Receiver, answering
from support.recoveries import begin, failed_deliveries
from support.stack import Stack
from support.waiting import eventually

from hookwright.ids import event_workflow_id
from hookwright.temporal import EVENT_TYPE, accepted_events, attribute_is

pytestmark = pytest.mark.cluster


async def test_a_list_of_events_does_not_read_what_a_recovery_resent(
    service: Stack, hooks: Receiver
) -> None:
    """A recovery starts a second run under the event's id, and the query leaves that run out."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    event = await service.publish()
    await failed_deliveries(service, endpoint, [event["id"]])
    hooks.behave = answering(200)
    await begin(service, endpoint, status="failed")

    async def runs(query: str) -> int:
        return (await service.client.count_workflows(query)).count

    both = f"WorkflowId = '{event_workflow_id(service.tenant, event['id'])}'"
    await eventually(lambda: runs(both), lambda number: number == 2, within=60)
    published = attribute_is(EVENT_TYPE, event["type"])  # what the exhaustion published is another
    assert await runs(accepted_events(service.tenant, published)) == 1
    answer = await service.http.get(f"{service.root}/events?type={event['type']}")
    rows = answer.json()["data"]
    assert [row["id"] for row in rows] == [event["id"]]
