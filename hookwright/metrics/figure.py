"""Gauges whose values may be unknown."""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Figure(Collector):
    """A gauge that is asked for elsewhere, which can fail. What is not known is absent, and not 0.

    prometheus-client's own gauge without labels always has a value.
    """

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        self.name, self.documentation, self.labels = name, documentation, labels
        self._values: dict[tuple[str, ...], float] = {}
        registry.register(self)

    def set(self, label_values: Sequence[str], value: float | None) -> None:
        """Set the value for these label values; None if it is not known."""
        if value is None:
            self._values.pop(tuple(label_values), None)
        else:
            self._values[tuple(label_values)] = value

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metric without its values."""
        yield GaugeMetricFamily(self.name, self.documentation, labels=self.labels)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metric with the values that are known."""
        for family in self.describe():
            for label_values, value in self._values.items():
                family.add_metric(label_values, value)
            yield family
