"""`hookwright listen` with a contract: named, in a file, or in a folder of one's own."""

import shutil
import time
from pathlib import Path

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier
from support.commands import hookwright_here
from support.running import running
from support.styles import FOLDER

from runtime.dev import free_port

SECRET = "0123456789abcdef0123456789abcdef"
BODY = '{"type":"event_callback"}'
WRONG = [
    (("--contract", "none"), "error: --contract none: no such contract; there are: clearway, cr3d"),
    (("--contract", "none.toml"), "error: none.toml: "),
    (("--contract", "odd.toml"), "error: odd.toml:\n  "),
    (("--contracts-dir", "nowhere"), "error: nowhere: there is no such folder"),
    (("--secret", "hunter2"), "error: --secret: a secret begins with whsec_"),
    (("--contract", "plain", "--secret", "hunter2é"), "error: --secret: a secret has printable"),
]


@pytest.mark.parametrize(
    "options",
    [("--contract", "slack.toml"), ("--contract", "slack", "--contracts-dir", "own")],
    ids=["file", "name"],
)
async def test_a_contract_of_ones_own(options: tuple[str, ...], tmp_path: Path) -> None:
    """What the publisher's own library signs verifies, and anything else is refused."""
    (tmp_path / "own").mkdir()
    for folder in (tmp_path, tmp_path / "own"):
        shutil.copy(FOLDER / "slack.toml", folder)
    now = str(int(time.time()))
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=now, body=BODY)
    assert signature is not None
    headers = {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": signature}
    port = free_port()
    arguments = ("listen", "--port", str(port), "--secret", SECRET, *options)
    async with (
        running(*arguments, folder=tmp_path) as it,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        await it.says("Listening on")
        answers = [
            await http.post("/hooks", content=content, headers=headers)
            for content in (BODY, BODY + " ")
        ]
        assert [answer.status_code for answer in answers] == [200, 401]
        await it.says("signature verified by contract slack")
        await it.says("refused by contract slack: the signature does not match this secret")
        assert SECRET not in it.output()


@pytest.mark.parametrize(("options", "says"), WRONG)
def test_wrong_options(options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    """A contract or a secret that is at fault stops the command with the reason, not the secret."""
    (tmp_path / "odd.toml").write_text((FOLDER / "slack.toml").read_text() + "\n[retries]\n")
    it = hookwright_here("listen", "--port", str(free_port()), *options, folder=tmp_path)
    assert it.status == 1, it.output
    assert it.output.startswith(says)
    assert "hunter2" not in it.output
