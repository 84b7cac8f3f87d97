"""The money of lines that are submitted again, also where the engine has forgotten the campaign."""

from __future__ import annotations

import anyio
import pytest
from attrs import evolve
from support.tables import every_row

from pika_async import FieldError, GenerationRequest, Money
from pika_async.temporal import (
    Campaign,
    CampaignError,
    Declined,
    Dropped,
    Finished,
    Refused,
    StoreError,
    Uncertain,
    Why,
)
from pika_async.temporal._contents.allowances import (
    Allowed,
    Reserved,
    allow,
    allowed_of,
    reservations,
    reserve,
)
from pika_async.temporal._contents.claims import claim
from pika_async.temporal._contents.files import begin, seal, write_pages
from pika_async.temporal._contents.repairs import add_repair
from pika_async.temporal._messages.campaigns import CampaignOrder, CampaignState
from pika_async.temporal._owner.arguments import check_above
from pika_async.temporal._owner.remembered import books_of, remembered
from pika_async.temporal._repairs.bulk import Terms, planned
from pika_async.temporal._repairs.decisions import Decision
from pika_async.temporal._repairs.owners import SUBMITTED, Note, take_note
from pika_async.temporal._repairs.resolving import Resolving
from pika_async.temporal._repairs.spending import Spending
from pika_async.temporal._store.store import open_store

UNSURE = Uncertain(fingerprint=None, sent_at=None, why=Why.NO_ANSWER)
CENTS_20 = Money(200_000)
EUROS = Money(1_000_000, "EUR")


def finished(job_id, charge=None):
    return Finished(job_id=job_id, videos=(), files=(), charge=charge)


def resubmits(*indexes):
    return [Decision(index=index, resubmit=True) for index in indexes]


@pytest.fixture
async def store(tmp_path):
    """Ten uncertain lines in two pages, of a campaign that has ended."""
    opened = open_store(tmp_path)
    await write_pages(opened, [GenerationRequest("a red panda")] * 10, page_size=5)
    for page in (0, 1):
        await seal(opened, page, [UNSURE] * 5)
    await claim(None, opened, "foxes", 2, carry_on=False)
    return opened


def at_once(store, most=None, price=CENTS_20):
    return Spending(store, price, most)


async def plan(store, decisions, **terms):
    """As by whoever settles lines of a campaign that the engine has forgotten."""
    looked = await Resolving(None, "foxes", store, "q").look(decisions, begun_before=True)
    return (await planned(looked, await books_of(store, "foxes"), Terms(**terms), store)).plan


class TestAReservation:
    async def test_two_who_spend_at_once_together_stay_within_the_limit(self, store):
        """Each has looked before the other began."""
        one, two = at_once(store, 5 * CENTS_20.micros), at_once(store, 5 * CENTS_20.micros)
        await one.look()
        await two.look()
        taken = []

        async def spend(purse, indexes):
            taken.extend([await purse.reserve(index, 1) for index in indexes])

        async with anyio.create_task_group() as group:
            group.start_soon(spend, one, range(5))
            group.start_soon(spend, two, range(5, 10))
        assert sum(taken) == 5
        assert len(await reservations(store)) == 5

    async def test_the_same_line_is_reserved_once_for_all_who_settle_it(self, store):
        """One repair carries it out, whoever waits for it."""
        one, two = at_once(store, CENTS_20.micros), at_once(store, CENTS_20.micros)
        assert await one.reserve(3, 1)
        assert await two.reserve(3, 1)
        assert len(await reservations(store)) == 1
        assert not await two.reserve(3, 2)

    async def test_one_that_was_cut_off_stays_and_is_used_by_whoever_says_the_same(self, store):
        assert await at_once(store, CENTS_20.micros).reserve(3, 1)
        later = at_once(store, CENTS_20.micros)
        await later.look()
        assert later.sum == CENTS_20.micros
        assert later.without([(3, 1)]) == 0
        assert await later.reserve(3, 1)

    @pytest.mark.parametrize(
        ("outcome", "cost"),
        [
            (finished("one", Money(350_000)), 350_000),
            (finished("one"), 200_000),
            (Declined(job_id="one", reason="no", charge=Money(0)), 0),
            (Refused(error="E", meaning="no"), 0),
            (UNSURE, 200_000),
        ],
    )
    async def test_what_it_comes_to_takes_the_place_of_its_price(self, store, outcome, cost):
        """The same for whoever waits for it, looks later, or reserves meanwhile."""
        ours, other = at_once(store, 300_000), at_once(store, 300_000)
        await ours.reserve(3, 1)
        ours.settle(3, 1, outcome)
        if isinstance(outcome, Finished | Declined):
            await take_note(store, "one", Note(index=3, how=SUBMITTED, repair=1, tries=1))
        await add_repair(store, 3, 1, outcome)
        later = at_once(store)
        await later.look()
        assert (ours.sum, later.sum) == (cost, cost)
        assert await other.reserve(4, 1) == (cost <= 100_000)

    async def test_what_is_damaged_is_an_error(self, store):
        """It is not taken for nothing: that would be spent once more."""
        await store.create("spending/000001.json", b'{"index":3')
        with pytest.raises(StoreError, match=r"spending.000001.json cannot be used: it is cut off"):
            await at_once(store, 1).look()

    async def test_a_number_is_given_once(self, store):
        entry = Reserved(index=1, repair=1, price=CENTS_20)
        assert await reserve(store, 1, entry)
        assert not await reserve(store, 1, evolve(entry, index=2))
        assert await reservations(store) == [entry]


class TestWhatIsAllowed:
    async def test_the_last_word_of_each_campaign_holds(self, store):
        """A store may be carried on by another campaign."""
        first = Allowed(campaign="foxes", budget=Money(1), price=CENTS_20)
        for one in (first, first, Allowed(campaign="owls"), evolve(first, budget=Money(2))):
            await allow(store, one)
        assert await allowed_of(store, "foxes") == evolve(first, budget=Money(2))
        assert await allowed_of(store, "owls") == Allowed(campaign="owls")
        assert await allowed_of(store, "bears") is None
        assert await store.read("allowed/000004.json") is None

    async def test_a_forgotten_campaign_keeps_to_its_budget(self, store):
        """Ten lines at 20 cents may have been paid for; of 2.50 there are 50 cents left."""
        noted = Allowed(campaign="foxes", budget=Money(2_500_000), price=CENTS_20)
        await allow(store, noted)
        told = await plan(store, resubmits(0, 1))
        assert (told.budget, told.left, told.price) == (noted.budget, Money(500_000), CENTS_20)
        with pytest.raises(CampaignError, match=r"of the budget of \$2.50 there are \$0.50 left"):
            await plan(store, resubmits(0, 1, 2))

    async def test_its_pages_that_nobody_has_sealed_count_as_spent(self, tmp_path):
        store = open_store(tmp_path)
        await write_pages(store, [GenerationRequest("a red panda")] * 10, page_size=5)
        await claim(None, store, "foxes", 2, carry_on=False)
        await seal(store, 0, [finished("one", CENTS_20), *[UNSURE] * 4])
        await begin(store, 1, "a run")
        await allow(store, Allowed(campaign="foxes", budget=Money(2_500_000)))
        # The service has told the prices: what is uncertain counts as the rest on average.
        state = await books_of(store, "foxes")
        assert state.order.spent == 10 * CENTS_20.micros
        told = (await remembered(store, "foxes")).order
        assert (told.budget, told.ended.cost.charged) == (Money(2_500_000), CENTS_20)
        assert told.ended.uncertain == 9

    async def test_where_nothing_was_noted_a_budget_has_to_be_said(self, store):
        """As of campaigns that an earlier version has started."""
        with pytest.raises(CampaignError, match=r"does not tell what it may spend: say a budget"):
            await plan(store, resubmits(0), price=CENTS_20)
        assert (await plan(store, resubmits(0), price=CENTS_20, budget=CENTS_20)).left == CENTS_20
        assert (await plan(store, [Decision(index=0, drop=True)])).budget is None

    async def test_one_that_had_no_budget_has_none(self, store):
        await allow(store, Allowed(campaign="foxes", price=CENTS_20))
        told = await plan(store, resubmits(*range(10)))
        assert (told.budget, told.left, told.cost) == (None, None, 10 * CENTS_20)


class TestABudgetForThese:
    async def test_it_counts_what_was_submitted_again_before(self, store):
        """The same command, given again, allows no more than the first time."""
        assert await at_once(store).reserve(0, 1)
        budget = 2 * CENTS_20
        told = await plan(store, resubmits(1), budget=budget, price=CENTS_20)
        assert (told.earlier, told.left) == (CENTS_20, CENTS_20)
        with pytest.raises(CampaignError, match=r"\$0.20 left; other repairs have cost \$0.20"):
            await plan(store, resubmits(1, 2), budget=budget, price=CENTS_20)
        # What was begun of these is theirs.
        told = await plan(store, resubmits(0, 1), budget=budget, price=CENTS_20)
        assert (told.earlier, told.left) == (Money(0), budget)


class TestOneLineAlone:
    """One prompt that is submitted again is paid from the same purse as many."""

    @pytest.fixture
    async def owner(self, nobody, store, tmp_path, monkeypatch):
        """Of a campaign that the engine has forgotten; each repair finishes, for 20 cents."""
        owner = Campaign(nobody, "foxes", store=tmp_path)
        owner.reserved = []

        async def forgotten(*_):
            return None, False

        async def settle(_, looked):
            owner.reserved.append(await reservations(store))
            index, number = looked.reserved_as
            outcome = Dropped() if looked.decision.drop else finished(f"job-{index}-{number}")
            await add_repair(store, index, number, outcome)
            return outcome

        monkeypatch.setattr(Campaign, "_state", forgotten)
        monkeypatch.setattr(Resolving, "settle", settle)
        return owner

    async def test_its_price_is_reserved_before_it_is_submitted(self, owner, store):
        await allow(store, Allowed(campaign="foxes", price=CENTS_20))
        assert await owner.resolve(3, resubmit=True) == finished("job-3-1")
        assert owner.reserved == [[Reserved(index=3, repair=1, price=CENTS_20)]]

    async def test_it_keeps_to_the_budget_of_the_campaign(self, owner, store):
        """Ten lines at 20 cents may have been paid for: of 2.30 there are 30 cents left."""
        await allow(store, Allowed(campaign="foxes", budget=Money(2_300_000), price=CENTS_20))
        await owner.resolve(0, resubmit=True)
        await take_note(store, "job-0-1", Note(index=0, how=SUBMITTED, repair=1, tries=1))
        with pytest.raises(CampaignError) as caught:
            await owner.resolve(1, resubmit=True)
        assert "there are $0.10 left; other repairs have cost $0.20" in str(caught.value)
        enough = (
            "Say a budget for all that is submitted again (budget=, or --budget): $0.40 would do"
        )
        assert enough in str(caught.value)
        assert len(owner.reserved) == 1

    async def test_what_the_error_names_is_enough(self, owner, store):
        await allow(store, Allowed(campaign="foxes", budget=CENTS_20, price=CENTS_20))
        with pytest.raises(CampaignError, match=r"\$0.20 would do"):
            await owner.resolve(1, resubmit=True)
        assert await owner.resolve(1, resubmit=True, budget=CENTS_20) == finished("job-1-1")

    async def test_what_others_have_reserved_since_the_look_is_seen(
        self, owner, store, monkeypatch
    ):
        """Two people at two terminals, of whom each has a plan that fits by itself."""
        looks = Spending.look

        async def look_and_be_late(spending, *known):
            await looks(spending, *known)
            await reserve(store, 1, Reserved(index=7, repair=1, price=CENTS_20))

        monkeypatch.setattr(Spending, "look", look_and_be_late)
        with pytest.raises(CampaignError, match=r"prompt 2 .* was not submitted: the budget is"):
            await owner.resolve(1, resubmit=True, budget=CENTS_20, price=CENTS_20)
        assert owner.reserved == []

    async def test_what_costs_nothing_needs_no_budget(self, owner, store):
        """Nothing is noted of this campaign, and it is given up all the same."""
        assert await owner.resolve(1, drop=True) == Dropped()
        assert await reservations(store) == []

    @pytest.mark.parametrize("decision", [{"drop": True}, {"adopt": "one"}])
    @pytest.mark.parametrize("amount", [{"budget": 1}, {"price": 1}])
    async def test_an_amount_is_for_what_is_submitted_again(self, owner, decision, amount):
        with pytest.raises(FieldError, match="none where nothing is submitted again"):
            await owner.resolve(1, **decision, **amount)


def state_in(currency):
    order = CampaignOrder(
        store="s",
        digest="d",
        prompts=9,
        pages=1,
        page_size=9,
        account="a",
        budget=Money(9_000_000, currency),
        price=Money(100_000, currency),
    )
    return CampaignState(order=order)


class TestAmountsThatAreNotAllowed:
    @every_row("amount", [0, -1, "0", float("nan"), Money(-1, "EUR"), 10**13])
    @every_row("field", ["budget", "price"])
    @every_row("way", ["start", "resume", "plan_repairs", "resolve_all", "resolve"])
    async def test_none_is_taken_that_is_not_above_0(self, way, field, amount, nobody, tmp_path):
        """It is refused before anybody is asked: the campaign would be paused, or hold nothing."""
        campaign = Campaign(nobody, "foxes", store=tmp_path)
        money = {field: amount}
        with pytest.raises(FieldError, match=rf"^{field}: .* is not allowed; allowed is") as caught:
            match way:
                case "start":
                    await Campaign.start(nobody, "foxes", tmp_path, **money)
                case "resume":
                    await campaign.resume(**money)
                case "plan_repairs":
                    await campaign.plan_repairs(resubmits(0), **money)
                case "resolve":
                    await campaign.resolve(0, resubmit=True, **money)
                case _:
                    await anext(campaign.resolve_all(resubmits(0), **money))
        assert caught.value.field == field

    async def test_nor_one_in_another_currency_than_the_budget(self, store):
        for field, terms in (("budget", {"budget": EUROS}), ("price", {"price": EUROS})):
            looked = await Resolving(None, "foxes", store, "q").look(resubmits(0))
            with pytest.raises(FieldError, match=r"allowed is an amount in USD") as caught:
                await planned(looked, state_in("USD"), Terms(**terms), store)
            assert caught.value.field == field

    def test_nor_a_budget_that_is_spent_already(self):
        """The campaign was said to go on, and was paused at once."""
        for budget in (CENTS_20, Money(100_000)):
            with pytest.raises(FieldError, match=r"an amount above \$0.20, which the campaign has"):
                check_above(budget, CENTS_20)
        for budget, spent in ((Money(200_001), CENTS_20), (CENTS_20, None), (None, CENTS_20)):
            check_above(budget, spent)

    async def test_at_a_start_neither(self, nobody, tmp_path):
        with pytest.raises(FieldError, match="an amount in EUR") as caught:
            await Campaign.start(nobody, "foxes", tmp_path, budget=EUROS, price=1)
        assert caught.value.field == "price"
