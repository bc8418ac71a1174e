"""The messages in which a worker answers a workflow task, as large as they are on the wire."""

import typing
from collections.abc import Iterable, Mapping

from google.protobuf.any_pb2 import Any
from temporalio.api.command.v1 import (
    Command,
    ContinueAsNewWorkflowExecutionCommandAttributes,
    ModifyWorkflowPropertiesCommandAttributes,
    ScheduleActivityTaskCommandAttributes,
)
from temporalio.api.common.v1 import Memo, Payload, Payloads
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Acceptance, Input, Outcome, Request, Response
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import WorkflowSerializationContext

from support.stack import CODEC

# What is stored is bound to its workflow, which takes some bytes; as many, whatever the id.
BOUND_CODEC = CODEC.with_context(WorkflowSerializationContext("default", "any"))


def encrypted(value: object) -> Payload:
    """Return what Temporal is given of a value."""
    return BOUND_CODEC._encrypt("k1", pydantic_data_converter.payload_converter.to_payload(value))


def payloads(*values: object) -> Payloads:
    return Payloads(payloads=map(encrypted, values))


def memo(entries: Mapping[str, object]) -> Memo:
    return Memo(fields={key: encrypted(value) for key, value in entries.items()})


def upsert(entries: Mapping[str, object]) -> Command:
    attributes = ModifyWorkflowPropertiesCommandAttributes(upserted_memo=memo(entries))
    return Command(modify_workflow_properties_command_attributes=attributes)


def continue_as_new(state: object, entries: Mapping[str, object]) -> Command:
    attributes = ContinueAsNewWorkflowExecutionCommandAttributes(
        input=payloads(state), memo=memo(entries)
    )
    return Command(continue_as_new_workflow_execution_command_attributes=attributes)


def activity(*arguments: object) -> Command:
    attributes = ScheduleActivityTaskCommandAttributes(input=payloads(*arguments))
    return Command(schedule_activity_task_command_attributes=attributes)


def answered(request: object, answer: object) -> list[Message]:
    """Return an update's acceptance, with what it asked, and its answer."""
    accepted, completed = Any(), Any()
    asked = Request(input=Input(name="x" * 20, args=payloads(request)))
    accepted.Pack(Acceptance(accepted_request=asked))
    completed.Pack(Response(outcome=Outcome(success=payloads(answer))))
    return [Message(id="x" * 40, body=accepted), Message(id="x" * 40, body=completed)]


def task_completed(commands: Iterable[Command], messages: Iterable[Message] = ()) -> int:
    """Return the bytes of the answer to a workflow task."""
    answer = RespondWorkflowTaskCompletedRequest(
        task_token=b"x" * 200, identity="x" * 100, commands=commands, messages=messages
    )
    return answer.ByteSize()


def attributes_of(command: Command) -> typing.Any:
    """Return the part of a command that is set."""
    kind = command.WhichOneof("attributes")
    assert kind is not None
    return getattr(command, kind)


def argument_bytes(command: Command) -> int:
    """Return the bytes of what a command continues or schedules with."""
    return int(attributes_of(command).input.ByteSize())


def memo_bytes(command: Command) -> int:
    """Return the bytes of the memo that a command upserts or continues with."""
    attributes = attributes_of(command)
    field = "memo" if attributes.DESCRIPTOR.fields_by_name.get("memo") else "upserted_memo"
    return int(getattr(attributes, field).ByteSize())
