"""A campaign may end in many ways, and none of them keeps a place of its account for good."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest
from support.ledger import most_at_once, pandas
from support.scene import progress_once, scene, terminate

from pika_async.temporal._limits import unseen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("quick", "watchful", "soon_forgotten"),
]

LIMIT = 6


@pytest.fixture
def soon_forgotten(monkeypatch):
    monkeypatch.setattr(unseen, "UNSEEN_FOR", timedelta(seconds=2))


async def start(at, folder, count, first):
    lines = pandas(count, first)
    return await at.campaign(folder, lines, page_size=LIMIT, max_in_flight=LIMIT)


async def submitted(campaign, count):
    """Return once so many of its lines are."""
    await progress_once(campaign, lambda now: now.submitted >= count)


async def _stopped(_, campaign):
    await campaign.stop()


async def _paused_and_stopped(_, campaign):
    await campaign.pause()
    await campaign.stop()


async def _terminated(at, campaign):
    await terminate(at, campaign.id)


async def _cancelled(at, campaign):
    await at.client.get_workflow_handle(campaign.id).cancel()


async def _page_terminated(at, campaign):
    await terminate(at, f"{campaign.id}/page/000000")


async def _page_cancelled(at, campaign):
    await at.client.get_workflow_handle(f"{campaign.id}/page/000000").cancel()


async def _both_terminated(at, campaign):
    await terminate(at, campaign.id)
    await terminate(at, f"{campaign.id}/page/000000")


ENDS = (
    *(_stopped, _paused_and_stopped, _terminated, _cancelled),
    *(_page_terminated, _page_cancelled, _both_terminated),
)


@pytest.mark.long
async def test_however_campaigns_end_the_whole_limit_is_free_again(engine, tmp_path):
    """A place that is never given back would be missed by every later campaign on the key."""
    async with scene(engine, duration=1) as at, at.worker():
        for number, end in enumerate(ENDS):
            one = await start(at, tmp_path / str(number), 8, 20 * number)
            await submitted(one, 1)
            await end(at, one)
        before = set(at.sim.jobs)
        last = await start(at, tmp_path / "last", 3 * LIMIT, 500)
        with anyio.fail_after(180):
            assert (await last.result()).succeeded == 3 * LIMIT
        of_last = [job for name, job in at.sim.jobs.items() if name not in before]
        assert most_at_once(of_last) == LIMIT
        with anyio.fail_after(180):
            await at.client.get_workflow_handle(f"pika-account-{at.queue}").result()
    assert most_at_once(at.sim.jobs.values()) == LIMIT
