"""What a person types into a form is kept out of the logs, as in bodies of the API."""

import pytest
from support.portal import Portal

from api.services.endpoints import EndpointService
from hookwright.security import redact_hidden_values


async def test_secrets_of_forms_stay_out_of_the_logs(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a form is handled, and a moment longer, no log shows what is secret in it."""
    seen: list[str] = []
    form = {
        "url": "http://127.0.0.1:8080/?token=in-the-url",
        "secret": "a-secret-of-mine",
        "header_value_0": "the-old-value",
        "header_value": "the-new-value",
    }
    wanted = {**form, "header_name": "Authorization", "event_type": "*", "active": "yes"}

    async def fail(*_: object, **__: object) -> None:
        secrets = [*form.values(), *person.http.cookies.values()]
        seen.append(redact_hidden_values(" ".join(secrets)))
        raise RuntimeError("something unexpected")

    monkeypatch.setattr(EndpointService, "create", fail)
    async with portal.visit() as person:
        answer = await person.send("/portal/endpoints", **wanted)
    assert (answer.status_code, seen) == (500, ["*** *** *** *** ***"])
