"""A budget: what is reserved, given back, charged and guessed, and what still fits."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import BudgetError, FieldError, Money
from pika_async._batch.budget import Budget, checked_money


def cents(number: int) -> Money:
    return Money(number * 10_000)


def parts(budget: Budget) -> tuple[Money, Money, Money]:
    spent = budget.spent
    return spent.charged, spent.reserved, spent.estimated


async def test_a_submit_reserves_its_quote_and_its_charge_takes_the_place_of_it():
    budget = Budget(cents(100))
    assert await budget.reserve(0, cents(45)) == cents(45)
    assert parts(budget) == (cents(0), cents(45), cents(0))
    budget.settle(0, cents(40))
    assert parts(budget) == (cents(40), cents(0), cents(0))


async def test_where_nothing_was_started_it_is_given_back():
    budget = Budget(cents(100))
    await budget.reserve(0, cents(100))
    budget.give_back(0)
    budget.give_back(0)
    assert budget.spent.total == cents(0)


async def test_where_the_service_does_not_say_the_quote_counts():
    budget = Budget(cents(100))
    await budget.reserve(0, cents(45))
    budget.settle(0, None)
    assert parts(budget) == (cents(0), cents(0), cents(45))


async def test_the_users_price_stands_in_for_a_quote():
    budget = Budget(cents(100), price=cents(30))
    assert await budget.reserve(0, None) == cents(30)
    assert await budget.reserve(1, cents(45)) == cents(45)


async def test_without_quote_and_price_nothing_may_be_bought():
    with pytest.raises(BudgetError, match="does not say what this request costs"):
        await Budget(cents(100)).reserve(0, None)


async def test_what_cannot_fit_any_more_is_refused_with_what_is_left():
    budget = Budget(cents(100))
    await budget.reserve(0, cents(60))
    budget.settle(0, cents(60))
    with pytest.raises(
        BudgetError, match=r"cost \$0.45, and of the budget of \$1.00 there are \$0.40"
    ):
        await budget.reserve(1, cents(45))


async def test_what_may_fit_later_waits_for_what_comes_back():
    budget = Budget(cents(100))
    await budget.reserve(0, cents(60))
    waiting = asyncio.create_task(budget.reserve(1, cents(60)))
    await checkpoint()
    assert not waiting.done()
    budget.settle(0, cents(0))
    assert await waiting == cents(60)


async def test_what_waited_is_refused_once_it_cannot_fit_any_more():
    budget = Budget(cents(100))
    await budget.reserve(0, cents(60))
    waiting = asyncio.create_task(budget.reserve(1, cents(60)))
    await checkpoint()
    budget.settle(0, cents(60))
    with pytest.raises(BudgetError):
        await waiting


async def test_what_earlier_runs_have_spent_counts():
    budget = Budget(cents(100))
    budget.known([cents(20), cents(20)], [cents(30)])
    assert parts(budget) == (cents(40), cents(0), cents(30))
    with pytest.raises(BudgetError):
        await budget.reserve(0, cents(31))


async def test_a_charge_above_its_quote_counts_whole_and_then_nothing_more_is_bought():
    budget = Budget(cents(100))
    await budget.reserve(0, cents(90))
    budget.settle(0, cents(130))
    assert budget.spent.total == cents(130)
    with pytest.raises(BudgetError):
        await budget.reserve(1, cents(1))


async def test_currencies_are_not_mixed():
    budget = Budget(cents(100))
    with pytest.raises(BudgetError, match="counts in EUR, and the budget is in USD"):
        await budget.reserve(0, Money(1, "EUR"))


async def test_a_charge_in_another_currency_leaves_the_quote_to_count():
    budget = Budget(cents(100))
    await budget.reserve(0, cents(45))
    budget.settle(0, Money(1, "EUR"))
    assert parts(budget) == (cents(0), cents(0), cents(45))


async def test_without_a_limit_it_only_counts_in_the_services_currency():
    budget = Budget(None)
    assert await budget.reserve(0, None) is None
    await budget.reserve(1, Money(5_000_000, "EUR"))
    budget.settle(0, None)
    budget.settle(1, Money(4_000_000, "EUR"))
    assert budget.spent.total == Money(4_000_000, "EUR")
    assert not budget.bounds


class TestTakenOver:
    """A submit of an earlier run: it is counted once, and stays counted whatever comes."""

    def known(self, **options) -> Budget:
        budget = Budget(cents(100), **options)
        budget.known([], [cents(30)])
        budget.take_over(0, cents(30))
        return budget

    def test_it_is_reserved_and_no_longer_estimated(self):
        assert parts(self.known()) == (cents(0), cents(30), cents(0))

    def test_it_is_settled_by_its_charge(self):
        budget = self.known()
        budget.settle(0, cents(20))
        assert parts(budget) == (cents(20), cents(0), cents(0))

    def test_that_this_run_started_nothing_gives_nothing_back(self):
        budget = self.known()
        budget.give_back(0)
        assert parts(budget) == (cents(0), cents(0), cents(30))

    async def test_a_new_submit_in_its_place_is_a_submit_of_its_own(self):
        budget = self.known()
        budget.settle(0, None)
        await budget.reserve(0, cents(45))
        assert budget.spent.total == cents(75)
        budget.give_back(0)
        assert budget.spent.total == cents(30)

    def test_it_stays_reserved_when_the_batch_is_left(self):
        budget = self.known()
        budget.leave([])
        assert parts(budget) == (cents(0), cents(30), cents(0))


class TestWithoutPrice:
    """Submits of which nobody has said what they cost are never taken to be free."""

    def test_those_of_earlier_runs_need_a_price_before_a_budget_means_anything(self):
        with pytest.raises(FieldError, match="price: .*3 jobs of which nobody has said what it c"):
            Budget(cents(100)).known([cents(20)], [cents(10)], 3)

    def test_with_a_price_they_count_as_much_each(self):
        budget = Budget(cents(100), price=cents(10))
        budget.known([cents(20)], [cents(30)], 3)
        assert parts(budget) == (cents(20), cents(0), cents(60))
        budget.take_over(0, None)
        assert parts(budget) == (cents(20), cents(10), cents(50))
        budget.settle(0, cents(45))
        assert parts(budget) == (cents(65), cents(0), cents(50))

    async def test_without_a_limit_they_are_counted_as_what_they_are(self):
        budget = Budget(None)
        for index in range(4):
            await budget.reserve(index, None)
        assert budget.spent.unpriced == 4
        budget.give_back(0)
        budget.settle(1, cents(45))
        budget.settle(2, None)
        assert (budget.spent.unpriced, budget.spent.total) == (2, cents(45))


class TestWithoutALimit:
    """It counts all that is known, and refuses nothing."""

    def test_earlier_runs_count_in_their_own_currency(self):
        budget = Budget(None)
        euros = [Money(3_000_000, "EUR"), Money(1_000_000)]
        budget.known(euros, [Money(500_000, "EUR")], 2)
        assert budget.spent.total == Money(3_500_000, "EUR")
        assert budget.spent.unpriced == 2

    def test_beside_a_price_only_those_of_its_currency_do(self):
        budget = Budget(None, price=cents(45))
        budget.known([Money(3_000_000, "EUR"), cents(20)], [], 2)
        assert parts(budget) == (cents(20), cents(0), cents(90))

    def test_one_that_is_waited_for_again_is_counted_once(self):
        budget = Budget(None)
        budget.known([], [cents(30)], 1)
        budget.take_over(0, cents(30))
        budget.take_over(1, None)
        assert (budget.spent.total, budget.spent.unpriced) == (cents(30), 1)
        budget.settle(0, None)
        budget.settle(1, cents(45))
        assert (budget.spent.total, budget.spent.unpriced) == (cents(75), 0)

    def test_one_in_another_currency_is_left_out_of_the_sum(self):
        budget = Budget(None)
        budget.known([cents(45)], [Money(1, "EUR")])
        budget.take_over(0, Money(1, "EUR"))
        budget.settle(0, Money(1, "EUR"))
        assert budget.spent.total == cents(45)


async def test_charges_that_pass_the_limit_keep_what_is_reserved_from_leaving():
    budget = Budget(cents(100))
    await budget.reserve(0, cents(30))
    await budget.reserve(1, cents(30))
    await budget.reserve(2, cents(30))
    budget.check_leaving(1)
    budget.settle(0, cents(60))
    passed = r"\$1\.20 of the budget of \$1\.00 are spent or reserved"
    with pytest.raises(BudgetError, match=passed):
        budget.check_leaving(1)
    budget.give_back(1)
    budget.check_leaving(2)


@pytest.mark.parametrize("limit", [100, 80])
async def test_what_is_said_where_nothing_is_left(limit):
    budget = Budget(cents(limit))
    budget.known([cents(60)], [cents(40)])
    told = rf"of the budget of \${limit / 100:.2f} nothing is left: \$1\.00 are spent"
    with pytest.raises(BudgetError, match=told):
        await budget.reserve(0, cents(1))


def test_a_budget_and_a_price_in_two_currencies_are_refused():
    with pytest.raises(FieldError, match="price: .* is not allowed; allowed is an amount in USD"):
        Budget(cents(100), price=Money(1, "EUR"))


async def test_whoever_stops_waiting_takes_nothing_along():
    budget = Budget(cents(100))
    await budget.reserve(0, cents(60))
    waiting = [asyncio.create_task(budget.reserve(index, cents(60))) for index in (1, 2)]
    await checkpoint()
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    budget.give_back(0)
    assert await waiting[1] == cents(60)
    budget.settle(2, cents(60))
    assert parts(budget) == (cents(60), cents(0), cents(0))


prices = st.integers(0, 60).map(cents)
ends = st.sampled_from(["charge", "less", "silent", "back", "in flight"])
steps = st.lists(st.tuples(prices, ends))


async def has_room(budget: Budget, index: int, price: Money) -> bool:
    """Whether it is reserved at once; nobody waits for what may be given back."""
    reserving = asyncio.ensure_future(budget.reserve(index, price))
    await checkpoint()
    reserving.cancel()
    with contextlib.suppress(BudgetError, asyncio.CancelledError):
        await reserving
        return True
    return False


@given(steps)
def test_the_sum_never_passes_the_limit_whatever_becomes_of_the_submits(course):
    limit = cents(100)

    async def run() -> None:
        budget = Budget(limit)
        for index, (price, end) in enumerate(course):
            if not await has_room(budget, index, price):
                continue
            assert budget.spent.total <= limit
            match end:
                case "charge":
                    budget.settle(index, price)
                case "less":
                    budget.settle(index, Money(price.micros // 2))
                case "silent":
                    budget.settle(index, None)
                case "back":
                    budget.give_back(index)
            assert budget.spent.total <= limit

    asyncio.run(run())


ends = st.sampled_from(["charge", "less", "silent", "back", "cancel"])
many = st.lists(st.tuples(prices, st.integers(0, 3), ends), max_size=12)


@given(many)
def test_at_the_edge_of_the_limit_many_at_once_do_not_pass_it_and_nothing_leaks(submits):
    limit = cents(100)

    async def submit(budget: Budget, index: int) -> Money:
        """What it comes to in the end."""
        price, turns, end = submits[index]
        try:
            await budget.reserve(index, price)
        except BudgetError:
            return cents(0)
        assert budget.spent.total <= limit
        for _ in range(turns):
            await checkpoint()
        if end == "cancel":
            budget.leave(set(range(len(submits))) - {index})
            return cents(0)
        if end == "back":
            budget.give_back(index)
            return cents(0)
        charge = {"charge": price, "less": Money(price.micros // 2), "silent": None}[end]
        budget.settle(index, charge)
        assert budget.spent.total <= limit
        return price if charge is None else charge

    async def run() -> None:
        budget = Budget(limit)
        costs = await asyncio.gather(*(submit(budget, index) for index in range(len(submits))))
        assert budget.spent.reserved == cents(0)
        assert budget.spent.total == sum(costs, cents(0))

    asyncio.run(run())


@every_row("amount", [-1, "-0.5", Money(-5, "EUR"), 10**13])
def test_an_amount_that_is_not_allowed_comes_back_as_it_was_given(amount):
    """So that a program finds its own value in the error."""
    with pytest.raises(FieldError, match=r"^budget: .* is an amount from 0 to nine") as caught:
        checked_money("budget", amount)
    assert caught.value.value is amount


async def test_a_refusal_counts_what_is_under_way_like_every_other_sum():
    """A job of an earlier run that is waited for is reserved, and was told as spent before."""
    budget = Budget(Money.of(2), price=Money.of(1))
    budget.known([], [Money.of(1), Money.of(1)])
    budget.take_over(0, Money.of(1))
    budget.take_over(1, None)
    budget.settle(1, None)
    budget.known([], [Money.of(1)])
    with pytest.raises(BudgetError, match=r"nothing is left: \$3.00 are spent or reserved"):
        await budget.reserve(2, None)
    assert budget.spent.total == Money.of(3)
