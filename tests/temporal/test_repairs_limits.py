"""Repairs are in flight under the limit of their account, as pages are.

What is counted are jobs at the service, by its own clock.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import anyio
import pytest
from support.ledger import line_of, most_at_once, pandas
from support.operators import fail_waiting
from support.scene import reset, scene
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from pika_async import PikaClient
from pika_async.simulator import Fault
from pika_async.temporal import Campaign, CampaignError, Decision, Finished, Uncertain, Why, _steps
from pika_async.temporal._account import account, place
from pika_async.temporal._contents.files import seal
from pika_async.temporal._limits import unseen
from pika_async.temporal._store.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick", "watchful")]

LIMIT = 4
UNSURE = Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)


async def uncertain(at, folder, count):
    """A campaign that has ended, all of whose lines are uncertain."""
    await Campaign.prepare(pandas(count), folder)
    await seal(open_store(folder), 0, [UNSURE] * count)
    return await started(at, folder)


async def started(at, folder, **options):
    options = {"max_in_flight": LIMIT} | options
    return await at.started(folder, **options)


async def resubmitted(at, campaign, count, **options):
    decisions = [Decision(index=index, resubmit=True) for index in range(count)]
    options = {"queue": at.queue, "max_in_flight": 300} | options
    with anyio.fail_after(180):
        return [one async for one in campaign.resolve_all(decisions, **options)]


def account_of(at):
    return at.client.get_workflow_handle_for(account.Account.run, f"pika-account-{at.queue}")


async def places(at):
    """Which repairs have a place; none where there is no account."""
    try:
        return (await account_of(at).query(account.Account.shares)).placed
    except RPCError:
        return ()


async def first_moment(handle):
    """The first event that a workflow can be reset to."""
    history = await handle.fetch_history()
    kind = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    return next(event.event_id for event in history.events if event.event_type == kind)


async def until(holds):
    with anyio.fail_after(180):
        while not holds():  # noqa: ASYNC110 - sets no flag
            await anyio.sleep(0.02)


async def is_over(handle):
    """Return once a workflow has ended."""
    with anyio.fail_after(180):
        while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:  # noqa: ASYNC110
            await anyio.sleep(0.05)


@asynccontextmanager
async def meanwhile(does, *args):
    """Something that goes on, whose end is waited for; it may end in an error."""

    async def done():
        with suppress(CampaignError):
            await does(*args)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(done)
        yield


async def test_repairs_that_submit_again_keep_to_the_limit_of_the_account(engine, tmp_path):
    """However many are decided about at once, and also where the campaign has ended before."""
    async with scene(engine, duration=0.5) as at, at.worker():
        campaign = await uncertain(at, tmp_path, 12)
        await campaign.result()
        settled = await resubmitted(at, campaign, 12)
        await is_over(account_of(at))
    assert [type(one.outcome) for one in settled] == [Finished] * 12
    assert most_at_once(at.sim.jobs.values()) <= LIMIT


@pytest.mark.long
async def test_repairs_and_a_campaign_share_the_limit_and_neither_starves(engine, tmp_path):
    async with scene(engine, duration=1) as at, at.worker():
        one = await uncertain(at, tmp_path / "one", 12)
        await one.result()
        await Campaign.prepare(pandas(24, 12), tmp_path / "two")
        two = await started(at, tmp_path / "two")
        await until(lambda: len(at.sim.jobs) >= LIMIT)
        async with meanwhile(resubmitted, at, one, 12):
            await until(lambda: len(at.sim.jobs) >= 24)
            known = await account_of(at).query(account.Account.shares)
            assert len(known.placed) == known.told[two.id] == LIMIT // 2
        with anyio.fail_after(180):
            assert (await two.result()).succeeded == 24
    assert len(at.sim.jobs) == 36
    assert most_at_once(at.sim.jobs.values()) == LIMIT


async def test_a_repair_that_the_service_does_not_take_leaves_its_place_to_others(
    engine, tmp_path, monkeypatch
):
    """Of one place: nothing else was submitted for an hour, which is how long it is tried."""
    monkeypatch.setattr(place, "LONG", timedelta())
    monkeypatch.setattr(_steps, "_FIRST_PAUSE", 4.0)
    nobody = Fault("503-no-channel", times=None, prompt="a red panda 00000")
    await Campaign.prepare(pandas(2), tmp_path)
    await seal(open_store(tmp_path), 0, [UNSURE] * 2)
    async with scene(engine, nobody) as at, at.worker():
        campaign = await started(at, tmp_path, max_in_flight=1)
        await campaign.result()
        async with meanwhile(resubmitted, at, campaign, 1):
            await until(lambda: at.sim.submissions)
            with anyio.fail_after(60):
                other = await campaign.resolve(1, resubmit=True, queue=at.queue)
            assert isinstance(other, Finished)
            assert len(at.sim.jobs) == 1
            at.sim.faults.clear()
        assert (await is_over(account_of(at)), await places(at)) == (None, ())
        outcomes = [one.outcome async for one in campaign.results()]
    assert [type(one) for one in outcomes] == [Finished] * 2
    assert most_at_once(at.sim.jobs.values()) == 1


async def test_whoever_waits_for_repairs_can_ask_what_they_wait_for(engine, tmp_path):
    """How many of them have no place, of how many places there are; nothing where all have one."""
    async with scene(engine, duration=600) as at, at.worker():
        campaign = await uncertain(at, tmp_path, LIMIT + 2)
        await campaign.result()
        assert await campaign.repairs_waiting() is None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(resubmitted, at, campaign, LIMIT + 2)
            with anyio.fail_after(180):
                while (told := await campaign.repairs_waiting()) is None or told.repairs != 2:  # noqa: ASYNC110 - is asked
                    await anyio.sleep(0.05)
            tasks.cancel_scope.cancel()
    assert (told.repairs, told.account, told.limit) == (2, at.queue, LIMIT)
    assert (told.kept, told.kept_until) == (0, None)


@pytest.mark.long
async def test_a_job_that_is_adopted_counts_while_it_runs(engine, tmp_path):
    """It is in flight at the service, so others have one place less."""
    async with scene(engine, duration=3) as at, at.worker():
        one = await uncertain(at, tmp_path / "one", 1)
        await one.result()
        service = {"base_url": at.sim.url, "dialect": at.sim.dialect}
        async with PikaClient("a-secret-key", **service) as client:
            job = await client.submit(pandas(1)[0])
        async with meanwhile(lambda: one.resolve(0, adopt=job.id, queue=at.queue)):
            with anyio.fail_after(180):
                while not await places(at):  # noqa: ASYNC110 - is asked
                    await anyio.sleep(0.05)
            await Campaign.prepare(pandas(8, 1), tmp_path / "two")
            two = await started(at, tmp_path / "two")
            with anyio.fail_after(180):
                assert (await two.result()).succeeded == 8
    assert most_at_once(at.sim.jobs.values()) == LIMIT


@pytest.mark.long
async def test_an_account_that_begins_anew_knows_the_places_of_repairs(engine, tmp_path):
    """The one before it was terminated while their jobs ran and others waited."""
    async with scene(engine, duration=2) as at, at.worker():
        campaign = await uncertain(at, tmp_path, 8)
        await campaign.result()
        async with meanwhile(resubmitted, at, campaign, 8):
            await until(lambda: len(at.sim.jobs) == LIMIT)
            await account_of(at).terminate()
            # Whoever comes next begins the account anew.
            await Campaign.prepare(pandas(4, 8), tmp_path / "two")
            two = await started(at, tmp_path / "two")
        with anyio.fail_after(180):
            assert (await two.result()).succeeded == 4
    assert len(at.sim.jobs) == 12
    assert most_at_once(at.sim.jobs.values()) == LIMIT


@pytest.mark.long
async def test_an_account_that_begins_anew_knows_of_repairs_that_have_ended_without_a_word(
    engine, tmp_path, monkeypatch
):
    """They were terminated after it was, and their jobs run on."""
    monkeypatch.setattr(unseen, "UNSEEN_FOR", timedelta(seconds=5))
    async with scene(engine, duration=4) as at, at.worker():
        campaign = await uncertain(at, tmp_path, LIMIT)
        await campaign.result()
        async with meanwhile(resubmitted, at, campaign, LIMIT):
            await until(lambda: len(at.sim.jobs) == LIMIT)
            await account_of(at).terminate()
            for index in range(LIMIT):
                await at.client.get_workflow_handle(f"{campaign.id}/repair/{index}-1").terminate()
        await Campaign.prepare(pandas(4, LIMIT), tmp_path / "two")
        two = await started(at, tmp_path / "two")
        with anyio.fail_after(180):
            assert (await two.result()).succeeded == 4
    assert most_at_once(at.sim.jobs.values()) == LIMIT


@pytest.mark.long
async def test_the_job_of_a_repair_that_is_terminated_counts_for_as_long_as_it_may_run(
    engine, tmp_path, monkeypatch
):
    """Nobody waits for it, and it runs on."""
    monkeypatch.setattr(unseen, "UNSEEN_FOR", timedelta(seconds=5))
    async with scene(engine, duration=4) as at, at.worker():
        campaign = await uncertain(at, tmp_path, 6)
        await campaign.result()
        async with meanwhile(resubmitted, at, campaign, 6):
            await until(lambda: len(at.sim.jobs) == LIMIT)
            for index in range(6):
                with suppress(RPCError):
                    await at.client.get_workflow_handle(
                        f"{campaign.id}/repair/{index}-1"
                    ).terminate()
        await resubmitted(at, campaign, 6, again=True)
    assert most_at_once(at.sim.jobs.values()) == LIMIT


@pytest.mark.long
async def test_the_job_of_a_repair_whose_waiting_is_failed_by_hand_counts_as_long_as_it_may_run(
    engine, tmp_path, monkeypatch
):
    """As ``temporal activity fail`` does, to one that hangs: its job runs, and nobody waits."""
    monkeypatch.setattr(unseen, "UNSEEN_FOR", timedelta(seconds=5))
    async with scene(engine, duration=4) as at, at.worker():
        campaign = await uncertain(at, tmp_path, LIMIT + 2)
        await campaign.result()
        async with meanwhile(resubmitted, at, campaign, LIMIT + 2):
            await until(lambda: len(at.sim.jobs) == LIMIT)
            for job in tuple(at.sim.jobs.values()):
                await fail_waiting(at.client, f"{campaign.id}/repair/{line_of(job)}-1")
    assert len(at.sim.jobs) == LIMIT + 2
    assert most_at_once(at.sim.jobs.values()) == LIMIT


@pytest.mark.long
async def test_a_repair_that_is_reset_has_one_place_and_submits_nothing_again(engine, tmp_path):
    """Its job runs on, and nobody knows of it but by its place."""
    async with scene(engine, duration=2) as at, at.worker():
        campaign = await uncertain(at, tmp_path, 6)
        await campaign.result()
        async with meanwhile(resubmitted, at, campaign, 6):
            await until(lambda: len(at.sim.jobs) == LIMIT)
            line = line_of(next(iter(at.sim.jobs.values())))
            handle = at.client.get_workflow_handle(f"{campaign.id}/repair/{line}-1")
            await reset(at.client, handle, await first_moment(handle))
    assert len(at.sim.jobs) == 6
    assert most_at_once(at.sim.jobs.values()) == LIMIT
