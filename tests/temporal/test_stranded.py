"""Pages that were ended by hand, campaign and all: their lines are known, and can be settled."""

from __future__ import annotations

import uuid

import anyio
import pytest
from support.ledger import pandas
from support.scene import scene

from pika_async.simulator import Polls
from pika_async.temporal import Campaign, CampaignError, Decision, Finished, Uncertain, Why
from pika_async.temporal._contents.files import read_sealed
from pika_async.temporal._messages.campaigns import CampaignState
from pika_async.temporal._store.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


async def stranded(at, folder):
    """One of four lines of its first page is done, and others have jobs that run.

    Nobody works on it any more: somebody has terminated the campaign, and then its page.
    """
    await Campaign.prepare(pandas(8), folder, page_size=4)
    way = {"queue": at.queue, "account": at.queue, "max_in_flight": 3}
    campaign = await Campaign.start(at.client, uuid.uuid4().hex, folder, **way)
    async with at.worker():
        with anyio.fail_after(180):
            await at.jobs(3)
            at.sim.jobs[next(iter(at.sim.jobs))].duration = Polls(1)
            while (await campaign.progress()).succeeded < 1:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.02)
    for name in (campaign.id, f"{campaign.id}/page/000000"):
        await at.client.get_workflow_handle(name).terminate()
    return campaign


async def test_its_lines_are_read_counted_and_decided_about(engine, tmp_path):
    """Without a seal they counted as running for ever, and nothing could be decided about them."""
    async with scene(engine, duration=Polls(10_000)) as at:
        campaign = await stranded(at, tmp_path)
        submitted = len(at.sim.submissions)
        outcomes = [one.outcome async for one in campaign.results()]
        done = [index for index, one in enumerate(outcomes) if isinstance(one, Finished)]
        assert len(done) == 1
        rest = [index for index in range(4) if index not in done]
        assert all(outcomes[i].why is Why.BEGUN_ANEW for i in rest)
        assert outcomes[4:] == [None] * 4
        assert (tmp_path / outcomes[done[0]].files[0]).is_file()
        assert await read_sealed(open_store(tmp_path), 0) is None
        jobs = await campaign.known_jobs(rest)
        assert 2 <= len(jobs) <= 3
        # What is paid for is not submitted again, and what was never begun is not decided about.
        with pytest.raises(CampaignError, match="which is paid for: adopt it"):
            await campaign.plan_repairs([Decision(index=i, resubmit=True) for i in rest])
        with pytest.raises(CampaignError, match=r"it was not begun, so none of it was .*carry-on"):
            await campaign.plan_repairs([Decision(index=5, drop=True)])
        assert await read_sealed(open_store(tmp_path), 0) is None
        for job in at.sim.jobs.values():
            job.duration = Polls(1)
        adopt = [Decision(index=index, adopt=job) for index, job in jobs.items()]
        drop = [Decision(index=index, drop=True) for index in rest if index not in jobs]
        async with at.worker():
            told = await campaign.progress()
            assert (told.succeeded, told.uncertain, told.stranded) == (1, 3, (0,))
            settled = [one async for one in campaign.resolve_all([*adopt, *drop], queue=at.queue)]
            assert [one.problem for one in settled] == [None] * len(rest)
            told = await campaign.progress()
        assert (told.uncertain, told.stranded, told.repaired) == (0, (), 3)
        assert (told.succeeded, told.dropped) == (1 + len(jobs), len(drop))
        assert len(at.sim.submissions) == submitted
        sealed = await read_sealed(open_store(tmp_path), 0)
        assert [isinstance(one, Uncertain) for one in sealed] == [i in rest for i in range(4)]


async def test_a_campaign_that_was_ended_before_its_pages_were_begun_is_told_all_the_same(
    engine, tmp_path
):
    """It names pages that the engine has never begun."""
    async with scene(engine, duration=Polls(10_000)) as at:
        await Campaign.prepare(pandas(40), tmp_path, page_size=2)
        way = {"queue": at.queue, "account": at.queue}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **way)
        handle = at.client.get_workflow_handle(campaign.id)
        async with at.worker():
            with anyio.fail_after(180):
                while not (await handle.query("state", result_type=CampaignState)).open_pages:  # noqa: ASYNC110 - is asked
                    await anyio.sleep(0.001)
            await handle.terminate()
            told = await campaign.progress()
        assert told.ended
        assert told.prompts == 40


async def test_a_page_that_still_waits_is_not_taken_for_stranded(engine, tmp_path):
    """Its campaign was terminated alone: the page writes down what was paid for."""
    async with scene(engine, duration=Polls(10_000)) as at, at.worker():
        await Campaign.prepare(pandas(2), tmp_path)
        way = {"queue": at.queue, "account": at.queue}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **way)
        await at.jobs(2)
        await at.client.get_workflow_handle(campaign.id).terminate()
        assert [one.outcome async for one in campaign.results()] == [None, None]
        with pytest.raises(CampaignError, match="has not ended yet"):
            await campaign.resolve(0, drop=True)
        for job in at.sim.jobs.values():
            job.duration = Polls(1)
        with anyio.fail_after(180):
            while await read_sealed(open_store(tmp_path), 0) is None:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.05)
        found = [one.outcome async for one in campaign.results()]
    assert all(isinstance(one, Finished) for one in found)
