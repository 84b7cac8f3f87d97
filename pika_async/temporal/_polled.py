"""Who asks the engine for work on a queue, and what is said where nobody does."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

import anyio
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from pika_async.temporal._engine import CampaignError, NoAnswerError, said
from pika_async.temporal._names import QUEUE

if TYPE_CHECKING:
    from temporalio.client import Client

# A worker that is being started has not asked yet.
_BEGINNING: Final = 1.0
_LOOKS_AT_BEGINNING: Final = 3


STANDS: Final = (
    "nobody can say how the campaign stands. Nothing is lost: it goes on as soon as a worker runs"
)
UNTOLD: Final = (
    "the campaign cannot be told, and nothing was changed. Say it again as soon as a worker runs"
)
"""What follows where nobody works."""


async def check_polled(engine: Client, queue: str, so: str = STANDS) -> None:
    """Refuse to ask a workflow of that queue something where nobody could answer.

    Args:
        engine: A client of the engine.
        queue: The task queue.
        so: What follows where nobody works.

    Raises:
        NoAnswerError: No worker asks for work there, nor has done for some minutes.
    """
    for _ in range(_LOOKS_AT_BEGINNING):
        try:
            if await asking_on(engine, queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW):
                return
        except CampaignError:
            # Not every server tells who asks for work; whether somebody answers is seen soon.
            return
        await anyio.sleep(_BEGINNING)
    raise NoAnswerError(_UNPOLLED.format(queue=queue, so=so, way=way_to(queue)))


async def asking_on(
    engine: Client, queue: str, kind: TaskQueueType.ValueType
) -> frozenset[tuple[str, int]]:
    """Who has asked for work, and when, by the engine's clock."""
    answer = await said(
        engine.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=engine.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
            )
        )
    )
    return frozenset(
        (poller.identity, poller.last_access_time.ToNanoseconds()) for poller in answer.pollers
    )


def way_to(queue: str) -> str:
    """How a worker of this queue is started."""
    return "" if queue == QUEUE else f" --queue {shlex.quote(queue)}"


_UNPOLLED: Final = (
    "no worker asks for work on the task queue {queue}, so {so}. Start one: pika-async campaign "
    "worker{way}"
)
