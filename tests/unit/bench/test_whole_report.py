"""The whole report and its plots, of figures that are made up."""

from types import SimpleNamespace

import pytest

from bench.__main__ import report
from bench.compare import Entry, Outcome
from bench.dev_memory import DevMemory
from bench.machine import MemoryWatch
from bench.publishing import Published
from bench.report.plots import draw_plots
from bench.report.requirements import requirements
from bench.rounds import History, Round
from bench.run import QUICK, Flood, Posts, Results
from bench.scenarios import BareWorkflow, Deliveries, LeanWorkflow


def published() -> Published:
    """Return two events that were accepted within 10 ms each and delivered after 20."""
    return Published({"a": 1.0, "b": 2.0}, {"a": 1.01, "b": 2.01}, [10.0, 10.0], [20.0, 20.0], 1)


def outcome(site, scenario, rate, server_ms, fan_out=1) -> Outcome:
    """Return an outcome of two equal rounds."""
    cpu = {"serve": 10.0, "bare worker": 10.0, "lean worker": 10.0, "driver": 1.0}
    if server_ms is not None:
        cpu["server"] = server_ms
    result = Round(
        rate=rate,
        cpu_ms=cpu,
        history=History(1.0, 6.0, 4_000.0, 2.0),
        database_bytes=None if server_ms is None else 20_000.0,
        deliveries=fan_out,
        published=published(),
    )
    return Outcome(Entry(scenario.name, site, scenario, 2), [result, result])


def made_up(*, knows_server: bool) -> Results:
    """Return results; those on a given Temporal may not know what the server costs."""
    site, server_ms = SimpleNamespace(hookwright=("serve",)), 30.0 if knows_server else None
    memory = MemoryWatch([(1.0, {"serve": 100.0}), (2.5, {"serve": 120.0})])
    floods = {}
    for size in (1, 20):
        flood = outcome(site, Deliveries(size, connections=16), 19.0, server_ms, size)
        floods[size] = Flood(flood, published(), memory, [1.02, 2.02])
    return Results(
        plan=QUICK,
        facts={"processor": "made up"},
        bare=outcome(site, BareWorkflow(20), 10.0, server_ms),
        lean=outcome(site, LeanWorkflow(20), 40.0, server_ms),
        fan_out={n: outcome(site, Deliveries(n), 20.0, server_ms, n) for n in (1, 20, 200)},
        batches={n: outcome(site, Deliveries(n, 4, 2), 20.0, server_ms, n) for n in (1, 20, 200)},
        idle_bare_ms=[40.0, 40.0],
        idle=published(),
        idle_metered=2.0 if knows_server else None,
        half=outcome(site, Deliveries(1, a_second=10.0), 10.0, server_ms),
        floods=floods,
        posts=[
            Posts("fan-out 1, 1 at once", 5, 4),  # of no flood
            Posts("flood, fan-out 1", 2, 2),
            Posts("flood, fan-out 20", 41, 40),
        ],
        idle_memory={"serve": 90.0},
        dev=DevMemory(340.0, 610.0, 3, 2),
    )


def test_what_was_reached_is_told_by_figure() -> None:
    """Ratios are of the same run, and POSTs those of the floods alone."""
    reached = [each.reached for each in requirements(made_up(knows_server=True))]
    assert reached == [2.0, 40.0, 1.0, 0.95, 0.95, 43 / 42, 0.5, 10.0, 2.0, 340.0, 610.0]


@pytest.mark.parametrize("knows_server", [True, False])
def test_the_report_has_all_of_it(tmp_path, knows_server) -> None:
    """The report has its tables and shows its plots, which are PNG files beside it."""
    results = made_up(knows_server=knows_server)
    plots = draw_plots(results, tmp_path / "2026-12-01")
    for path in plots.values():
        assert path.read_bytes().startswith(b"\x89PNG")
    text = report(results, "python -m bench", plots)
    assert "![Rates and processor time](2026-12-01-rates.png)" in text
    assert "| memory of `dev`, in a flood | at most 600 MB | 610 MB | **no** |" in text
    assert "| flood, fan-out 20 | 40 | 41 | 1.0250 |" in text
    assert ("not measured" in text) is not knows_server
