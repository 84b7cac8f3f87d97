"""The limit of an account is kept at every instant, whoever is terminated, and whoever goes away.

What is counted are jobs at the service, by its own clock.
"""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import chain, repeat

import anyio
import pytest
from attrs import evolve
from support.engine import connected
from support.ledger import most_at_once, pandas
from support.scene import Scene, progress_once, scene, terminate
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import ActivityEnvironment

from pika_async.simulator import Fault
from pika_async.temporal._account import account
from pika_async.temporal._account.activities import AccountActivities
from pika_async.temporal._limits import unseen
from pika_async.temporal._messages.accounts import AccountOrder, Joining

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick", "watchful")]

LIMIT = 6


async def start(at, folder, count, first=0, **options):
    return await at.campaign(folder, pandas(count, first), page_size=LIMIT, **options)


async def done(campaign):
    with anyio.fail_after(180):
        return await campaign.result()


def account_of(at):
    return f"pika-account-{at.queue}"


@pytest.mark.long
async def test_what_a_terminated_campaign_holds_is_free_only_once_its_jobs_have_ended(
    engine, tmp_path
):
    """Its pages wait on for them, and the account waits for its pages."""
    async with scene(engine, duration=4) as at, at.worker():
        one = await start(at, tmp_path / "one", 12, max_in_flight=LIMIT)
        await at.jobs(LIMIT)
        await terminate(at, one.id)
        two = await start(at, tmp_path / "two", 12, 12)
        assert (await done(two)).succeeded == 12
    assert most_at_once(at.sim.jobs.values()) == LIMIT


@pytest.mark.long
async def test_the_jobs_of_a_terminated_page_count_for_as_long_as_a_job_may_run(
    engine, tmp_path, monkeypatch
):
    """Nobody waits for them, and they run on at the service."""
    monkeypatch.setattr(unseen, "UNSEEN_FOR", timedelta(seconds=5))
    async with scene(engine, duration=4) as at, at.worker():
        one = await start(at, tmp_path, 18, max_in_flight=LIMIT)
        await at.jobs(LIMIT)
        await terminate(at, f"{one.id}/page/000000")
        progress = await done(one)
        assert (progress.succeeded, progress.uncertain) == (12, LIMIT)
    assert most_at_once(at.sim.jobs.values()) == LIMIT


@pytest.mark.long
async def test_the_jobs_of_a_page_that_is_terminated_while_it_gives_room_up_count_too(
    engine, tmp_path, monkeypatch
):
    """Another campaign was to have half of the room, and nothing of it was free yet."""
    monkeypatch.setattr(unseen, "UNSEEN_FOR", timedelta(seconds=5))
    async with scene(engine, duration=4) as at, at.worker():
        one = await start(at, tmp_path / "one", 12, max_in_flight=LIMIT)
        await at.jobs(LIMIT)
        two = await start(at, tmp_path / "two", 6, 12)
        await progress_once(one, lambda now: now.share <= LIMIT // 2, 5)
        await terminate(at, f"{one.id}/page/000000")
        assert (await done(two)).succeeded == 6
        assert (await done(one)).succeeded == 6
    assert most_at_once(at.sim.jobs.values()) == LIMIT


@pytest.mark.long
async def test_of_a_campaign_that_is_terminated_with_its_pages_the_jobs_count_on(
    engine, tmp_path, monkeypatch
):
    """The account holds their places, as a campaign does for a page."""
    monkeypatch.setattr(unseen, "UNSEEN_FOR", timedelta(seconds=5))
    async with scene(engine, duration=4) as at, at.worker():
        one = await start(at, tmp_path / "one", 12, max_in_flight=LIMIT)
        await at.jobs(LIMIT)
        await terminate(at, one.id)
        await terminate(at, f"{one.id}/page/000000")
        two = await start(at, tmp_path / "two", 12, 12)
        assert (await done(two)).succeeded == 12
    assert most_at_once(at.sim.jobs.values()) == LIMIT


@pytest.mark.long
async def test_an_account_that_begins_anew_knows_what_others_have_in_flight(engine, tmp_path):
    """The one before it was terminated, and its campaigns have not noticed."""
    async with scene(engine, duration=4) as at, at.worker():
        one = await start(at, tmp_path / "one", 12, max_in_flight=LIMIT)
        await at.jobs(LIMIT)
        await terminate(at, account_of(at))
        two = await start(at, tmp_path / "two", 12, 12)
        with anyio.fail_after(180):
            while (await two.progress()).share < LIMIT // 2:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.1)
            assert (await one.progress()).share == LIMIT // 2
        assert (await done(two)).succeeded == 12
        assert (await done(one)).succeeded == 12
    assert most_at_once(at.sim.jobs.values()) == LIMIT


@pytest.mark.long
async def test_an_account_that_is_terminated_over_and_over_shares_on(engine, tmp_path):
    """Also where it has not yet taken over what the one before it knew."""
    async with scene(engine, duration=1) as at, at.worker():
        one = await start(at, tmp_path / "one", 18, max_in_flight=LIMIT)
        await at.jobs(LIMIT)
        others = []
        for number in range(3):
            await terminate(at, account_of(at))
            first = 18 + 6 * number
            others.append(await start(at, tmp_path / str(number), 6, first))
        for campaign in (one, *others):
            assert (await done(campaign)).uncertain == 0
    assert len(at.sim.jobs) == 36
    assert most_at_once(at.sim.jobs.values()) <= LIMIT


@pytest.mark.long
async def test_a_limit_that_is_set_while_there_is_no_account_holds(engine, tmp_path):
    """The next one is told of it."""
    async with scene(engine, duration=1) as at, at.worker():
        one = await start(at, tmp_path, 36, max_in_flight=LIMIT)
        await at.jobs(LIMIT)
        await terminate(at, account_of(at))
        await one.set_max_in_flight(2)
        await progress_once(one, lambda now: now.share == 2)
        handle = at.client.get_workflow_handle_for(account.Account.run, account_of(at))
        assert (await handle.query(account.Account.shares)).limit == 2
        assert (await done(one)).succeeded == 36


async def test_of_an_account_that_was_terminated_at_once_it_is_known_who_has_joined_it(engine):
    """It has done nothing yet: whoever has joined it is asked again, as is the one before it."""
    client, name = await connected(engine), uuid.uuid4().hex
    began = AccountOrder(limit=7, earlier="the run before")
    handle = await client.start_workflow(
        account.Account.run, began, id=name, task_queue="nobody works here"
    )
    await handle.signal(account.Account.join, Joining(campaign="summer", wants=3))
    await handle.terminate()
    run_id = handle.first_execution_run_id
    known = await ActivityEnvironment(client).run(AccountActivities().shares_of, name, run_id)
    nothing = {"summer": 0}
    assert known == evolve(began, wants=nothing, told=nothing, holds=nothing)


async def test_a_job_whose_answer_was_lost_keeps_its_place_for_a_time(
    engine, tmp_path, monkeypatch
):
    """It may run, and here it does; that time outlives its page and its campaign."""
    monkeypatch.setattr(unseen, "UNSEEN_FOR", timedelta(seconds=5))
    lost = Fault("reset-after", times=2, started=True)
    # The jobs of the lost ones are long.
    durations = chain([4.0, 4.0], repeat(0.5))
    async with scene(engine, lost, duration=lambda _: next(durations)) as at, at.worker():
        one = await start(at, tmp_path / "one", LIMIT, max_in_flight=LIMIT, timeout=30.0)
        progress = await done(one)
        assert (progress.uncertain, progress.unseen) == (2, 2)
        # Where this comes late, it begins another account.
        two = await start(at, tmp_path / "two", 12, 12, max_in_flight=LIMIT)
        assert (await done(two)).succeeded == 12
        handle = at.client.get_workflow_handle(account_of(at))
        with anyio.fail_after(180):
            while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:  # noqa: ASYNC110
                await anyio.sleep(0.1)
    assert most_at_once(at.sim.jobs.values()) == LIMIT


async def test_jobs_that_a_campaign_has_lost_are_told_by_its_end(engine, tmp_path, monkeypatch):
    """Its account was terminated at that moment, and has not heard which they are."""
    monkeypatch.setattr(unseen, "UNSEEN_FOR", timedelta(minutes=1))
    lost = Fault("reset-after", times=2, started=True)
    async with scene(engine, lost) as at, at.worker():
        one = await start(at, tmp_path, LIMIT, max_in_flight=LIMIT)
        assert (await done(one)).uncertain == 2
        activities = AccountActivities()
        (left,) = await ActivityEnvironment(at.client).run(activities.left_behind, [one.id])
        await terminate(at, account_of(at))
    assert (left.running, left.draining) == (False, False)
    assert unseen.jobs(left.unseen) == 2


async def test_an_account_goes_on_where_the_workers_of_its_first_campaign_are_gone(
    engine, tmp_path
):
    """Workers of any queue do its work, also those of the same process."""
    async with scene(engine, duration=0.2) as at, AsyncExitStack() as first:
        other = Scene(at.client, at.sim)
        await first.enter_async_context(at.worker())
        one = await start(at, tmp_path / "one", 6, max_in_flight=LIMIT)
        await one.pause()
        async with other.worker():
            await first.aclose()
            options = {"account": at.queue, "max_in_flight": LIMIT}
            two = await start(other, tmp_path / "two", 12, 6, **options)
            with anyio.fail_after(180):
                assert (await two.result()).succeeded == 12
        await terminate(at, one.id)
