"""Wait for a workflow, as long as workers are there who work on it.

The engine keeps what nobody takes, for ever and without a word. So whoever waits looks now and then
what the workflow waits for. Where that is a worker, and none asks the engine for work, he is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import anyio
from temporalio.api.enums.v1 import PendingActivityState, PendingWorkflowTaskState, TaskQueueType
from temporalio.client import WorkflowFailureError

from pika_async.temporal._engine import NoAnswerError, said
from pika_async.temporal._names import ACCOUNTS, EARLIER_ACCOUNT, SUBMIT, queue_of_submits
from pika_async.temporal._polled import asking_on, way_to

if TYPE_CHECKING:
    from temporalio.api.workflow.v1 import PendingActivityInfo
    from temporalio.client import Client, WorkflowHandle

PATIENCE: Final = 15.0
"""Seconds for which a task may lie there where no worker has asked for work."""
LONG_POLL: Final = 90.0
"""The same where one has asked once: it asks again within some 70 seconds, if it lives."""
LOOK: Final = 3.0
"""Seconds between two looks."""
MOST_TRIES: Final = 6
"""So often something fails before whoever waits for it is told; the last pauses are long."""

_WORKFLOWS: Final = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITIES: Final = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


async def end_of(
    engine: Client, handle: WorkflowHandle[Any, Any], queue: str
) -> WorkflowFailureError | None:
    """Wait until a workflow has ended; returns how, where it did not end well.

    Raises:
        NoAnswerError: No worker works on it, or what they do fails over and over. It goes on all
            the same.
        CampaignError: The engine says no.
    """
    failure: WorkflowFailureError | None = None
    problem: Exception | None = None
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            nonlocal failure, problem
            try:
                await said(handle.result())
            except WorkflowFailureError as error:
                failure = error
            except Exception as error:  # noqa: BLE001 - raised below, by itself
                problem = error
            group.cancel_scope.cancel()

        async def watch() -> None:
            nonlocal problem
            try:
                await _Watch(engine, handle, queue).until_nobody_works()
            except Exception as error:  # noqa: BLE001 - raised below, by itself
                problem = error
            group.cancel_scope.cancel()

        group.start_soon(wait)
        group.start_soon(watch)
    if problem is not None:
        raise problem
    return failure


class _Watch:
    """What was seen of those who could work on it."""

    def __init__(self, engine: Client, handle: WorkflowHandle[Any, Any], queue: str) -> None:
        self._engine = engine
        self._handle = handle
        self._queue = queue
        self._since = anyio.current_time()
        self._seen: frozenset[tuple[str, int]] = frozenset()
        self._tries: dict[str, int] = {}

    async def until_nobody_works(self) -> None:
        while True:
            await anyio.sleep(LOOK)
            untaken = await self._untaken()
            if untaken is None:
                self._since = anyio.current_time()
                continue
            asking = await asking_on(self._engine, *untaken)
            if asking - self._seen:
                self._since = anyio.current_time()
            self._seen |= asking
            if anyio.current_time() - self._since >= (LONG_POLL if self._seen else PATIENCE):
                raise NoAnswerError(_NOBODY.format(queue=untaken[0], way=way_to(self._queue)))

    async def _untaken(self) -> tuple[str, TaskQueueType.ValueType] | None:
        """The queue of a task that no worker has taken; None where none lies there."""
        described = (await said(self._handle.describe())).raw_description
        for activity in described.pending_activities:
            # Whoever comes back waits for one more try.
            tries = self._tries.setdefault(activity.activity_id, activity.attempt)
            if activity.attempt > max(tries, MOST_TRIES):
                raise NoAnswerError(_FAILS.format(reason=activity.last_failure.message))
            if _lies_there(activity):
                queues = {SUBMIT: queue_of_submits(self._queue), EARLIER_ACCOUNT: ACCOUNTS}
                return queues.get(activity.activity_type.name, self._queue), _ACTIVITIES
        task = described.pending_workflow_task
        if task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED:
            return self._queue, _WORKFLOWS
        return None


def _lies_there(activity: PendingActivityInfo) -> bool:
    scheduled = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    # Between two tries it is the engine that waits.
    return activity.state == scheduled and not activity.HasField("next_attempt_schedule_time")


_NOBODY: Final = (
    "no worker takes it: none asks for work on the task queue {queue}, or all are full. Start one: "
    "pika-async campaign worker{way}"
)
_FAILS: Final = "workers try it over and over, and fail with: {reason}"
