"""What tenants, endpoints, their queues and recoveries say of themselves."""

from datetime import datetime

from hookwright.health import Duty, Health, failures_in_words
from hookwright.models import EndpointState, RecoveryView
from hookwright.outcomes import EndpointStatus
from hookwright.queueing import QueueRules, QueueView
from hookwright.routing import RouteTable, TenantState
from hookwright.security import host_of
from hookwright.sizes import MAX_ROUTE_TABLE_BYTES
from workflows.explaining.texts import at, counted, quoted

WAITS_FOR = {
    Duty.ANNOUNCE: "announces its new status to the tenant",
    Duty.NOTIFY: "publishes what happened",
    Duty.EXPIRE: "ends what was held for too long",
    Duty.CANCEL_HELD: "cancels what is held",
    Duty.PROBE: "sends a probe",
    Duty.RELEASE: "releases what is held",
    Duty.COUNT: "counts what is held",
}
"""What an endpoint does of its own accord, when the timer before it fires."""


def endpoint_details(endpoint: EndpointState, now: datetime) -> str:
    """Return an endpoint's health with its reason, what is held, and what comes next."""
    if endpoint.deleted:
        return "Deleted: what still waits for it is cancelled."
    if endpoint.config is None:
        return "It is being created."
    health = endpoint.health
    lines = [
        f"**{health.colour(now)}**, {health.status}. {failures_in_words(health, now)}",
        *_last_error(health),
        *_what_is_next(health),
        f"Version {endpoint.version}, POSTs go to {quoted(host_of(endpoint.config.url))}.",
    ]
    return "\n\n".join(lines)


def _last_error(health: Health) -> list[str]:
    streak = health.streak
    if not (streak.failures and streak.last_error):
        return []
    return [f"Last error, at {at(streak.last_failure_at)}: {quoted(streak.last_error)}"]


def _what_is_next(health: Health) -> list[str]:
    queue, lines = health.queue, []
    if queue.held:
        held = counted(queue.held, "delivery is", "deliveries are")
        lines.append(f"{held} held, the first since {at(queue.holding_since)}.")
    if health.status is EndpointStatus.DISABLED and health.next_probe_at:
        lines.append(f"The next probe is due at {at(health.next_probe_at)}.")
    if queue.throttled_until:
        lines.append(f"The receiver asked for fewer: it goes on at {at(queue.throttled_until)}.")
    elif queue.draining_since:
        lines.append(f"It drains since {at(queue.draining_since)}: what is held goes first.")
    return lines


def duty_summary(duty: Duty) -> str:
    """Return the summary of the timer until a duty is due."""
    return f"until it {WAITS_FOR[duty]}"


def tenant_details(tenant: TenantState, table: RouteTable) -> str:
    """Return how many endpoints a tenant has, and how full its route table is."""
    if tenant.deleted:
        return "Deleted: its endpoints and what waits for them are deleted, too."
    if not tenant.version:
        return "It is being created."
    name = f"{quoted(tenant.settings.name)}: " if tenant.settings.name else ""
    percent = 100 * table.size / MAX_ROUTE_TABLE_BYTES
    return (
        f"{name}{counted(len(table), 'endpoint', 'endpoints')}. Their subscriptions take"
        f" {percent:.1f} % of the room in the route table.\n\n"
        f"Settings: version {tenant.version}, changed at {at(tenant.updated_at)}."
    )


def queue_details(view: QueueView, rules: QueueRules | None) -> str:
    """Return how many deliveries wait for their turns, what they wait for, and by which rules."""
    lines = ["No delivery waits for its turn."]
    if view.waiting:
        waiting = counted(view.waiting, "delivery waits for its turn", "deliveries wait for turns")
        lines = [f"{waiting}; the first was accepted at {at(view.waiting_since)}."]
    if view.blocked_by:
        lines.append(
            f"They wait for a person: the delivery of event `{view.blocked_by}` was given up, and"
            " `on_give_up` is `hold`. Retry it, or set `on_give_up` to `skip`."
        )
    if rules:
        limit = f"at most {rules.per_second:g} attempts a second" if rules.per_second else ""
        order = "in the order of acceptance" if rules.in_order else ""
        said = ", ".join(filter(None, (limit, order))) or "neither a limit nor an order"
        lines.append(f"Rules of version {rules.version}: {said}.")
    return "\n\n".join(lines)


def recovery_details(view: RecoveryView) -> str:
    """Return what a recovery sends, and how far it was when it last stopped."""
    request, progress = view.request, view.progress
    scope = f"{request.status} since {at(request.since)} until {at(request.until)}"
    done = f"{progress.done:,} of {progress.total:,}" if progress.total is not None else "none"
    unreadable = f" {progress.unreadable:,} could not be read." if progress.unreadable else ""
    if progress.complete:
        state = f"Complete: {progress.done:,} checked.{unreadable}"
    elif view.paused:
        state = f"Paused: {done} checked.{unreadable}"
    else:
        state = (
            f"Under way: {done} checked when it last stopped.{unreadable}"
            " The heartbeat of the pending activity says how many are by now."
        )
    return f"{state}\n\nIt sends what is {scope}, at most {request.per_second:g} a second."
