"""A name that another campaign has: nothing is changed, neither at that one nor in the store."""

from __future__ import annotations

import uuid

import pytest
from support.ledger import pandas
from support.scene import scene
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from pika_async.temporal import Campaign, CampaignError
from pika_async.temporal._contents.claims import campaigns_of, claim
from pika_async.temporal._names import queue_of_submits
from pika_async.temporal._store.store import open_store

pytestmark = pytest.mark.slow


@pytest.fixture
async def stores(tmp_path):
    """Two stores with prompts of their own."""
    for name, count in {"a": 2, "b": 3}.items():
        await Campaign.prepare(pandas(count), tmp_path / name)
    return tmp_path / "a", tmp_path / "b"


async def rate_of(at):
    """How many submits a second the engine lets leave."""
    answer = await at.client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace="default",
            task_queue=TaskQueue(name=queue_of_submits(at.queue)),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            report_config=True,
        )
    )
    return answer.config.queue_rate_limit.rate_limit.requests_per_second


async def start(at, name, store, **options):
    return await Campaign.start(at.client, name, store, queue=at.queue, account=at.queue, **options)


async def test_the_store_is_left_as_it_was_and_may_be_started_as_the_error_says(engine, stores):
    """Under another name, and without carrying on what never began."""
    a, b = stores
    async with scene(engine) as at:
        name, other = uuid.uuid4().hex, uuid.uuid4().hex
        await start(at, name, a)
        with pytest.raises(CampaignError, match="start other prompts under another name"):
            await start(at, name, b)
        assert await campaigns_of(open_store(b)) == []
        assert (await start(at, other, b)).id == other


async def test_a_start_that_is_refused_leaves_the_rate_of_the_running_campaign(engine, stores):
    """Nothing was started now, so nothing leaves faster or slower."""
    a, b = stores
    async with scene(engine) as at:
        name = uuid.uuid4().hex
        await start(at, name, a, submits_per_second=3)
        for store in (a, b):
            with pytest.raises(CampaignError, match="nothing was started now"):
                await start(at, name, store, submits_per_second=50)
        assert await rate_of(at) == 3


@pytest.mark.parametrize("carry_on", [False, True])
async def test_a_name_that_was_taken_at_the_same_moment_stands_in_nobodys_way(
    carry_on, engine, stores
):
    """The store was told a name, and the engine has refused it: no campaign ever began there."""
    a, b = stores
    async with scene(engine) as at:
        name = uuid.uuid4().hex
        await claim(at.client, open_store(b), name, 1, carry_on=False)
        await start(at, name, a)
        other = uuid.uuid4().hex
        assert (await start(at, other, b, carry_on=carry_on)).id == other
        assert await campaigns_of(open_store(b)) == [name, other]


async def test_a_name_that_did_begin_here_is_waited_for(engine, stores):
    """Its proof is that of this store."""
    a, _ = stores
    async with scene(engine) as at:
        await start(at, uuid.uuid4().hex, a)
        with pytest.raises(CampaignError, match="have been started as the campaign"):
            await start(at, uuid.uuid4().hex, a)
        with pytest.raises(CampaignError, match="has not ended yet"):
            await start(at, uuid.uuid4().hex, a, carry_on=True)
