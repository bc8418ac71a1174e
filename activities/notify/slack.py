"""A message in a chat: the JSON that incoming webhooks of Slack take, and those that imitate it."""

import json
from collections import Counter
from dataclasses import dataclass, field

from activities.egress import Egress
from activities.notify.message import Message
from activities.notify.refusals import not_now, refused
from activities.shares import NoRoomError
from hookwright.contracts import parse_retry_after
from hookwright.outcomes import Outcome
from hookwright.security import hidden_from_logs

TIMEOUT_SECONDS = 15.0
MAX_AT_ONCE = 4
"""POSTs of one tenant at the same time. A chat that never answers must not take all slots that
messages of others need."""

BUSY_SECONDS = 10.0
HEADERS = {"content-type": "application/json; charset=utf-8", "user-agent": "Hookwright"}
TRY_AGAIN = (408, 425, 429)
FIRST_CLIENT_ERROR, FIRST_SERVER_ERROR = 400, 500

ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""All that Slack wants escaped. With it neither `<!channel>` nor `<url|text>` is a command."""


@dataclass(frozen=True)
class SlackSender:
    """Sends messages to chats by the egress client, with the same guard as webhooks."""

    egress: Egress
    _running: Counter[str] = field(default_factory=Counter, init=False)

    async def send(self, url: str, message: Message, tenant_id: str) -> None:
        """POST a message. A redirect is not followed, and is a refusal.

        Raises:
            ApplicationError: the chat did not take it. Not to be retried after a refusal.
        """
        if self._running[tenant_id] >= MAX_AT_ONCE:
            raise not_now("other messages to the chat are under way", BUSY_SECONDS)
        body = json.dumps({"text": as_chat_text(message)}).encode()
        self._running[tenant_id] += 1
        try:
            with hidden_from_logs(url):
                answer = await self.egress.post(
                    url, HEADERS, body, TIMEOUT_SECONDS, tenant_id=tenant_id
                )
        except NoRoomError as error:
            raise not_now(str(error), error.seconds) from None
        finally:
            self._running[tenant_id] -= 1
            if not self._running[tenant_id]:
                del self._running[tenant_id]
        if answer.outcome is Outcome.DELIVERED:
            return
        reason = f"the chat: {answer.error}"
        if answer.outcome is Outcome.BLOCKED_DESTINATION or _is_refusal(answer.status_code):
            raise refused(reason)
        raise not_now(reason, parse_retry_after(answer.retry_after or ""))


def _is_refusal(status_code: int | None) -> bool:
    """Return whether the chat refuses for good: a redirect, or a 4xx that no waiting mends."""
    code = status_code or FIRST_SERVER_ERROR
    return code < FIRST_SERVER_ERROR and code not in TRY_AGAIN


def as_chat_text(message: Message) -> str:
    """Return the message in Slack's markup.

    What strangers wrote stands in code marks: there a chat shows it to the letter. It makes no
    links or formats of it, and `@channel` calls nobody (Mattermost would heed it elsewhere).
    """
    lines = [f"*{_escaped(message.title)}*", _escaped(message.lead)]
    lines += [f"• {label}: `{_escaped(it).replace('`', chr(39))}`" for label, it in message.facts]
    if message.link:
        lines.append(f"<{_escaped(message.link)}|Open the endpoint in the portal>")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return text.translate(ESCAPES)
