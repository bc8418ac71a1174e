"""Whom a tenant wants to be told about its endpoints: e-mail addresses and a chat's webhook."""

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hookwright.security import MAX_URL_LENGTH

MAX_EMAILS, MAX_EMAIL_LENGTH = 10, 254

WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){WORD}(\.{WORD})*@({LABEL}\.)+{LABEL}")
"""The plain form of an address. It has no room for a line break, a space, a comma or a quoted part,
so an address can never become a second header or a second recipient."""


def check_email(address: str) -> str:
    """Return an e-mail address that is written plainly.

    Raises:
        ValueError: it is not.
    """
    if len(address) > MAX_EMAIL_LENGTH or not EMAIL.fullmatch(address):
        raise ValueError("write an address as name@example.com, in ASCII and without a name before")
    return address


def _distinct(addresses: list[str]) -> list[str]:
    """Return each address once, so that nobody gets a mail twice."""
    return [*{address.casefold(): address for address in reversed(addresses)}.values()][::-1]


EmailAddress = Annotated[str, AfterValidator(check_email)]


class NotifyView(BaseModel):
    """Who is told, as answers show it. The chat's URL is a secret, so only its host is shown."""

    emails: list[str]
    slack_host: str | None


class NotifySettings(BaseModel):
    """Who is told when an endpoint fails or works again.

    `slack_url` is the URL of an incoming webhook of Slack, or of a chat that takes the same JSON.
    Whoever knows it can write into the chat, so no answer shows it. The `slack_host` of an answer
    may be sent back, and says nothing: people read a tenant, change a part, and send it again.
    """

    model_config = ConfigDict(extra="forbid")

    emails: Annotated[list[EmailAddress], AfterValidator(_distinct)] = Field(
        default=[], max_length=MAX_EMAILS
    )
    slack_url: str | None = Field(default=None, max_length=MAX_URL_LENGTH, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _without_slack_host(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if name != "slack_host"}

    def completed(self, earlier: Self | None, *, keeps_slack_url: bool) -> Self:
        """Return these settings, with the earlier chat's URL if it was left out.

        No answer shows that URL, so a caller who changes the addresses could not send it again.
        """
        if not keeps_slack_url or earlier is None:
            return self
        return self.model_copy(update={"slack_url": earlier.slack_url})

    def view(self) -> NotifyView:
        """Return what answers show."""
        host = urlsplit(self.slack_url).hostname if self.slack_url else None
        return NotifyView(emails=self.emails, slack_host=host)
