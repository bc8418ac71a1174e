"""Contracts: data that describes how a provider's webhooks look and behave."""

from hookwright.contracts.contract import (
    MAX_TIMEOUT_SECONDS,
    Contract,
    ContractError,
    SignatureRule,
)
from hookwright.contracts.deactivation import DeactivationRule, DisabledReason
from hookwright.contracts.headers import check_headers, shown_headers
from hookwright.contracts.registry import (
    DEFAULT_CONTRACT,
    Contracts,
    UnknownContractError,
    load_contracts,
)
from hookwright.contracts.retries import (
    MAX_DELAY_SECONDS,
    MAX_RETRIES,
    MAX_RETRY_AFTER_SECONDS,
    Backoff,
    Retry,
    RetryRule,
    effective_rule,
    next_delay,
    parse_retry_after,
)

__all__ = [
    "DEFAULT_CONTRACT",
    "MAX_DELAY_SECONDS",
    "MAX_RETRIES",
    "MAX_RETRY_AFTER_SECONDS",
    "MAX_TIMEOUT_SECONDS",
    "Backoff",
    "Contract",
    "ContractError",
    "Contracts",
    "DeactivationRule",
    "DisabledReason",
    "Retry",
    "RetryRule",
    "SignatureRule",
    "UnknownContractError",
    "check_headers",
    "effective_rule",
    "load_contracts",
    "next_delay",
    "parse_retry_after",
    "shown_headers",
]
