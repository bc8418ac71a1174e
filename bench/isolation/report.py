"""The report of the rows: tables as markdown, and a plot."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.isolation.beside import ALONE, BESIDE
from bench.isolation.measured import Moment, Result
from bench.report.requirements import AT_MOST, requirements_table
from bench.report.tables import facts_table, number, percentile, table

SIZE, DOTS_PER_INCH = (12.0, 6.0), 110
LATENCIES = (
    "ms",
    "moment",
    "events",
    "publish call p50",
    "p99",
    "publish to POST p50",
    "p99",
    "longest",
    "asked to try later",
    "cores busy: site",
    "others",
)


def report(results: Sequence[Result], facts: dict[str, str], command: str, plot: str | None) -> str:
    """Return the report."""
    requirements = [each for result in results for each in result.requirements]
    notes = [[result.row.key, result.measured.notes] for result in results]
    return "\n\n".join(
        (
            f"# Isolation of {datetime.now(UTC):%Y-%m-%d}",
            f"`{command}`. [How to read it](README.md#isolation).",
            facts_table(facts),
            "## What must be reached",
            requirements_table(requirements),
            *([f"![The small tenant alone and beside each load]({plot})"] if plot else []),
            "## The small tenant's events",
            table(LATENCIES, [row for result in results for row in _latencies(result)]),
            "## What else was seen",
            table(("row", "seen"), notes),
        )
    )


def draw(results: Sequence[Result], path: Path) -> None:
    """Draw both moments of each row, and how much of its bound each ratio takes."""
    figure = Figure(figsize=SIZE, layout="constrained")
    figure.suptitle("What one tenant does to the others")
    latencies, bounds = figure.subplots(1, 2)
    _draw_latencies(latencies, results)
    _draw_bounds(bounds, results)
    figure.savefig(path, dpi=DOTS_PER_INCH)


def _latencies(result: Result) -> list[list[str]]:
    return [_moment(result.row.key, *pair) for pair in result.measured.moments.items()]


def _moment(key: str, label: str, moment: Moment) -> list[str]:
    figures = [
        percentile(values, percent)
        for values in (moment.call_ms, moment.post_ms)
        for percent in (50, 99)
    ]
    longest = number(max(moment.post_ms))
    count, refusals = f"{len(moment.events):,}", f"{moment.refusals:,}"
    cores = [number(cpu / moment.seconds, 2) for cpu in (moment.site_cpu, moment.other_cpu)]
    return [key, label, count, *map(number, figures), longest, refusals, *cores]


def _draw_latencies(axes: Axes, results: Sequence[Result]) -> None:
    shown = [result for result in reversed(results) if result.measured.moments]
    for place, label in ((0.2, ALONE), (-0.2, BESIDE)):
        moments = [result.measured.moments[label].post_ms for result in shown]
        positions = [number + place for number in range(len(shown))]
        p99 = [percentile(values, 99) for values in moments]
        bars = axes.barh(positions, p99, 0.4, label=f"{label}, p99")
        axes.bar_label(bars, fmt="%.0f", padding=3)
        axes.plot([median(values) for values in moments], positions, "k|")
    if shown:
        axes.set_xscale("log")
    axes.set_yticks(range(len(shown)), [result.row.key for result in shown])
    axes.margins(x=0.15)
    axes.set_xlabel("publish to POST, ms (line: p50)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)


def _draw_bounds(axes: Axes, results: Sequence[Result]) -> None:
    """Draw the figures that have a bound other than zero, as parts of it."""
    shares = {
        f"{result.row.key}{f' {number + 1}' if number else ''}": each.reached / each.wanted
        for result in reversed(results)
        for number, each in enumerate(result.requirements)
        if each.bound == AT_MOST and each.reached is not None
    }
    bars = axes.barh(
        list(shares), list(shares.values()), color=[_colour(each) for each in shares.values()]
    )
    axes.bar_label(bars, fmt="%.2f", padding=3)
    if max(shares.values(), default=0.0) > 0:
        axes.set_xscale("log")
    axes.axvline(1.0, color="black", linewidth=1)
    axes.margins(x=0.15)
    axes.set_xlabel("reached, as a multiple of what is allowed")


def _colour(share: float) -> str:
    return "tab:green" if share <= 1 else "tab:red"
