"""Somebody resets a workflow of a campaign, or a machine stands still: not one POST more."""

from __future__ import annotations

import os
import signal
import uuid
from itertools import chain, repeat
from pathlib import Path

import anyio
import pytest
from support.killed import SUBMIT_SECONDS
from support.ledger import Ledger, most_at_once, pandas
from support.nursery import worker
from support.scene import progress_once, scene
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from pika_async import Money
from pika_async.simulator import Fault
from pika_async.temporal import Campaign, CampaignError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]

SIGNALS = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL
SIGNALED = EventType.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED
COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED


async def start(at, folder, count, first=0, **options):
    options = {"max_in_flight": 6} | options
    return await at.campaign(folder, pandas(count, first), page_size=6, **options)


async def done(campaign):
    with anyio.fail_after(90):
        return await campaign.result()


async def ledger_of(at, campaign):
    ledger = Ledger(at.sim)
    await ledger.read(campaign.results())
    assert (ledger.twice, ledger.lost, ledger.wrong) == ([], [], [])
    return ledger


async def points(at, workflow_id):
    """The events to which a workflow can be reset."""
    history = await at.client.get_workflow_handle(workflow_id).fetch_history()
    return [event.event_id for event in history.events if event.event_type == COMPLETED]


async def last_run(at, workflow_id):
    return (await at.client.get_workflow_handle(workflow_id).describe()).run_id


async def reset(at, workflow_id, event, run_id=None, *, without=()):
    """The run that begins anew from there; of the last run, or of this one.

    What came after that event is told it again, but for what it is to be without.
    """
    run_id = run_id or await last_run(at, workflow_id)
    answer = await at.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            workflow_task_finish_event_id=event,
            request_id=uuid.uuid4().hex,
            reset_reapply_exclude_types=without,
        )
    )
    return at.client.get_workflow_handle(workflow_id, run_id=answer.run_id)


async def test_a_page_that_has_ended_may_be_reset_to_any_of_its_moments(engine, tmp_path):
    """It submits nothing, and what was sealed stays."""
    async with scene(engine) as at, at.worker():
        campaign = await start(at, tmp_path, 6)
        await done(campaign)
        before, posts = await ledger_of(at, campaign), len(at.sim.submissions)
        page = f"{campaign.id}/page/000000"
        moments, run_id = await points(at, page), await last_run(at, page)
        for event in (moments[0], moments[1], moments[len(moments) // 2], moments[-1]):
            with anyio.fail_after(180):
                await (await reset(at, page, event, run_id)).result()
        after = await ledger_of(at, campaign)
    assert len(at.sim.submissions) == posts == 6
    assert after.outcomes == before.outcomes


@pytest.mark.parametrize("moment", [0, 1, -1])
async def test_a_page_that_is_reset_while_its_jobs_are_under_way_pays_for_none_again(
    moment, engine, tmp_path
):
    """Its campaign ends by itself, and every job is named or stands under an uncertain line."""
    async with scene(engine, duration=1.5) as at, at.worker():
        campaign = await start(at, tmp_path, 12)
        await at.jobs(4)
        page = f"{campaign.id}/page/000000"
        await reset(at, page, (await points(at, page))[moment])
        await done(campaign)
        await ledger_of(at, campaign)


async def test_the_jobs_of_a_page_that_was_reset_are_named_and_not_submitted_again(
    engine, tmp_path
):
    """Its lines are uncertain, and its first run tells what was paid for."""
    async with scene(engine, duration=3) as at, at.worker():
        campaign = await start(at, tmp_path, 6)
        await progress_once(campaign, lambda now: now.submitted >= 6)
        page = f"{campaign.id}/page/000000"
        await reset(at, page, (await points(at, page))[0])
        assert (await done(campaign)).uncertain == 6
        assert set((await campaign.known_jobs(range(6))).values()) == set(at.sim.jobs)
        with pytest.raises(CampaignError, match="which is paid for: adopt it"):
            await campaign.resolve(0, resubmit=True, queue=at.queue)
    assert len(at.sim.submissions) == 6


@pytest.mark.parametrize("moment", [0, 1, -1])
@pytest.mark.long
async def test_a_campaign_that_is_reset_while_it_is_open_pays_for_nothing_again(
    moment, engine, tmp_path
):
    async with scene(engine, duration=1.5) as at, at.worker():
        campaign = await start(at, tmp_path, 18)
        await at.jobs(8)
        await reset(at, campaign.id, (await points(at, campaign.id))[moment])
        await done(campaign)
        ledger = await ledger_of(at, campaign)
    assert len(at.sim.submissions) == len(at.sim.jobs)
    assert len(ledger.named) + len(ledger.uncertain) == 18


@pytest.mark.parametrize(
    ("moment", "without"),
    [(0, ()), (0, (SIGNALS,)), (2, (SIGNALS,))],
    ids=["first", "first, without signals", "later, without signals"],
)
@pytest.mark.long
async def test_what_a_campaign_has_in_flight_counts_also_where_it_is_reset(
    moment, without, engine, tmp_path
):
    """With or without what it was told: its jobs run on, and another campaign gets what is free."""
    async with scene(engine, duration=4) as at, at.worker():
        one = await start(at, tmp_path / "one", 24, max_in_flight=12)
        await at.jobs(12)
        await reset(at, one.id, (await points(at, one.id))[moment], without=without)
        two = await start(at, tmp_path / "two", 12, first=24, max_in_flight=12)
        assert (await done(two)).succeeded == 12
        await done(one)
    assert most_at_once(at.sim.jobs.values()) <= 12


@pytest.mark.long
async def test_a_campaign_that_is_reset_later_knows_what_came_after_that_moment(engine, tmp_path):
    """Which pages are open, and what it may have in flight, though nobody tells it again."""
    async with scene(engine, duration=8) as at, at.worker():
        campaign = await start(at, tmp_path, 12, max_in_flight=12)
        await at.jobs(12)
        history = await at.client.get_workflow_handle(campaign.id).fetch_history()
        # It has joined its account, and has not heard from it.
        joined = next(event.event_id for event in history.events if event.event_type == SIGNALED)
        moment = next(event for event in await points(at, campaign.id) if event > joined)
        await reset(at, campaign.id, moment, without=(SIGNALS,))
        await progress_once(campaign, lambda now: now.in_flight >= 12, 6)
        assert (await done(campaign)).succeeded == 12


async def test_a_campaign_that_is_reset_and_stopped_at_once_finds_its_pages_first(engine, tmp_path):
    """They have jobs under way: it ends with them, and counts what they come to."""
    async with scene(engine, duration=3) as at:
        async with at.worker():
            campaign = await start(at, tmp_path, 30, max_in_flight=12)
            await at.jobs(12)
        moment = (await points(at, campaign.id))[0]
        again = await reset(at, campaign.id, moment, without=(SIGNALS,))
        await again.cancel()
        async with at.worker():
            progress = await done(campaign)
        ledger = Ledger(at.sim)
        await ledger.read(campaign.results())
    assert (ledger.twice, ledger.lost) == ([], [])
    assert progress.taken == 12
    assert progress.succeeded + progress.uncertain == 12
    assert progress.stopped


async def test_the_pages_of_a_campaign_that_was_reset_hear_that_it_is_stopped(engine, tmp_path):
    """They are of its earlier run, and go on."""
    async with scene(engine, duration=0.5) as at, at.worker():
        await Campaign.prepare(pandas(60), tmp_path)
        way = {"queue": at.queue, "account": at.queue, "max_in_flight": 2}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **way)
        await at.jobs(4)
        await reset(at, campaign.id, (await points(at, campaign.id))[0])
        while not (await campaign.progress()).taken:  # noqa: ASYNC110 - is asked
            await anyio.sleep(0.02)
        await campaign.stop()
        progress = await done(campaign)
    assert progress.refused > 30
    assert progress.succeeded + progress.refused == 60


@pytest.mark.long
async def test_a_campaign_that_was_reset_knows_what_it_has_granted(engine, tmp_path):
    """Its pages are asked: what they were granted is not granted to others a second time."""
    durations = chain([6.0], repeat(0.5))
    async with scene(engine, duration=lambda _: next(durations)) as at, at.worker():
        money = {"budget": Money(9), "price": Money(1)}
        campaign = await start(at, tmp_path, 18, max_in_flight=12, **money)
        await at.jobs(9)
        await reset(at, campaign.id, (await points(at, campaign.id))[0])
        for budget in (9, 11):
            with anyio.fail_after(180):
                await campaign.resume(budget=Money(budget))
                progress = await campaign.progress()
                while not progress.paused or progress.in_flight:
                    await anyio.sleep(0.05)
                    progress = await campaign.progress()
            assert (len(at.sim.jobs), progress.cost) == (budget, Money(budget))
        await campaign.stop()
        await done(campaign)


@pytest.mark.long
async def test_pages_of_an_earlier_run_hear_a_price_that_the_campaign_was_told(engine, tmp_path):
    """They wait for it, and the run that was reset reaches them as well."""
    async with scene(engine) as at, at.worker():
        campaign = await start(at, tmp_path, 6, budget=Money(9))
        with anyio.fail_after(180):
            while not (await campaign.progress()).paused:  # noqa: ASYNC110 - sets no flag
                await anyio.sleep(0.02)
        await reset(at, campaign.id, (await points(at, campaign.id))[0])
        await campaign.resume(price=Money(1))
        progress = await done(campaign)
    assert (progress.succeeded, progress.cost) == (6, Money(6))


@pytest.mark.parametrize("moment", [0, -1])
async def test_a_campaign_that_has_ended_may_be_reset(moment, engine, tmp_path):
    async with scene(engine) as at, at.worker():
        campaign = await start(at, tmp_path, 12)
        await done(campaign)
        before, posts = await ledger_of(at, campaign), len(at.sim.submissions)
        again = await reset(at, campaign.id, (await points(at, campaign.id))[moment])
        with anyio.fail_after(180):
            await again.result()
        after = await ledger_of(at, campaign)
        progress = await campaign.progress()
    assert len(at.sim.submissions) == posts == 12
    assert after.outcomes == before.outcomes
    assert progress.succeeded == 12


async def test_a_repair_that_is_reset_does_not_submit_again(engine, tmp_path):
    async with scene(engine, Fault("reset-after", started=True)) as at, at.worker():
        campaign = await start(at, tmp_path, 1)
        await done(campaign)
        await campaign.resolve(0, resubmit=True, queue=at.queue)
        posts = len(at.sim.submissions)
        repair = f"{campaign.id}/repair/0-1"
        moments, run_id = await points(at, repair), await last_run(at, repair)
        for event in (moments[0], moments[-1]):
            with anyio.fail_after(180):
                handle = await reset(at, repair, event, run_id)
                while (await handle.describe()).status == 1:  # noqa: ASYNC110 - may never end
                    await anyio.sleep(0.1)
    assert len(at.sim.submissions) == posts == 2


def is_stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] == "T"


STANDSTILLS = {
    # The moment and the service: how many lines are uncertain.
    ("stands still before it is written down", "gateway"): 0,
    ("stands still before it is written down", "pika"): 0,
    ("stands still after it is written down", "gateway"): 1,
    ("stands still after it is written down", "pika"): 0,
}


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
async def test_a_machine_that_wakes_up_too_late_sends_nothing(engine, tmp_path):
    """Meanwhile it was decided what becomes of its line."""
    async with anyio.create_task_group() as tasks:
        for number, ((moment, service), unsure) in enumerate(STANDSTILLS.items()):
            tasks.start_soon(_woken, engine, tmp_path / str(number), moment, service, unsure)


async def _woken(engine, folder, moment, service, unsure):
    async with scene(engine, service=service) as at:
        campaign = await start(at, folder, 3, max_in_flight=1)
        async with worker(engine, at.sim, at.queue, folder, moment) as process:
            # Four processes are born at once, on machines that have other things to do.
            with anyio.fail_after(120):
                while not is_stopped(process.pid):  # noqa: ASYNC110 - sets no flag
                    await anyio.sleep(0.05)
            assert at.sim.submissions == []
            async with at.worker():
                await done(campaign)
                posts = len(at.sim.submissions)
                os.kill(process.pid, signal.SIGCONT)
                # It has time for what it has not done.
                await anyio.sleep(SUBMIT_SECONDS)
        ledger = await ledger_of(at, campaign)
    assert len(at.sim.submissions) == posts
    assert len(ledger.uncertain) == unsure
    assert len(at.sim.jobs) == posts == 3 - unsure
