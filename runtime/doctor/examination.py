"""The checks in their order: settings, Temporal, workers, the API, and the way out."""

import asyncio
from collections.abc import Mapping
from typing import Any

from runtime.doctor import api_checks, egress_checks, setting_checks, temporal_checks
from runtime.doctor.findings import Finding, skipped


async def examine(connection: Mapping[str, Any], to: str | None) -> list[Finding]:
    """Look at everything, and return what was found.

    `connection` has the options that say where the API is; `to` is a URL that webhooks should
    reach. Nothing is changed anywhere.
    """
    settings, findings = setting_checks.examine()
    if settings is None:
        findings += [
            skipped("Temporal", "Not looked at, because the settings are not valid."),
            skipped("egress", "Not looked at, because the settings are not valid."),
        ]
    else:
        findings += await temporal_checks.examine(settings)
        findings += await egress_checks.examine(settings, to)
    # In a thread, so that Ctrl-C ends this also while the API does not answer.
    return findings + await asyncio.to_thread(api_checks.examine, connection)
