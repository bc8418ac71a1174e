"""What an operator deploys: names of settings that were mistyped, and versions of workers."""

from runtime.deployment.unknown_names import known_names, remedies, warn_of_unknown_names
from runtime.deployment.versions import (
    deployment_config,
    deployment_name,
    log_routing,
    promote,
    routing_of,
    worker_version,
)

__all__ = [
    "deployment_config",
    "deployment_name",
    "known_names",
    "log_routing",
    "promote",
    "remedies",
    "routing_of",
    "warn_of_unknown_names",
    "worker_version",
]
