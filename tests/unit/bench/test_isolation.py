"""The benchmark of isolation: what its rows make of POSTs, its report, and its hostile parts."""

import socket

import httpx
import pytest

from bench.isolation import black_holes, loads
from bench.isolation.__main__ import options, run, sizes
from bench.isolation.beside import ALONE, BESIDE, Beside, row, wrong_posts
from bench.isolation.measured import SMALL, Measured, Moment, Result, Row, Sizes
from bench.isolation.order import Found, Post, inspect
from bench.isolation.rate_limit import windows
from bench.isolation.report import draw, report
from bench.isolation.rows import ROWS
from bench.isolation.world import CHUNKS, FAIL, HANG, HostileReceiver, batch_sizes
from bench.receiver import running_receiver
from bench.report.requirements import AT_MOST, Requirement

EVENTS = ["a", "b", "c"]


def posts(*events: str) -> list[Post]:
    """Return a log: an event a second; one with a minus was answered 500."""
    return [Post(each.strip("-"), float(n), "-" not in each) for n, each in enumerate(events)]


@pytest.mark.parametrize(
    ("log", "kills", "found"),
    [
        (posts("a", "b", "c"), [], Found(0, 0, 0, 0)),
        (posts("a-", "a", "b", "c"), [], Found(0, 0, 0, 0)),
        (posts("b", "a", "c"), [], Found(1, 0, 0, 0)),
        (posts("a-", "b", "a", "c"), [], Found(1, 0, 0, 0)),
        (posts("a", "b"), [], Found(0, 1, 0, 0)),
        (posts("a", "b", "b", "c"), [], Found(0, 0, 1, 0)),
        (posts("a", "b", "b", "c"), [1.2], Found(0, 0, 0, 1)),
        (posts("a", "b", "a", "c"), [1.2], Found(0, 0, 1, 0)),
    ],
)
def test_the_order_of_posts(log, kills, found) -> None:
    """An event goes after the one before was taken, once; a kill permits what was in flight."""
    assert inspect(EVENTS, log, kills) == found


def test_the_rate_in_any_ten_seconds() -> None:
    """An even pace is the limit; a gap and a pair are seen wherever they are."""
    even = [n / 5 for n in range(151)]
    assert windows(even) == (5.0, 5.0)
    assert windows(sorted([*even, *(each + 0.01 for each in even[60:65])])) == (5.0, 5.5)
    assert windows([each if each < 15 else each + 1.0 for each in even]) == (4.5, 5.0)
    with pytest.raises(RuntimeError):
        windows([0.0, 5.0])


async def test_paths_of_the_hostile_receiver_decide() -> None:
    """One path fails, one never answers, and each POST is counted by its path."""
    async with running_receiver(HostileReceiver()) as receiver, httpx.AsyncClient() as http:
        assert (await http.post(receiver.at(FAIL))).status_code == 500
        with pytest.raises(httpx.ReadTimeout):
            await http.post(receiver.at(HANG), timeout=0.2)
        async with http.stream("POST", receiver.at(CHUNKS)) as answer:
            assert answer.status_code == 200
            assert (await anext(answer.aiter_bytes())).startswith(b"x")
        assert receiver.posts_to == {FAIL: 1, HANG: 1, CHUNKS: 1}
        assert receiver.most_connections >= 1


def test_a_black_holed_name(monkeypatch) -> None:
    """The resolver gives up on names of the domain after a while, and knows the others."""
    monkeypatch.setattr(black_holes, "GIVES_UP_SECONDS", 0.0)
    resolve = black_holes.hanging(lambda host, *_, **__: [host])
    with pytest.raises(socket.gaierror):
        resolve(f"n1{black_holes.DOMAIN}", 80, type=socket.SOCK_STREAM)
    assert resolve("localhost", 80) == ["localhost"]


def test_options_choose_rows_and_sizes() -> None:
    """Without options all rows are measured in full; a size that is given wins."""
    chosen = options().parse_args([])
    assert chosen.rows == [each.key for each in ROWS]
    assert sizes(chosen) == Sizes()
    small = sizes(options().parse_args(["--quick", "--rows", "fifo", "--ordered", "9"]))
    assert (small.ordered, small.names) == (9, SMALL.names)
    assert batch_sizes(250, 100) == [100, 100, 50]


def moment(*post_ms: float, sent: int = 1) -> Moment:
    """Return a moment whose events took so long."""
    events = [f"e{n}" for n in range(len(post_ms))]
    return Moment([*post_ms], [*post_ms], 0, events, [sent] * len(events), 1.0, 0.5, 0.1)


async def test_a_row_that_fails_is_not_measured(tmp_path) -> None:
    """It says why, the others are measured all the same, and the report is written with a plot."""

    async def fail(_: Sizes) -> Measured:
        raise ValueError("the API refused\na second line")

    async def measured(_: Sizes) -> Measured:
        alone, beside = moment(10.0, 10.0), moment(12.0, 12.0, sent=2)
        moments = {ALONE: alone, BESIDE: beside}
        return Measured([1.2, wrong_posts(moments.values())], moments, "seen")

    rows = [
        Row("bad", "a row", (Requirement("figure", AT_MOST, 1.3, None),), fail),
        Row("good", "another", row("", "beside it", 1.3, Beside(loads.names)).wanted, measured),
    ]
    kept: list[list[Result]] = []
    await run(rows, SMALL, lambda results: kept.append([*results]))
    assert [len(results) for results in kept] == [1, 2]
    for number, results in enumerate(kept):
        plot = tmp_path / f"{number}.png"
        draw(results, plot)
        assert plot.read_bytes().startswith(b"\x89PNG")
    text = report(kept[-1], {"processor": "made up"}, "python -m bench.isolation", "1.png")
    assert "| figure | at most 1.30 | not measured | - |" in text
    assert "| bad | not measured: ValueError the API refused |" in text
    assert "| publish-to-POST p99 beside it | at most 1.30 times | 1.20 times | yes |" in text
    assert "exactly once | exactly 0 | 2 | **no** |" in text
    assert "| good | alone | 2 | 10.0 |" in text
    assert "](1.png)" in text
