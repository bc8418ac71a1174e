"""A page says what the API says."""

import re
from typing import Any

from support.portal import Portal
from support.receiver import Receiver, Reply
from support.waiting import eventually

CELL = re.compile(r'<td data-label="([^"]+)">(.*?)</td>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")
STATUS = {"active": "Active", "paused": "Inactive", "disabled": "Disabled"}
HEALTH = {"green": "Healthy", "yellow": "Some failures", "red": "Failing"}


def rows(html: str) -> list[dict[str, str]]:
    """Return the table's rows as texts by column."""
    bodies = re.findall(r"<tbody>(.*?)</tbody>", html, re.DOTALL)
    return [
        {name: " ".join(TAG.sub(" ", cell).split()) for name, cell in CELL.findall(row)}
        for body in bodies
        for row in body.split("</tr>")
        if "<td" in row
    ]


def percent(rate: float | None) -> str:
    """Return a rate as a page must show it: never rounded up."""
    return "no attempts" if rate is None else f"{int(rate * 1_000) / 10:g} %"


async def test_the_list_equals_the_api(portal: Portal, hooks: Receiver) -> None:
    """State, health, success and held deliveries of each webhook are those of the API."""
    service = portal.service
    hooks.behave = lambda it: Reply(500 if "bad" in it.path else 200)
    for path, fields in (
        ("good", {}),
        ("bad", {"retry": {"schedule_seconds": []}}),
        ("paused", {"status": "paused"}),
    ):
        await service.add_endpoint(f"{hooks.url}/{path}", **fields)
    for _ in range(3):
        await service.publish()

    async def api() -> list[dict[str, Any]]:
        return (await service.http.get(f"{service.root}/endpoints")).json()["data"]

    await eventually(
        api,
        lambda them: (
            [it["held"] for it in them] == [0, 0, 3] and them[1]["consecutive_failures"] == 3
        ),
        within=60,
    )
    async with portal.visit() as person:

        async def both() -> tuple[list[Any], list[Any], list[Any]]:
            before = expected(await api())
            page = rows((await person.get("/portal/endpoints")).text)
            return before, [seen(row) for row in page], expected(await api())

        # Successes are counted about a minute late, so an answer may change between two questions.
        before, shown, _ = await eventually(both, lambda it: it[0] == it[2])
    assert shown == before


def expected(endpoints: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            it["url"],
            STATUS[it["status"]],
            HEALTH[it["health"]],
            percent(it["success_rate_day"]),
            str(it["held"]),
        )
        for it in endpoints
    ]


def seen(row: dict[str, str]) -> tuple[str, ...]:
    health = next(word for word in HEALTH.values() if row["Health"].startswith(word))
    return row["URL"], row["Status"], health, row["Success, last day"], row["Held"].split()[0]
