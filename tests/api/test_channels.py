"""Channels, and asking whether an endpoint would get an event."""

import pytest
from support.receiver import Receiver
from support.stack import Stack, unique
from support.waiting import eventually


async def endpoints_of(service: Stack, event_id: str) -> list[str]:
    path = f"{service.root}/events/{event_id}"

    async def read() -> dict:
        return (await service.http.get(path)).json()

    event = await eventually(read, lambda it: it["fan_out"] == "complete")
    return sorted(delivery["endpoint_id"] for delivery in event["deliveries"])


async def test_channels_narrow_the_fan_out(service: Stack, hooks: Receiver) -> None:
    """An event goes to endpoints that share a channel or have none; without channels, to those."""
    every = (await service.add_endpoint(hooks.url))["id"]
    one = (await service.add_endpoint(hooks.url, channels=["project.1"]))["id"]
    both = (await service.add_endpoint(hooks.url, channels=["project.1", "project.2"]))["id"]
    for channels, expected in (
        ([], [every]),
        (["project.1"], [every, one, both]),
        (["project.2", "other"], [every, both]),
        (["project"], [every]),
    ):
        event = await service.publish(channels=channels)
        assert await endpoints_of(service, event["id"]) == sorted(expected)
        read = await service.http.get(f"{service.root}/events/{event['id']}")
        assert read.json()["channels"] == channels
    path = f"{service.root}/endpoints/{one}"
    assert (await service.http.patch(path, json={"channels": []})).json()["channels"] == []
    event = await service.publish(id=unique("evt"))
    assert await endpoints_of(service, event["id"]) == sorted([every, one])


async def test_same_id_on_other_channels_is_another_event(service: Stack) -> None:
    """A repeat must name the same channels."""
    await service.publish(id="evt_1", channels=["a"])
    assert (await service.publish(id="evt_1", channels=["a"]))["duplicate"]
    body = {"id": "evt_1", "type": "loan.funded", "data": {"n": 1}}
    assert (await service.http.post(f"{service.root}/events", json=body)).status_code == 409


@pytest.mark.parametrize("channels", [["a b"], [""], ["a."], ["x" * 129], ["a"] * 11, "a", [1]])
async def test_bad_channels_are_refused(service: Stack, channels: object) -> None:
    """A malformed channel, or too many channels, are a 422 on events and endpoints."""
    event = {"type": "a", "data": 1, "channels": channels}
    endpoint = {"url": "https://hooks.example.com/", "channels": channels}
    for path, body in (("events", event), ("endpoints", endpoint)):
        answer = await service.http.post(f"{service.root}/{path}", json=body)
        assert answer.status_code == 422
        assert "channels" in answer.json()["errors"][0]["loc"]


FILTER = "data.amount > `100`"
WANTED = {"type": "loan.funded", "data": {"amount": 500}, "channels": ["a"]}


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({}, []),
        ({"type": "invoice.paid"}, ["event_types"]),
        ({"channels": []}, ["channels"]),
        ({"data": {"amount": 5}}, ["filter"]),
        ({"data": {"amount": "5"}}, ["filter"]),
        ({"type": "x", "data": 0, "channels": ["b"]}, ["event_types", "channels", "filter"]),
    ],
)
async def test_match_says_why(
    service: Stack, hooks: Receiver, change: dict, failing: list[str]
) -> None:
    """Match names each check that fails, and a published event fares exactly as match said."""
    endpoint = await service.add_endpoint(
        hooks.url, event_types=["loan.*"], channels=["a"], filter=FILTER
    )
    event = {**WANTED, **change}
    answer = await service.http.post(f"{service.root}/endpoints/{endpoint['id']}/match", json=event)
    assert answer.status_code == 200, answer.text
    match = answer.json()
    assert [it["check"] for it in match["reasons"] if not it["passes"]] == failing
    assert (match["matches"], match["status"]) == (not failing, "active")
    assert hooks.requests == []
    published = await service.publish(**event)
    assert await endpoints_of(service, published["id"]) == ([] if failing else [endpoint["id"]])


async def test_match_tells_what_the_filter_yields(service: Stack, hooks: Receiver) -> None:
    """The reason holds the filter's value, cut short, or why it does not fit."""
    endpoint = await service.add_endpoint(hooks.url, filter="data")
    path = f"{service.root}/endpoints/{endpoint['id']}"

    async def reason_for(data: object) -> str:
        answer = await service.http.post(f"{path}/match", json={"type": "a", "data": data})
        return answer.json()["reasons"][-1]["detail"]

    assert "false" in await reason_for(False)
    assert len(await reason_for("x" * 1000)) < 300
    await service.http.patch(path, json={"filter": "abs(data)"})
    assert "does not fit" in await reason_for("text")


async def test_match_knows_another_endpoint_and_refuses_as_publish(
    service: Stack, hooks: Receiver
) -> None:
    """Another endpoint's event does not match; what publish refuses is refused; foreign: 404."""
    first, second = [await service.add_endpoint(hooks.url) for _ in range(2)]
    path = f"{service.root}/endpoints/{first['id']}/match"
    event = {"type": "a", "data": 1, "endpoint_id": second["id"]}
    answer = (await service.http.post(path, json=event)).json()
    assert not answer["matches"]
    assert [it["check"] for it in answer["reasons"] if not it["passes"]] == ["endpoint_id"]
    refused = await service.http.post(path, json={**event, "endpoint_id": "ep_none"})
    assert refused.status_code == 422
    other = await service.with_new_tenant()
    foreign = f"{other.root}/endpoints/{first['id']}/match"
    assert (await service.http.post(foreign, json=event)).status_code == 404
