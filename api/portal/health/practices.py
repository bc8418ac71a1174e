"""Good practices of receivers, chosen by the faults that an endpoint shows."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from hookwright.outcomes import Colour, Outcome

SLOW_MS = 5_000.0
"""An attempt that takes longer may soon end in a timeout."""

REFUSED_SIGNATURE = re.compile(r"\b40[13]\b")
"""How the error of an answer reads with which receivers refuse a signature."""

NO_CONNECTION = {Outcome.CONNECTION_ERROR, Outcome.TLS_ERROR, Outcome.DNS_ERROR}


@dataclass(frozen=True)
class Practice:
    """What a receiver should do, and why it helps."""

    title: str
    text: str


ANSWER_QUICKLY = Practice(
    "Answer with a 2xx status at once",
    "Store the webhook, answer, and do the work afterwards. An answer that comes too late counts"
    " as a failure, and the webhook is sent again.",
)
HANDLE_DUPLICATES = Practice(
    "Expect the same webhook twice",
    "If an answer is lost, the webhook is sent again with the same id. Keep the ids that you have"
    " handled, and answer a repeated one with 2xx without doing the work again.",
)
VERIFY_SIGNATURES = Practice(
    "Verify the signature over the body as it came",
    "Compute it over the received bytes, before any parser changes them, with the current secret,"
    " and compare in constant time.",
)
LOG = Practice(
    "Log each webhook that you receive",
    "Log its id, its type and your answer. Then you find the reason of an error in your own logs"
    " by the event's id, which the attempt shows.",
)
WATCH_FAILURES = Practice(
    "Watch for failures",
    "Have an alarm of your own when webhooks stop coming or your answers are errors. A webhook"
    " that fails for too long is disabled.",
)
ALL = (ANSWER_QUICKLY, HANDLE_DUPLICATES, VERIFY_SIGNATURES, LOG, WATCH_FAILURES)


def practices_for(
    outcomes: Collection[Outcome],
    latency_p95_ms: float | None,
    last_error: str | None,
    health: Colour,
) -> list[Practice]:
    """Return the practices that help against these faults: all of them before the first attempt."""
    if not outcomes and health is Colour.GREEN:
        return list(ALL)
    seen = set(outcomes)
    helps: set[Practice] = set()
    if Outcome.TIMEOUT in seen or (latency_p95_ms or 0) > SLOW_MS:
        helps |= {ANSWER_QUICKLY, HANDLE_DUPLICATES}
    if Outcome.PROTOCOL_ERROR in seen:
        helps |= {HANDLE_DUPLICATES, LOG}
    if Outcome.HTTP_ERROR in seen:
        helps.add(LOG)
    if REFUSED_SIGNATURE.search(last_error or ""):
        helps.add(VERIFY_SIGNATURES)
    if seen & NO_CONNECTION or health is Colour.RED:
        helps.add(WATCH_FAILURES)
    return [practice for practice in ALL if practice in helps]
