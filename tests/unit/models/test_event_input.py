"""What an event may hold."""

import pytest
from pydantic import ValidationError

from hookwright.models import EventInput

EVENT = '{"tenant_id": "t", "id": "evt_1", "type": "a", "data": %s}'


@pytest.mark.parametrize("data", ["1e999", "-1E+400", '[1, {"a": 1e400}]', "NaN", '{"a": [NaN]}'])
def test_numbers_beyond_a_double_are_refused(data: str) -> None:
    """Infinity and NaN, which could neither be stored nor signed, are refused by name."""
    with pytest.raises(ValidationError, match="beyond a double") as refusal:
        EventInput.model_validate_json(EVENT % data)
    assert refusal.value.errors()[0]["loc"] == ("data",)


@pytest.mark.parametrize(
    "data", ["1e308", "-1e308", "1e-999", "0", "true", '"1e999"', "null", "9" * 99]
)
def test_other_numbers_pass(data: str) -> None:
    """The largest double, the smallest, whole numbers of any size and texts pass."""
    EventInput.model_validate_json(EVENT % data)
