"""What an operator reads in the Temporal UI, through the API that the UI uses."""

import pytest
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import eventually
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowFailureError

from hookwright.ids import endpoint_workflow_id, event_workflow_id, tenant_workflow_id
from hookwright.temporal import TENANT_ID, converter_of

METADATA_QUERY = "__temporal_workflow_metadata"


async def metadata(service: Stack, workflow_id: str) -> WorkflowMetadata:
    handle = service.client.get_workflow_handle(workflow_id)
    return await handle.query(METADATA_QUERY, result_type=WorkflowMetadata)


async def details(service: Stack, workflow_id: str) -> str:
    return (await metadata(service, workflow_id)).current_details


async def summaries(service: Stack, workflow_id: str) -> list[str]:
    """Return the summaries in a workflow's history, the first of which is the start's."""
    history = await service.client.get_workflow_handle(workflow_id).fetch_history()
    converter = converter_of(service.client, workflow_id)
    sealed: list[Payload] = [
        event.user_metadata.summary for event in history.events if event.HasField("user_metadata")
    ]
    assert all(each.metadata["encoding"].startswith(b"binary/encrypted") for each in sealed)
    return [text for each in sealed for text in await converter.decode([each], [str])]


async def test_a_delivery_tells_its_attempts_and_why_it_was_given_up(
    service: Stack, hooks: Receiver
) -> None:
    """Attempts name host and number, the failure the last reason; no traceback, no URL's path."""
    hooks.behave = answering(500, 503)
    url = f"{hooks.url}/s3cret?key=t0ken"
    endpoint = await service.add_endpoint(url, retry={"schedule_seconds": [0.1]})
    event = await service.publish()
    workflow_id = event_workflow_id(service.tenant, event["id"])
    handle = service.client.get_workflow_handle(workflow_id)
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    told = await summaries(service, workflow_id)
    host = "127.0.0.1" if "127.0.0.1" in hooks.url else "localhost"
    assert told == [
        event["type"],
        f"POST to {endpoint['id']}, attempt 1",
        f"POST to {host}, attempt 2 and later ones",
    ]
    history = await handle.fetch_history()
    [failed] = [
        event.workflow_execution_failed_event_attributes.failure
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED
    ]
    [words] = await converter_of(service.client, workflow_id).decode([failed.encoded_attributes])
    assert words == {
        "message": "exhausted after 2 attempts; the last one failed: the receiver answered 503",
        "stack_trace": "",
    }
    assert "s3cret" not in str([told, words])
    assert (await details(service, workflow_id)) == (
        "exhausted after 2 attempts; the last one failed: `the receiver answered 503`."
    )
    shown = await details(service, endpoint_workflow_id(service.tenant, endpoint["id"]))
    assert "**red**" in shown or "**yellow**" in shown
    assert "`the receiver answered 503`" in shown
    assert f"`{host}`" in shown
    assert "s3cret" not in shown


async def test_a_held_delivery_tells_why(service: Stack, hooks: Receiver) -> None:
    """It says since when and why it is held; its endpoint and tenant say what they have."""
    endpoint = await service.add_endpoint(hooks.url, status="paused")
    event = await service.publish()
    workflow_id = event_workflow_id(service.tenant, event["id"])
    endpoint_id = endpoint_workflow_id(service.tenant, endpoint["id"])
    held = await eventually(lambda: details(service, workflow_id))
    assert held.startswith("Held since 20")
    assert "Z: the endpoint is paused until it is resumed. " in held
    assert endpoint_id in held
    shown = await eventually(lambda: details(service, endpoint_id), lambda it: "1 delivery" in it)
    assert shown.startswith("**green**, paused. Paused:")
    tenant_id = tenant_workflow_id(service.tenant)
    tenant = await metadata(service, tenant_id)
    assert "1 endpoint. " in tenant.current_details
    described = {it.name: it.description for it in tenant.definition.update_definitions}
    assert described["put"] == "Create the tenant or change its settings."
    assert all(described.values())
    found = await service.client.get_workflow_handle(tenant_id).describe()
    assert found.typed_search_attributes[TENANT_ID] == service.tenant
    await service.http.post(f"{service.root}/endpoints/{endpoint['id']}/resume")
    ended = await eventually(lambda: details(service, workflow_id), lambda it: it[:4] != "Held")
    assert "attempt 1" in ended
    told = await summaries(service, endpoint_id)
    assert "register version 1 (paused) with the tenant" in told
    assert any(text.startswith("release some of 1 held") for text in told)
