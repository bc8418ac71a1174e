"""One signed POST: render the body, sign it, send it, and record the result."""

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from temporalio.exceptions import ApplicationError

from activities.egress import MAX_ERROR_BYTES, Answer, Egress, clip
from activities.shares import EVALUATIONS, Shares
from hookwright import metrics, tracing
from hookwright.contracts import (
    Contract,
    Contracts,
    RetryRule,
    UnknownContractError,
    effective_rule,
    parse_retry_after,
    shown_headers,
)
from hookwright.expressions import MAX_COST, Evaluator, Room
from hookwright.models import Attempt, EndpointState, EventInput
from hookwright.outcomes import Outcome, Trigger
from hookwright.routing import filter_expressions, filter_verdict
from hookwright.security import hidden_from_logs, host_of
from hookwright.tracing import SpanKind
from hookwright.webhook import (
    Posting,
    contract_document,
    contract_headers,
    encode_body,
    event_document,
    operator_headers,
    render,
    user_agent,
)

MAX_STORED_REQUEST_BYTES = 2_048
"""How much of a body that was sent is recorded. Temporal's history of a delivery has it twice, or
five times if the delivery is retried (docs/decisions/0014-statistics.md)."""

SECRET_RESPONSE_HEADERS = ("set-cookie", "set-cookie2", "authentication-info")
"""Headers of an answer whose values open something."""

FILTER_TOO_COSTLY = (
    f"the filter, with the tenant's others, takes more than {MAX_COST} steps over this event;"
    " make it simpler"
)


class FilteredOutError(Exception):
    """The endpoint's filter does not let the event through."""


@dataclass(frozen=True)
class WebhookRequest:
    """An event to send to an endpoint, as attempt `number`.

    `unfiltered`: the endpoint's filter is not evaluated yet, so it is evaluated before the POST.
    """

    endpoint: EndpointState
    event: EventInput
    happened_at: datetime
    number: int
    trigger: Trigger
    unfiltered: bool = False


@dataclass(frozen=True)
class SentAttempt:
    """The record of an attempt, the retry rule that applies, and the receiver's `Retry-After`.

    `retry_after` is in seconds. It is None if the header was missing or invalid, or if the contract
    does not honour it.
    """

    attempt: Attempt
    rule: RetryRule
    retry_after: float | None


@dataclass(frozen=True)
class WebhookSender:
    """Sends events in the form of each endpoint's contract."""

    egress: Egress
    contracts: Contracts
    evaluator: Evaluator
    added_headers: Mapping[str, str] = field(default_factory=dict)
    """Sources by the names of headers, which the operator adds to those of every contract."""

    evaluations: Shares = field(default_factory=lambda: Shares(EVALUATIONS), init=False)

    async def send(self, request: WebhookRequest) -> SentAttempt:
        """Send an event to an endpoint. A failure of the receiver is part of the result.

        Raises:
            ApplicationError: the contract is missing; the operator must restore it.
            FilteredOutError: the endpoint's filter does not let the event through.
            NoRoomError: something that the attempt needs is in use; nothing was sent.
        """
        with tracing.span("attempt", SpanKind.CLIENT, _facts(request)) as span:
            sent = await self._send(request)
            attempt = sent.attempt
            span.note({"http.response.status_code": attempt.status_code})
            span.note({"hookwright.outcome": attempt.outcome})
            if attempt.outcome is not Outcome.DELIVERED:
                span.fail(attempt.outcome)
        return sent

    async def _send(self, request: WebhookRequest) -> SentAttempt:
        endpoint = request.endpoint
        contract = self.contract(endpoint)
        started_at, started = datetime.now(UTC), time.perf_counter()
        answer = await self._check_filter(request) if request.unfiltered else None
        answer = answer or await self._post(contract, request, started_at)
        seconds = time.perf_counter() - started
        metrics.attempt_ended(answer.outcome, answer.status_code, request.trigger, seconds)
        attempt = Attempt(
            number=request.number,
            started_at=started_at,
            duration_ms=round(seconds * 1000),
            outcome=answer.outcome,
            status_code=answer.status_code,
            response_body=answer.body,
            error=answer.error,
            trigger=request.trigger,
            timing=answer.timing,
            request_headers=shown_headers(
                answer.sent, secret=[*endpoint.headers, contract.signature.header]
            ),
            url=endpoint.active_config.url,
            response_headers=shown_headers(answer.received, secret=SECRET_RESPONSE_HEADERS),
            request_body=_beginning(answer.sent_body),
            request_bytes=None if answer.sent_body is None else len(answer.sent_body),
        )
        rule = effective_rule(contract.retry, endpoint.active_config.retry)
        retry_after = None
        if answer.retry_after and rule.honours_retry_after:
            retry_after = parse_retry_after(answer.retry_after)
        return SentAttempt(attempt, rule, retry_after)

    def contract(self, endpoint: EndpointState) -> Contract:
        """Return an endpoint's contract.

        Raises:
            ApplicationError: the contract is missing. The delivery waits, and no attempt is counted
                as the receiver's failure.
        """
        try:
            return self.contracts.named(endpoint.active_config.contract)
        except UnknownContractError as error:
            raise ApplicationError(error.missing) from None

    async def _check_filter(self, request: WebhookRequest) -> Answer | None:
        """Return None if the event passes the endpoint's filter, else the failed answer.

        Raises:
            FilteredOutError: the filter does not let the event through.
        """
        route = request.endpoint.route()
        document = event_document(request.event, request.happened_at)
        verdicts = await self.evaluator.verdicts(
            request.endpoint.tenant_id, filter_expressions([route]), document, self._room(request)
        )
        passes = filter_verdict(route, verdicts)
        if passes is False:
            raise FilteredOutError
        return Answer(Outcome.FILTER_ERROR, error=FILTER_TOO_COSTLY) if passes is None else None

    async def _post(self, contract: Contract, request: WebhookRequest, now: datetime) -> Answer:
        """Render, sign and send. A body that cannot be rendered or signed is a failed answer."""
        endpoint, config = request.endpoint, request.endpoint.active_config
        try:
            body = await self._body(contract, request)
        except ValueError as error:
            # The error of JMESPath repeats the value that did not fit, which may be large.
            fault = clip(f"payload template: {error}", MAX_ERROR_BYTES)
            return Answer(Outcome.TEMPLATE_ERROR, error=fault)
        try:
            headers = self._headers(contract, request, now, body)
        except ValueError as error:
            return Answer(Outcome.PROTOCOL_ERROR, error=f"cannot be signed: {error}")
        timeout = config.timeout_seconds or contract.timeout_seconds
        secrets = [*(each.value for each in endpoint.secrets), headers[contract.signature.header]]
        if endpoint.client_identity:
            secrets.append(endpoint.client_identity.key)
        hidden = hidden_from_logs(config.url, *secrets, *endpoint.headers.values())
        with hidden, metrics.post_in_flight():
            return await self.egress.post(
                config.url, headers, body, timeout, endpoint.client_identity, endpoint.tenant_id
            )

    async def _body(self, contract: Contract, request: WebhookRequest) -> bytes:
        """Return the body, from the endpoint's own template or from the contract's envelope."""
        template = request.endpoint.active_config.payload_template
        if template is None:
            return render(contract, request.event, request.happened_at)
        document = contract_document(contract, request.event, request.happened_at)
        value = await self.evaluator.value(
            request.endpoint.tenant_id, template, document, self._room(request)
        )
        return encode_body(contract, value)

    def _room(self, request: WebhookRequest) -> Room:
        """Return what gives the right to wait for a costly expression, to few of a tenant at once.

        A test event always has it: a person waits for the result, and few are under way.
        """
        if request.trigger is Trigger.TEST:
            return nullcontext
        endpoint = request.endpoint
        return partial(self.evaluations.take, endpoint.tenant_id, endpoint.endpoint_id)

    def _headers(
        self, contract: Contract, request: WebhookRequest, now: datetime, body: bytes
    ) -> dict[str, str]:
        """Return all headers. The signature covers none of them but those that its scheme names."""
        endpoint = request.endpoint
        posting = Posting(
            event=request.event,
            happened_at=request.happened_at,
            endpoint_id=endpoint.endpoint_id,
            url=endpoint.active_config.url,
            attempt=request.number,
            at=now,
            traceparent=tracing.traceparent(),
        )
        headers = {
            **endpoint.headers,
            "user-agent": user_agent(request.event.hops),
            "accept-encoding": "identity",
            **contract_headers(contract, posting, endpoint.live_secrets(now), body),
        }
        if self.added_headers:
            headers |= operator_headers(contract, posting, self.added_headers, taken=headers)
        return headers


def _beginning(body: bytes | None) -> str | None:
    """Return as much of a body as is recorded, in whole characters.

    A body is always UTF-8 (`encode_body`), so nothing but a character that was cut is left out.
    """
    return None if body is None else body[:MAX_STORED_REQUEST_BYTES].decode(errors="ignore")


def _facts(request: WebhookRequest) -> tracing.Facts:
    """Return what a span says of an attempt. Of the URL it has the host only."""
    endpoint, event = request.endpoint, request.event
    return {
        "http.request.method": "POST",
        "server.address": host_of(endpoint.active_config.url) or None,
        "hookwright.tenant_id": endpoint.tenant_id,
        "hookwright.endpoint_id": endpoint.endpoint_id,
        "hookwright.event_id": event.id,
        "hookwright.event_type": event.type,
        "hookwright.attempt": request.number,
        "hookwright.trigger": request.trigger,
    }
