"""A workflow that is cancelled while the answer to its submit is on its way sends nothing more."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from support.engine import posted
from support.films import Cut
from support.scene import scene
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from pika_async.simulator import Fault
from pika_async.temporal import Uncertain, Why
from pika_async.temporal._submitting import Submitting

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


@pytest.mark.parametrize("started", [False, True])
async def test_it_is_not_sent_again_with_its_key_either(engine, started):
    """Where the first never arrived, the second would start a job that nobody wants any more."""
    lost = Fault("slow-headers", seconds=60, started=started)
    async with (
        scene(engine, lost, service="pika") as at,
        at.worker(request_timeout=1.0),
    ):
        handle = await at.start()
        await posted(at.sim)
        await handle.cancel()
        with anyio.fail_after(180):
            outcome = await handle.result()
        assert (len(at.sim.submissions), len(at.sim.jobs)) == (1, int(started))
    assert isinstance(outcome, Uncertain)
    assert outcome.why is Why.NO_ANSWER


@pytest.fixture
def answers(monkeypatch):
    """Until it is set, no submit hears what the service has answered."""
    may = asyncio.Event()
    submitted = Submitting._submitted

    async def held_back(*args):
        try:
            return await submitted(*args)
        finally:
            await may.wait()

    monkeypatch.setattr(Submitting, "_submitted", held_back)
    return may


async def until_cancelled(handle):
    """Return once the engine was told that the submit is wanted no more."""
    with anyio.fail_after(180):
        while True:
            async for event in handle.fetch_history_events():
                if event.HasField("activity_task_cancel_requested_event_attributes"):
                    return
            await anyio.sleep(0.05)


async def test_what_was_under_way_and_started_nothing_is_not_sent_again(engine, answers):
    """The SDK waits for the end of the submit, and must not forget the cancellation meanwhile."""
    async with scene(engine, Fault("429-openai", retry_after=1)) as at, at.worker():
        handle = await at.start()
        await posted(at.sim)
        await handle.cancel()
        await until_cancelled(handle)
        answers.set()
        with pytest.raises(WorkflowFailureError) as caught, anyio.fail_after(60):
            await handle.result()
        assert isinstance(caught.value.cause, CancelledError)
        assert (len(at.sim.submissions), len(at.sim.jobs)) == (1, 0)


@pytest.mark.parametrize("fault", [Fault("429-openai", retry_after=1), None])
async def test_a_task_that_its_workflow_calls_off_sends_nothing_more_either(fault, engine, answers):
    """No cancellation of the workflow: it goes on. A job that was accepted is not waited for."""
    async with scene(engine, *([fault] if fault else []), duration=600) as at, at.worker():
        handle = await at.start(run=Cut.run)
        await posted(at.sim)
        await handle.signal(Cut.cut)
        await until_cancelled(handle)
        answers.set()
        with anyio.fail_after(180):
            assert await handle.result() == "called off"
        assert (len(at.sim.submissions), len(at.sim.jobs)) == (1, int(fault is None))
