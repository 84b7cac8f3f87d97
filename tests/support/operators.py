"""What whoever runs an engine does to it by hand."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.workflowservice.v1 import RespondActivityTaskFailedByIdRequest
from temporalio.service import RPCError

from pika_async.temporal._names import FINISH

if TYPE_CHECKING:
    from temporalio.client import Client


async def fail_waiting(client: Client, workflow_id: str) -> None:
    """As ``temporal activity fail`` does, to the first job that a workflow waits for."""
    await client.workflow_service.respond_activity_task_failed_by_id(
        RespondActivityTaskFailedByIdRequest(
            namespace="default",
            workflow_id=workflow_id,
            activity_id=await _waiting_for_one(client, workflow_id),
            failure=Failure(
                message="it hangs",
                application_failure_info=ApplicationFailureInfo(non_retryable=True),
            ),
        )
    )


async def _waiting_for_one(client: Client, workflow_id: str) -> str:
    """The id of an activity that waits for a job."""
    with anyio.fail_after(30):
        while True:
            with suppress(RPCError):
                described = await client.get_workflow_handle(workflow_id).describe()
                for pending in described.raw_description.pending_activities:
                    if pending.activity_type.name == FINISH:
                        return pending.activity_id
            await anyio.sleep(0.05)
