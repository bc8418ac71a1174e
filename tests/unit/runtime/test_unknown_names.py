"""Names that look like settings and are none: each is named, with the setting that was meant."""

import pytest
from structlog.testing import capture_logs

from runtime.deployment import known_names, remedies, warn_of_unknown_names
from runtime.settings import Settings

KNOWN = known_names(Settings)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HOOKWRIGHT_EGRESS_DENY_CIDR", "HOOKWRIGHT_EGRESS_DENY_CIDRS"),
        ("HOOKWRIGHT_EGRESS_ALOW_HTTP", "HOOKWRIGHT_EGRESS_ALLOW_HTTP"),
        ("HOOKWRIGHT_DAYS_RETENTION", "HOOKWRIGHT_RETENTION_DAYS"),
        ("hookwright_retention_day", "HOOKWRIGHT_RETENTION_DAYS"),
        ("HOOKWRIGHT_SMTP_USER", "HOOKWRIGHT_SMTP_USERNAME"),
        ("HOOKRIGHT_API_KEYS", "HOOKWRIGHT_API_KEYS"),
        ("HOOK_WRIGHT_FACADES", "HOOKWRIGHT_FACADES"),
        ("EGRESS_DENY_CIDRS", "HOOKWRIGHT_EGRESS_DENY_CIDRS"),
    ],
)
def test_what_was_mistyped(name, meant):
    """A name with a typing error, or without its prefix, leads to the setting that was meant."""
    [(named, remedy)] = remedies({name: "secret"}, KNOWN)

    assert named == name.upper()
    assert remedy == f"nothing reads this name; did you mean {meant}?"


@pytest.mark.parametrize(
    "names",
    [
        {"HOOKWRIGHT_API_KEYS", "hookwright_facades", "HOOKWRIGHT_URL", "HOOKWRIGHT_KEY"},
        {"HOOKSHOT_TOKEN", "TEMPORAL_ADDRESS", "POSTGRES_PASSWORD", "PATH"},
        {"SMTP_HOST", "HOOKWRIGHT_SMTP_HOST"},
        {
            "HOOKWRIGHT_API_SERVICE_HOST",
            "HOOKWRIGHT_API_SERVICE_PORT_HTTP",
            "HOOKWRIGHT_API_PORT",
            "HOOKWRIGHT_API_PORT_8000_TCP_ADDR",
        },
    ],
    ids=["read", "of others", "set in both ways", "of a Kubernetes service"],
)
def test_what_is_no_mistake(names):
    """Names that something reads, names of others, and those that Kubernetes makes, are passed."""
    assert [*remedies(dict.fromkeys(names), KNOWN)] == []


def test_nothing_is_near():
    """A name that resembles no setting leads to the page that lists them."""
    [(_, remedy)] = remedies({"HOOKWRIGHT_QQQQQQ": ""}, KNOWN)

    assert remedy == "nothing reads this name; docs/settings.md lists those that are read"


def test_the_environment_and_the_file_are_read(monkeypatch, tmp_path):
    """A process warns of names in its environment and in `.env`, and repeats no value."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOKWRIGHT_FACADE", "secret-1")
    (tmp_path / ".env").write_text("HOOKWRIGHT_JWT_KEYS=secret-2\nPOSTGRES_PASSWORD=secret-3\n")
    with capture_logs() as lines:
        warn_of_unknown_names(Settings)

    assert {line["name"]: line["remedy"].split()[-1] for line in lines} == {
        "HOOKWRIGHT_FACADE": "HOOKWRIGHT_FACADES?",
        "HOOKWRIGHT_JWT_KEYS": "HOOKWRIGHT_JWT_KEY?",
    }
    assert "secret" not in repr(lines)
