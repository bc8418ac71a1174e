"""Where metrics are served: nowhere, or at an address and a port that are written out."""

import pytest

from runtime.errors import CommandError
from runtime.metrics import MetricsAddress, Scraping
from runtime.settings import load_settings

SETTING = "HOOKWRIGHT_METRICS_ADDRESS"


@pytest.fixture(autouse=True)
def nothing_else_is_set(monkeypatch, tmp_path):
    """No setting of the machine, and no `.env` file, gets into a test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SETTING, raising=False)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (None, None),
        ("", None),
        ("127.0.0.1:9464", MetricsAddress("127.0.0.1", 9464)),
        (" 0.0.0.0:9464 ", MetricsAddress("0.0.0.0", 9464)),
        ("[::1]:9464", MetricsAddress("::1", 9464)),
    ],
)
def test_address(monkeypatch, text, address):
    """An address and a port are taken as they are; without them there is nothing."""
    if text is not None:
        monkeypatch.setenv(SETTING, text)
    assert load_settings().metrics_address == address


@pytest.mark.parametrize(
    "text", ["9464", ":9464", "localhost:9464", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536"]
)
def test_what_is_no_address(monkeypatch, text):
    """Anything else is refused at the start, with the way to write it."""
    monkeypatch.setenv(SETTING, text)
    with pytest.raises(CommandError, match=f"{SETTING}: write it as address:port, such as "):
        load_settings()


def test_off():
    """Without an address nothing runs, nothing listens, and the SDK counts nothing."""
    scraping = Scraping.at(None)
    assert (scraping.parts(), scraping.client_options) == ({}, {})
