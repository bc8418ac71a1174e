"""Settings: what is malformed is named, with the remedy, and never repeated."""

import base64
import shlex
import subprocess
import sys

import pytest
from pydantic import ValidationError

from api.tokens import Tokens
from hookwright.security import DestinationPolicy, parse_networks
from runtime.errors import CommandError
from runtime.keys import new_encryption_key
from runtime.settings import Settings, load_settings

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(32)).decode()
DIGEST = "0f" * 32


@pytest.fixture(autouse=True)
def nothing_else_is_set(monkeypatch, tmp_path):
    """No setting of the machine, and no `.env` file, gets into a test."""
    monkeypatch.chdir(tmp_path)
    for name in (
        *(
            "API_KEYS",
            "ENCRYPTION_KEYS",
            "TASK_QUEUE",
            "REFUSE_CLEAR_PAYLOADS",
            "RETENTION_DAYS",
            "MAX_BODY_BYTES",
        ),
        *("TENANT_KEYS", "FACADES", "CONTRACTS_DIR", "RATE_LIMIT_STORAGE", "OPERATOR_RATE_LIMIT"),
        *("JWT_KEY", "JWT_PUBLIC_KEY_FILE", "JWT_JWKS_FILE", "JWT_AUDIENCE"),
        *(
            "EGRESS_ALLOW_CIDRS",
            "EGRESS_DENY_CIDRS",
            "EGRESS_ALLOW_HTTP",
            "CODEC_TOKEN",
            "UI_ORIGIN",
        ),
        *(
            "EGRESS_PROXY",
            "EGRESS_CA_BUNDLE",
            "ALLOWED_HOSTS",
            "API_DOCS",
            "PORTAL_URL",
            "MAIL_FROM",
        ),
        *("LOG_LEVEL", "WEBHOOK_HEADERS"),
        *("SMTP_HOST", "SMTP_PORT", "SMTP_USERNAME", "SMTP_PASSWORD", "SMTP_TLS"),
    ):
        monkeypatch.delenv(f"HOOKWRIGHT_{name}", raising=False)


MALFORMED = [
    ("API_KEYS", "Secr3tValue"),
    ("API_KEYS", "ops:Secr3tValue"),
    ("API_KEYS", f"ops:{DIGEST}Secr3tValue"),
    ("API_KEYS", f"ops:{'g' * 64}"),
    ("API_KEYS", f":{DIGEST}"),
    ("API_KEYS", "ops:"),
    ("API_KEYS", f"hwk_ops_Secr3tValueSecr3tValueSecr3tValue:{DIGEST}"),
    ("API_KEYS", f"ops:{DIGEST},ops:{DIGEST[::-1]}"),
    ("TENANT_KEYS", "sk_live_Secr3tValue"),
    ("TENANT_KEYS", "acme:sk_live_Secr3tValue"),
    ("TENANT_KEYS", "sk_live_Secr3tValue:acme"),
    ("TENANT_KEYS", f"a.b:{DIGEST}"),
    ("TENANT_KEYS", f"acme:{DIGEST},other:{DIGEST.upper()}"),
    ("ENCRYPTION_KEYS", "Secr3tValue"),
    ("ENCRYPTION_KEYS", "k1:Secr3tValue"),
    ("ENCRYPTION_KEYS", "k1:!!Secr3tValue!!"),
    ("ENCRYPTION_KEYS", f"k1:{KEY[:-4]}"),
    ("ENCRYPTION_KEYS", f"k1:{KEY},k2:Secr3tValue"),
    ("ENCRYPTION_KEYS", "k1:é" + KEY[1:]),
    ("ENCRYPTION_KEYS", f"k1:{KEY},k1:{OTHER_KEY}"),
    ("RETENTION_DAYS", "Secr3tValue"),
    ("RETENTION_DAYS", "0"),
    ("RETENTION_DAYS", "-1"),
    ("RETENTION_DAYS", "9" * 30),
    ("MAX_BODY_BYTES", "Secr3tValue"),
    ("MAX_BODY_BYTES", "1023"),
    ("MAX_BODY_BYTES", "1048577"),
    ("EGRESS_ALLOW_CIDRS", "Secr3tValue"),
    ("EGRESS_ALLOW_CIDRS", "10.0.0.1/8"),
    ("EGRESS_ALLOW_CIDRS", "10.0.0.0/8,Secr3tValue"),
    ("EGRESS_DENY_CIDRS", "Secr3tValue"),
    ("EGRESS_DENY_CIDRS", "198.51.100.1/24"),
    ("EGRESS_ALLOW_HTTP", "Secr3tValue"),
    ("EGRESS_PROXY", "Secr3tValue"),
    ("EGRESS_PROXY", "http://user:Secr3tValue@proxy.internal:port"),
    ("EGRESS_PROXY", "socks5://user:Secr3tValue@proxy.internal:4750"),
    ("API_DOCS", "Secr3tValue"),
    ("LOG_LEVEL", "Secr3tValue"),
    ("WEBHOOK_HEADERS", "Secr3tValue"),
    ("WEBHOOK_HEADERS", "x-attempt:Secr3tValue"),
    ("WEBHOOK_HEADERS", "host:attempt"),
    ("ALLOWED_HOSTS", "https://Secr3tValue.example.com"),
    ("ALLOWED_HOSTS", "localhost,Secr3tValue:8000"),
    ("ALLOWED_HOSTS", "*.Secr3tValue"),
    ("ALLOWED_HOSTS", "::1"),
    ("CODEC_TOKEN", "Secr3tValue"),
    ("TASK_QUEUE", ""),
    ("REFUSE_CLEAR_PAYLOADS", "Secr3tValue"),
    ("JWT_KEY", "Secr3tValue"),
    ("RATE_LIMIT_STORAGE", "Secr3tValue"),
    ("RATE_LIMIT_STORAGE", ""),
    ("RATE_LIMIT_STORAGE", "memcached://:Secr3tValue@cache:11211"),
    ("RATE_LIMIT_STORAGE", "redis://:Secr3tValue@cache:port"),
    ("RATE_LIMIT_STORAGE", "redis:///0"),
    ("OPERATOR_RATE_LIMIT", "Secr3tValue"),
    ("OPERATOR_RATE_LIMIT", "0"),
    ("SMTP_HOST", "smtp://Secr3tValue.example.com"),
    ("SMTP_HOST", "smtp.example.com:587"),
    ("SMTP_HOST", "smtp.example.com\r\nQUIT"),
    ("SMTP_PORT", "Secr3tValue"),
    ("SMTP_PORT", "0"),
    ("SMTP_PORT", "65536"),
    ("SMTP_TLS", "Secr3tValue"),
    ("MAIL_FROM", "Secr3tValue"),
    ("MAIL_FROM", "a@example.com, b@example.com"),
    ("MAIL_FROM", "A <a@example.com>\r\nBcc: b@example.com"),
    ("MAIL_FROM", "A\r\nBcc: b@example.com <a@example.com>"),
    ("PORTAL_URL", "Secr3tValue"),
    ("PORTAL_URL", "javascript://Secr3tValue"),
    ("PORTAL_URL", "https://user:Secr3tValue@example.com"),
    ("PORTAL_URL", "https://example.com/?key=Secr3tValue"),
    ("PORTAL_URL", "https://example.com/ Secr3tValue"),
]


@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_malformed(monkeypatch, name, value):
    """A malformed setting is named as it is written, and its value is not repeated."""
    monkeypatch.setenv(f"HOOKWRIGHT_{name}", value)
    with pytest.raises(CommandError) as caught:
        load_settings()
    message = str(caught.value)
    assert message.startswith(f"HOOKWRIGHT_{name}: ")
    assert "Secr3tValue" not in message
    assert KEY not in message
    assert DIGEST not in message
    assert len(value) < 8 or value not in message
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(("name", "value"), [it for it in MALFORMED if "Secr3t" in it[1]])
def test_even_the_raw_error_does_not_show_values(monkeypatch, name, value):
    """Where the library's own error gets into a traceback, it does not repeat the value either."""
    monkeypatch.setenv(f"HOOKWRIGHT_{name}", value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "Secr3tValue" not in str(caught.value)


def test_every_fault_at_once(monkeypatch):
    """Several malformed settings are named in one error."""
    monkeypatch.setenv("HOOKWRIGHT_API_KEYS", "x")
    monkeypatch.setenv("HOOKWRIGHT_RETENTION_DAYS", "x")
    with pytest.raises(CommandError, match=r"HOOKWRIGHT_API_KEYS: .*HOOKWRIGHT_RETENTION_DAYS: "):
        load_settings()


def test_well_formed(monkeypatch):
    """Well-formed settings are read, spaces and an ending comma forgiven."""
    monkeypatch.setenv("HOOKWRIGHT_API_KEYS", f"ops:{DIGEST.upper()}, ci:{DIGEST},")
    monkeypatch.setenv("HOOKWRIGHT_TENANT_KEYS", f"acme:{'B' * 64}, acme:{'a' * 64},")
    monkeypatch.setenv("HOOKWRIGHT_FACADES", "one, two,")
    monkeypatch.setenv("HOOKWRIGHT_CONTRACTS_DIR", "")
    monkeypatch.setenv("HOOKWRIGHT_EGRESS_PROXY", "")
    monkeypatch.setenv("HOOKWRIGHT_EGRESS_CA_BUNDLE", "")
    monkeypatch.setenv("HOOKWRIGHT_ENCRYPTION_KEYS", f"k2:{KEY},k1:{OTHER_KEY}")
    monkeypatch.setenv("HOOKWRIGHT_EGRESS_ALLOW_CIDRS", "10.1.0.0/16, fd00::/8")
    monkeypatch.setenv("HOOKWRIGHT_EGRESS_DENY_CIDRS", "198.51.100.0/24,2001:db8::/32,")
    monkeypatch.setenv("HOOKWRIGHT_EGRESS_ALLOW_HTTP", "true")
    monkeypatch.setenv("HOOKWRIGHT_ALLOWED_HOSTS", "Hooks.example.com, [::1],")
    settings = load_settings()
    assert settings.allowed_hosts == ["hooks.example.com", "[::1]"]
    assert settings.api_keys == {"ops": DIGEST, "ci": DIGEST}
    assert settings.tenant_keys == {"b" * 64: "acme", "a" * 64: "acme"}
    assert settings.facades == ["one", "two"]
    assert settings.contracts_dir is None
    assert (settings.proxy, settings.egress_ca_bundle) == (None, None)
    assert list(settings.key_ring.items()) == [("k2", bytes(range(32))), ("k1", bytes(32))]
    assert settings.destinations == DestinationPolicy(
        allow_http=True,
        allow_networks=parse_networks(["10.1.0.0/16", "fd00::/8"]),
        deny_networks=parse_networks(["198.51.100.0/24", "2001:db8::/32"]),
    )


def test_one_key_is_not_two_callers(monkeypatch):
    """A tenant's key that is an operator's too is refused: it would open everything."""
    monkeypatch.setenv("HOOKWRIGHT_API_KEYS", f"ops:{DIGEST}")
    monkeypatch.setenv("HOOKWRIGHT_TENANT_KEYS", f"acme:{DIGEST.upper()}")
    with pytest.raises(CommandError, match="also an operator's"):
        load_settings()


def test_nothing_is_open_by_default():
    """With nothing set nobody gets in, no network is opened, and there is no codec endpoint."""
    settings = load_settings()
    assert (settings.api_keys, settings.tenant_keys, settings.facades) == ({}, {}, [])
    assert settings.destinations == DestinationPolicy()
    assert (settings.proxy, settings.egress_authorities) == (None, None)
    assert settings.codec_token is None
    assert settings.retention_days == 30
    assert settings.max_body_bytes == 262_144
    assert settings.tokens == Tokens()
    assert (settings.rate_limit_storage, settings.operator_rate_limit) == ("memory://", None)


def test_a_missing_encryption_key_says_how_to_make_one(monkeypatch):
    """Without a key the start is refused, and the command in the refusal makes one that works."""
    with pytest.raises(CommandError, match="HOOKWRIGHT_ENCRYPTION_KEYS is not set") as caught:
        _ = load_settings().key_ring
    command = shlex.split(str(caught.value).split("make one with: ")[1])
    assert command[0] == "python3"
    made = subprocess.run(
        [sys.executable, *command[1:]], capture_output=True, text=True, check=True
    ).stdout.strip()
    monkeypatch.setenv("HOOKWRIGHT_ENCRYPTION_KEYS", made)
    (key,) = load_settings().key_ring.values()
    assert len(key) == 32


def test_a_fresh_encryption_key(monkeypatch):
    """A key that we make is one that we read, and another at every call."""
    made = new_encryption_key()
    key_id = made.partition(":")[0]
    assert not new_encryption_key().startswith(key_id), "two keys have one id"
    monkeypatch.setenv("HOOKWRIGHT_ENCRYPTION_KEYS", made)
    assert len(load_settings().key_ring[key_id]) == 32


def test_settings_do_not_show_secrets(monkeypatch):
    """Settings that get into a log line or a traceback show no key."""
    token = "codec-token-" + "0123456789" * 3
    monkeypatch.setenv("HOOKWRIGHT_ENCRYPTION_KEYS", f"k1:{KEY}")
    monkeypatch.setenv("HOOKWRIGHT_CODEC_TOKEN", token)
    monkeypatch.setenv("HOOKWRIGHT_EGRESS_PROXY", "http://user:Secr3tValue@proxy.internal:4750")
    settings = load_settings()
    shown = repr([settings, settings.proxy])
    assert settings.proxy is not None
    assert "Secr3tValue" not in shown
    assert KEY not in shown
    assert token not in shown
