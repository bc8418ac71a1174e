"""What `hookwright dev` keeps between runs."""

import json

import pytest

from runtime.dev import read_keys
from runtime.dev.state import KEYS_FILE, open_state
from runtime.errors import CommandError

EARLIER = {"encryption_key": "k1:x", "operator_key": "hwk_a_b", "codec_token": "t"}


def test_keys_are_kept(tmp_path):
    """A second run has the keys of the first, the tenant's too."""
    with open_state(tmp_path, None) as first:
        assert first.tenant_key.startswith("sk_dev_")
    with open_state(tmp_path, None) as second:
        assert second == first


def test_keys_of_an_earlier_version(tmp_path):
    """A file without the later keys loads, keeps what it has, and gets some that stay."""
    (tmp_path / KEYS_FILE).write_text(json.dumps(EARLIER))
    with open_state(tmp_path, None) as keys:
        assert keys.model_dump(exclude={"tenant_key", "jwt_key"}) == EARLIER
    assert read_keys(tmp_path) == keys
    assert oct((tmp_path / KEYS_FILE).stat().st_mode)[-3:] == "600"
    with open_state(tmp_path, "hwk_c_d") as again:
        assert again == keys.model_copy(update={"operator_key": "hwk_c_d"})


def test_broken_keys(tmp_path):
    """A file that lacks another key is an error that says what to do."""
    (tmp_path / KEYS_FILE).write_text(json.dumps({"operator_key": "hwk_a_b"}))
    with pytest.raises(CommandError, match="restore it"), open_state(tmp_path, None):
        pass
