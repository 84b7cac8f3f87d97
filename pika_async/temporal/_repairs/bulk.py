"""What decisions cost is known, and held to a budget, before the first of them is carried out."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import frozen

from pika_async import FieldError, Money
from pika_async.temporal._engine import CampaignError, NoAnswerError
from pika_async.temporal._outcomes import Dropped, Outcome
from pika_async.temporal._repairs.decisions import Decision, named
from pika_async.temporal._repairs.spending import Spending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from pika_async.temporal._messages.campaigns import CampaignState
    from pika_async.temporal._repairs.resolving import Looked, Resolving
    from pika_async.temporal._store.store import Store

    Asking: TypeAlias = Callable[[], Awaitable[tuple[CampaignState | None, bool]]]

AT_ONCE: Final = 10
"""Decisions under way at once, as far as the account has places for their jobs."""


@frozen(kw_only=True)
class RepairPlan:
    """What many decisions come to, before anything is changed.

    Attributes:
        decisions: What is left to be done, by the prompts.
        settled: How many prompts have come to what was decided already.
        repaired: How many are left alone that were to be submitted again, since they were repaired
            before, and are open still; see ``again``.
        resubmits: How many prompts are submitted again.
        unpaid: How many of those have started no job before: they were never sent, or were refused.
            None of them is paid a second time.
        price: What a job is taken to cost; None where nobody knows.
        cost: What submitting again comes to; None where nobody knows.
        budget: The budget that holds; None: none.
        left: What is left of it for that, without what a campaign that goes on may yet spend.
        earlier: What other repairs have cost, and may cost where they are under way; None where
            nobody knows a price.
    """

    decisions: tuple[Decision, ...]
    settled: int
    repaired: int
    resubmits: int
    price: Money | None
    cost: Money | None
    budget: Money | None = None
    left: Money | None = None
    earlier: Money | None = None
    unpaid: int = 0


@frozen(kw_only=True)
class Resolved:
    """One prompt of many that were decided about.

    Attributes:
        index: The prompt, from 0.
        outcome: What it comes to; None where that could not be done.
        problem: Why it could not, in sentences.
        cost: What submitting it again has cost, or may have; None where it was not submitted, or
            nobody knows a price.
    """

    index: int
    outcome: Outcome | Dropped | None = None
    problem: str | None = None
    cost: Money | None = None


@frozen(kw_only=True)
class Terms:
    """What the owner says about the money of many decisions.

    Attributes:
        price: What a job is taken to cost, where the campaign has no price.
        budget: The most that all submitting again of the campaign may cost, with what earlier
            repairs have cost; None: what is left of the campaign's budget.
    """

    price: Money | None = None
    budget: Money | None = None


@frozen(kw_only=True)
class Planned:
    """A plan, and the money that it is held to; None where nobody knows a price."""

    plan: RepairPlan
    spending: Spending | None


async def planned(
    looked: Sequence[Looked],
    state: CampaignState | None,
    terms: Terms,
    store: Store,
    *,
    goes_on: bool = False,
    ask: Asking | None = None,
) -> Planned:
    """What it comes to.

    Args:
        looked: The lines.
        state: Where the campaign stands; None where nobody knows any more what it may spend.
        terms: What the owner says.
        store: Where the campaign lies.
        goes_on: Whether the campaign may submit more.
        ask: Tells the last two as they are at the moment, where the campaign goes on.

    Raises:
        FieldError: An amount is in another currency than the campaign's.
        CampaignError: It would cost more than is left of the budget, or nobody knows.
        StoreError: The store cannot be used.
    """
    todo = [one for one in looked if not one.is_left_alone]
    again = [one.reserved_as for one in todo if one.decision.resubmit]
    price = terms.price or price_of(state)
    _check_terms(terms, price, state)
    budget, spent, kept, left_now = terms.budget, 0, 0, None
    if budget is None and state is not None:
        budget, kept = state.order.budget, _to_come(state, price) if goes_on else 0
        spent = state.order.spent + kept
        if ask is not None and goes_on and budget is not None:
            left_now = partial(_left_now, ask, price)
    elif budget is None and again:
        raise CampaignError(_NOT_NOTED)
    spending, earlier = None, None
    if price is not None:
        most = None if budget is None else budget.micros - spent
        spending = Spending(store, price, most, left_now)
        await spending.look()
        earlier = Money(spending.without(again), price.currency)
    left = budget
    if budget is not None and earlier is not None:
        left = Money(max(budget.micros - spent - earlier.micros, 0), budget.currency)
    plan = RepairPlan(
        decisions=tuple(one.decision for one in todo),
        settled=sum(one.is_settled for one in looked),
        repaired=sum(one.was_repaired for one in looked),
        resubmits=len(again),
        price=price,
        cost=None if price is None else len(again) * price,
        budget=budget,
        left=left,
        earlier=earlier,
        unpaid=sum(one.decision.resubmit and one.is_unpaid for one in todo),
    )
    _check_money(plan, kept)
    return Planned(plan=plan, spending=spending)


def price_of(state: CampaignState | None) -> Money | None:
    """What a job of the campaign costs, as it was said, or on average as it was charged."""
    if state is None or state.order.price is not None:
        return None if state is None else state.order.price
    ended = state.order.ended
    lines, charged = ended.succeeded + ended.failed, ended.cost.charged
    if charged is None or not lines or ended.cost.estimated is not None:
        return None
    # Rounded up: it is to be enough.
    return Money(-(-charged.micros // lines), charged.currency)


def _check_terms(terms: Terms, price: Money | None, state: CampaignState | None) -> None:
    """Refuse amounts that cannot be held against each other."""
    ours = None if state is None else state.order.budget
    if ours is not None and terms.budget is not None and terms.budget.currency != ours.currency:
        raise FieldError("budget", str(terms.budget), f"an amount in {ours.currency}")
    budget = terms.budget or ours
    if budget is None or price is None or price.currency == budget.currency:
        return
    if terms.price is not None:
        told = f"an amount in {budget.currency}, as the budget"
        raise FieldError("price", str(price), told)
    if terms.budget is not None:
        told = f"an amount in {price.currency}, as the price of a job"
        raise FieldError("budget", str(terms.budget), told)


async def _left_now(ask: Asking, price: Money | None) -> int | None:
    """What a campaign leaves to all of its repairs, in millionths; None: it has no budget."""
    state, goes_on = await ask()
    if state is None or state.order.budget is None:
        return None
    to_come = _to_come(state, price) if goes_on else 0
    return state.order.budget.micros - state.order.spent - to_come


def _to_come(state: CampaignState, price: Money | None) -> int:
    """What a campaign may spend beyond what is spent and granted already, in millionths."""
    order, ended = state.order, state.order.ended
    if order.stopped or price is None:
        return 0
    lines = order.prompts - (ended.succeeded + ended.failed + ended.refused + ended.uncertain)
    cost = ended.cost.total
    granted = order.spent - (0 if cost is None else cost.micros)
    return max(lines * price.micros - max(granted, 0), 0)


def _check_money(plan: RepairPlan, kept: int) -> None:
    if plan.left is None or not plan.resubmits:
        return
    if plan.price is None or plan.cost is None or plan.cost.currency != plan.left.currency:
        raise CampaignError(
            f"nobody knows in {plan.left.currency} what a job costs, and there is a budget: say a "
            "price. Nothing was changed"
        )
    if plan.cost.micros > plan.left.micros:
        earlier = ""
        if plan.earlier is not None and plan.earlier.micros:
            earlier = f"; other repairs have cost {plan.earlier}, or may"
        if kept and plan.budget is not None:
            rest = Money(kept, plan.budget.currency)
            earlier += f"; the campaign goes on, and what it has still to submit may cost {rest}"
        jobs = (
            f"{plan.resubmits} jobs at {plan.price} come" if plan.resubmits > 1 else "1 job comes"
        )
        say = "Decide about fewer prompts, or say" if plan.resubmits > 1 else "Say"
        enough = plan.cost if plan.earlier is None else plan.cost + plan.earlier
        raise CampaignError(
            f"{jobs} to {plan.cost}, and of the budget of {plan.budget} there are {plan.left} "
            f"left{earlier}. Nothing was changed. {say} a budget for all that is submitted again "
            f"(budget=, or --budget): {enough} would do"
        )


async def carried_out(
    resolving: Resolving, looked: Sequence[Looked], spending: Spending | None, *, at_once: int
) -> AsyncIterator[Resolved]:
    """Carry them out, so many at once; those that are given up first, which need no worker.

    Raises:
        NoAnswerError: No worker works on them. What was begun stands, and the rest was not begun.
    """
    todo = (one for one in looked if not one.is_left_alone)
    waiting = iter(sorted(todo, key=lambda one: (not one.decision.drop, one.decision.index)))
    running: set[asyncio.Task[Resolved | NoAnswerError]] = set()
    unanswered: list[NoAnswerError] = []
    try:
        while True:
            while len(running) < at_once and not unanswered:
                if (one := next(waiting, None)) is None:
                    break
                running.add(asyncio.create_task(_one(resolving, one, spending)))
            if not running:
                break
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                match task.result():
                    case NoAnswerError() as error:
                        unanswered.append(error)
                    case Resolved() as resolved:
                        yield resolved
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    if unanswered:
        left = len(list(waiting))
        more = f" {left} more were not begun." if left else ""
        raise NoAnswerError(
            f"{unanswered[0]}. So it is with {len(unanswered)} of the prompts.{more}"
        ) from unanswered[0]


async def _one(
    resolving: Resolving, looked: Looked, spending: Spending | None
) -> Resolved | NoAnswerError:
    try:
        return await settled_within(resolving, looked, spending)
    except NoAnswerError as error:
        return error
    except CampaignError as error:
        return Resolved(index=looked.decision.index, problem=str(error))


async def settled_within(
    resolving: Resolving, looked: Looked, spending: Spending | None
) -> Resolved:
    """Carry out one decision; what it submits again is reserved first.

    Raises:
        NoAnswerError: No worker works on it; it stands, and is done when one comes.
        CampaignError: Too little is left for it, or it cannot be carried out any more.
    """
    index, number = looked.reserved_as
    paying = spending if looked.decision.resubmit else None
    if paying is not None and not await paying.reserve(index, number):
        raise CampaignError(_USED_UP.format(line=named(index)))
    outcome = await resolving.settle(looked)
    cost = None if paying is None else paying.settle(index, number, outcome)
    return Resolved(index=index, outcome=outcome, cost=cost)


_USED_UP: Final = (
    "{line} was not submitted: the budget is used up, since jobs cost more than was said, or "
    "somebody else submits prompts again at the same time"
)
_NOT_NOTED: Final = (
    "the server has forgotten the campaign, and its store does not tell what it may spend: say a "
    "budget for all that is submitted again. Nothing was changed"
)
