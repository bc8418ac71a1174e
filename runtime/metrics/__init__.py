"""Metrics of a process: counted, and served to Prometheus (docs/observability.md)."""

from runtime.metrics.counting import Counting
from runtime.metrics.scraping import Scraping
from runtime.metrics.settings import MetricsAddress, MetricsSettings

__all__ = ["Counting", "MetricsAddress", "MetricsSettings", "Scraping"]
