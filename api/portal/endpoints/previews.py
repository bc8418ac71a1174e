"""Previews: what an endpoint with these settings would get of an example event.

The expressions are evaluated by the same code and with the same limits as at a delivery.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pydantic import JsonValue

from api.portal.endpoints.endpoint_form import EndpointForm
from api.portal.endpoints.event_choices import EventChoice, example_extra, example_of
from api.routes.strict_route import NestedTooDeeplyError, strict_json
from hookwright.contracts import Contract
from hookwright.expressions import Evaluator, check_expression, check_literals, is_true
from hookwright.models import EventInput
from hookwright.webhook import contract_document, encode_body, event_document, render

MAX_SHOWN = 16_384
"""How many characters of a body or of a filter's value are shown."""


@dataclass(frozen=True)
class Preview:
    """The example, whether the filter lets it pass, and the body; or what is wrong with them."""

    event_type: str
    is_made_up: bool
    data: str
    passes: bool = True
    filter_value: str | None = None
    filter_fault: str | None = None
    body: str | None = None
    body_fault: str | None = None
    data_fault: str | None = None


@dataclass(frozen=True)
class Previewer:
    """Makes previews for a tenant's endpoints of one contract."""

    evaluator: Evaluator
    tenant_id: str
    contract: Contract
    choices: Sequence[EventChoice]

    async def preview(self, form: EndpointForm) -> Preview:
        """Return what would come of the form's example, or of the first type's."""
        named = next((each for each in self.choices if each.name == form.example), None)
        chosen = named or next((each for each in self.choices if each.example is not None), None)
        event_type = chosen.name if chosen else form.example or self._any_type()
        data = example_of([*self.choices], event_type)
        shown = Preview(
            event_type,
            is_made_up=not form.example_data and (chosen is None or chosen.example is None),
            data=form.example_data or json.dumps(data, indent=2, ensure_ascii=False),
        )
        try:
            data = strict_json(shown.data.encode())
            event = self._event(event_type, data)
        except NestedTooDeeplyError as error:
            return replace(shown, data_fault=f"The example data {error}.")
        except ValueError:
            return replace(shown, data_fault="The example data is not JSON.")
        now = datetime.now(UTC)
        shown = await self._filtered(shown, form.filter, event_document(event, now))
        return await self._rendered(shown, form.payload_template, event, now)

    def _any_type(self) -> str:
        return self.choices[0].name if self.choices else "example.event"

    def _event(self, event_type: str, data: JsonValue) -> EventInput:
        extra = example_extra(self.contract)
        return EventInput(
            tenant_id=self.tenant_id, id="evt_example", type=event_type, data=data, extra=extra
        )

    async def _filtered(self, shown: Preview, expression: str, document: object) -> Preview:
        if not expression:
            return shown
        try:
            check_literals(check_expression(expression))
            value = await self.evaluator.value(self.tenant_id, expression, document)
        except ValueError as error:
            return replace(shown, passes=False, filter_fault=one_line(str(error)))
        text = json.dumps(value, ensure_ascii=False, default=str)[:MAX_SHOWN]
        return replace(shown, passes=is_true(value), filter_value=text)

    async def _rendered(
        self, shown: Preview, template: str, event: EventInput, now: datetime
    ) -> Preview:
        try:
            if not template:
                body = render(self.contract, event, now)
            else:
                check_literals(check_expression(template))
                document = contract_document(self.contract, event, now)
                value = await self.evaluator.value(self.tenant_id, template, document)
                body = encode_body(self.contract, value)
        except ValueError as error:
            return replace(shown, body_fault=one_line(str(error))[:MAX_SHOWN])
        return replace(shown, body=body.decode(errors="replace")[:MAX_SHOWN])


def one_line(fault: str) -> str:
    """Return a fault without line ends, and without the mark that JMESPath puts below the text."""
    return re.sub(r"\s*\n\s*\^?\s*", " ", fault).strip()
