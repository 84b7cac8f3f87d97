"""What the earlier runs of a campaign have opened, as their histories have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.service import RPCError, RPCStatusCode

from pika_async.temporal._names import PAGE, page_number

if TYPE_CHECKING:
    from temporalio.client import Client

_RESET = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW


async def pages_begun(engine: Client, campaign: str, run_id: str) -> int:
    """How many pages a run of a campaign has opened, and those that it was reset from.

    Runs that the engine has forgotten tell nothing.
    """
    begun, read, unread = 0, set[str](), {run_id}
    while unread:
        run = unread.pop()
        read.add(run)
        pages, bases = await _of_run(engine, campaign, run)
        begun = max(begun, pages)
        unread |= bases - read
    return begun


async def _of_run(engine: Client, campaign: str, run_id: str) -> tuple[int, set[str]]:
    """How many pages it has opened, and the runs that it was reset from."""
    begun, bases = 0, set()
    try:
        handle = engine.get_workflow_handle(campaign, run_id=run_id)
        async for event in handle.fetch_history_events():
            match event.event_type:
                case EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
                    child = event.start_child_workflow_execution_initiated_event_attributes
                    if child.workflow_type.name == PAGE:
                        begun = max(begun, page_number(child.workflow_id) + 1)
                case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                    failed = event.workflow_task_failed_event_attributes
                    if failed.cause == _RESET:
                        bases.add(failed.base_run_id)
                case _:
                    pass
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return begun, bases
