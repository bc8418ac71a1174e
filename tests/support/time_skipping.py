"""The time-skipping server, with our search attributes."""

import sysconfig
from pathlib import Path
from typing import Any

from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.testing import WorkflowEnvironment

from hookwright.temporal.codec import data_converter
from hookwright.temporal.search_attributes import SEARCH_ATTRIBUTES
from support.stack import CODEC


async def start_time_skipping() -> WorkflowEnvironment:
    binary = Path(sysconfig.get_path("scripts")) / "temporal-test-server"
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(binary), data_converter=data_converter(CODEC)
    )
    types: Any = {key.name: int(key.indexed_value_type) for key in SEARCH_ATTRIBUTES}
    await environment.client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace="default", search_attributes=types)
    )
    return environment
