"""The settings of mails: what does not fit is refused at the start, with the remedy."""

import pytest

from activities.notify import MailServer
from runtime.errors import CommandError
from runtime.settings import load_settings

PASSWORD = "Secr3tValue"
COMPLETE = {"SMTP_HOST": "smtp.example.com", "MAIL_FROM": "Webhooks <webhooks@example.com>"}
LOGIN = {"SMTP_USERNAME": "hookwright", "SMTP_PASSWORD": PASSWORD}
NAMES = ("HOST", "PORT", "USERNAME", "PASSWORD", "TLS")


@pytest.fixture(autouse=True)
def nothing_else_is_set(monkeypatch, tmp_path):
    """No setting of the machine, and no `.env` file, gets into a test."""
    monkeypatch.chdir(tmp_path)
    for name in (*(f"SMTP_{each}" for each in NAMES), "MAIL_FROM", "PORTAL_URL"):
        monkeypatch.delenv(f"HOOKWRIGHT_{name}", raising=False)


@pytest.fixture
def load(monkeypatch):
    """Load settings that are given as a dictionary."""

    def load_these(values):
        for name, value in values.items():
            monkeypatch.setenv(f"HOOKWRIGHT_{name}", value)
        return load_settings()

    return load_these


def test_off_until_set(load):
    """Without settings, or with the empty texts that compose passes on, nothing is mailed."""
    assert load({}).mail_server is None
    empty = load({f"SMTP_{name}": "" for name in NAMES} | {"MAIL_FROM": "", "PORTAL_URL": ""})
    assert (empty.mail_server, empty.portal_url) == (None, None)


@pytest.mark.parametrize(
    ("tls", "port"), [({}, 587), ({"SMTP_TLS": "tls"}, 465), ({"SMTP_TLS": "none"}, 25)]
)
def test_each_mode_has_its_port(load, tls, port):
    """The port follows from the mode of TLS, unless it is set."""
    server = load(COMPLETE | tls).mail_server
    assert (server.host, server.port, server.password) == ("smtp.example.com", port, None)
    assert load({"SMTP_PORT": "2525"}).mail_server.port == 2525


def test_complete(load):
    """A login, a name before the address, and a portal with a path are read."""
    settings = load(COMPLETE | LOGIN | {"PORTAL_URL": "https://example.com/hooks/"})
    assert settings.mail_server == MailServer(
        "smtp.example.com", 587, COMPLETE["MAIL_FROM"], "hookwright", PASSWORD, "starttls"
    )
    assert settings.portal_url == "https://example.com/hooks"
    assert PASSWORD not in repr([settings, settings.mail_server])


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"SMTP_HOST": "smtp.example.com"}, "HOOKWRIGHT_MAIL_FROM is not set"),
        ({"MAIL_FROM": "a@example.com"}, "HOOKWRIGHT_SMTP_HOST is not set"),
        (LOGIN, "HOOKWRIGHT_SMTP_HOST is not set"),
        (COMPLETE | {"SMTP_USERNAME": "a"}, "HOOKWRIGHT_SMTP_PASSWORD is not set"),
        (COMPLETE | {"SMTP_PASSWORD": PASSWORD}, "HOOKWRIGHT_SMTP_USERNAME is not set"),
        (COMPLETE | LOGIN | {"SMTP_TLS": "none"}, "HOOKWRIGHT_SMTP_TLS: .*set starttls or tls"),
    ],
)
def test_what_does_not_fit_together(load, values, named):
    """The setting to change is named, and no value is repeated."""
    with pytest.raises(CommandError, match=named) as caught:
        load(values)
    assert PASSWORD not in str(caught.value)


def test_a_password_without_tls_on_this_machine(load):
    """On loopback nobody is on the way who could read the password, so TLS may be left out."""
    values = COMPLETE | LOGIN | {"SMTP_TLS": "none", "SMTP_HOST": "127.0.0.1"}
    assert load(values).mail_server.password == PASSWORD
