"""A campaign: opens the pages one after the other, and shares what may be in flight and be spent.

It holds no prompts and no outcomes: numbers of pages, and sums. Its budget is granted to pages when
they ask, and what a page has not spent comes back at its end; the grants never sum to more than the
budget. Its jobs in flight are those of its pages, whose widths never sum to more than its share of
the account.

After a thousand pages it waits until the open ones have ended, and continues as new: a history has
room for some fifty thousand events.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

from attrs import evolve
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
)

from pika_async._money import Money
from pika_async.temporal._campaign import search
from pika_async.temporal._campaign.account import LIMIT, Account
from pika_async.temporal._campaign.page import Page, heard
from pika_async.temporal._campaign.records import (
    WIDTH,
    AccountOrder,
    Amount,
    CampaignOrder,
    CampaignState,
    Held,
    Joining,
    Narrowed,
    PageOrder,
    Short,
    Tally,
)
from pika_async.temporal._campaign.shares import Shares
from pika_async.temporal._names import PAGE_RESULT, id_of_account, id_of_page
from pika_async.temporal._steps import FOR_EVER, HEARTBEAT_TIMEOUT

PAGES_OF_A_RUN: Final = 1000
MOST_IN_FLIGHT: Final = 10_000

_LONGEST_PAGE: Final = timedelta(days=60)


@workflow.defn(name="PikaCampaign")
class CampaignRun:
    """The workflow of a campaign."""

    @workflow.init
    def __init__(self, order: CampaignOrder) -> None:
        self._order = order
        self._id = workflow.info().workflow_id
        self._account = id_of_account(order.account)
        self._shares = Shares(0)
        self._pages: dict[int, asyncio.Task[None]] = {}
        self._handles: dict[int, workflow.ChildWorkflowHandle[Page, Tally]] = {}
        self._granted: dict[int, int] = {}
        self._short: dict[int, Short] = {}
        self._allotted = 0
        # The most that the account believes to be in flight here.
        self._confirmed = 0
        self._wanted = -1
        self._opened = 0
        self._changed = True
        self._told = search.counts(order.ended)

    @workflow.run
    async def run(self, order: CampaignOrder) -> CampaignState:
        """Returns where it stands once all of its pages have ended, or once it was stopped."""
        while True:
            try:
                await self._step()
                if self._over():
                    # Whoever has asked for something is answered.
                    await workflow.wait_condition(workflow.all_handlers_finished)
                    break
                await workflow.wait_condition(lambda: self._changed)
            except asyncio.CancelledError:
                # Nothing more is submitted; what is paid for is waited for, and written down.
                await self._stop()
            self._changed = False
            if self._full() and not self._pages:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(evolve(self._order, max_in_flight=None))
        await self._tell_account("leave", self._id)
        return self.state()

    # What others say.

    @workflow.signal
    def allot(self, jobs: int) -> None:
        """The account's word: it may have so many jobs in flight."""
        self._allotted = jobs
        self._confirmed = max(self._confirmed, jobs)
        self._changed = True

    @workflow.signal
    def held(self, held: Held) -> None:
        """A page's word: nothing can be submitted."""
        self._order = evolve(self._order, paused=self._order.paused or held.reason)
        # It has made itself narrow, and is told its width again also where it is resumed at once.
        self._shares.tell(str(held.page), 0)
        self._changed = True

    @workflow.signal
    def narrowed(self, narrowed: Narrowed) -> None:
        """A page's word: it has no more under way than this."""
        self._shares.released(str(narrowed.page), narrowed.width)
        self._changed = True

    @workflow.signal
    def short(self, short: Short) -> None:
        """A page's word: it has spent what it was granted."""
        self._short[short.page] = short
        self._changed = True

    @workflow.update
    def pause(self, reason: str) -> None:
        """Submit nothing until it is resumed; what is paid for goes its way."""
        self._order = evolve(self._order, paused=reason)
        self._changed = True

    @workflow.update
    def resume(self, budget: Money | None) -> None:
        """Go on, with this budget if one is given."""
        if budget is not None:
            self._order = evolve(self._order, budget=budget)
        self._order = evolve(self._order, paused=None)
        self._changed = True

    @resume.validator
    def _check_budget(self, budget: Money | None) -> None:
        ours = self._order.budget
        if self._order.stopped:
            raise ApplicationError("the campaign was stopped: nothing is submitted any more")
        if budget is None:
            return
        if ours is None:
            raise ApplicationError("budget: the campaign was started without one")
        if budget.currency != ours.currency:
            raise ApplicationError(f"budget: {budget} is not allowed; the campaign's is {ours}")

    @workflow.update
    async def stop(self) -> None:
        """Submit nothing any more. What is paid for is waited for; then the campaign ends."""
        await self._stop()

    @workflow.update
    async def set_max_in_flight(self, jobs: int) -> None:
        """The limit of the account, for all of its campaigns."""
        self._order = evolve(self._order, max_in_flight=jobs)
        await self._tell_account("set_limit", jobs)

    @workflow.query
    def state(self) -> CampaignState:
        """Where it stands, without the lines of the open pages."""
        return CampaignState(
            order=evolve(self._order, spent=self._spent),
            open_pages=tuple(id_of_page(self._id, page) for page in self._pages),
            share=self._allotted,
        )

    # What it does.

    async def _step(self) -> None:
        self._check_money()
        await self._grant()
        await self._say_what_is_wanted()
        self._open_pages()
        self._shares.limit = 0 if self._idle else self._allotted
        for name in self._shares.changes():
            await self._widen(int(name))
        await self._say_what_is_free()

    def _over(self) -> bool:
        return not self._pages and (self._order.stopped or self._next >= self._order.pages)

    def _full(self) -> bool:
        """Whether the history of this run has had enough."""
        suggested = workflow.info().is_continue_as_new_suggested()
        return self._opened >= PAGES_OF_A_RUN or suggested

    @property
    def _next(self) -> int:
        return self._order.next_page

    @property
    def _idle(self) -> bool:
        return self._order.stopped or self._order.paused is not None

    async def _stop(self) -> None:
        self._order = evolve(self._order, stopped=True, paused=None)
        self._changed = True
        for handle in tuple(self._handles.values()):
            await heard(handle.signal("stop"))

    # In flight.

    def _wants(self) -> int:
        """How many jobs it could have in flight."""
        if self._idle:
            return 0
        unopened = 0 if self._full() else self._order.prompts - self._next * self._order.page_size
        opened = sum(self._order.lines_of(page) for page in self._pages)
        # So much is as good as more, and is not told anew at the end of each page.
        return min(max(unopened, 0) + opened, MOST_IN_FLIGHT)

    async def _say_what_is_wanted(self) -> None:
        wants = self._wants()
        if wants == self._wanted:
            return
        first, self._wanted = self._wanted < 0, wants
        want = Amount(campaign=self._id, jobs=wants)
        if first or not await self._tell_account("want", want):
            await self._join(wants)

    async def _join(self, wants: int) -> None:
        while True:
            with suppress(WorkflowAlreadyStartedError):
                await workflow.start_child_workflow(
                    Account.run,
                    AccountOrder(limit=self._order.max_in_flight or LIMIT),
                    id=self._account,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
                )
            joining = Joining(
                campaign=self._id,
                wants=wants,
                told=self._allotted,
                holds=self._confirmed,
                limit=self._order.max_in_flight,
            )
            # It may have ended in between.
            if await self._tell_account("join", joining):
                return

    async def _say_what_is_free(self) -> None:
        """Others get what was taken away here only once it is not in use any more."""
        if self._confirmed > self._allotted >= self._shares.held:
            self._confirmed = self._allotted
            await self._tell_account("released", Amount(campaign=self._id, jobs=self._allotted))

    async def _tell_account(self, what: str, value: object) -> bool:
        handle = workflow.get_external_workflow_handle(self._account)
        return await heard(handle.signal(what, value))

    async def _widen(self, page: int) -> None:
        """Tell a page how many lines it may have under way."""
        handle, member = self._handles.get(page), self._shares.members.get(str(page))
        if handle is not None and member is not None:
            what = "narrow" if member.told < member.holds else "set_width"
            await heard(handle.signal(what, member.told))

    # Pages.

    def _open_pages(self) -> None:
        if self._idle or self._full():
            return
        while self._next < self._order.pages and len(self._pages) * WIDTH < self._allotted:
            page = self._next
            self._order = evolve(self._order, next_page=page + 1)
            self._opened += 1
            self._shares.want(str(page), self._order.lines_of(page))
            self._pages[page] = asyncio.create_task(self._page(page))

    async def _page(self, page: int) -> None:
        # A page that somebody has reset goes on as another run. Where there is none, a second page
        # submits nothing that the first may have: it writes down what is uncertain.
        tally = (
            await self._worked(page, "")
            or await self._worked_by_another_run(page)
            or await self._worked(page, "/again")
        )
        if tally is None:
            self._order = evolve(self._order, stranded=(*self._order.stranded, page))
            tally = Tally(taken=self._order.lines_of(page), uncertain=self._order.lines_of(page))
        spent = self._spent_by(page, tally)
        self._order = evolve(
            self._order, ended=self._order.ended + tally, spent=self._order.spent + spent
        )
        self._tell_searchers()
        for books in (self._pages, self._handles, self._granted, self._short):
            books.pop(page, None)
        self._shares.leave(str(page))
        self._changed = True

    def _tell_searchers(self) -> None:
        """At the end of a page, where there is news: that is an event in five hundred lines."""
        counts = search.counts(self._order.ended)
        if self._order.searchable and counts != self._told and workflow.patched(search.PATCH):
            self._told = counts
            workflow.upsert_search_attributes(search.counted(self._order.ended))

    async def _worked(self, page: int, suffix: str) -> Tally | None:
        """The end of a page; None where it has ended in another way, or has been begun before."""
        order = self._order
        width = self._shares.members[str(page)].told
        try:
            handle = await workflow.start_child_workflow(
                Page.run,
                PageOrder(
                    store=order.store,
                    digest=order.digest,
                    page=page,
                    first=page * order.page_size,
                    width=width,
                    budgeted=order.budget is not None,
                    currency="USD" if order.budget is None else order.budget.currency,
                    price=order.price,
                    timeout=order.timeout,
                ),
                id=id_of_page(self._id, page) + suffix,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                # What it has paid for is waited for even where the campaign is terminated.
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            )
            self._handles[page] = handle
            if self._order.stopped:
                await heard(handle.signal("stop"))
            elif self._shares.members[str(page)].told != width:
                await self._widen(page)
            tally: Tally = await handle
        except (ChildWorkflowError, WorkflowAlreadyStartedError):
            return None
        return tally

    async def _worked_by_another_run(self, page: int) -> Tally | None:
        """The end of the page's last run; None where that has ended in another way."""
        ended: Tally | None = await workflow.execute_activity(
            PAGE_RESULT,
            id_of_page(self._id, page),
            result_type=Tally,
            start_to_close_timeout=_LONGEST_PAGE,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=FOR_EVER,
        )
        return ended

    # Money.

    @property
    def _spent(self) -> int:
        """What is spent or granted, in millionths."""
        return self._order.spent + sum(self._granted.values())

    def _spent_by(self, page: int, tally: Tally) -> int:
        """What a page that has ended has spent; all it was granted where that is not known."""
        total = tally.cost.total
        if self._order.budget is None:
            return 0
        known = total is not None and total.currency == self._order.budget.currency
        # What is uncertain may have been paid for, also where nobody can say how much.
        nothing = tally.submitted == tally.uncertain == 0
        return total.micros if total and known else 0 if nothing else self._granted.get(page, 0)

    def _check_money(self) -> None:
        """Where every open page has nothing to spend, nothing comes back any more."""
        budget = self._order.budget
        if budget is None or self._idle or not self._short or len(self._short) < len(self._pages):
            return
        free = budget.micros - self._spent
        if all(short.least.micros > free for short in self._short.values()):
            left = Money(max(free, 0), budget.currency)
            least = min(short.least for short in self._short.values())
            reason = f"Of the budget of {budget} there are {left} left; the next job needs {least}."
            self._order = evolve(self._order, paused=reason)

    async def _grant(self) -> None:
        budget = self._order.budget
        if budget is None or self._idle:
            return
        for page, short in tuple(self._short.items()):
            free = budget.micros - self._spent
            handle = self._handles.get(page)
            if handle is None or free < short.least.micros:
                continue
            amount = min(free, max(short.least.micros, short.most.micros))
            self._granted[page] = self._granted.get(page, 0) + amount
            del self._short[page]
            await heard(handle.signal("grant", Money(amount, budget.currency)))
