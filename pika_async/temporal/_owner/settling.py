"""What the owner of a campaign decides about its prompts, as he says it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from pika_async import FieldError
from pika_async.temporal._campaign.campaign import CampaignRun
from pika_async.temporal._contents.allowances import Allowed, allow
from pika_async.temporal._contents.files import read_manifest
from pika_async.temporal._engine import ForgottenError
from pika_async.temporal._names import QUEUE
from pika_async.temporal._outcomes import Dropped
from pika_async.temporal._owner.accounts import FOR_A_NOTE, RepairsWaiting, repairs_waiting
from pika_async.temporal._owner.arguments import check_in_flight, checked_amount
from pika_async.temporal._owner.reaching import Reaching
from pika_async.temporal._owner.remembered import books_of
from pika_async.temporal._repairs.bulk import (
    AT_ONCE,
    Planned,
    RepairPlan,
    Resolved,
    Terms,
    carried_out,
    planned,
    price_of,
    settled_within,
)
from pika_async.temporal._repairs.decisions import Decision
from pika_async.temporal._repairs.owners import told_of_pages
from pika_async.temporal._repairs.resolving import Looked, Resolving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from decimal import Decimal

    from pika_async import Money
    from pika_async.temporal._messages.campaigns import CampaignState
    from pika_async.temporal._outcomes import Outcome


class Settling(Reaching):
    """The part of a campaign that settles what is uncertain."""

    async def resolve(
        self,
        index: int,
        *,
        adopt: str | None = None,
        resubmit: bool = False,
        drop: bool = False,
        budget: Money | Decimal | float | None = None,
        price: Money | Decimal | float | None = None,
        queue: str = QUEUE,
    ) -> Outcome | Dropped:
        """Settle a prompt by the word of its owner; returns what it comes to.

        One of three: this is its job; submit it again, which may pay a second time; give it up.
        A prompt may be settled that is uncertain, or refused, or waited for no longer, or whose job
        the service does not know, as where another id was meant. What is submitted again is held to
        a budget, and its price is reserved first, as by :meth:`resolve_all`.

        Where the service is down, the submit waits for it for as long as ``generate`` does, also if
        nobody waits for the result any more. What somebody has to mend (the key, the balance, a
        membership) is told at once, as ``Refused``: mend it, and say the same again.

        Its job counts towards the limit of the campaign's account: it is submitted as soon as that
        has a place for it, also if nobody waits for it any more. While the service does not take
        it, others have that place. Where the engine has forgotten the campaign, that is the account
        ``"default"``.

        Args:
            index: The prompt, from 0, as in ``results()``.
            adopt: The id of its job, which is waited for and whose videos are saved.
            resubmit: Submit it again.
            drop: Give it up.
            budget: As for :meth:`plan_repairs`; for what is submitted again alone.
            price: As for :meth:`plan_repairs`; for what is submitted again alone.
            queue: The task queue of the workers.

        Raises:
            FieldError: Not one of the three is said, or there is no such prompt; or an amount is
                none, not above 0, in another currency, or said where nothing is submitted again.
            NoAnswerError: No worker works on it. It stands, and is done when one comes. Or it was
                to be submitted again, the campaign goes on, and no worker tells what is left of
                its budget: then nothing was begun.
            CampaignError: Its page has not ended yet, there is nothing to settle, the job is that
                of another prompt, or the service knows no such job; or it was to be submitted
                again, and the engine still names its job, or more is needed than is left, or nobody
                knows what is, as of :meth:`plan_repairs`; or the store that was said is not of this
                campaign. Nothing was changed.
        """
        decision = Decision(index=index, adopt=adopt, resubmit=resubmit, drop=drop)
        terms = _terms(budget, price)
        if resubmit:
            resolving, plan, (looked,) = await self._planned(
                [decision], terms, queue, again=True, begun_before=False
            )
            resolved = await settled_within(resolving, looked, plan.spending)
        else:
            _check_free(terms)
            resolving = Resolving(self._engine, self.id, await self._opened(to_decide=True), queue)
            (looked,) = await resolving.look([decision])
            resolved = await settled_within(resolving, looked, None)
        assert resolved.outcome is not None  # noqa: S101 - what has none was raised
        if drop:
            await self._tell_dropped()
        return resolved.outcome

    async def price(self) -> Money | None:
        """What submitting a prompt again is taken to cost; None where nobody knows.

        As the campaign was told, or as its jobs were charged on average.

        Raises:
            CampaignError: The engine cannot be asked; or the store that was said is of another
                campaign.
            NoAnswerError: The campaign goes on, and no worker answers.
            StoreError: The engine has forgotten it, and the store cannot be read.
        """
        state, _ = await self._state()
        if state is None:
            state = await books_of(await self._opened(), self.id)
        return price_of(state)

    async def known_jobs(self, indexes: Iterable[int]) -> dict[int, str]:
        """The jobs of prompts that the engine still knows of, by the prompts, from 0.

        As where a page was ended by hand: all of its prompts are uncertain then, and its history
        names those jobs that were paid for. Whoever adopts them pays nothing.

        Args:
            indexes: The prompts, from 0. The history of each of their pages is read.

        Raises:
            CampaignError: The engine cannot be asked; or the store that was said is of another
                campaign.
            StoreError: The store cannot be read.
        """
        store = await self._opened()
        wanted = set(indexes)
        size = (await read_manifest(store)).page_size
        pages = sorted({index // size for index in wanted})
        found = (await told_of_pages(self._engine, store, pages)).jobs
        return {index: job.job_id for index, job in found.items() if index in wanted}

    async def repairs_waiting(self) -> RepairsWaiting | None:
        """What its repairs wait for that stand and submit nothing yet.

        Their jobs count towards the limit of the account, and all of its places may be taken.
        None: no repair waits for a place, or nobody can say.
        """
        return await repairs_waiting(self._engine, self.id)

    async def plan_repairs(
        self,
        decisions: Iterable[Decision],
        *,
        budget: Money | Decimal | float | None = None,
        price: Money | Decimal | float | None = None,
        again: bool = False,
    ) -> RepairPlan:
        """What many decisions come to, and what they cost. Nothing is changed.

        Prompts that have come to what is decided are left out, and so is what was repaired before
        and would be submitted once more: the same decisions may be given again.

        Args:
            decisions: One for a prompt, in any order.
            budget: The most that all submitting again of this campaign may cost, with what earlier
                repairs have cost: said again, it allows no more. None: what the campaign and
                earlier repairs have left of the campaign's budget, if it has one. A campaign that
                goes on keeps the price of each prompt that it has still to submit. Whichever
                budget is said, what repairs cost counts towards that of the campaign, which grants
                its pages so much less.
            price: What a job is taken to cost; None: as the campaign was told, or as its jobs
                were charged on average.
            again: Submit prompts again, too, that were repaired before and are open still.

        Raises:
            FieldError: There is no such prompt, one is decided about twice, or an amount is none,
                not above 0, or in another currency.
            CampaignError: One cannot be settled so; or it would cost more than is left; or the
                engine has forgotten the campaign, its store does not tell what it may spend, and no
                budget is said; or the store that was said is not of this campaign.
            NoAnswerError: The campaign goes on, and no worker tells what is left of its budget.
        """
        terms = _terms(budget, price)
        return (await self._planned(decisions, terms, QUEUE, again=again))[1].plan

    async def resolve_all(
        self,
        decisions: Iterable[Decision],
        *,
        budget: Money | Decimal | float | None = None,
        price: Money | Decimal | float | None = None,
        again: bool = False,
        max_in_flight: int = AT_ONCE,
        queue: str = QUEUE,
    ) -> AsyncIterator[Resolved]:
        """Settle many prompts, each as :meth:`resolve` does; tells of each as it ends.

        All are checked before the first is changed, as by :meth:`plan_repairs`. Whoever goes away
        gives the same decisions again: what was begun goes on, and nothing is submitted twice.

        Args:
            decisions: One for a prompt, in any order.
            budget: As for :meth:`plan_repairs`.
            price: As for :meth:`plan_repairs`.
            again: As for :meth:`plan_repairs`.
            max_in_flight: How many at once, as far as the account has places; see :meth:`resolve`.
            queue: The task queue of the workers.

        Raises:
            FieldError: As of :meth:`plan_repairs`.
            CampaignError: As of :meth:`plan_repairs`.
            NoAnswerError: No worker works on them. What was begun stands; the rest was not begun.
        """
        check_in_flight(max_in_flight)
        terms = _terms(budget, price)
        resolving, plan, looked = await self._planned(decisions, terms, queue, again=again)
        money, dropped = plan.spending, False
        try:
            async for resolved in carried_out(resolving, looked, money, at_once=max_in_flight):
                dropped = dropped or isinstance(resolved.outcome, Dropped)
                yield resolved
        finally:
            if dropped:
                await self._tell_dropped()

    async def _tell_dropped(self) -> None:
        """Say to a campaign that goes on that it has changed: what is dropped, no repair tells."""
        told = self._handle.signal(CampaignRun.decided, rpc_timeout=FOR_A_NOTE)
        with anyio.CancelScope(shield=True), suppress(RPCError, RuntimeError):
            await told

    async def _planned(
        self,
        decisions: Iterable[Decision],
        terms: Terms,
        queue: str,
        *,
        again: bool,
        begun_before: bool = True,
    ) -> tuple[Resolving, Planned, list[Looked]]:
        store = await self._opened(to_decide=True)
        resolving = Resolving(self._engine, self.id, store, queue)
        looked = await resolving.look(tuple(decisions), begun_before=begun_before, again=again)
        state, goes_on = await self._state()
        if state is None:
            state = await books_of(store, self.id)
        else:
            order = state.order
            await allow(store, Allowed(campaign=self.id, budget=order.budget, price=order.price))
        plan = await planned(looked, state, terms, store, goes_on=goes_on, ask=self._state)
        return resolving, plan, looked

    async def _state(self) -> tuple[CampaignState | None, bool]:
        """Where it stands without its open pages, and whether it goes on.

        None where the engine has forgotten it.
        """
        try:
            described = await self._asked(self._handle.describe())
        except ForgottenError:
            return None, False
        goes_on = described.status is WorkflowExecutionStatus.RUNNING
        return await self._state_of(described), goes_on


def _terms(budget: Money | Decimal | float | None, price: Money | Decimal | float | None) -> Terms:
    return Terms(budget=checked_amount("budget", budget), price=checked_amount("price", price))


def _check_free(terms: Terms) -> None:
    """Refuse amounts for what costs nothing.

    Raises:
        FieldError: One is said.
    """
    for name, amount in (("budget", terms.budget), ("price", terms.price)):
        if amount is not None:
            raise FieldError(name, str(amount), "none where nothing is submitted again")
