"""Size limits: what Temporal accepts, and how large the state of entities may therefore be.

Temporal refuses a payload that is too large, or it *terminates* the workflow that sends it: a
tenant would be lost with all its endpoints. So an entity's largest state must fit into its memo,
into the argument of its next run, and into the one message in which a worker completes a workflow
task. That message carries all commands of the task and the answers to all updates in flight.
`tests/unit/test_sizes.py` does the arithmetic with encrypted payloads.
"""

KIB, MIB = 1_024, 1_048_576

# Limits of Temporal's server: the defaults of 1.32 (`common/dynamicconfig/constants.go`).

BLOB_BYTES = 2 * MIB
"""The limit for one command's arguments, one result, one upsert, or one workflow's whole memo
(`limit.blobSize` and `limit.memoSize`). Temporal terminates a workflow that exceeds it."""

MESSAGE_BYTES = 4 * MIB
"""The limit for one gRPC message: all commands and answers of one workflow task. If it is exceeded,
the SDK gives up and the workflow is terminated ("GrpcMessageTooLarge")."""

UPDATES_IN_FLIGHT = 10
"""The most updates of one workflow that are in flight, and so the most answers in one workflow task
(`history.maxInFlightUpdates`)."""

# Hookwright's limits for `Event` and `Delivery`.

MAX_EVENT_BYTES = 1_500_000
"""The limit for a stored event. A request body of 1 MiB may grow: 1e15 is stored with seventeen
digits."""

MAX_LOG_BYTES = 500_000
"""The limit for a delivery's attempts. One command passes event and log together to the activity
that makes the next attempts: beyond BLOB_BYTES Temporal would terminate the delivery. 31 usual
attempts have 100 KB."""

# Hookwright's limits for `Tenant` and `Endpoint`.

MAX_AUDIT_BYTES = 16 * KIB
"""The limit for an audit trail: about a hundred usual entries, and at least one of the largest. It
is in the memo and in the argument of the next run, and every change writes it to the history."""

# Hookwright's limits for `Tenant`.

MAX_ROUTE_TABLE_BYTES = 1_000_000
"""Room for about 10,000 endpoints with short subscriptions. When a tenant continues as new, one
message holds its table twice, as argument and as memo, and also the answers to ten updates of
MAX_CHANGES_BYTES."""

MAX_SLICE_BYTES = 16 * KIB
"""The limit for a slice of a route table. A change writes one slice to the history; without slices
it would write the whole table."""

MAX_ROUTE_BYTES = 16 * KIB
"""The limit for the route of one endpoint. The API accepts at most half of it
(`MAX_CONFIG_BYTES` there)."""

MAX_CHANGES, MAX_CHANGES_BYTES = 500, 64 * KIB
"""The limits for the route changes in one update: 500 short subscriptions fit, and so do 500
refusals in the answer."""

# Hookwright's limits for `EventTypes`.

MAX_CATALOGUE_BYTES = 500_000
"""Room for about 500 event types with schemas of a kilobyte each."""

MAX_ENTRY_BYTES = 32 * KIB
"""The limit for one event type. Ten updates in flight each receive, store and answer with one, so a
message may hold thirty times this size."""

# Hookwright's limits for `EndpointQueue`.

MAX_QUEUE_BYTES = 1_500_000
"""The limit for a queue's places: at least 10,000, and about 17,000 with event ids of our own. All
are in the argument of the queue's next run."""
