"""Names and defaults that cost nothing to import."""

from pathlib import Path

DEFAULT_STATE_DIR = Path(".hookwright")
"""The state folder of `hookwright dev`, below the folder that it is started in."""

KEYS_FILE = "keys.json"
"""The file in the state folder that holds its keys."""

DATABASE_FILE = "temporal.db"
"""The file in the state folder that holds all else: the embedded server's database."""

EGRESS_OF_DEV = {
    "HOOKWRIGHT_EGRESS_ALLOW_HTTP": "true",
    "HOOKWRIGHT_EGRESS_ALLOW_CIDRS": "127.0.0.0/8,::1/128",
}
"""Where `hookwright dev` sends webhooks besides: to this machine."""

DEFAULT_API_URL = "http://localhost:8000"
"""Where `hookwright dev`, `serve` and `api` serve the REST API unless told another port."""
