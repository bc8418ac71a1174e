"""The log of what workflows decide: one line for each change, and none when a history is replayed.

A workflow task that is run twice, because its worker was killed before the server had the result,
writes its lines twice.
"""

from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import structlog

    from hookwright.models import EndpointState
    from hookwright.outcomes import EndpointStatus

    log = structlog.get_logger(__name__)


def tell(event: str, **facts: object) -> None:
    """Write a line, without those facts that are None."""
    if not workflow.unsafe.is_replaying():
        with workflow.unsafe.sandbox_unrestricted():
            log.info(event, **{name: fact for name, fact in facts.items() if fact is not None})


@dataclass
class EndpointStatusLog:
    """Writes a line whenever an endpoint's status changes, or what becomes of its held deliveries.

    It is told after every change, and compares what is there with what it has told already. A new
    run begins with the state that the run before it has told of.
    """

    state: EndpointState

    def __post_init__(self) -> None:
        health = self.state.health
        self.changes, self.probes, self.deleted = health.changes.made, health.probes, False
        self.slowed_down = health.queue.throttled_until is not None
        self.draining = self._drains()

    def update(self, state: EndpointState) -> None:
        """Write what is new."""
        self.state = state
        self._tell_changes()
        self._tell_queue()
        if state.health.probes > self.probes:
            self._tell("probing", probe=state.health.probes, held=state.health.queue.held)
        self.probes = state.health.probes
        if state.deleted and not self.deleted:
            self._tell("deleted")
        self.deleted = state.deleted

    def _tell_changes(self) -> None:
        """Write what is new in the history of the status."""
        health = self.state.health
        new, self.changes = health.changes.made - self.changes, health.changes.made
        for change in health.changes.latest[-new:] if new else []:
            self._tell(
                change.change,
                status=change.status,
                reason=change.reason,
                percent=change.percent,
                last_error=change.last_error,
                by=change.by,
                held=health.queue.held or None,
                next_probe_at=health.next_probe_at,
            )

    def _tell_queue(self) -> None:
        """Write that the receiver asked for a pause, that the queue drains, or that it is empty."""
        queue = self.state.health.queue
        before = self.slowed_down or self.draining
        slowed_down = queue.throttled_until is not None
        if slowed_down and not self.slowed_down:
            self._tell("rate_limited", until=queue.throttled_until, held=queue.held)
        self.slowed_down = slowed_down
        draining = self._drains() or (self.draining and queue.draining_since is not None)
        if draining and not self.draining:
            self._tell("draining", held=queue.held)
        self.draining = draining
        is_active = self.state.health.status is EndpointStatus.ACTIVE
        if before and is_active and not (slowed_down or draining):
            self._tell("drained")

    def _drains(self) -> bool:
        """Return whether deliveries that were held are being released."""
        queue = self.state.health.queue
        return queue.draining_since is not None and queue.held > 0 and not queue.throttled_until

    def _tell(self, what: str, **facts: object) -> None:
        ids = {"tenant_id": self.state.tenant_id, "endpoint_id": self.state.endpoint_id}
        tell(f"endpoint.{what}", **ids, **facts)
