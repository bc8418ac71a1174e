"""Security: secrets stay out of logs and answers, and webhooks stay out of private networks."""

from hookwright.security.client_identity import (
    MAX_PEM_CHARACTERS,
    ClientCertificate,
    ClientIdentity,
    check_identity,
    describe_identity,
    load_identity,
)
from hookwright.security.destinations import (
    MAX_URL_LENGTH,
    Address,
    DestinationPolicy,
    host_of,
    parse_networks,
)
from hookwright.security.log_redaction import (
    SECRET_FIELDS,
    find_secret_values,
    hidden_from_logs,
    redact_hidden_values,
)

__all__ = [
    "MAX_PEM_CHARACTERS",
    "MAX_URL_LENGTH",
    "SECRET_FIELDS",
    "Address",
    "ClientCertificate",
    "ClientIdentity",
    "DestinationPolicy",
    "check_identity",
    "describe_identity",
    "find_secret_values",
    "hidden_from_logs",
    "host_of",
    "load_identity",
    "parse_networks",
    "redact_hidden_values",
]
