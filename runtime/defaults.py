"""Names and defaults that cost nothing to import."""

from pathlib import Path

DEFAULT_STATE_DIR = Path(".hookwright")
"""The state folder of `hookwright dev`, below the folder that it is started in."""

KEYS_FILE = "keys.json"
"""The file in the state folder that holds its keys."""

DATABASE_FILE = "temporal.db"
"""The file in the state folder that holds all else: the embedded server's database."""

DEFAULT_API_URL = "http://localhost:8000"
"""Where `hookwright dev`, `serve` and `api` serve the REST API unless told another port."""
