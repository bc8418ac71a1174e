"""What the settings of an endpoint or a tenant must meet before anything is stored."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

from api.http import Problem, invalid, not_found, unavailable
from hookwright.contracts import Contract, Contracts, UnknownContractError
from hookwright.models import LONGEST_ATTEMPT, EndpointConfig, NotifySettings
from hookwright.security import ClientIdentity, DestinationPolicy, check_identity
from hookwright.temporal import RPC_TIMEOUT, ErrorType, at_most

P = ParamSpec("P")
Value = TypeVar("Value")

MAX_CONFIG_BYTES = 8_192
"""With 4 KiB of headers, ten live secrets and its health an endpoint's memo stays below 28 KiB;
most have some 5 KB."""

MAX_BYTES = 12_288
"""The limit with a client certificate and its key, which take what config and headers leave."""

PemPair = tuple[str | None, str | None]
"""A client certificate and its key; both None for no certificate."""


def or_invalid(field: str, check: Callable[P, Value], *args: P.args, **kwargs: P.kwargs) -> Value:
    """Return what a check of the domain returns.

    Raises:
        Problem: 422, which names the field, if the check raises ValueError.
    """
    try:
        return check(*args, **kwargs)
    except ValueError as error:
        raise invalid(("body", field), str(error)) from None


def chosen_contract(contracts: Contracts, name: str | None) -> Contract:
    """Return the contract that a caller chose, or the default one.

    Raises:
        Problem: 422, which says what contracts there are.
    """
    try:
        return contracts.named(name)
    except UnknownContractError as error:
        raise invalid(("body", "contract"), str(error)) from None


def checked_notify(
    notify: NotifySettings | None, destinations: DestinationPolicy
) -> NotifySettings | None:
    """Return who is to be told, if the chat's URL is one that webhooks may go to.

    Which fields the caller has left out stays visible (`leaves_out_slack_url`).

    Raises:
        Problem: 422, which names the fault, and never repeats the URL.
    """
    if notify is None or notify.slack_url is None:
        return notify
    try:
        url = destinations.check_url(notify.slack_url)
    except ValueError as error:
        raise invalid(("body", "notify", "slack_url"), str(error)) from None
    return notify.model_copy(update={"slack_url": url})


def leaves_out_slack_url(notify: NotifySettings | None) -> bool:
    """Return whether a caller says nothing about the chat's URL, so that it stays as it is."""
    return notify is not None and "slack_url" not in notify.model_fields_set


def checked_config(config: EndpointConfig, contract: Contract) -> EndpointConfig:
    """Return the configuration, if the contract has such events and it is not too large.

    Raises:
        Problem: 422.
    """
    if fault := contract.subscription_fault(config.event_types):
        raise invalid(("body", "event_types"), fault)
    if len(config.model_dump_json().encode()) > MAX_CONFIG_BYTES:
        raise invalid(("body",), f"an endpoint has at most {MAX_CONFIG_BYTES} bytes")
    return config


def checked_identity(client: PemPair) -> ClientIdentity | None:
    """Return the client certificate with its key, or None for no certificate.

    Raises:
        Problem: 422, one of the two is missing, or they will not do.
    """
    certificate, key = client
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "client_key" if key is None else "client_certificate"
        raise invalid(("body", missing), "give both, client_certificate and client_key")
    return or_invalid("client_certificate", check_identity, certificate, key, datetime.now(UTC))


@asynccontextmanager
async def testing() -> AsyncIterator[None]:
    """Bound the wait for a test event, and turn its failure into a problem.

    Raises:
        Problem: 404; 503 no worker sent it in time, or too many tests are under way.
        RPCError: Temporal has not told in time what came of it.
    """
    try:
        async with at_most(LONGEST_ATTEMPT + RPC_TIMEOUT):
            yield
    except WorkflowFailureError as error:
        raise _test_problem(error) from None


def _test_problem(error: WorkflowFailureError) -> Problem:
    """Return the 503 for a test event that nobody sent, or the 404 if its endpoint is gone."""
    if isinstance(error.cause, TemporalTimeoutError):
        return unavailable("no worker sent the test in time; try again")
    fault = error.cause.cause if isinstance(error.cause, ActivityError) else None
    if isinstance(fault, ApplicationError) and fault.type == ErrorType.BUSY:
        return unavailable(f"too many tests at once: {fault.message}; try again")
    return not_found("endpoint")


def check_size(
    config: EndpointConfig, headers: Mapping[str, str], identity: ClientIdentity | None
) -> None:
    """Refuse an endpoint that is too large with its headers and its client certificate.

    Raises:
        Problem: 422.
    """
    size = len(config.model_dump_json().encode()) + sum(map(len, [*headers, *headers.values()]))
    if identity and size + len(identity.model_dump_json()) > MAX_BYTES:
        raise invalid(
            ("body", "client_certificate"),
            f"an endpoint has at most {MAX_BYTES} bytes with headers, certificate and key;"
            " an elliptic-curve key is the shortest",
        )
