"""What `doctor` takes for the settings beside `hookwright dev`."""

import os

import pytest
from support.commands import BARE

from runtime.dev.state import open_state
from runtime.doctor import setting_checks


def test_settings_of_dev(tmp_path, monkeypatch) -> None:
    """In the folder of `dev` they are those of its state, and webhooks may go to this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(BARE))
    with open_state(tmp_path / ".hookwright", None):
        pass
    settings, findings = setting_checks.examine()
    assert settings
    assert "`hookwright dev`" in findings[0].text
    assert settings.destinations.check_url("http://localhost:8100/hooks")


def test_own_settings(tmp_path, monkeypatch) -> None:
    """With keys of one's own, the state folder of `dev` says nothing."""
    monkeypatch.chdir(tmp_path)
    with open_state(tmp_path / ".hookwright", None):
        pass
    own = {"HOOKWRIGHT_ENCRYPTION_KEYS": "k1:" + "A" * 43 + "="}
    monkeypatch.setattr(os, "environ", BARE | own)
    settings, _ = setting_checks.examine()
    assert settings
    with pytest.raises(ValueError, match="https"):
        settings.destinations.check_url("http://localhost:8100/hooks")
