"""Judging a kept folder again, and waiting for the end of a run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger import asking, check
from ledger.records import Appending, File
from ledger.world import World

WORLD = World.of(1)


def broken_off(folder: Path) -> None:
    """Leave what a run leaves that ended before it asked for anything."""
    WORLD.write(folder / File.WORLD)
    hook = next(hook for hook in WORLD.hooks if hook.name == "plain-0")
    known = {"tenant": hook.tenant, "event": "e1"}
    publishes = Appending(folder / File.PUBLISHES)
    publishes.note(**known, asked=1.0, event_type=hook.event_type, ordering_key=None, valid=True)
    publishes.note(**known, answer={"asked": 1.0, "answered": 1.1, "status": 202, "event": "e1"})
    posts = Appending(folder / File.POSTS)
    posts.note(
        token="1", hook=hook.name, connection=1, arrived=1.2, webhook_id="e1", attempt=1,
        **known, genuine=True, status=200,
    )  # fmt: skip
    posts.note(token="1", answered=1.3)


@pytest.mark.parametrize("again", [False, True])
def test_a_folder_is_judged_again(
    tmp_path: Path, monkeypatch: Any, capsys: Any, *, again: bool
) -> None:
    """The command reports what broke a rule by its exit code, also of a run without its end."""
    broken_off(tmp_path)
    if again:
        line = json.loads((tmp_path / File.POSTS).read_text().splitlines()[0])
        Appending(tmp_path / File.POSTS).note(**{**line, "token": "2", "arrived": 9.0})
    monkeypatch.setattr("sys.argv", ["ledger.check", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        check.main()
    assert ended.value.code == again
    assert "| nothing is sent twice without a fault |" in capsys.readouterr().out


async def test_a_backlog_is_waited_for(monkeypatch: Any) -> None:
    """A run waits for longer than it was told to, as long as fewer deliveries are open."""
    monkeypatch.setattr(asking, "SECONDS_BETWEEN_LOOKS", 0.01)
    left: Iterator[int] = iter(range(30, -1, -1))

    class FakeSite:
        world = World(1, WORLD.hooks[:1])

        async def call(self, *_: str) -> dict[str, Any]:
            still_open = next(left)
            return {"deliveries": {"pending": still_open, "delivered": 30 - still_open}}

    site: Any = FakeSite()
    assert await asking.wait_for_ends(site, 30, within=0.1)


async def test_what_makes_no_progress_is_given_up(monkeypatch: Any) -> None:
    """A run whose deliveries stay open ends, and says so."""
    monkeypatch.setattr(asking, "SECONDS_BETWEEN_LOOKS", 0.01)

    class FakeSite:
        world = World(1, WORLD.hooks[:1])

        async def call(self, *_: str) -> dict[str, Any]:
            return {"deliveries": {"held": 1}}

    site: Any = FakeSite()
    assert not await asking.wait_for_ends(site, 1, within=0.1)
