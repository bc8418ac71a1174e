"""The plots of the report, as PNG files."""

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.compare import Outcome
from bench.report.tables import percentile
from bench.run import Flood, Results
from bench.site import SERVER

mpl.use("agg")

SIZE = (10.0, 5.0)
DOTS_PER_INCH = 110
POINTS = 200


def draw_plots(results: Results, stem: Path) -> dict[str, Path]:
    """Draw all plots into files whose names begin with `stem`. Return their titles and paths."""
    plots: Mapping[str, tuple[str, Callable[[Figure, Results], None]]] = {
        "Rates and processor time": ("rates", _rates_and_costs),
        "How long a publish takes, and its first POST": ("latency", _latencies),
        "Floods: accepted, delivered, and memory": ("floods", _floods),
    }
    paths = {}
    for title, (name, draw) in plots.items():
        figure = Figure(figsize=SIZE, layout="constrained")
        figure.suptitle(title)
        draw(figure, results)
        paths[title] = stem.with_name(f"{stem.name}-{name}.png")
        figure.savefig(paths[title], dpi=DOTS_PER_INCH)
    return paths


def _rates_and_costs(figure: Figure, results: Results) -> None:
    rates, costs = figure.subplots(1, 2, sharey=True)
    outcomes = [*results.outcomes, *(flood.outcome for flood in results.floods.values())]
    outcomes.reverse()
    labels = [outcome.entry.label for outcome in outcomes]
    bars = rates.barh(labels, [median(outcome.delivery_rates) for outcome in outcomes])
    rates.bar_label(bars, fmt="%.1f", padding=3)
    rates.margins(x=0.15)
    rates.set_xlabel("deliveries (or bare workflows) a second")
    _stacked(costs, labels, outcomes)


def _stacked(axes: Axes, labels: Sequence[str], outcomes: Sequence[Outcome]) -> None:
    """Draw the processor time of a delivery: the server's, and beside it the others'."""
    server = [(each.cpu_ms(SERVER) or 0.0) / each.deliveries for each in outcomes]
    total = [(each.cpu_ms_total() or 0.0) / each.deliveries for each in outcomes]
    others = [max(whole - part, 0.0) for whole, part in zip(total, server, strict=True)]
    axes.barh(labels, server, label="Temporal server")
    axes.barh(labels, others, left=server, label="worker and API")
    axes.set_xlabel("CPU ms a delivery (or bare workflow)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)


def _latencies(figure: Figure, results: Results) -> None:
    axes = figure.subplots()
    half = results.half.rounds[0].published
    moments = {
        "bare workflow,\none at a time": ([], results.idle_bare_ms),
        "idle": (results.idle.call_ms, results.idle.post_ms),
        "half load": (half.call_ms, half.post_ms) if half else ([], []),
        **{
            flood.outcome.entry.label: (flood.published.call_ms, flood.published.post_ms)
            for flood in results.floods.values()
        },
    }
    series = {
        "publish call, p50": [_or_nothing(call, 50) for call, _ in moments.values()],
        "publish call, p99": [_or_nothing(call, 99) for call, _ in moments.values()],
        "publish to POST (or start to result), p50": [
            _or_nothing(post, 50) for _, post in moments.values()
        ],
        "publish to POST (or start to result), p99": [
            _or_nothing(post, 99) for _, post in moments.values()
        ],
    }
    width = 0.2
    for place, (label, values) in enumerate(series.items()):
        positions = [moment + (place - 1.5) * width for moment in range(len(moments))]
        bars = axes.bar(positions, values, width, label=label)
        axes.bar_label(bars, fmt=lambda value: f"{value:.0f}" if value else "")
    axes.set_yscale("log")
    axes.set_ylabel("ms")
    axes.set_xticks(range(len(moments)), list(moments))
    axes.legend()


def _or_nothing(values: Sequence[float], percent: int) -> float:
    return percentile(values, percent) if values else 0.0


def _floods(figure: Figure, results: Results) -> None:
    columns = figure.subplots(2, len(results.floods), squeeze=False)
    for column, flood in enumerate(results.floods.values()):
        _flood(columns[0][column], columns[1][column], flood)


def _flood(counts: Axes, memory: Axes, flood: Flood) -> None:
    """Draw how many deliveries were accepted and made by when, and below it the memory."""
    accepted = sorted(flood.published.accepted.values())
    began = min(flood.published.began.values())
    times = [began + (flood.posted[-1] - began) * point / POINTS for point in range(POINTS + 1)]
    seconds = [time - began for time in times]
    fan_out = flood.outcome.deliveries
    counts.plot(seconds, [bisect(accepted, time) * fan_out for time in times], label="accepted")
    counts.plot(seconds, [bisect(flood.posted, time) for time in times], label="POSTs")
    counts.set_title(flood.outcome.entry.label)
    counts.set_ylabel("deliveries")
    counts.legend()
    for name in flood.memory.samples[0][1]:
        sampled = [(time - began, sizes[name]) for time, sizes in flood.memory.samples]
        memory.plot(*zip(*sampled, strict=True), label=name)
    memory.set_ylim(bottom=0)
    memory.set_ylabel("MB (PSS)")
    memory.set_xlabel("seconds")
    memory.legend()
