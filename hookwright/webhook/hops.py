"""How webhooks are recognised as ours, so that one that publishes an event cannot do so for ever.

Every POST names Hookwright as its user agent. If its event was itself published by a webhook, the
user agent also counts the hops so far, as a comment: `Hookwright/1.0 (hops=2)`. Other webhooks look
as they always did, and no contract has a header for this.
"""

import re
from importlib.metadata import version

USER_AGENT = f"Hookwright/{version('hookwright')}"

MARK = re.compile(r"Hookwright/\S+(?: \(hops=([0-9]{1,9})\))?")

MAX_HOPS = 3
"""An event may be published by a webhook, whose event was published by a webhook, and so on, so
many times in all. Chains that are meant are shorter; a loop is stopped before it is a flood."""


def user_agent(hops: int) -> str:
    """Return the user agent for the webhooks of an event that so many webhooks led to."""
    return f"{USER_AGENT} (hops={hops})" if hops else USER_AGENT


def hops_of(user_agent: str) -> int:
    """Return how many webhooks led to a request, with itself: 0 if it is not a webhook of ours."""
    match = MARK.fullmatch(user_agent)
    return int(match[1] or 0) + 1 if match else 0
