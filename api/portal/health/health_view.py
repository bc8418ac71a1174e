"""An endpoint's health as a page shows it: figures, bars over time, changes, and advice."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from api.portal.health.practices import Practice, practices_for
from api.routes.endpoint_bodies import EndpointRead
from api.routes.overview.status_changes import StatusChangeRead
from api.routes.stats import EndpointStatsRead, Window
from api.services import Services
from hookwright.health import STEPS
from hookwright.models import EndpointState

CHART_HEIGHT = 60


@dataclass(frozen=True)
class Column:
    """The attempts of one step of time, and how high the parts of its bar are."""

    start: datetime
    delivered: int
    failed: int
    delivered_height: float
    failed_height: float

    @property
    def failed_top(self) -> float:
        """Where the upper part of the bar begins."""
        return round(CHART_HEIGHT - self.delivered_height - self.failed_height, 2)

    @property
    def delivered_top(self) -> float:
        """Where the lower part of the bar begins."""
        return round(CHART_HEIGHT - self.delivered_height, 2)


@dataclass(frozen=True)
class WindowView:
    """The attempts of the last hour or day: the figures of the API, and a bar for each step."""

    name: str
    stats: EndpointStatsRead
    columns: list[Column]

    @classmethod
    def of(cls, endpoint: EndpointState, window: Window, now: datetime) -> Self:
        """Return the figures of one window."""
        stats = EndpointStatsRead.of(endpoint, window, now)
        counts = endpoint.health.counts
        counted = {
            step.start: (step.delivered, step.failed)
            for step in (counts.hour if window is Window.HOUR else counts.day)
        }
        length = timedelta(seconds=window) / STEPS
        starts = [stats.since + length * number for number in range(STEPS)]
        found = [(start, *counted.get(start, (0, 0))) for start in starts]
        most = max(1, *(delivered + failed for _, delivered, failed in found))
        columns = [
            Column(
                start,
                delivered,
                failed,
                round(CHART_HEIGHT * delivered / most, 2),
                round(CHART_HEIGHT * failed / most, 2),
            )
            for start, delivered, failed in found
        ]
        return cls("hour" if window is Window.HOUR else "day", stats, columns)


@dataclass(frozen=True)
class HealthView:
    """An endpoint's health. `pace` is how many held deliveries a second are released now."""

    endpoint: EndpointRead
    windows: list[WindowView]
    changes: list[StatusChangeRead]
    pace: float
    practices: list[Practice]

    @classmethod
    async def read(cls, services: Services, endpoint: EndpointState) -> Self:
        """Return the health of an endpoint that has just been read."""
        now = datetime.now(UTC)
        queue = await services.deliveries.waiting(endpoint.tenant_id, endpoint.endpoint_id)
        shown = EndpointRead.of(endpoint, **queue.model_dump())
        windows = [WindowView.of(endpoint, window, now) for window in (Window.HOUR, Window.DAY)]
        day = windows[-1].stats
        changes = await services.status_changes.of_endpoint(
            endpoint.tenant_id, endpoint.endpoint_id
        )
        return cls(
            endpoint=shown,
            windows=windows,
            changes=list(map(StatusChangeRead.of, changes)),
            pace=pace_of(endpoint),
            practices=practices_for(
                day.outcomes, day.latency_p95_ms, shown.last_error, shown.health
            ),
        )


def pace_of(endpoint: EndpointState) -> float:
    """Return how many held deliveries a second an endpoint takes at present."""
    pace = endpoint.health.release_pace(endpoint.active_config.drain_per_second)
    return round(pace, 1)
