"""A campaign and its repairs spend of one budget, and know of each other. Needs no engine."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from temporalio import workflow

from pika_async import Money
from pika_async.temporal import NoAnswerError
from pika_async.temporal._campaign import granting
from pika_async.temporal._campaign.granting import Granting
from pika_async.temporal._contents.allowances import reservations
from pika_async.temporal._messages.campaigns import CampaignOrder
from pika_async.temporal._messages.pages import Short
from pika_async.temporal._repairs.spending import Spending

CENT = Money(1)


class Page:
    """One that can be told what it is granted."""

    def __init__(self):
        self.granted = 0
        self.meanwhile = lambda: None

    async def signal(self, name, amount):
        assert name == "grant"
        self.granted += amount.micros
        self.meanwhile()


class Drawer:
    """A store in memory. Others do something before each use of it, and after it."""

    place = "memory"

    def __init__(self, others):
        self.kept, self._others = {}, others

    async def create(self, name, content):
        await self._others()
        new = self.kept.setdefault(name, content) is content
        await self._others()
        return new

    async def read(self, name):
        await self._others()
        found = self.kept.get(name)
        await self._others()
        return found

    async def names(self, _):
        for nothing in ():
            yield nothing


class Campaign:
    """One with two open pages, and the store of its repairs."""

    def __init__(self, budget, others=anyio.lowlevel.checkpoint):
        self.order = CampaignOrder(
            store="s",
            digest="d",
            prompts=9,
            pages=2,
            page_size=5,
            account="a",
            budget=Money(budget),
            price=CENT,
        )
        self.store = Drawer(others)
        self.pages = {0: Page(), 1: Page()}
        self.granting = Granting(lambda: self.order, self.pages, self.pages, lambda: None)
        self.looks = 0

    @property
    def granted(self):
        return sum(page.granted for page in self.pages.values())

    def ask(self, page, most, least=1):
        self.granting.grants.ask(Short(page=page, least=Money(least), most=Money(most)))

    async def repairs(self, *_, **__):
        """As a worker reads it."""
        self.looks += 1
        spending = Spending(self.store, CENT, None)
        await spending.look({})
        return spending.sum

    async def left(self):
        """As whoever settles lines asks for it; nothing is kept for what is still to come."""
        await self.store._others()
        left = self.order.budget.micros - self.granting.spent
        await self.store._others()
        return left

    async def shared(self):
        """Why nothing can be submitted, once what repairs spend was read; or None."""
        await self.granting.share()
        if self.granting._looking is not None:
            await self.granting._looking
        return await self.granting.share()


@pytest.fixture
def campaign_of(monkeypatch):
    """A campaign that has begun with this version."""
    monkeypatch.setattr(workflow, "patched", lambda _: True)

    def campaign_of(budget):
        campaign = Campaign(budget)
        monkeypatch.setattr(granting, "lasting", campaign.repairs)
        return campaign

    return campaign_of


@settings(deadline=None, max_examples=200)
@given(
    waits=st.lists(st.sampled_from((0, 0, 1, 30)), min_size=1, max_size=40),
    budget=st.integers(1, 6),
    wanted=st.integers(1, 5),
)
def test_whoever_comes_first_both_together_never_pass_the_budget(waits, budget, wanted):
    """Nothing that is done by one of them is between two steps of the other that has to be."""

    async def both():
        turn = 0

        async def others():
            nonlocal turn
            turn += 1
            for _ in range(waits[turn % len(waits)]):
                await anyio.lowlevel.checkpoint()

        campaign = Campaign(budget, others)
        patch.setattr(granting, "lasting", campaign.repairs)
        reserved = []

        async def submit():
            for page in (0, 1, 0):
                campaign.ask(page, most=wanted)
                await campaign.shared()

        async def repair(first):
            # What was left when it was planned; the campaign has been granted more since.
            spending = Spending(campaign.store, CENT, budget, campaign.left)
            reserved.extend([await spending.reserve(first + number, 1) for number in range(3)])

        async with anyio.create_task_group() as group:
            group.start_soon(submit)
            group.start_soon(repair, 0)
            group.start_soon(repair, 5)
        spent = campaign.granted + sum(reserved)
        assert spent <= budget
        later = Spending(campaign.store, CENT, None)
        await later.look({})
        assert later.sum == sum(reserved)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflow, "patched", lambda _: True)
        anyio.run(both)


async def test_what_repairs_have_reserved_is_not_granted_to_pages(campaign_of):
    campaign = campaign_of(5)
    assert await Spending(campaign.store, CENT, 5).reserve(3, 1)
    campaign.ask(0, most=9)
    assert await campaign.shared() is None
    assert (campaign.granted, campaign.granting.spent) == (4, 4)


async def test_what_is_about_to_be_granted_can_be_seen_before_the_store_is_read(
    campaign_of, monkeypatch
):
    """Else a repair could reserve the same money after it was read, and be told that it is left."""
    campaign = campaign_of(5)
    campaign.ask(0, most=3)
    seen = []

    async def repairs(*_, **__):
        seen.append(campaign.granting.spent)
        return 0

    monkeypatch.setattr(granting, "lasting", repairs)
    await campaign.shared()
    assert seen == [3]


async def test_why_nothing_is_submitted_any_more_names_what_was_submitted_again(campaign_of):
    """Else the sum of what pages have cost, and the budget, would not fit."""
    campaign = campaign_of(1)
    assert await Spending(campaign.store, CENT, 5).reserve(3, 1)
    campaign.ask(0, most=9)
    campaign.ask(1, most=9)
    reason = await campaign.shared()
    assert reason.endswith(f"{CENT} more. What was submitted again has taken {CENT} of it.")
    assert (campaign.granted, campaign.granting.spent) == (0, 0)


async def test_whoever_goes_on_has_it_looked_at_anew(campaign_of):
    """A repair that was reserved may have come to nothing since."""
    campaign = campaign_of(1)
    spending = Spending(campaign.store, CENT, 5)
    assert await spending.reserve(3, 1)
    campaign.ask(0, most=9)
    campaign.ask(1, most=9)
    assert await campaign.shared() is not None
    campaign.store.kept.clear()
    assert await campaign.shared() is not None
    campaign.granting.look_again()
    assert await campaign.shared() is None
    assert campaign.granted == 1


async def test_while_nothing_has_changed_the_store_is_read_once(campaign_of):
    """Each look takes room in the history of the campaign."""
    campaign = campaign_of(3)
    campaign.ask(0, most=3)
    campaign.ask(1, most=3)
    for _ in range(5):
        assert await campaign.shared() is None
    assert (campaign.looks, campaign.granted) == (1, 3)


async def test_who_asks_while_another_is_told_what_it_is_granted_is_looked_at_too(campaign_of):
    campaign = campaign_of(5)
    campaign.ask(0, most=2)
    campaign.pages[0].meanwhile = lambda: campaign.ask(1, most=2)
    await campaign.shared()
    await campaign.shared()
    assert (campaign.granted, campaign.granting.grants.short) == (4, {})


async def test_a_page_that_ends_while_the_store_is_read_is_granted_nothing(campaign_of):
    campaign = campaign_of(5)
    campaign.ask(0, most=2)
    campaign.ask(1, most=9)
    await campaign.granting.share()
    await anyio.lowlevel.checkpoint()
    assert campaign.granting.spent == 5
    page = campaign.pages.pop(0)
    campaign.granting.grants.forget(0)
    await campaign.shared()
    await campaign.shared()
    assert (page.granted, campaign.granted, campaign.granting.spent) == (0, 5, 5)


async def test_who_asked_at_a_price_that_has_changed_meanwhile_is_granted_nothing_for_it(
    campaign_of,
):
    """It asks anew. What it had asked for may be too little, or too much."""
    campaign = campaign_of(5)
    campaign.ask(0, most=2)
    await campaign.granting.share()
    await anyio.lowlevel.checkpoint()
    campaign.order = evolve(campaign.order, price=Money(2))
    campaign.granting.grants.short.clear()
    await campaign.shared()
    assert (campaign.granted, campaign.granting.grants.short) == (0, {})


async def test_a_campaign_that_began_with_an_earlier_version_grants_as_it_did(
    campaign_of, monkeypatch
):
    """Its history has no look at the store."""
    campaign = campaign_of(5)
    monkeypatch.setattr(workflow, "patched", lambda _: False)
    campaign.ask(0, most=2)
    assert await campaign.granting.share() is None
    assert (campaign.looks, campaign.granted) == (0, 2)
    campaign.ask(0, most=9, least=4)
    campaign.ask(1, most=9, least=4)
    assert str(CENT) in await campaign.granting.share()


class TestAReservationBesideACampaign:
    async def test_can_be_seen_before_the_campaign_is_asked_what_it_leaves(self, campaign_of):
        """Else the campaign could grant the same money after its answer."""
        campaign = campaign_of(5)
        seen = []

        async def left():
            seen.extend(await reservations(campaign.store))
            return 5

        assert await Spending(campaign.store, CENT, 5, left).reserve(3, 1)
        assert [one.index for one in seen] == [3]

    async def test_is_taken_back_where_the_campaign_leaves_less_than_when_it_was_planned(
        self, campaign_of
    ):
        """Also for all others; and it may be reserved again when more is left."""
        campaign = campaign_of(5)
        ours = Spending(campaign.store, CENT, 5, campaign.left)
        campaign.ask(0, most=5)
        await campaign.shared()
        assert not await ours.reserve(3, 1)
        other = Spending(campaign.store, CENT, 5)
        await other.look({})
        assert (ours.sum, other.sum) == (0, 0)
        campaign.order = evolve(campaign.order, budget=Money(6))
        assert await ours.reserve(3, 1)
        await other.look({})
        assert (ours.sum, other.sum) == (1, 1)

    @pytest.mark.parametrize("problem", [NoAnswerError("nobody"), asyncio.CancelledError()])
    async def test_is_taken_back_where_nobody_tells_what_is_left(self, campaign_of, problem):
        campaign = campaign_of(5)

        async def left():
            raise problem

        with pytest.raises(type(problem)):
            await Spending(campaign.store, CENT, 5, left).reserve(3, 1)
        later = Spending(campaign.store, CENT, 5)
        await later.look({})
        assert later.sum == 0
