"""A message that tells people of a tenant what became of one of its endpoints."""

from typing import Literal

from pydantic import BaseModel, JsonValue

from hookwright.ids import EventType
from hookwright.models.endpoint_duties import EndpointRef
from hookwright.models.notify import EmailAddress
from hookwright.times import Timestamp

SLACK = "slack"
"""How the chat is called where the others are e-mail addresses."""


class NotificationInput(BaseModel):
    """What is told, and to whom.

    `type`, `data` and `last_error` are those of the notice, `at` is when it was made. The URL, the
    description and the number of held deliveries are the endpoint's when the message was begun.
    `count` is how many deliveries are exhausted that this message tells of.
    """

    endpoint: EndpointRef
    type: EventType
    at: Timestamp
    data: dict[str, JsonValue]
    url: str
    description: str = ""
    held: int = 0
    last_error: str | None = None
    count: int = 1
    emails: list[EmailAddress] = []
    slack: bool = False


class MailInput(BaseModel):
    """A mail to one address."""

    notification: NotificationInput
    address: EmailAddress


class Told(BaseModel):
    """What became of one message. `to` is an e-mail address, or `slack`.

    `unwanted`: the tenant is gone, or wants nothing told there any more. `failed` has an `error`.
    """

    to: str
    outcome: Literal["sent", "unwanted", "failed"]
    error: str | None = None
