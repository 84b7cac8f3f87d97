"""A budget: what is reserved, given back, charged and guessed, and what still fits."""

from __future__ import annotations

import asyncio

import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import strategies as st

from pika_async import BudgetError, Money
from pika_async._batch.budget import Budget


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


prices = st.integers(0, 60).map(cents)
steps = st.lists(st.tuples(prices, st.sampled_from(["charge", "less", "silent", "back"])))


@given(steps)
def test_the_sum_never_passes_the_limit_whatever_becomes_of_the_submits(course):
    limit = cents(100)

    async def run() -> None:
        budget = Budget(limit)
        for index, (price, end) in enumerate(course):
            try:
                await asyncio.wait_for(budget.reserve(index, price), 0)
            except (BudgetError, TimeoutError):
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
