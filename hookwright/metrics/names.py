"""Every metric of Hookwright: its name, its meaning and its labels.

No label has values that a tenant chooses: neither ids nor event types, URLs or error texts. So the
number of time series is bounded, and a scrape tells nothing about single tenants.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from hookwright.metrics.figure import Figure

REGISTRY = CollectorRegistry()
"""It is our own: a service that imports `hookwright` to publish has other metrics in the library's
default registry."""

ProcessCollector(registry=REGISTRY)

ATTEMPTS = Counter(
    "hookwright_attempts",
    "Attempts that have ended, by outcome, class of the HTTP status, and trigger.",
    ["outcome", "status_class", "trigger"],
    registry=REGISTRY,
)
ATTEMPT_SECONDS = Histogram(
    "hookwright_attempt_seconds",
    "How long attempts took, from the rendering of the body to the end of the answer.",
    ["outcome"],
    # The longest timeout of an endpoint is a minute.
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60),
    registry=REGISTRY,
)
POSTS_IN_FLIGHT = Gauge(
    "hookwright_posts_in_flight",
    "POSTs that are under way to receivers.",
    registry=REGISTRY,
)
SHARE_REFUSALS = Counter(
    "hookwright_share_refusals",
    "Attempts and other work that had to wait, because the endpoint, the tenant or the worker has"
    " as many under way as it may.",
    ["level"],
    registry=REGISTRY,
)
GROUP_COMMIT_SIZE = Histogram(
    "hookwright_group_commit_size",
    "How many reports to an endpoint, or changes of a tenant's routes, were sent together.",
    ["kind"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
    registry=REGISTRY,
)
CODEC_FAILURES = Counter(
    "hookwright_codec_failures",
    "Payloads that could not be decrypted, or were refused.",
    ["reason"],
    registry=REGISTRY,
)
PUBLISH_SECONDS = Histogram(
    "hookwright_publish_seconds",
    "How long publishes took at the API, by kind and the status of the answer.",
    ["kind", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
EVENTS_ACCEPTED = Counter(
    "hookwright_events_accepted",
    "Events that the API has stored, repeats not counted.",
    registry=REGISTRY,
)
REFUSALS = Counter(
    "hookwright_refusals",
    "Requests that the API refused because of a limit.",
    ["limit"],
    registry=REGISTRY,
)

DELIVERIES = Figure(
    "hookwright_deliveries",
    "Deliveries that have not ended, by state.",
    ["state"],
    REGISTRY,
)
ENDPOINTS = Figure(
    "hookwright_endpoints",
    "Endpoints by status.",
    ["status"],
    REGISTRY,
)
ENDPOINT_HEALTHS = Figure(
    "hookwright_endpoint_healths",
    "Endpoints by health, as it was when the endpoint last changed.",
    ["health"],
    REGISTRY,
)
TENANTS = Figure("hookwright_tenants", "Tenants.", [], REGISTRY)
TASKS_WAITING = Figure(
    "hookwright_tasks_waiting",
    "Tasks that wait in a task queue of Temporal for a worker; about.",
    ["queue", "kind"],
    REGISTRY,
)
OLDEST_TASKS = Figure(
    "hookwright_oldest_task_timestamp_seconds",
    "Since when the oldest task waits in a task queue, in Unix time; absent if none waits.",
    ["queue", "kind"],
    REGISTRY,
)
