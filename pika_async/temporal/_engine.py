"""What the engine is asked about workflows, and its errors as sentences for whoever asks.

A question that stands alone goes through :func:`said`. Whether a workflow runs, or is known at all,
is asked by the functions below it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit
from temporalio.api.workflowservice.v1 import UpdateTaskQueueConfigRequest
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from pika_async import PikaError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from temporalio.client import Client, WorkflowExecutionDescription

T = TypeVar("T")

PATIENCE: Final = timedelta(seconds=15)
"""How long workers have to answer a question about a campaign."""


class CampaignError(PikaError):
    """The engine, or a campaign, does not do what was asked; the message says why."""

    # What it means stands in the message: a campaign may be under way.
    _tells_meaning = False


class ForgottenError(CampaignError):
    """The engine knows no workflow of that id, or not any more. Of a campaign, its store may."""


class NoAnswerError(CampaignError):
    """No worker has answered, or no engine: what was asked may be done all the same."""


async def said(asking: Awaitable[T], *, campaign: str = "") -> T:
    """The engine's answer.

    Raises:
        NoAnswerError: It gives none.
        CampaignError: It says no.
    """
    try:
        return await asking
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise NoAnswerError(_LATER) from error
    except WorkflowQueryFailedError as error:
        raise CampaignError(f"the campaign cannot be asked: {error}") from error
    except RPCError as error:
        raise _kind_of(error)(_sentence(error, campaign)) from error


def _kind_of(error: RPCError) -> type[CampaignError]:
    if error.status in _NO_ANSWER:
        return NoAnswerError
    return ForgottenError if _is_unknown(error) else CampaignError


def _is_unknown(error: RPCError) -> bool:
    # What has ended is known; it only takes nothing more.
    known = _has_no_namespace(error) or "already completed" in error.message.lower()
    return error.status is RPCStatusCode.NOT_FOUND and not known


def _has_no_namespace(error: RPCError) -> bool:
    # The server for tests names the namespace in whatever it says of a workflow.
    return error.message.lower().startswith("namespace")


_NO_ANSWER: Final = (
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNAVAILABLE,
    # Of a question: the engine has seen no worker for a while.
    RPCStatusCode.FAILED_PRECONDITION,
)


def _sentence(error: RPCError, campaign: str) -> str:
    match error.status:
        case RPCStatusCode.NOT_FOUND if _has_no_namespace(error):
            return f"the Temporal server has no such namespace: {error.message}"
        case RPCStatusCode.NOT_FOUND if "already completed" in error.message.lower():
            return f"the campaign {campaign} has ended already; nothing was changed"
        case RPCStatusCode.NOT_FOUND if campaign:
            return (
                f"the Temporal server knows no campaign {campaign}; perhaps it was started in "
                "another namespace, or ended longer ago than the server keeps ended workflows. "
                "Then its store tells how it ended (store=, or --store)"
            )
        case RPCStatusCode.UNAVAILABLE:
            return f"the Temporal server cannot be reached: {error.message}"
        case status if status in _NO_ANSWER:
            return _NOBODY
        case _:
            return f"the Temporal server says: {error.message}"


async def is_running(engine: Client, workflow_id: str) -> bool:
    """Whether a workflow has not ended; one that nobody knows has."""
    return await status_of(engine, workflow_id) is WorkflowExecutionStatus.RUNNING


async def is_known(engine: Client, workflow_id: str) -> bool:
    """Whether the engine knows a workflow, ended or not."""
    return await status_of(engine, workflow_id) is not None


async def status_of(engine: Client, workflow_id: str) -> WorkflowExecutionStatus | None:
    """How far a workflow is; None where the engine knows none of that id.

    Raises:
        CampaignError: The engine cannot be asked.
    """
    found = await _described(engine, workflow_id)
    return None if found is None else found.status


async def memo_of(engine: Client, workflow_id: str, name: str) -> str | None:
    """A memo that a workflow was started with; None where the engine knows none of that name.

    Raises:
        CampaignError: The engine cannot be asked.
    """
    found = await _described(engine, workflow_id)
    return None if found is None else await found.memo_value(name, default=None, type_hint=str)


async def _described(engine: Client, workflow_id: str) -> WorkflowExecutionDescription | None:
    try:
        return await described(engine, workflow_id)
    except RPCError as error:
        # No NoAnswerError: nothing was asked that may be done all the same.
        raise CampaignError(_sentence(error, workflow_id)) from error


async def described(
    engine: Client, workflow_id: str, run_id: str | None = None
) -> WorkflowExecutionDescription | None:
    """How a run of a workflow stands, or the last one; None where the engine knows none.

    Raises:
        RPCError: The engine cannot be asked.
    """
    try:
        return await engine.get_workflow_handle(workflow_id, run_id=run_id).describe()
    except RPCError as error:
        if _is_unknown(error):
            return None
        raise


async def limit_submits(engine: Client, queue: str, per_second: float) -> None:
    """Let so many submits a second leave, by the engine's own limit of the queue."""
    await engine.workflow_service.update_task_queue_config(
        UpdateTaskQueueConfigRequest(
            namespace=engine.namespace,
            identity=engine.identity,
            task_queue=queue,
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            update_queue_rate_limit=UpdateTaskQueueConfigRequest.RateLimitUpdate(
                rate_limit=RateLimit(requests_per_second=per_second),
                reason="pika_async campaign",
            ),
        )
    )


_LATER = (
    "no worker has answered. What was asked may be done as soon as one runs "
    "(pika-async campaign worker); look at the campaign's progress then"
)
_NOBODY = (
    "no worker has answered. Nothing is lost: whatever is in flight is waited for as soon as a "
    "worker runs (pika-async campaign worker)"
)
