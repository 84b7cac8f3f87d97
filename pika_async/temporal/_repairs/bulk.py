"""Many decisions at once: what they cost is known before the first is carried out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from attrs import define, frozen

from pika_async import Money
from pika_async.temporal._contents.repairs import repairs
from pika_async.temporal._engine import CampaignError, NoAnswerError
from pika_async.temporal._outcomes import Declined, Dropped, Finished, Outcome, Uncertain
from pika_async.temporal._repairs.decisions import Decision, named
from pika_async.temporal._repairs.owners import SUBMITTED, notes_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pika_async.temporal._messages.campaigns import CampaignState
    from pika_async.temporal._repairs.resolving import Looked, Resolving
    from pika_async.temporal._store.store import Store

AT_ONCE: Final = 10
"""Decisions under way at once, as far as the account has places for their jobs."""


@frozen(kw_only=True)
class RepairPlan:
    """What many decisions come to, before anything is changed.

    Attributes:
        decisions: What is left to be done, by the lines.
        settled: How many lines have come to what was decided already.
        repaired: How many are left alone that were to be submitted again, since they were repaired
            before, and are open still; see ``again``.
        resubmits: How many lines are submitted again.
        price: What a job is taken to cost; None where nobody knows.
        cost: What submitting again comes to; None where nobody knows.
        budget: The budget that holds; None: none.
        left: What is left of it.
    """

    decisions: tuple[Decision, ...]
    settled: int
    repaired: int
    resubmits: int
    price: Money | None
    cost: Money | None
    budget: Money | None = None
    left: Money | None = None


@frozen(kw_only=True)
class Resolved:
    """One line of many that were decided about.

    Attributes:
        index: The line, from 0.
        outcome: What it comes to; None where that could not be done.
        problem: Why it could not, in sentences.
    """

    index: int
    outcome: Outcome | Dropped | None = None
    problem: str | None = None


@frozen(kw_only=True)
class Terms:
    """What the owner says about the money of many decisions.

    Attributes:
        price: What a job is taken to cost, where the campaign has no price.
        budget: The most that these may cost; None: what is left of the campaign's budget.
    """

    price: Money | None = None
    budget: Money | None = None


async def planned(
    looked: Sequence[Looked], state: CampaignState | None, terms: Terms, store: Store
) -> RepairPlan:
    """What it comes to.

    Args:
        looked: The lines.
        state: Where the campaign stands; None where the engine has forgotten it.
        terms: What the owner says.
        store: Where the campaign lies.

    Raises:
        CampaignError: It would cost more than is left of the budget, or nobody knows.
        StoreError: The store cannot be used.
    """
    todo = tuple(one.decision for one in looked if not one.is_left_alone)
    resubmits = sum(decision.resubmit for decision in todo)
    price = terms.price or _price_of(state)
    cost = None if price is None else resubmits * price
    budget, left = terms.budget, terms.budget
    if budget is None and state is not None and (budget := state.order.budget) is not None:
        earlier = await repairs_cost(store, price)
        left = Money(max(budget.micros - state.order.spent - earlier, 0), budget.currency)
    plan = RepairPlan(
        decisions=todo,
        settled=sum(one.is_settled for one in looked),
        repaired=sum(one.was_repaired for one in looked),
        resubmits=resubmits,
        price=price,
        cost=cost,
        budget=budget,
        left=left,
    )
    _check_money(plan)
    return plan


def _price_of(state: CampaignState | None) -> Money | None:
    """What a job of the campaign costs, as it was said, or on average as it was charged."""
    if state is None or state.order.price is not None:
        return None if state is None else state.order.price
    ended = state.order.ended
    lines, charged = ended.succeeded + ended.failed, ended.cost.charged
    if charged is None or not lines or ended.cost.estimated is not None:
        return None
    # Rounded up: it is to be enough.
    return Money(-(-charged.micros // lines), charged.currency)


async def repairs_cost(store: Store, price: Money | None) -> int:
    """What earlier repairs have submitted, in millionths.

    A job counts once, however many repairs wait for it. What they have adopted was counted before,
    as what a page has spent; a job that another repair had submitted was not.

    Args:
        store: Where the campaign lies.
        price: What a job is taken to cost where the service does not say.

    Raises:
        StoreError: The store cannot be used.
    """
    each = 0 if price is None else price.micros
    unsure = 0
    jobs: dict[str, int] = {}
    for outcomes in (await repairs(store)).values():
        for outcome in outcomes:
            if isinstance(outcome, Uncertain):
                unsure += each
            elif isinstance(outcome, Finished | Declined):
                told = each if outcome.charge is None else outcome.charge.micros
                jobs[outcome.job_id] = max(told, jobs.get(outcome.job_id, 0))
    submitted = [cost for job_id, cost in jobs.items() if await _was_submitted(store, job_id)]
    return unsure + sum(submitted)


async def _was_submitted(store: Store, job_id: str) -> bool:
    """Whether a repair has submitted it, also where another one has adopted it since."""
    return any(note.how == SUBMITTED for note in await notes_of(store, job_id))


def _check_money(plan: RepairPlan) -> None:
    if plan.left is None or not plan.resubmits:
        return
    if plan.price is None or plan.cost is None or plan.cost.currency != plan.left.currency:
        raise CampaignError(
            f"nobody knows in {plan.left.currency} what a job costs, and there is a budget: say a "
            "price. Nothing was changed"
        )
    if plan.cost.micros > plan.left.micros:
        raise CampaignError(
            f"{plan.resubmits} jobs at {plan.price} come to {plan.cost}, and of the budget of "
            f"{plan.budget} there are {plan.left} left. Nothing was changed. Decide about fewer "
            "lines, or say a budget for these"
        )


@define
class _Purse:
    """What may still be submitted again: services may charge more than was told."""

    left: int | None
    price: int

    def take(self) -> bool:
        if self.left is None:
            return True
        if self.left < self.price:
            return False
        self.left -= self.price
        return True

    def settle(self, outcome: Outcome | Dropped) -> None:
        charge = outcome.charge if isinstance(outcome, Finished | Declined) else None
        if self.left is not None and charge is not None:
            self.left -= charge.micros - self.price


async def carried_out(
    resolving: Resolving, looked: Sequence[Looked], plan: RepairPlan, *, at_once: int
) -> AsyncIterator[Resolved]:
    """Carry them out, so many at once; those that are given up first, which need no worker.

    Raises:
        NoAnswerError: No worker works on them. What was begun stands, and the rest was not begun.
    """
    purse = _Purse(
        None if plan.left is None else plan.left.micros,
        0 if plan.price is None else plan.price.micros,
    )
    todo = (one for one in looked if not one.is_left_alone)
    waiting = iter(sorted(todo, key=lambda one: (not one.decision.drop, one.decision.index)))
    running: set[asyncio.Task[Resolved | NoAnswerError]] = set()
    unanswered: list[NoAnswerError] = []
    try:
        while True:
            while len(running) < at_once and not unanswered:
                if (one := next(waiting, None)) is None:
                    break
                running.add(asyncio.create_task(_one(resolving, one, purse)))
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
            f"{unanswered[0]}. So it is with {len(unanswered)} of the lines.{more}"
        ) from unanswered[0]


async def _one(resolving: Resolving, looked: Looked, purse: _Purse) -> Resolved | NoAnswerError:
    index = looked.decision.index
    if looked.decision.resubmit and not purse.take():
        return Resolved(
            index=index,
            problem=f"{named(index)} was not submitted: the budget is used up, since jobs cost "
            "more than was said",
        )
    try:
        outcome = await resolving.settle(looked)
    except NoAnswerError as error:
        return error
    except CampaignError as error:
        return Resolved(index=index, problem=str(error))
    if looked.decision.resubmit:
        purse.settle(outcome)
    return Resolved(index=index, outcome=outcome)
