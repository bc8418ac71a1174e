"""Contracts: data that describes how a provider's webhooks look and behave."""

from hookwright.contracts.contract import (
    MAX_TIMEOUT_SECONDS,
    Contract,
    ContractError,
    load_contract,
)
from hookwright.contracts.deactivation import DeactivationRule, DisabledReason
from hookwright.contracts.header_templates import EXTRA_PREFIX, HEADER_SOURCES, as_template
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
from hookwright.contracts.signature import SignatureRule
from hookwright.contracts.text_templates import PLACEHOLDER, fill, fill_bytes, placeholders

__all__ = [
    "DEFAULT_CONTRACT",
    "EXTRA_PREFIX",
    "HEADER_SOURCES",
    "MAX_DELAY_SECONDS",
    "MAX_RETRIES",
    "MAX_RETRY_AFTER_SECONDS",
    "MAX_TIMEOUT_SECONDS",
    "PLACEHOLDER",
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
    "as_template",
    "check_headers",
    "effective_rule",
    "fill",
    "fill_bytes",
    "load_contract",
    "load_contracts",
    "next_delay",
    "parse_retry_after",
    "placeholders",
    "shown_headers",
]
