"""What operators do to a submit by hand, in the browser or with ``temporal activity``."""

from __future__ import annotations

import asyncio
import signal
import uuid
from time import time

import pytest
from support.engine import connected, posted
from support.films import Film
from support.nursery import ended, worker
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetActivityRequest

from pika_async.simulator import Fault, Simulator
from pika_async.temporal import Uncertain
from pika_async.temporal._names import SUBMIT

pytestmark = [pytest.mark.slow, pytest.mark.long]


async def reset_activity(client, workflow_id, *, forget):
    """As ``temporal activity reset`` does: its attempts are counted anew."""
    await client.workflow_service.reset_activity(
        ResetActivityRequest(
            namespace="default",
            execution=WorkflowExecution(workflow_id=workflow_id),
            type=SUBMIT,
            reset_heartbeat=forget,
        )
    )


@pytest.mark.parametrize("forget", [False, True])
async def test_a_submit_whose_activity_is_reset_is_sent_once(engine, tmp_path, forget):
    """Its worker is lost after the POST, and somebody loses patience before the engine does."""
    client = await connected(engine)
    slow = Fault("slow-headers", seconds=60, started=True)
    async with Simulator(duration=0.2, now=time, faults=[slow]) as sim:
        queue = uuid.uuid4().hex
        handle = await client.start_workflow(
            Film.run, args=["a red panda", 0, None], id=queue, task_queue=queue
        )
        async with worker(engine, sim, queue, tmp_path) as first:
            await posted(sim)
            first.kill()
            assert await ended(first) == -signal.SIGKILL
        await reset_activity(client, queue, forget=forget)
        async with worker(engine, sim, queue, tmp_path) as second:
            outcome = await asyncio.wait_for(handle.result(), 60)
            second.terminate()
            await ended(second)
    assert len(sim.jobs) == 1
    assert isinstance(outcome, Uncertain)
