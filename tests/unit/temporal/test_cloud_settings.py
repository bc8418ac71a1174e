"""Temporal Cloud is a matter of Temporal's own settings (docs/temporal-cloud.md)."""

import pytest
from temporalio.client import Client

from hookwright.temporal import EncryptionCodec, connect

ADDRESS, NAMESPACE = "us-east-1.aws.api.temporal.io:7233", "webhooks.a1b2c"


@pytest.fixture
def connected(monkeypatch):
    """What `connect` asks the SDK for, in place of a connection."""
    asked = {}

    async def note(**config):
        asked.update(config)

    monkeypatch.setattr(Client, "connect", note)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("TEMPORAL_ADDRESS", ADDRESS)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", NAMESPACE)
    return asked


async def test_an_api_key_switches_tls_on(connected, monkeypatch):
    """With `TEMPORAL_API_KEY` the connection has the key and TLS, and goes to that namespace."""
    monkeypatch.setenv("TEMPORAL_API_KEY", "key-1")
    await connect(EncryptionCodec({}))

    assert (connected["target_host"], connected["namespace"]) == (ADDRESS, NAMESPACE)
    assert connected["api_key"] == "key-1"
    assert connected["tls"] is True


async def test_a_certificate_is_read_from_its_files(connected, monkeypatch, tmp_path):
    """With the paths of a client certificate and its key, the connection presents them."""
    for name in ("CERT", "KEY"):
        file = tmp_path / name
        file.write_text(f"{name} in PEM")
        monkeypatch.setenv(f"TEMPORAL_TLS_CLIENT_{name}_PATH", str(file))
    await connect(EncryptionCodec({}))

    assert connected["tls"].client_cert == b"CERT in PEM"
    assert connected["tls"].client_private_key == b"KEY in PEM"
