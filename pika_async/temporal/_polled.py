"""Who asks the engine for work on a queue, and what is said where nobody does.

The engine names for five minutes who has asked on a queue, also where he has left since. A worker
that stops says so, which stands in another list of the engine. So whoever has not asked since he
stopped has left. A worker that was killed is named until the five minutes have passed. Where it was
on this machine, its name tells which process it was. That one is gone proves nothing: containers
may be called as their machine is, and count their processes by themselves. So it is asked all the
same, and an answer is not waited for so long.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import anyio
from temporalio.api.enums.v1 import TaskQueueType, WorkerStatus
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, ListWorkersRequest
from temporalio.service import RPCError

from pika_async.temporal._engine import PATIENCE, CampaignError, NoAnswerError, said
from pika_async.temporal._names import QUEUE

if TYPE_CHECKING:
    from temporalio.client import Client

# A worker that is being started has not asked yet.
_BEGINNING: Final = 1.0
_LOOKS_AT_BEGINNING: Final = 3
_MOST_WORKERS: Final = 1_000
_WHERE_ALL_SEEM_GONE: Final = timedelta(seconds=5)
"""How long an answer is waited for then. One that works answers within a second."""
_LISTING: Final = timedelta(seconds=5)
_STOPPED: Final = (
    WorkerStatus.WORKER_STATUS_SHUTTING_DOWN,
    WorkerStatus.WORKER_STATUS_SHUTDOWN,
)


STANDS: Final = (
    "nobody can say how the campaign stands. Nothing is lost: it goes on as soon as a worker runs"
)
UNTOLD: Final = (
    "the campaign cannot be told, and nothing was changed. Say it again as soon as a worker runs"
)
"""What follows where nobody works."""


async def check_polled(engine: Client, queue: str, so: str = STANDS) -> timedelta:
    """Refuse to ask a workflow of that queue something where nobody could answer.

    Args:
        engine: A client of the engine.
        queue: The task queue.
        so: What follows where nobody works.

    Returns:
        How long an answer is to be waited for.

    Raises:
        NoAnswerError: No worker asks for work there, nor has done for some minutes.
    """
    for _ in range(_LOOKS_AT_BEGINNING):
        try:
            asking = await asking_on(engine, queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
        except CampaignError:
            # Not every server tells who asks for work; whether somebody answers is seen soon.
            return PATIENCE
        if asking:
            gone = all(_seems_gone(who) for who, _ in asking)
            return _WHERE_ALL_SEEM_GONE if gone else PATIENCE
        await anyio.sleep(_BEGINNING)
    raise NoAnswerError(_UNPOLLED.format(queue=queue, so=so, way=way_to(queue)))


def _seems_gone(worker: str) -> bool:
    """Whether a worker has the name of a process of this machine, and that does not run.

    ``PID@HOST`` is how the library of the engine calls a worker for which nobody says a name.
    """
    pid, _, host = worker.partition("@")
    # On Windows there is no signal that only asks.
    if sys.platform == "win32" or host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


async def asking_on(
    engine: Client, queue: str, kind: TaskQueueType.ValueType
) -> frozenset[tuple[str, int]]:
    """Who has asked for work and not left since, and when he asked, by the engine's clock."""
    answer = await said(
        engine.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=engine.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
            )
        )
    )
    asked = {(one.identity, one.last_access_time.ToNanoseconds()) for one in answer.pollers}
    left = await _left(engine, queue) if asked else {}
    return frozenset((who, when) for who, when in asked if when > left.get(who, -1))


async def _left(engine: Client, queue: str) -> dict[str, int]:
    """Who has stopped to work on a queue, and when, by his own clock.

    Not whoever works there still under the same name: in containers, many may be called alike.
    """
    try:
        answer = await engine.workflow_service.list_workers(
            ListWorkersRequest(
                namespace=engine.namespace,
                # How a quote is written in there is not said anywhere.
                query="" if "'" in queue else f"TaskQueue = '{queue}'",
                page_size=_MOST_WORKERS,
            ),
            timeout=_LISTING,
        )
    except RPCError:
        # Not every server keeps such a list.
        return {}
    left: dict[str, int] = {}
    working = set()
    for info in answer.workers_info:
        told = info.worker_heartbeat
        if told.task_queue != queue:
            continue
        if told.status in _STOPPED:
            when = told.heartbeat_time.ToNanoseconds()
            left[told.worker_identity] = max(when, left.get(told.worker_identity, 0))
        else:
            working.add(told.worker_identity)
    # Of a part of them it is not known who works there still.
    return {} if answer.next_page_token else {who: left[who] for who in left.keys() - working}


def way_to(queue: str) -> str:
    """How a worker of this queue is started."""
    return "" if queue == QUEUE else f" --queue {shlex.quote(queue)}"


_UNPOLLED: Final = (
    "no worker asks for work on the task queue {queue}, so {so}. Start one: pika-async campaign "
    "worker{way}"
)
