"""Recoveries in the portal: begin, follow, pause, resume, cancel."""

from typing import Any

import pytest
from support.portal import Portal
from support.receiver import Receiver, answering
from support.recoveries import LONG_AGO, begin, ended, failed_deliveries, read
from support.stack import Stack
from support.waiting import eventually

from api.tokens import Scope

SINCE = LONG_AGO[:16]  # as a browser writes it


async def with_failures(service: Stack, hooks: Receiver, number: int) -> dict[str, Any]:
    """Return an endpoint whose deliveries have failed, and which would take them now."""
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(hooks.url, retry={"schedule_seconds": []})
    events = [(await service.publish())["id"] for _ in range(number)]
    await failed_deliveries(service, endpoint, events)
    hooks.behave = answering(200)
    return endpoint


async def test_from_the_form_to_the_end(portal: Portal, hooks: Receiver) -> None:
    """The form begins a recovery, whose page shows the API's counts until it is completed."""
    service = portal.service
    endpoint = await with_failures(service, hooks, 2)
    path = f"/portal/endpoints/{endpoint['id']}/recover"
    async with portal.visit() as person:
        form = (await person.get(path)).text
        assert "There was no recovery of this webhook lately." in form
        assert 'value="failed" checked' in form
        begun = await person.send(path, status="failed", since=SINCE, until="", rate_per_second="")
        assert begun.status_code == 303
        there = begun.headers["location"]
        recovery = {"id": there.rpartition("/")[2]}
        done = await ended(service, recovery, state="completed", delivered=2)
        html = (await person.get(there)).text
        assert "2 of 2 processed" in html
        assert f'<progress id="progress" value="{done["done"]}" max="{done["total"]}">' in html
        assert "<dt>Delivered</dt><dd>2</dd>" in html
        assert "/pause" not in html
        assert there in await eventually(lambda: _text(person, path), lambda it: "Completed" in it)


async def _text(person: Any, path: str) -> str:
    return (await person.get(path)).text


async def test_pause_resume_cancel(portal: Portal, hooks: Receiver) -> None:
    """Buttons halt a recovery, let it go on, and end it; an ended one says that it has ended."""
    service = portal.service
    endpoint = await with_failures(service, hooks, 3)
    recovery = await begin(service, endpoint, status="failed", rate_per_second=0.1)
    path = f"/portal/recoveries/{recovery['id']}"
    async with portal.visit() as person:
        for action, state, following in (
            ("pause", "paused", "Resume"),
            ("resume", "running", "Pause"),
            ("cancel", "cancelled", "Cancelled"),
        ):
            answer = await person.send(f"{path}/{action}")
            assert (answer.status_code, answer.headers["location"]) == (303, path)
            assert (await read(service, recovery))["state"] == state
            assert following in await _text(person, path)
        refused = await person.send(f"{path}/pause")
        assert refused.status_code == 409
        assert "The recovery has ended." in refused.text
        assert (await person.send(f"{path}/explode")).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", ""),
        ("status", "all"),
        ("since", ""),
        ("since", "yesterday"),
        ("since", "2999-01-01T00:00"),
        ("until", "never"),
        ("rate_per_second", "0"),
        ("rate_per_second", "1000"),
        ("rate_per_second", "nan"),
        ("rate_per_second", "fast"),
    ],
)
async def test_faulty_fields(portal: Portal, hooks: Receiver, field: str, value: str) -> None:
    """A form that is refused comes back with what was typed, and the fault beside its field."""
    endpoint = await portal.service.add_endpoint(hooks.url)
    typed = {"status": "missing", "since": SINCE, "until": "", "rate_per_second": "7.5"}
    async with portal.visit() as person:
        path = f"/portal/endpoints/{endpoint['id']}/recover"
        answer = await person.send(path, **{**typed, field: value})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert f'id="{field}-fault"' in answer.text
    for name, other in typed.items():
        assert name in (field, "status", "until") or f'value="{other}"' in answer.text


async def test_another_one_is_running(portal: Portal, hooks: Receiver) -> None:
    """While a recovery runs, a different one is refused with the reason."""
    service = portal.service
    endpoint = await with_failures(service, hooks, 2)
    await begin(service, endpoint, status="failed", rate_per_second=0.1)
    async with portal.visit() as person:
        path = f"/portal/endpoints/{endpoint['id']}/recover"
        answer = await person.send(path, status="missing", since=SINCE)
        assert answer.status_code == 409
        assert "cancel it, or wait for its end" in answer.text


async def test_who_may_recover(portal: Portal, hooks: Receiver) -> None:
    """Reading takes `deliveries:read`, beginning `deliveries:write`; foreign ones are a 404."""
    service = portal.service
    endpoint = await with_failures(service, hooks, 2)
    recovery = await begin(service, endpoint, status="failed", rate_per_second=0.1)
    begun, form = (
        f"/portal/recoveries/{recovery['id']}",
        f"/portal/endpoints/{endpoint['id']}/recover",
    )
    fields = {"status": "failed", "since": SINCE}
    async with portal.visit(scopes=[Scope.DELIVERIES_READ]) as person:
        for path in (begun, form):
            html = await _text(person, path)
            assert "<progress" in html or "Recoveries of this webhook" in html
            assert '<form method="post" action="/portal/' not in html.partition("<main")[2]
        assert (await person.send(form, **fields)).status_code == 403
        assert (await person.send(f"{begun}/cancel")).status_code == 403
    async with portal.visit(scopes=[Scope.ENDPOINTS_READ]) as person:
        assert (await person.get(begun)).status_code == 403
    other = Portal(await service.with_new_tenant(), portal.url)
    async with other.visit() as stranger:
        assert (await stranger.get(begun)).status_code == 404
        assert (await stranger.get(form)).status_code == 404
        assert (await stranger.send(form, **fields)).status_code == 404
        assert (await stranger.send(f"{begun}/cancel")).status_code == 404
    assert (await read(service, recovery))["state"] == "running"


async def test_draining_is_shown(portal: Portal, hooks: Receiver) -> None:
    """What is held for an inactive webhook is shown; once it drains, since when and how fast."""
    service = portal.service
    endpoint = await service.add_endpoint(hooks.url, drain_per_second=0.1)
    root = f"{service.root}/endpoints/{endpoint['id']}"
    await service.http.post(f"{root}/pause")
    for _ in range(3):
        await service.publish()

    async def now() -> dict[str, Any]:
        return (await service.http.get(root)).json()

    await eventually(now, lambda it: it["held"] == 3)
    path = f"/portal/endpoints/{endpoint['id']}/recover"
    async with portal.visit() as person:
        html = await _text(person, path)
        assert "<dt>Held now</dt><dd>3</dd>" in html
        assert "They are sent in their order once the webhook is active." in html
        await service.http.post(f"{root}/resume")
        draining = await eventually(now, lambda it: it["draining_since"])
        html = await _text(person, path)
        assert f'<time datetime="{draining["draining_since"]}">' in html
        assert "0.1 a second, at most 0.1" in html
