"""Whom a tenant can name: plain addresses, each once, and a chat whose URL is not shown."""

import pytest
from pydantic import ValidationError

from hookwright.models import NotifySettings
from hookwright.models.notify import MAX_EMAILS

URL = "https://hooks.slack.com/services/T0/B0/s3cret"


@pytest.mark.parametrize(
    "address",
    ["a@example.com", "first.last+tag@mail.example.co.uk", "o'hara@x-y.example", "1@2.example"],
)
def test_good_addresses(address):
    """An address as people have it is accepted as it is."""
    assert NotifySettings(emails=[address]).emails == [address]


@pytest.mark.parametrize(
    "address",
    [
        *("", "a", "a@", "@example.com", "a@b", "a@example.com.", "a@.example.com", "a@-x.com"),
        *("a..b@example.com", ".a@example.com", "a.@example.com", "a b@example.com"),
        *("a@example.com, b@example.com", "A <a@example.com>", '"a b"@example.com'),
        *("a@example.com\r\nBcc: b@example.com", "a@example.com\n", "a\x00@example.com"),
        *("é@example.com", "a@exämple.com", "a@[127.0.0.1]", f"{'a' * 65}@example.com"),
        *(f"a@{'x.' * 126}example", "a@b@example.com", "<a@example.com>"),
    ],
)
def test_bad_addresses(address):
    """What is not one plain address is refused, with the form to write."""
    with pytest.raises(ValidationError, match="write an address as "):
        NotifySettings(emails=[address])


def test_each_address_once():
    """An address that is named twice gets one mail; more than ten are refused."""
    settings = NotifySettings(emails=["b@example.com", "A@example.com", "a@example.com"])
    assert settings.emails == ["b@example.com", "A@example.com"]
    with pytest.raises(ValidationError):
        NotifySettings(emails=[f"{number}@example.com" for number in range(MAX_EMAILS + 1)])


def test_the_url_is_not_shown():
    """Neither a view nor a line of a log shows more of the chat's URL than its host."""
    settings = NotifySettings(slack_url=URL)
    assert settings.view().slack_host == "hooks.slack.com"
    assert "s3cret" not in repr(settings) + settings.view().model_dump_json()


@pytest.mark.parametrize(("keeps", "kept"), [(True, URL), (False, None)])
def test_a_url_that_is_left_out(keeps, kept):
    """The URL stays if it is left out, because no caller can read it and send it again."""
    changed = NotifySettings(emails=["a@example.com"])
    completed = changed.completed(NotifySettings(slack_url=URL), keeps_slack_url=keeps)
    assert (completed.slack_url, completed.emails) == (kept, ["a@example.com"])
    assert changed.completed(None, keeps_slack_url=keeps) == changed
