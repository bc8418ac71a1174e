"""Metrics as Prometheus sees them, and the files that name them."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from hookwright.metrics import REGISTRY, Figure
from support.paths import REPOSITORY
from support.promql import NAME, Scrape

RULES = REPOSITORY / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = REPOSITORY / "deploy" / "grafana" / "hookwright.json"
TARGET = {"job": "hookwright", "instance": "test:9464"}
"""What Prometheus adds to each sample."""

SDK_METRICS: Mapping[str, set[str]] = {
    "temporal_workflow_task_execution_failed_total": {"workflow_type", "failure_reason"},
    "temporal_workflow_task_schedule_to_start_latency_seconds_bucket": {"task_queue", "le"},
    "temporal_request_latency_seconds_bucket": {"operation", "le"},
    "temporal_request_failure_total": {"operation", "status_code"},
}
"""The metrics of Temporal's SDK that our files use, with the labels that they use of them."""


def alerts() -> dict[str, str]:
    """Return the expressions of all alerts."""
    [group] = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def dashboard_expressions() -> Iterator[str]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


def declared() -> dict[str, set[str]]:
    """Return every name that a sample of ours can have, with its labels."""
    found: dict[str, set[str]] = {}
    collectors: Any = REGISTRY._collector_to_names
    for collector in collectors:
        labels = {*(collector.labels if isinstance(collector, Figure) else ())}
        labels |= {*getattr(collector, "_labelnames", ())}
        for family in collector.describe() if hasattr(collector, "describe") else ():
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
            for suffix in suffixes.get(family.type, [""]):
                le = {"le"} if suffix == "_bucket" else set()
                found[family.name + suffix] = labels | le
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes"):
        found[name] = set()
    return found


@dataclass(frozen=True)
class Prometheus:
    """Scrapes like Prometheus does: a target that does not answer is not `up`."""

    http: httpx.AsyncClient

    async def scrape(self, after_seconds: float = 0.0) -> Scrape:
        """Read the metrics; the time is later than it is, if a test cannot wait so long."""
        at = time.time() + after_seconds
        try:
            text = (await self.http.get("/metrics")).raise_for_status().text
        except httpx.HTTPError:
            return Scrape(at, {frozenset({NAME: "up", **TARGET}.items()): 0.0})
        values = {frozenset({NAME: "up", **TARGET}.items()): 1.0}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = {NAME: sample.name, **TARGET, **sample.labels}
                values[frozenset(labels.items())] = sample.value
        return Scrape(at, values)
