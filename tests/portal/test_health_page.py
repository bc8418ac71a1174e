"""The page of an endpoint's health: the API's figures, bars, changes, and advice that fits."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from support.portal import Portal
from support.receiver import Receiver, answering
from support.stack import Stack
from support.waiting import eventually

from api.portal.health.health_view import CHART_HEIGHT, WindowView
from api.portal.health.practices import (
    ALL,
    ANSWER_QUICKLY,
    HANDLE_DUPLICATES,
    LOG,
    VERIFY_SIGNATURES,
    WATCH_FAILURES,
    Practice,
    practices_for,
)
from api.portal.words import AUDITED, CHANGES, why_changed
from api.routes.stats import Window
from api.tokens import Scope
from hookwright.audit import AuditAction
from hookwright.contracts import DisabledReason
from hookwright.health import Health, StatusChange, StatusChangeKind
from hookwright.models import EndpointConfig, EndpointState
from hookwright.outcomes import Colour, EndpointStatus, Outcome

NOW = datetime(2026, 1, 15, 10, 31, tzinfo=UTC)


async def stats(service: Stack, endpoint: dict[str, Any], window: int) -> dict[str, Any]:
    path = f"{service.root}/endpoints/{endpoint['id']}/stats"
    return (await service.http.get(path, params={"window_seconds": window})).json()


async def test_a_new_webhook(portal: Portal, hooks: Receiver) -> None:
    """Before the first attempt the page says so, shows its creation, and all good practices."""
    endpoint = await portal.service.add_endpoint(hooks.url)
    async with portal.visit() as person:
        html = (await person.get(f"/portal/endpoints/{endpoint['id']}/health")).text
    assert "There was no attempt in the last hour." in html
    assert "No delivery is held." in html
    assert "<strong>Created</strong>" in html
    assert all(practice.title in html for practice in ALL)


async def test_what_waits_in_order(portal: Portal, hooks: Receiver) -> None:
    """The owner sees how many deliveries wait, and which event the others wait for."""
    service = portal.service
    hooks.behave = answering(500)
    endpoint = await service.add_endpoint(
        hooks.url, ordering="fifo", on_give_up="hold", retry={"schedule_seconds": []}
    )
    for event_id in ("evt_stuck", "evt_behind"):
        await service.publish(id=event_id)
    path = f"{service.root}/endpoints/{endpoint['id']}"

    async def shown() -> dict[str, Any]:
        return (await service.http.get(path)).json()

    await eventually(shown, lambda it: (it["blocked_by"], it["waiting"]) == ("evt_stuck", 1))
    async with portal.visit() as person:
        html = (await person.get(f"/portal/endpoints/{endpoint['id']}/health")).text
        settings = (await person.get(f"/portal/endpoints/{endpoint['id']}")).text
    assert "<dt>Wait for their turn</dt><dd>1, the first since" in html
    assert "<code>evt_stuck</code>, which was given up" in html
    assert (
        "one after the other, in the order of acceptance; after one that was given up" in settings
    )


async def test_the_apis_figures(portal: Portal, hooks: Receiver) -> None:
    """Outcomes, success and latency are those of the API; a disabled webhook tells why."""
    service = portal.service
    hooks.behave = answering(401)
    endpoint = await service.add_endpoint(
        hooks.url, retry={"schedule_seconds": []}, deactivation={"exhausted_in_a_row": 2}
    )
    for number in range(2):
        await service.publish(id=f"evt_{number}")
        await eventually(
            lambda number=number: service.delivery(endpoint["id"], f"evt_{number}"),
            lambda it: it.get("state") == "exhausted",
        )
    await service.publish(id="evt_held")
    await eventually(lambda: stats(service, endpoint, 3_600), lambda it: it["held"] == 1)
    async with portal.visit() as person:
        html = (await person.get(f"/portal/endpoints/{endpoint['id']}/health")).text
    for window in (3_600, 86_400):
        figures = await stats(service, endpoint, window)
        assert figures["outcomes"] == {"http_error": 2}
        assert f"<dd>{figures['latency_p95_ms']} ms</dd>" in html
    assert html.count("<td>The receiver answered with an error</td><td>2</td>") == 2
    assert html.count("<dt>Success</dt><dd>0 %</dd>") == 2
    assert "<dt>Held now</dt><dd>1</dd>" in html
    assert "It was disabled because too many deliveries in a row" in html
    assert "50 % of the limit is reached" in html
    assert VERIFY_SIGNATURES.title in html
    assert ANSWER_QUICKLY.title not in html


async def test_who_did_it(portal: Portal, hooks: Receiver) -> None:
    """The changes that a person made in the portal are named as such."""
    endpoint = await portal.service.add_endpoint(hooks.url)
    path = f"/portal/endpoints/{endpoint['id']}"
    async with portal.visit() as person:
        for action, words in (("pause", "Made inactive"), ("resume", "Made active")):
            assert (await person.send(f"{path}/{action}")).status_code == 303
            for shown in (path, f"{path}/health"):
                html = (await person.get(shown)).text
                assert f"<strong>{words}</strong>" in html
        assert html.count("By portal") == 2


async def test_who_sees_it(portal: Portal, hooks: Receiver) -> None:
    """It takes `endpoints:read`; another tenant's endpoint is a 404."""
    mine = await portal.service.add_endpoint(hooks.url)
    other = await portal.service.with_new_tenant()
    foreign = await other.add_endpoint(hooks.url)
    async with portal.visit(scopes=[Scope.ENDPOINTS_READ]) as person:
        assert (await person.get(f"/portal/endpoints/{mine['id']}/health")).status_code == 200
        assert (await person.get(f"/portal/endpoints/{foreign['id']}/health")).status_code == 404
    async with portal.visit(scopes=[Scope.DELIVERIES_READ]) as person:
        assert (await person.get(f"/portal/endpoints/{mine['id']}/health")).status_code == 403


@pytest.mark.parametrize("window", list(Window))
def test_columns_add_up(window: Window) -> None:
    """Twelve columns follow each other up to now; together they hold the window's attempts."""
    endpoint = EndpointState(
        tenant_id="t", endpoint_id="e", config=EndpointConfig(url="https://a.example")
    )
    health = Health()
    span = timedelta(seconds=window)
    for part in (3.0, 0.9, 0.3, 0.3, 0.0):
        outcome = Outcome.TIMEOUT if part == 0.3 else Outcome.DELIVERED
        health.counts.add_one(NOW - span * part, outcome, 10)
    view = WindowView.of(endpoint.model_copy(update={"health": health}), window, NOW)
    starts = [column.start for column in view.columns]
    assert len(starts) == 12
    assert starts[-1] <= NOW < starts[-1] + span / 12
    assert {later - earlier for earlier, later in pairwise(starts)} == {span / 12}
    assert sum(column.delivered for column in view.columns) == view.stats.delivered == 2
    assert sum(column.failed for column in view.columns) == view.stats.failed == 2
    assert max(it.delivered_height + it.failed_height for it in view.columns) == CHART_HEIGHT
    assert min(it.failed_top for it in view.columns) == 0


@pytest.mark.parametrize(
    ("outcomes", "p95", "error", "health", "expected"),
    [
        ([], None, None, Colour.GREEN, list(ALL)),
        ([Outcome.DELIVERED], 40.0, None, Colour.GREEN, []),
        ([Outcome.DELIVERED], 9_000.0, None, Colour.GREEN, [ANSWER_QUICKLY, HANDLE_DUPLICATES]),
        ([Outcome.TIMEOUT], None, None, Colour.YELLOW, [ANSWER_QUICKLY, HANDLE_DUPLICATES]),
        ([Outcome.HTTP_ERROR], None, "the receiver answered 503", Colour.YELLOW, [LOG]),
        (
            [Outcome.HTTP_ERROR], None, "the receiver answered 401", Colour.YELLOW,
            [VERIFY_SIGNATURES, LOG],
        ),
        ([Outcome.DNS_ERROR], None, None, Colour.YELLOW, [WATCH_FAILURES]),
        ([], None, None, Colour.RED, [WATCH_FAILURES]),
        ([Outcome.PROTOCOL_ERROR], None, None, Colour.YELLOW, [HANDLE_DUPLICATES, LOG]),
    ],
)  # fmt: skip
def test_practices_fit_the_fault(
    outcomes: list[Outcome],
    p95: float | None,
    error: str | None,
    health: Colour,
    expected: list[Practice],
) -> None:
    """Each kind of fault brings the practices that help against it, and no others."""
    assert practices_for(outcomes, p95, error, health) == expected


def test_every_action_has_words() -> None:
    """A page can tell whatever an audit trail tells."""
    assert {*AUDITED} == {*AuditAction}


@pytest.mark.parametrize("kind", list(StatusChangeKind))
@pytest.mark.parametrize("reason", [None, *DisabledReason])
def test_every_change_has_words(kind: StatusChangeKind, reason: DisabledReason | None) -> None:
    """Whatever happened, its reason is a whole sentence, or nothing is said."""
    change = StatusChange(
        at=NOW, change=kind, status=EndpointStatus.ACTIVE, reason=reason, percent=50
    )
    assert kind in CHANGES
    assert re.fullmatch(r"|[A-Z0-9][^_]+\.", why_changed(change))
