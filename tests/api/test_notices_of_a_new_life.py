"""An endpoint that is registered again under its `Idempotency-Key` has notices of its own."""

from httpx import Response
from support.receiver import Receiver, Reply
from support.stack import Stack
from support.waiting import eventually


async def test_a_new_endpoint_of_an_old_id_has_notices(service: Stack, hooks: Receiver) -> None:
    """What happens to it is told, though its predecessor of the same id was told of already."""
    hooks.behave = lambda request: Reply(200 if request.path == "/hooks/observer" else 500)
    await service.add_endpoint(f"{hooks.url}/observer", event_types=["delivery.exhausted"])
    body = {"url": f"{hooks.url}/fails", "retry": {"schedule_seconds": []}}
    ids = set()

    async def notices() -> int:
        return sum(request.path == "/hooks/observer" for request in hooks.requests)

    async def registered() -> Response:
        key = {"Idempotency-Key": "main"}
        return await service.http.post(f"{service.root}/endpoints", json=body, headers=key)

    for life in (1, 2):
        # Until the deleted endpoint has cleared up, its id is taken.
        answer = await eventually(registered, lambda it: it.status_code == 201, within=60)
        endpoint_id = answer.json()["id"]
        ids.add(endpoint_id)
        await service.publish()
        await eventually(notices, lambda count, life=life: count == life, within=30)
        path = f"{service.root}/endpoints/{endpoint_id}"
        assert (await service.http.delete(path)).status_code == 204
    assert len(ids) == 1
