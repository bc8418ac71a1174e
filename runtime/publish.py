"""The `publish` command: it publishes an event through the REST API."""

import json
import sys
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import httpx

from runtime.dev import read_keys
from runtime.errors import CommandError

TIMEOUT_SECONDS = 30.0


def publish_event(
    api_url: str, api_key: str, tenant: str, event: dict[str, object]
) -> dict[str, object]:
    """Publish an event, and return the API's answer.

    Raises:
        CommandError: The API cannot be reached, or refuses the event. The text has the reason.
    """
    url = f"{api_url.rstrip('/')}/v1/tenants/{quote(tenant, safe='')}/events"
    try:
        answer = httpx.post(
            url,
            json=event,
            headers={"authorization": f"Bearer {api_key}"},
            timeout=TIMEOUT_SECONDS,
        )
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise CommandError(f"{api_url} cannot be reached: {error}") from None
    document = _document(answer)
    if answer.status_code != HTTPStatus.ACCEPTED:
        raise CommandError(_problem(answer.status_code, document))
    return document


def read_data(text: str) -> object:
    """Return the event's data, parsed from JSON text; `-` reads the text from standard input.

    Raises:
        CommandError: The text is not JSON.
    """
    try:
        return json.loads(sys.stdin.read() if text == "-" else text)
    except ValueError as error:
        raise CommandError(f"the data is not JSON: {error}") from None


def find_operator_key(api_key: str | None, state_dir: Path) -> str:
    """Return the given operator key, or else the key of the local `hookwright dev`.

    Raises:
        CommandError: Neither exists.
    """
    if api_key:
        return api_key
    keys = read_keys(state_dir)
    if keys is None:
        raise CommandError(
            f"no operator key: give --api-key, set HOOKWRIGHT_API_KEY, or run this in the folder"
            f" where `hookwright dev` has its state folder {state_dir}"
        )
    return keys.operator_key


def _document(answer: httpx.Response) -> dict[str, object]:
    try:
        document = answer.json()
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {}


def _problem(status: int, problem: dict[str, object]) -> str:
    """Return an RFC 9457 problem as text: its detail, then one line for each fault."""
    detail = problem.get("detail") or HTTPStatus(status).phrase
    faults = problem.get("errors")
    reasons = [
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        for fault in (faults if isinstance(faults, list) else [])
    ]
    return f"{status}: {detail}" + "".join(f"\n  {reason}" for reason in reasons)
