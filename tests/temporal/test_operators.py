"""What operators do to a submit by hand, in the browser or with ``temporal activity``."""

from __future__ import annotations

import asyncio
import signal
import uuid
from time import time

import anyio
import pytest
from support.engine import connected, posted
from support.films import Film
from support.ledger import Ledger, pandas
from support.nursery import ended, worker
from support.operators import fail_waiting
from support.scene import scene
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetActivityRequest

from pika_async.simulator import Fault, Simulator
from pika_async.temporal import Campaign, Declined, Finished, Uncertain
from pika_async.temporal._names import SUBMIT

pytestmark = pytest.mark.slow


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


@pytest.mark.long
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


@pytest.mark.usefixtures("quick")
async def test_a_waiting_that_is_failed_by_hand_costs_one_line_and_not_its_page(engine, tmp_path):
    """As ``temporal activity fail`` does, to one that hangs: its job runs on, and is named."""
    async with scene(engine, duration=2) as at, at.worker():
        await Campaign.prepare(pandas(4), tmp_path)
        name = uuid.uuid4().hex
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 4}
        campaign = await Campaign.start(at.client, name, tmp_path, **options)
        await fail_waiting(at.client, f"{name}/page/000000")
        with anyio.fail_after(180):
            progress = await campaign.result()
        assert (progress.succeeded, progress.failed, progress.uncertain) == (3, 1, 0)
        results = [result async for result in campaign.results()]
        (line,) = [n for n, one in enumerate(results) if isinstance(one.outcome, Declined)]
        given_up = results[line].outcome
        assert "it hangs" in given_up.reason
        ledger = Ledger(at.sim)
        await ledger.read(campaign.results())
        assert (ledger.twice, ledger.lost, ledger.wrong) == ([], [], [])
        # It is paid for, and may be had.
        had = await campaign.resolve(line, adopt=given_up.job_id, queue=at.queue)
        assert isinstance(had, Finished)
        assert len(at.sim.submissions) == 4
