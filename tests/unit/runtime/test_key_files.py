"""Keys are written into a file of settings that only its owner can read, and are never replaced."""

import stat
import threading
from pathlib import Path

import pytest

from hookwright.temporal import read_key_ring
from runtime.errors import CommandError
from runtime.keys import add_encryption_key, digest, write_new_keys
from runtime.keys.files import ENCRYPTION_KEYS

NAMES = ["HOOKWRIGHT_API_KEYS", ENCRYPTION_KEYS, "HOOKWRIGHT_JWT_KEY", "HOOKWRIGHT_CODEC_TOKEN"]


def settings_of(file: Path) -> dict[str, str]:
    lines = [it for it in file.read_text().splitlines() if "=" in it]
    return dict(line.split("=", 1) for line in lines)


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The file has all keys, the digest of the operator key alone, and no rights for others."""
    file = tmp_path / ".env"
    operator_key = write_new_keys(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = settings_of(file)
    assert sorted(found) == sorted(NAMES)
    assert found["HOOKWRIGHT_API_KEYS"] == f"operator:{digest(operator_key)}"
    assert operator_key not in file.read_text()
    assert [*tmp_path.iterdir()] == [file]


def test_what_is_in_the_file_stays(tmp_path: Path) -> None:
    """Other lines stay as they are, and an empty setting gets its value in its place."""
    file = tmp_path / ".env"
    file.write_text(f"# ours\nTEMPORAL_ADDRESS=t:7233\n{ENCRYPTION_KEYS}=\nHOOKWRIGHT_UI=x")
    write_new_keys(file)
    lines = file.read_text().splitlines()
    assert lines[:2] == ["# ours", "TEMPORAL_ADDRESS=t:7233"]
    assert lines[2].startswith(f"{ENCRYPTION_KEYS}=k")
    assert lines[3] == "HOOKWRIGHT_UI=x"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("before", ["{}=there", "export {}='there'", "{} = there\nX=1"])
def test_no_key_is_replaced(tmp_path: Path, name: str, before: str) -> None:
    """A file that has one of the keys is left as it is, and the error names that key."""
    file = tmp_path / ".env"
    file.write_text(before.format(name))
    with pytest.raises(CommandError, match=name):
        write_new_keys(file)
    assert file.read_text() == before.format(name)


def test_a_rotation_begins_with_a_further_key(tmp_path: Path) -> None:
    """A further key comes behind the others, with an id of its own."""
    file = tmp_path / ".env"
    write_new_keys(file)
    [first] = read_key_ring(settings_of(file)[ENCRYPTION_KEYS])
    second = add_encryption_key(file)
    assert [*read_key_ring(settings_of(file)[ENCRYPTION_KEYS])] == [first, second]
    assert first != second


@pytest.mark.parametrize("text", ["", "X=1\n", f"{ENCRYPTION_KEYS}=\n", f"{ENCRYPTION_KEYS}=k1\n"])
def test_nothing_is_added_to_keys_that_are_not_there_or_wrong(tmp_path: Path, text: str) -> None:
    """Without well-formed keys nothing is added, and the file stays as it is."""
    file = tmp_path / ".env"
    file.write_text(text)
    with pytest.raises(CommandError, match=ENCRYPTION_KEYS):
        add_encryption_key(file)
    assert file.read_text() == text


def test_two_at_the_same_time_make_keys_once(tmp_path: Path) -> None:
    """Of several commands at once one writes its keys, and the others are told that they exist."""
    file, ends = tmp_path / ".env", list[str]()

    def write() -> None:
        try:
            ends.append(write_new_keys(file))
        except CommandError:
            ends.append("refused")

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [operator_key] = [end for end in ends if end != "refused"]
    assert digest(operator_key) in file.read_text()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A folder that does not exist is an error with the file's name, in a sentence."""
    with pytest.raises(CommandError, match=r"\.env cannot be changed"):
        write_new_keys(tmp_path / "missing" / ".env")
