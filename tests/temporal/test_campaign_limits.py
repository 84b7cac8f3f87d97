"""What one campaign gives up, another gets only once it is not in use any more."""

from __future__ import annotations

import uuid
from datetime import timedelta
from itertools import chain, repeat

import anyio
import pytest
from support.ledger import most_at_once, pandas
from support.scene import progress_once, scene

from pika_async.simulator import Fault
from pika_async.temporal import Campaign
from pika_async.temporal._account.account import Account
from pika_async.temporal._limits import unseen
from pika_async.temporal._limits.unseen import jobs

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


def one_long(seconds):
    """Durations of jobs, of which the first is long."""
    rest = chain([seconds], repeat(0.2))
    return lambda _: next(rest)


@pytest.mark.long
async def test_what_a_page_cannot_use_at_its_end_is_for_the_next_page(engine, tmp_path):
    """One long job does not keep the places of those that have ended."""
    await Campaign.prepare(pandas(16), tmp_path, page_size=4)
    async with scene(engine, duration=one_long(8.0)) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 4}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        with anyio.fail_after(180):
            assert (await campaign.result()).succeeded == 16
    made = at.sim.jobs.values()
    long = max(made, key=lambda job: job.duration)
    assert all(job.submitted_at < long.finished_at for job in made)
    assert most_at_once(made) <= 4


@pytest.mark.long
async def test_what_a_campaign_cannot_use_at_its_end_is_for_the_others(engine, tmp_path):
    """Its last job keeps one place."""
    async with scene(engine, duration=one_long(8.0)) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 4}
        campaigns = []
        for name, first, count in (("one", 0, 4), ("two", 4, 40)):
            await Campaign.prepare(pandas(count, first), tmp_path / name)
            campaigns.append(
                await Campaign.start(at.client, uuid.uuid4().hex, tmp_path / name, **options)
            )
        one, two = campaigns
        await progress_once(two, lambda now: now.share >= 3, 7)
        assert (await one.progress()).in_flight == 1
        with anyio.fail_after(180):
            assert (await one.result()).succeeded == 4
            assert (await two.result()).succeeded == 40
    assert most_at_once(at.sim.jobs.values()) <= 4


async def test_a_campaign_that_is_stopped_ends_with_its_jobs(engine, tmp_path, monkeypatch):
    """It does not wait for jobs of which nobody hears; the account keeps their places."""
    monkeypatch.setattr(unseen, "UNSEEN_FOR", timedelta(minutes=5))
    lost = Fault("reset-after", times=2, started=True)
    async with scene(engine, lost, duration=2) as at, at.worker():
        campaign = await at.campaign(tmp_path, pandas(12), max_in_flight=4)
        with anyio.fail_after(180):
            await at.jobs(4)
            await campaign.stop()
            progress = await campaign.result()
        assert (progress.uncertain, progress.unseen, progress.in_flight) == (2, 2, 0)
        account = at.client.get_workflow_handle_for(Account.run, f"pika-account-{at.queue}")
        assert jobs((await account.query(Account.shares)).unseen) == 2
        await account.terminate()


@pytest.mark.long
async def test_a_job_that_is_given_up_keeps_its_place_while_it_may_run(
    engine, tmp_path, monkeypatch
):
    """It runs on at the service: the timeout is that of whoever waits."""
    monkeypatch.setattr(unseen, "UNSEEN_FOR", timedelta(seconds=4))
    durations = chain([3.0, 3.0], repeat(0.2))
    async with scene(engine, duration=lambda _: next(durations)) as at, at.worker():
        campaign = await at.campaign(tmp_path, pandas(6), max_in_flight=2, timeout=1.0)
        with anyio.fail_after(180):
            while (progress := await campaign.progress()).failed < 2:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.05)
            assert (progress.unseen, progress.in_flight) == (2, 0)
            assert (await campaign.result()).succeeded == 4
    assert most_at_once(at.sim.jobs.values()) == 2


@pytest.mark.long
@pytest.mark.parametrize("in_flight", [100, 12])
async def test_as_many_submits_a_second_leave_as_were_said(in_flight, engine, tmp_path):
    """Within a tenth, while lines wait; and never more than a quarter above it over ten seconds."""
    rate, count = 10.0, 200
    await Campaign.prepare(pandas(count), tmp_path)
    async with scene(engine) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": in_flight}
        campaign = await Campaign.start(
            at.client, uuid.uuid4().hex, tmp_path, submits_per_second=rate, **options
        )
        with anyio.fail_after(180):
            await campaign.result()
    times = sorted(job.submitted_at for job in at.sim.jobs.values())
    assert 0.9 * rate <= (count - 1) / (times[-1] - times[0]) <= 1.1 * rate
    assert max(sum(start <= each < start + 10 for each in times) for start in times) <= 12.5 * rate


@pytest.mark.long
async def test_a_campaign_that_joins_waits_until_jobs_of_the_other_have_ended(engine, tmp_path):
    """They are long: what was promised too soon would be in flight beside them."""
    limit = 8
    async with scene(engine, duration=4.0) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": limit}
        for name, first in (("one", 0), ("two", 16)):
            await Campaign.prepare(pandas(16, first), tmp_path / name, page_size=8)
        names = uuid.uuid4().hex, uuid.uuid4().hex
        one = await Campaign.start(at.client, names[0], tmp_path / "one", **options)
        with anyio.fail_after(180):
            await at.jobs(limit)
            two = await Campaign.start(at.client, names[1], tmp_path / "two", **options)
            assert (await one.result()).succeeded == 16
            assert (await two.result()).succeeded == 16
    assert most_at_once(at.sim.jobs.values()) == limit


async def test_a_limit_that_was_changed_is_told_with_those_that_share_it(engine, tmp_path):
    """Of the account, as soon as one campaign has changed it, and one that is paused shares it."""
    async with scene(engine, duration=20) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 4}
        names = []
        for number in range(2):
            await Campaign.prepare(pandas(9, 9 * number), tmp_path / str(number))
            names.append(f"{at.queue}-{number}")
            one = await Campaign.start(at.client, names[-1], tmp_path / str(number), **options)
        with anyio.fail_after(30):
            while not all([(await Campaign(at.client, n).progress()).share for n in names]):  # noqa: ASYNC110
                await anyio.sleep(0.05)
        await one.pause()
        await one.set_max_in_flight(7)
        told = await one.account_limit()
        assert (told.account, told.jobs, told.campaigns) == (at.queue, 7, tuple(names))
        for name in names:
            await at.client.get_workflow_handle(name).terminate()
