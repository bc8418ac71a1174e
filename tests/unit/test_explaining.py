"""What workflows say of themselves in the Temporal UI, and that it is no more than they may."""

import ast
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.health import ONE_LOST, SimulatedEndpoint
from temporalio import workflow
from temporalio.converter import WorkflowSerializationContext

from hookwright.health import Release
from hookwright.models import (
    Attempt,
    DeliveryInput,
    DeliveryLog,
    EndpointConfig,
    EndpointState,
    EventInput,
    RecoveryInput,
    RecoveryProgress,
    RecoverySelection,
    RecoveryView,
    Route,
    TenantSettings,
)
from hookwright.outcomes import DeliveryState, Outcome
from hookwright.queueing import QueueRules, QueueView
from hookwright.routing import RouteTable, TenantState
from hookwright.security import host_of
from hookwright.temporal import Signal, Update
from hookwright.temporal.codec import MAX_KEY_ID, EncryptionCodec, data_converter
from runtime.worker import WORKFLOWS
from workflows import explaining
from workflows.explaining import (
    attempt_summary,
    delivery_details,
    endpoint_details,
    failure_text,
    queue_details,
    recovery_details,
    retry_summary,
    tenant_details,
)
from workflows.explaining.texts import MAX_HOST, MAX_QUOTED, quoted

WORKFLOWS_FOLDER = Path(explaining.__file__).parents[1]
NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
DELIVERY = DeliveryInput(
    event=EventInput(tenant_id="acme", id="evt", type="loan.funded", data={}),
    happened_at=NOW,
    endpoint_id="ep",
    endpoint_version=1,
)
URL = "https://user:s3cret@hooks.example.com:8443/t0ken?key=t0ken#t0ken"


def attempted(number: int = 2, url: str = URL, **fields: object) -> DeliveryLog:
    last = Attempt(
        number=number,
        started_at=NOW,
        duration_ms=1,
        outcome=Outcome.HTTP_ERROR,
        status_code=503,
        response_body=None,
        error="the receiver answered 503",
        url=url,
    )
    return DeliveryLog.model_validate({"attempts": [last], **fields})


def test_a_summary_names_host_and_number() -> None:
    """A summary has the host and nothing else of a URL; the endpoint's id before any attempt."""
    assert attempt_summary(DELIVERY, DeliveryLog()) == "POST to ep, attempt 1"
    assert attempt_summary(DELIVERY, attempted()) == "POST to hooks.example.com, attempt 3"
    slow = retry_summary(DELIVERY, attempted(slow=True))
    assert slow == "POST to hooks.example.com, attempt 3 and later ones, in the slow lane"
    for broken in ("", "https://[", "https://a b/", "https://[x](y)/"):
        assert attempt_summary(DELIVERY, attempted(url=broken)) == "POST to ep, attempt 3"


async def test_the_longest_summary_is_one_that_temporal_takes() -> None:
    """Encrypted, with the longest host, key id and number, a summary has at most 400 bytes."""
    host = ".".join(secrets.token_hex(30) for _ in range(4)) + ".example"
    log = attempted(number=10**6, url=f"https://{host}/", slow=True)
    summary = retry_summary(DELIVERY, log)
    assert f"…{host[-MAX_HOST:]}, attempt 1000001" in summary
    codec = EncryptionCodec({"k" * MAX_KEY_ID: bytes(32)})
    context = WorkflowSerializationContext("default", "w" * 203)
    [payload] = await data_converter(codec).with_context(context).encode([summary])
    assert payload.ByteSize() <= 400


@given(st.text(max_size=60))
def test_a_host_is_no_more_than_a_host(text: str) -> None:
    """Whatever a URL is, what is shown as its host can be no Markdown, and no path or query."""
    assert not {*host_of(text), *host_of(f"https://{text}/{text}")} & {*"/?#@[]()<>`* \n"}


@given(st.text(max_size=2 * MAX_QUOTED))
def test_a_quoted_text_is_one_short_line_of_code(text: str) -> None:
    """What receivers and tenants write cannot leave the quotes, or become a link or a heading."""
    inside = quoted(text)
    assert inside.count("`") == 2
    assert inside[0] == inside[-1] == "`"
    assert len(inside) <= MAX_QUOTED + 3
    assert len(inside.splitlines()) == 1


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (DeliveryLog(), "The pending activity makes attempt 1 and all later ones"),
        (
            attempted(due_at=NOW, retry_in_seconds=5),
            "failed: `the receiver answered 503`. Attempt 3 was due at 2026-01-15T10:00:00Z.",
        ),
        (attempted(queued=True), "Attempt 3 waits for its turn in the workflow `queue:acme:ep`."),
        (attempted(release=Release.PROBE), "is released (probe): attempt 3 is next."),
        (
            attempted(state=DeliveryState.HELD, held_since=NOW, held_because="it is paused"),
            "Held since 2026-01-15T10:00:00Z: it is paused. Attempt 2 failed",
        ),
        (attempted(state=DeliveryState.DELIVERED), "Delivered by attempt 2."),
        (attempted(state=DeliveryState.CANCELLED), "Cancelled: "),
        (
            attempted(state=DeliveryState.EXHAUSTED),
            "exhausted after 2 attempts; the last one failed: `the receiver answered 503`.",
        ),
        (
            attempted(state=DeliveryState.EXPIRED, held_since=NOW),
            "2 attempts; the last one failed: `the receiver answered 503`.",
        ),
    ],
)
def test_each_state_of_a_delivery_has_words(log: DeliveryLog, words: str) -> None:
    """A delivery says where it stands and why, without any secret part of a URL."""
    text = delivery_details(DELIVERY, log)
    assert words in text
    assert "t0ken" not in text
    assert "s3cret" not in text


def test_what_was_given_up_says_why() -> None:
    """A failure has the last reason, and an expired delivery since when it was held."""
    assert failure_text(attempted(state=DeliveryState.EXHAUSTED)) == (
        "exhausted after 2 attempts; the last one failed: the receiver answered 503"
    )
    silent = attempted(state=DeliveryState.EXHAUSTED)
    silent.attempts[-1].error = None
    assert failure_text(silent) == "exhausted after 2 attempts; the last one failed: http_error"
    assert failure_text(DeliveryLog(state=DeliveryState.EXPIRED, held_since=NOW)) == (
        "expired: held since 2026-01-15T10:00:00Z, for longer than its tenant allows; 0 attempts"
    )


def test_an_endpoint_tells_health_queue_and_host() -> None:
    """From new to disabled and back: colour, reason, last error, what is held, what comes next."""
    endpoint = SimulatedEndpoint(ONE_LOST)

    def shown(**fields: object) -> str:
        state = EndpointState(tenant_id="acme", endpoint_id="ep", health=endpoint.health, **fields)
        return endpoint_details(state, endpoint.now)

    assert shown() == "It is being created."
    config = EndpointConfig(url=URL)
    assert shown(config=config, version=1).startswith("**green**, active. Nothing fails: no")
    endpoint.exhaust(error="[click](http://evil.example)")
    endpoint.health.queue.moved(endpoint.now, was_held=False, is_held=True)
    text = shown(config=config, version=2)
    assert text.startswith("**red**, disabled. Disabled because too many deliveries in a row")
    assert "`[click](http://evil.example)`" in text
    assert "1 delivery is held, the first since 2026-" in text
    assert "The next probe is due at 2026-" in text
    assert "Version 2, POSTs go to `hooks.example.com`." in text
    assert "t0ken" not in text
    assert shown(config=config, deleted=True).startswith("Deleted")
    endpoint.health.resume(endpoint.now)
    assert "It drains since" in shown(config=config, version=3)
    endpoint.health.queue.slow_down(endpoint.now, 30)
    assert "The receiver asked for fewer: it goes on at" in shown(config=config, version=3)


def test_tenants_queues_and_recoveries_have_counts() -> None:
    """A tenant counts endpoints, a queue what waits, a recovery what it has checked."""
    table = RouteTable([[Route(endpoint_id="ep", version=1, event_types=["*"])]])
    tenant = TenantState(tenant_id="acme")
    assert tenant_details(tenant, table) == "It is being created."
    tenant.version, tenant.settings = 3, TenantSettings(name="`Acme`")
    assert tenant_details(tenant, table).startswith("`'Acme'`: 1 endpoint. ")
    tenant.deleted = True
    assert tenant_details(tenant, table).startswith("Deleted")
    assert queue_details(QueueView(), None) == "No delivery waits for its turn."
    view = QueueView(waiting=2, waiting_since=NOW, blocked_by="evt")
    rules = QueueRules(version=4, per_second=0.5, in_order=True)
    assert queue_details(view, rules).split("\n\n") == [
        "2 deliveries wait for turns; the first was accepted at 2026-01-15T10:00:00Z.",
        (
            "They wait for a person: the delivery of event `evt` was given up, and `on_give_up` is"
            " `hold`. Retry it, or set `on_give_up` to `skip`."
        ),
        "Rules of version 4: at most 0.5 attempts a second, in the order of acceptance.",
    ]
    recovery = RecoveryView(
        request=RecoveryInput(
            tenant_id="acme",
            endpoint_id="ep",
            status=RecoverySelection.FAILED,
            since=NOW,
            until=NOW + timedelta(hours=1),
            per_second=5,
        )
    )
    assert recovery_details(recovery).startswith("Under way: none checked when it last stopped.")
    recovery.paused, recovery.progress = True, RecoveryProgress(total=9, done=4, unreadable=1)
    assert recovery_details(recovery) == (
        "Paused: 4 of 9 checked. 1 could not be read.\n\nIt sends what is failed since"
        " 2026-01-15T10:00:00Z until 2026-01-15T11:00:00Z, at most 5 a second."
    )
    recovery.progress.complete = True
    assert recovery_details(recovery).startswith("Complete: 4 checked.")


def test_nothing_that_the_ui_lists_is_without_a_summary() -> None:
    """Activities and timers of a workflow have a summary, updates and signals a description."""
    without = []
    for path in sorted(WORKFLOWS_FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                given = {keyword.arg for keyword in node.keywords}
                name = node.func.attr
                starts = name == "sleep" or "activity_method" in name
                wanted = {"summary"} if starts else set()
                if name == "wait_condition" and "timeout" in given:
                    wanted = {"timeout_summary"}
                if not wanted <= given:
                    without.append(f"{path.name}:{node.lineno}")
    assert without == []
    definitions = [workflow._Definition.must_from_class(each) for each in WORKFLOWS]
    handlers = [
        it for each in definitions for it in (*each.updates.values(), *each.signals.values())
    ]
    assert {None, *Update, Signal.RENEW} <= {handler.name for handler in handlers}
    assert [handler.name for handler in handlers if not handler.description] == []
