"""A note for the audit trail never fails the request that it tells of."""

import io
from unittest.mock import AsyncMock, Mock

import pytest
from temporalio.service import RPCError, RPCStatusCode

from api.services.temporal import note
from hookwright.audit import AuditAction
from hookwright.temporal import UncheckedKeysError


def client_whose_signals(result: object) -> Mock:
    client = Mock()
    client.get_workflow_handle.return_value.signal = AsyncMock(side_effect=result)
    return client


@pytest.mark.parametrize(
    "failure",
    [
        RPCError("too busy", RPCStatusCode.UNAVAILABLE, b""),
        RPCError("too late", RPCStatusCode.DEADLINE_EXCEEDED, b""),
        RPCError("too many", RPCStatusCode.RESOURCE_EXHAUSTED, b""),
        UncheckedKeysError("not compared yet"),
    ],
)
async def test_what_was_done_is_done(failure: Exception, log_output: io.StringIO) -> None:
    """The retry was made: its caller must not make it again. The log tells what the trail lacks."""
    client = client_whose_signals(failure)
    await note(client, "acme", "ep", AuditAction.DELIVERY_RETRIED, "ep:evt")
    line = log_output.getvalue()
    for told in ("audit.not_noted", "acme", "ep:evt", "delivery_retried", str(failure)):
        assert told in line


async def test_an_endpoint_that_is_gone_has_no_trail(log_output: io.StringIO) -> None:
    """Nothing is missing then, so nothing is told."""
    gone = RPCError("gone", RPCStatusCode.NOT_FOUND, b"")
    await note(client_whose_signals(gone), "acme", "ep", AuditAction.DELIVERY_CANCELLED, "ep:evt")
    assert not log_output.getvalue()


async def test_a_fault_of_ours_is_still_one(log_output: io.StringIO) -> None:
    """What nobody expects is no reason to go on."""
    with pytest.raises(TypeError):
        await note(
            client_whose_signals(TypeError()), "acme", "ep", AuditAction.DELIVERY_RETRIED, "x"
        )
    assert not log_output.getvalue()
