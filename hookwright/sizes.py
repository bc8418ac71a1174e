"""Sizes: what Temporal takes, and what follows from it for the state of our entities.

What is too large is refused, or Temporal *terminates* the workflow that insists: a tenant would be
gone with all its endpoints. So an entity's largest state must fit everywhere it goes: into its
memo, into the argument of its next run, and into the one message in which a worker answers a
workflow task. That message carries all that the task led to, with every update in flight at once.
`tests/unit/test_sizes.py` does the arithmetic with encrypted payloads.
"""

KIB, MIB = 1_024, 1_048_576

# Of Temporal's server, defaults of 1.32 (`common/dynamicconfig/constants.go`).

BLOB_BYTES = 2 * MIB
"""One command's arguments, one result, one upsert, or one workflow's whole memo: `limit.blobSize`
and `limit.memoSize`. Beyond it the workflow is terminated."""

MESSAGE_BYTES = 4 * MIB
"""One gRPC message: all commands and answers of one workflow task. Beyond it the SDK gives up, and
the workflow is terminated ("GrpcMessageTooLarge")."""

UPDATES_IN_FLIGHT = 10
"""Of one workflow, so at most so many answers leave in one workflow task
(`history.maxInFlightUpdates`)."""

# Ours, of `Event` and `Delivery`.

MAX_EVENT_BYTES = 1_500_000
"""An event as it is stored. A body of 1 MiB may grow beyond: 1e15 has seventeen digits."""

MAX_LOG_BYTES = 500_000
"""A delivery's attempts. The activity that makes the next ones is given event and log together, as
one command: beyond BLOB_BYTES the delivery would be terminated. 31 usual attempts have 100 KB."""

# Ours, of `Tenant`.

MAX_ROUTE_TABLE_BYTES = 1_000_000
"""Some 8,000 endpoints with short subscriptions. When a tenant continues as new its table is in one
message twice, as argument and as memo, and beside it ten answered updates of MAX_CHANGES_BYTES."""

MAX_SLICE_BYTES = 16 * KIB
"""Of a route table: what one change writes to the history. Without slices it would be all of it."""

MAX_ROUTE_BYTES = 16 * KIB
"""Of one endpoint. What the API takes has at most half of it (`MAX_CONFIG_BYTES` there)."""

MAX_CHANGES, MAX_CHANGES_BYTES = 500, 64 * KIB
"""Of a route table, in one update: 500 short subscriptions fit, and 500 refusals are its answer."""

# Ours, of `EventTypes`.

MAX_CATALOGUE_BYTES = 500_000
"""Some 500 types with schemas of a kilobyte."""

MAX_ENTRY_BYTES = 32 * KIB
"""Of one event type: ten updates in flight bring, store and answer it, thirty times this."""
