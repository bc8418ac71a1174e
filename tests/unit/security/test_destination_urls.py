"""Which URLs may be registered: a table of what was tried against other senders, and more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.destination_urls import ALLOWED, REFUSED

from hookwright.security import MAX_URL_LENGTH, DestinationPolicy, parse_networks

PUBLIC = DestinationPolicy()


@pytest.mark.parametrize(("url", "normal"), ALLOWED.items())
def test_allowed(url, normal):
    """A public destination is taken, in the one way that it is written."""
    assert PUBLIC.check_url(url) == normal


@pytest.mark.parametrize(
    "url", [pytest.param(url, id=f"{why}-{url!a}") for why, urls in REFUSED.items() for url in urls]
)
def test_refused(url):
    """What is not a public https destination is refused with ValueError, in a sentence."""
    with pytest.raises(ValueError, match=r"^(the|port) ") as caught:
        PUBLIC.check_url(url)
    assert not isinstance(caught.value, UnicodeError)


def test_length():
    """A URL has at most 2,048 characters."""
    longest = "https://hooks.example.com/".ljust(MAX_URL_LENGTH, "a")
    assert MAX_URL_LENGTH == 2048
    assert PUBLIC.check_url(longest) == longest
    with pytest.raises(ValueError, match="2048"):
        PUBLIC.check_url(longest + "a")


PIECES = (
    *(
        "a",
        "example",
        "com",
        "1",
        "127",
        "0x7f",
        "::1",
        "2606:4700",
        "xn--",
        "bücher",
        "é",
        "LOCAL",
    ),
    *(".", ".", ".", "。", ":", ":", "443", "[", "]", "@", "%", "-", "/", "?", "localhost"),
)


HOSTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)


@given(host=st.text(max_size=30) | HOSTS)
def test_total_and_stable(host):
    """Any text is refused with ValueError or taken, and what was taken once is taken again."""
    try:
        taken = PUBLIC.check_url(f"https://{host}/")
    except ValueError:
        return
    assert PUBLIC.check_url(taken) == taken
    assert taken.isascii()


OPENED = DestinationPolicy(allow_http=True, allow_networks=parse_networks(["127.0.0.0/8", "::1"]))


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080/",
        "http://receiver/",
        "http://receiver.internal/",
        "http://127.0.0.1:9000/",
        "https://127.9.9.9/",
        "http://[::1]:9000/",
        "http://hooks.example.com/",
    ],
)
def test_an_operator_opens_networks(url):
    """With networks opened, internal names and those networks' addresses may be used."""
    assert OPENED.check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://[::ffff:127.0.0.1]/",
        "http://127.1/",
        "http://metadata.google.internal/",
        "http://localhost:6379/",
        "http://user@localhost/",
        "ftp://localhost/",
    ],
)
def test_what_opening_does_not_open(url):
    """Opening a network opens no other, no disguise, no metadata service and no forbidden port."""
    with pytest.raises(ValueError, match=r"^(the|port) "):
        OPENED.check_url(url)


def test_plain_http_alone():
    """Allowing plain http allows it to public destinations only."""
    policy = DestinationPolicy(allow_http=True)
    assert policy.check_url("http://hooks.example.com/") == "http://hooks.example.com/"
    with pytest.raises(ValueError, match="internal name"):
        policy.check_url("http://localhost/")
    with pytest.raises(ValueError, match="address"):
        policy.check_url("http://127.0.0.1/")


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "localhost", "", "fe80::/129"])
def test_networks_that_are_none(text):
    """What is no network is refused, and never opens more than was meant."""
    with pytest.raises(ValueError, match=r"."):
        parse_networks([text])
