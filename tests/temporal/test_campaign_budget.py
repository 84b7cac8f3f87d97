"""A budget is neither passed nor left lying, whatever becomes of the pages it is granted to."""

from __future__ import annotations

import anyio
import pytest
from attrs import evolve
from support.ledger import pandas
from support.scene import scene

from pika_async import FieldError, Money
from pika_async.simulator import Fault
from pika_async.temporal import Campaign, Uncertain
from pika_async.temporal._contents.allowances import Allowed, Reserved, allowed_of, reserve
from pika_async.temporal._store.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


async def start(at, folder, count, page_size, **options):
    options = {"price": Money(1)} | options
    return await at.campaign(folder, pandas(count), page_size=page_size, **options)


async def paused(campaign):
    """Its progress, as soon as it is paused and has nothing in flight."""
    with anyio.fail_after(180):
        while True:
            progress = await campaign.progress()
            if progress.paused is not None and not progress.in_flight:
                return progress
            await anyio.sleep(0.05)


async def test_no_budget_waits_for_a_page_that_has_no_room(engine, tmp_path):
    """One page has money and no room, another has room and no money: the first gets the room."""
    async with scene(engine) as at, at.worker():
        campaign = await start(at, tmp_path, 80, 40, max_in_flight=60, budget=Money(5))
        await paused(campaign)
        assert len(at.sim.jobs) == 5
        await campaign.set_max_in_flight(1)
        for budget in (10, 12):
            await campaign.resume(budget=Money(budget))
            assert "budget" in (await paused(campaign)).paused
            assert len(at.sim.jobs) == budget
        await campaign.stop()
        await campaign.result()


async def test_what_was_submitted_again_counts_towards_the_budget_of_a_campaign_that_goes_on(
    engine, tmp_path
):
    """The campaign knew nothing of it, and both together passed the budget."""
    async with scene(engine, Fault("reset-after", started=True)) as at, at.worker():
        campaign = await start(at, tmp_path, 8, 2, max_in_flight=1, budget=Money(2))
        told = await paused(campaign)
        assert told.uncertain == 1
        (unsure,) = [r.index async for r in campaign.results() if isinstance(r.outcome, Uncertain)]
        await campaign.resolve(unsure, resubmit=True, budget=Money(1), queue=at.queue)
        await campaign.resume(budget=Money(5))
        told = await paused(campaign)
        assert f"has taken {Money(1)} of it" in told.paused
        assert (told.cost, len(at.sim.jobs)) == (Money(5), 5)
        await campaign.resume(budget=Money(9))
        ended = await campaign.result()
    assert (ended.succeeded, ended.cost, len(at.sim.jobs)) == (8, Money(9), 9)


async def test_whoever_resumes_with_the_same_budget_has_read_anew_what_repairs_spend(
    engine, tmp_path
):
    """What one of them had reserved is free again, since the service has refused it."""
    async with scene(engine) as at, at.worker():
        campaign = await start(at, tmp_path, 8, 2, max_in_flight=1, budget=Money(3))
        await paused(campaign)
        store, ours = open_store(tmp_path), Reserved(index=0, repair=1, price=Money(2))
        await reserve(store, 1, ours)
        await campaign.resume(budget=Money(5))
        assert f"has taken {Money(2)} of it" in (await paused(campaign)).paused
        assert len(at.sim.jobs) == 3
        await reserve(store, 2, evolve(ours, price=Money(0)))
        await campaign.resume()
        assert "submitted again" not in (await paused(campaign)).paused
        assert len(at.sim.jobs) == 5
        await campaign.stop()


async def test_while_nobody_can_read_what_repairs_spend_nothing_is_granted_and_it_is_told_why(
    engine, tmp_path
):
    """As where the store is away: the campaign waits, and a person sees for what."""
    folder = tmp_path / "summer"
    async with scene(engine) as at, at.worker():
        begun = await start(at, folder, 4, 2, max_in_flight=1, budget=Money(2))
        await paused(begun)
        folder.rename(tmp_path / "away")
        campaign = Campaign(at.client, begun.id)
        await campaign.resume(budget=Money(4))
        with anyio.fail_after(60):
            while not (told := await campaign.progress()).troubles:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.05)
        assert (told.paused, len(at.sim.jobs)) == (None, 2)
        (tmp_path / "away").rename(folder)
        with anyio.fail_after(120):
            assert (await begun.result()).succeeded == 4


@pytest.mark.long
async def test_a_page_that_is_run_again_has_spent_no_more_than_it_was_granted(engine, tmp_path):
    """It takes all of its lines for uncertain, and most of them were never paid for."""
    async with scene(engine, duration=2) as at, at.worker():
        campaign = await start(at, tmp_path, 20, 10, max_in_flight=5, budget=Money(5))
        await at.jobs(5)
        await at.client.get_workflow_handle(f"{campaign.id}/page/000000").terminate()
        progress = await paused(campaign)
        assert (progress.uncertain, progress.estimated) == (10, Money(5))
        await campaign.resume(budget=Money(12))
        await paused(campaign)
        assert len(at.sim.jobs) == 12
        await campaign.stop()
        assert (await campaign.result()).cost == Money(12)


async def test_where_nobody_says_a_price_the_campaign_goes_on_when_it_is_told_one(engine, tmp_path):
    """Pages that wait for it, and those that are opened later, keep to the budget by it."""
    async with scene(engine) as at, at.worker():
        campaign = await start(
            at, tmp_path, 8, 2, price=None, budget=Money(3_000_000), max_in_flight=4
        )
        reason = (await paused(campaign)).paused
        assert "pika-async campaign resume NAME --price AMOUNT" in reason
        assert not at.sim.jobs
        for field in ("price", "budget"):
            with pytest.raises(FieldError, match=r"€1.00' is not allowed; .* in USD") as caught:
                await campaign.resume(**{field: Money(1_000_000, "EUR")})
            assert caught.value.field == field
        # What too little is left for at one price may be enough at another.
        for price, jobs in ((2, 1), (1, 2)):
            await campaign.resume(price=price)
            assert "too little is left" in (await paused(campaign)).paused
            assert len(at.sim.jobs) == jobs
        await campaign.resume(budget=9)
        ended = await campaign.result()
    assert (ended.succeeded, ended.estimated) == (8, Money(9_000_000))
    # For the time when the engine has forgotten it.
    noted = await allowed_of(open_store(tmp_path), campaign.id)
    assert noted == Allowed(campaign=campaign.id, budget=Money(9_000_000), price=Money(1_000_000))


async def test_what_jobs_in_flight_may_cost_is_told_as_reserved(engine, tmp_path):
    """Between a submit and its end the budget has it, and the sums were without it."""
    async with scene(engine, duration=60) as at, at.worker():
        campaign = await start(at, tmp_path, 8, 4, max_in_flight=4, budget=Money(6))
        with anyio.fail_after(30):
            while True:
                now = await campaign.progress()
                if now.submitted == 4:
                    break
                await anyio.sleep(0.05)
        assert (now.charged, now.estimated, now.reserved) == (None, None, Money(4))
        assert now.cost == Money(4)
        await campaign.stop()
