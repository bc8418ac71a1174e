"""One signed POST: render, sign, send, and what came of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.exceptions import ApplicationError

from activities.egress import MAX_ERROR_BYTES, Answer, Egress, clip
from hookwright.contracts import (
    DEFAULT_CONTRACT,
    Contract,
    RetryRule,
    effective_rule,
    parse_retry_after,
    shown_headers,
)
from hookwright.expressions import MAX_COST, Evaluator
from hookwright.ids import delivery_id
from hookwright.models import Attempt, EndpointState, EventInput
from hookwright.outcomes import Outcome, Trigger
from hookwright.routing import filters, verdict
from hookwright.security import concealed
from hookwright.webhook import contract_document, event_document, render, sign, written

USER_AGENT = "Hookwright/0.1"

FILTER_TOO_COSTLY = (
    f"the filter, with the tenant's others, takes more than {MAX_COST} steps over this event;"
    " make it simpler"
)


class NotWantedError(Exception):
    """The endpoint's filter does not let the event through."""


@dataclass(frozen=True)
class Posted:
    """The record of a POST, and for how long the receiver asked to be left alone, in seconds.

    None if it did not, or if the contract does not honour it.
    """

    attempt: Attempt
    rule: RetryRule
    asked: float | None


@dataclass(frozen=True)
class Posting:
    """Sends events as an endpoint's contract has it."""

    egress: Egress
    contracts: Mapping[str, Contract]
    evaluator: Evaluator

    async def post(  # noqa: PLR0913 - what an attempt is
        self,
        endpoint: EndpointState,
        event: EventInput,
        happened_at: datetime,
        number: int,
        trigger: Trigger,
        *,
        unfiltered: bool = False,
    ) -> Posted:
        """Send an event to an endpoint. What the receiver does wrong is in the answer.

        An `unfiltered` one goes through the endpoint's filter first.

        Raises:
            ApplicationError: the contract is missing; ours to mend.
            NotWantedError: the endpoint's filter does not let the event through.
        """
        contract = self.contract(endpoint)
        started_at, started = datetime.now(UTC), time.perf_counter()
        answer = None
        if unfiltered:
            answer = await self._filtered(endpoint, event, happened_at)
        answer = answer or await self._answer(contract, endpoint, event, happened_at, started_at)
        attempt = Attempt(
            number=number,
            started_at=started_at,
            duration_ms=round((time.perf_counter() - started) * 1000),
            outcome=answer.outcome,
            status_code=answer.status_code,
            response_body=answer.body,
            error=answer.error,
            trigger=trigger,
            timing=answer.timing,
            request_headers=shown_headers(
                answer.sent, secret=[*endpoint.headers, contract.signature.header]
            ),
        )
        rule = effective_rule(contract.retry, endpoint.active_config.retry)
        asked = None
        if answer.retry_after and rule.honours_retry_after:
            asked = parse_retry_after(answer.retry_after)
        return Posted(attempt, rule, asked)

    def contract(self, endpoint: EndpointState) -> Contract:
        """Return an endpoint's contract.

        Raises:
            ApplicationError: it is missing. The delivery waits, and it costs the receiver nothing.
        """
        name = endpoint.active_config.contract or DEFAULT_CONTRACT
        contract = self.contracts.get(name)
        if contract is None:
            raise ApplicationError(f"contract {name} is missing; is HOOKWRIGHT_CONTRACTS_DIR set?")
        return contract

    async def _filtered(
        self, endpoint: EndpointState, event: EventInput, happened_at: datetime
    ) -> Answer | None:
        """Return the answer to an event that cannot be filtered; None if it passes the filter."""
        route = endpoint.route()
        found = await self.evaluator.verdicts(
            endpoint.tenant_id, filters([route]), event_document(event, happened_at)
        )
        passes = verdict(route, found)
        if passes is False:
            raise NotWantedError
        return Answer(Outcome.FILTER_ERROR, error=FILTER_TOO_COSTLY) if passes is None else None

    async def _body(
        self, contract: Contract, endpoint: EndpointState, event: EventInput, happened_at: datetime
    ) -> bytes:
        """Return the body: by the endpoint's own template, or by the contract's envelope."""
        template = endpoint.active_config.payload_template
        if template is None:
            return render(contract, event, happened_at)
        document = contract_document(contract, event, happened_at)
        value = await self.evaluator.value(endpoint.tenant_id, template, document)
        return written(contract, value)

    async def _answer(
        self,
        contract: Contract,
        endpoint: EndpointState,
        event: EventInput,
        happened_at: datetime,
        now: datetime,
    ) -> Answer:
        config = endpoint.active_config
        try:
            body = await self._body(contract, endpoint, event, happened_at)
        except ValueError as error:
            # JMESPath repeats the value that did not fit, whatever its size.
            fault = clip(f"payload template: {error}", MAX_ERROR_BYTES)
            return Answer(Outcome.TEMPLATE_ERROR, error=fault)
        try:
            headers = _headers(contract, endpoint, event.id, now, body)
        except ValueError as error:
            return Answer(Outcome.PROTOCOL_ERROR, error=f"cannot be signed: {error}")
        timeout = config.timeout_seconds or contract.timeout_seconds
        secrets = [*endpoint.live_secrets(now), headers[contract.signature.header]]
        if endpoint.client_identity:
            secrets.append(endpoint.client_identity.key)
        with concealed(config.url, *secrets, *endpoint.headers.values()):
            return await self.egress.post(
                config.url, headers, body, timeout, endpoint.client_identity
            )


def _headers(
    contract: Contract, endpoint: EndpointState, event_id: str, now: datetime, body: bytes
) -> dict[str, str]:
    unix_time = int(now.timestamp())
    own = {
        "event_id": event_id,
        "delivery_id": delivery_id(endpoint.endpoint_id, event_id),
        "unix_time": str(unix_time),
    }
    signature = sign(contract.signature, endpoint.live_secrets(now), event_id, unix_time, body)
    return {
        **endpoint.headers,
        "user-agent": USER_AGENT,
        "accept-encoding": "identity",
        "content-type": contract.content_type,
        **{name: own[source] for name, source in contract.headers.items()},
        contract.signature.header: signature,
    }
