"""Whoever steers a campaign that no worker works on is told so at once, and not after a timeout."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest
from support.tables import every_row
from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.taskqueue.v1 import PollerInfo
from temporalio.api.worker.v1 import WorkerInfo
from temporalio.api.workflowservice.v1 import DescribeTaskQueueResponse, ListWorkersResponse
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from pika_async.temporal import Campaign, NoAnswerError, _polled
from pika_async.temporal._converter import PIKA_DATA_CONVERTER

ASKED_AT = 1_000
STOPPING = WorkerStatus.WORKER_STATUS_SHUTTING_DOWN
WORKING = WorkerStatus.WORKER_STATUS_RUNNING
RUNNING, COMPLETED = WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED


class Engine:
    """Has one campaign, and so many workers that ask for work."""

    data_converter = PIKA_DATA_CONVERTER
    namespace = "default"

    def __init__(self, workers, status=RUNNING, listed=(), names=("w",)):
        """``listed``: what it lists of workers; None: it knows no such list."""
        self.workflow_service, self._workers, self._status = self, workers, status
        self._listed, self._names = listed, names
        self.asked, self.waits = [], []

    def get_workflow_handle_for(self, *_):
        return self

    async def describe(self):
        return SimpleNamespace(status=self._status, task_queue="the queue")

    async def describe_task_queue(self, request):
        assert request.task_queue.name == "the queue"
        pollers = []
        for name in self._names:
            pollers.append(PollerInfo(identity=name))
            pollers[-1].last_access_time.FromSeconds(ASKED_AT)
        return DescribeTaskQueueResponse(pollers=pollers * self._workers)

    async def list_workers(self, _, **__):
        if self._listed is None:
            raise RPCError("unknown method", RPCStatusCode.UNIMPLEMENTED, b"")
        return ListWorkersResponse(workers_info=map(listed, self._listed))

    async def execute_update(self, update, *, rpc_timeout, **_):
        self.asked.append(update.__name__)
        self.waits.append(rpc_timeout.total_seconds())

    async def query(self, query, **_):
        self.asked.append(query.__name__)
        raise AssertionError("nobody answers")


@pytest.fixture(autouse=True)
def naps(monkeypatch):
    """How long was slept in all."""
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(_polled.anyio, "sleep", sleep)
    return slept


WAYS = {
    "pause": lambda one: one.pause(),
    "resume": lambda one: one.resume(),
    "resume with more": lambda one: one.resume(budget=5),
    "stop": lambda one: one.stop(),
    "set_max_in_flight": lambda one: one.set_max_in_flight(5),
}


@pytest.mark.parametrize("way", WAYS)
async def test_without_a_worker_nothing_is_asked_and_it_is_said_how_to_start_one(way, naps):
    """It took fifteen seconds, and left open whether it would be done some day."""
    engine = Engine(0)
    with pytest.raises(NoAnswerError) as caught:
        await WAYS[way](Campaign(engine, "foxes"))
    told = str(caught.value)
    assert "no worker asks for work on the task queue the queue" in told
    assert "nothing was changed" in told
    assert "pika-async campaign worker --queue 'the queue'" in told
    assert engine.asked == []
    assert sum(naps) <= 3


async def test_with_a_worker_it_is_asked_at_once(naps):
    engine = Engine(1)
    await Campaign(engine, "foxes").pause()
    assert (engine.asked, naps) == (["pause"], [])


def listed(of):
    """A worker as the engine lists it: its name, how it is, when that was, and its queue."""
    name, status, at, queue = of
    info = WorkerInfo()
    told = info.worker_heartbeat
    told.worker_identity, told.status, told.task_queue = name, status, queue
    told.heartbeat_time.FromSeconds(at)
    return info


async def test_where_the_last_worker_has_left_since_it_asked_it_is_told_at_once(naps):
    """The engine names it for five minutes. It took fifteen seconds to notice."""
    engine = Engine(1, listed=[("w", STOPPING, ASKED_AT + 30, "the queue")])
    with pytest.raises(NoAnswerError, match="no worker asks for work"):
        await Campaign(engine, "foxes").pause()
    assert engine.asked == []
    assert sum(naps) <= 3


@pytest.mark.parametrize(
    "others",
    [
        None,
        [("w", STOPPING, ASKED_AT - 30, "the queue")],
        [("w", STOPPING, ASKED_AT + 30, "another queue")],
        [("another", STOPPING, ASKED_AT + 30, "the queue")],
        [("w", WORKING, ASKED_AT + 30, "the queue")],
        [(f"{status}", status, ASKED_AT, "the queue") for status in (STOPPING, WORKING)],
        [("w", status, ASKED_AT + 30, "the queue") for status in (STOPPING, WORKING)],
    ],
    ids=["no list", "began anew", "queue", "name", "works", "others", "called alike"],
)
async def test_whoever_may_work_is_asked(others, naps):
    engine = Engine(1, listed=others)
    await Campaign(engine, "foxes").pause()
    assert (engine.asked, naps) == (["pause"], [])


def no_such_process(*_):
    raise ProcessLookupError


def of_another_user(*_):
    raise PermissionError


HERE, ELSEWHERE = f"4711@{socket.gethostname()}", "4711@elsewhere"


@every_row(
    ("names", "kill", "seconds"),
    [
        ((HERE,), no_such_process, 5),
        ((HERE,), of_another_user, 15),
        ((HERE,), lambda *_: None, 15),
        ((ELSEWHERE,), no_such_process, 15),
        ((HERE, ELSEWHERE), no_such_process, 15),
        ((f"1@{HERE}",), no_such_process, 15),
        (("somebody",), no_such_process, 15),
    ],
)
async def test_who_seems_to_have_been_killed_on_this_machine_is_asked_and_not_waited_for_so_long(
    names, kill, seconds, monkeypatch
):
    """The engine names it for five minutes. That its process is gone is no proof: it may be that of
    a container which is called as its machine is."""
    asked = []

    def killed(pid, signal):
        asked.append((pid, signal))
        kill()

    monkeypatch.setattr(_polled.os, "kill", killed)
    engine = Engine(1, names=names)
    await Campaign(engine, "foxes").pause()
    assert (engine.asked, engine.waits) == (["pause"], [seconds])
    # A signal of 0 ends nothing.
    assert set(asked) <= {(4711, 0)}


@pytest.mark.usefixtures("naps")
async def test_on_windows_no_process_is_asked_for(monkeypatch):
    """A signal of 0 is Ctrl-C there."""
    monkeypatch.setattr(_polled.sys, "platform", "win32")
    monkeypatch.setattr(_polled.os, "kill", no_such_process)
    engine = Engine(1, names=(HERE,))
    await Campaign(engine, "foxes").pause()
    assert engine.waits == [15]


async def test_one_that_has_ended_needs_no_worker_to_say_so():
    """The engine itself answers."""
    engine = Engine(0, COMPLETED)
    await Campaign(engine, "foxes").pause()
    assert engine.asked == ["pause"]
