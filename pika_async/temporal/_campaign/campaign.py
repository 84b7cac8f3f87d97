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
from typing import Final

from attrs import evolve
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, ChildWorkflowError, WorkflowAlreadyStartedError

from pika_async._money import Money
from pika_async.temporal._campaign import search
from pika_async.temporal._campaign.earlier import Earlier
from pika_async.temporal._campaign.granting import Granting, Handle
from pika_async.temporal._campaign.membership import Membership
from pika_async.temporal._campaign.orders import news, page_of, why_not_priced, why_not_resumed
from pika_async.temporal._campaign.page import Page
from pika_async.temporal._campaign.sentences import with_reason
from pika_async.temporal._keeping import wake_at_ends
from pika_async.temporal._limits.shares import Member, Shares
from pika_async.temporal._limits.unseen import Unseen, jobs, still, until
from pika_async.temporal._messages.campaigns import CampaignOrder, CampaignState
from pika_async.temporal._messages.pages import WIDTH, Held, Narrowed, Short, Tally
from pika_async.temporal._names import CAMPAIGN, id_of_page
from pika_async.temporal._signals import heard, last_result

PAGES_OF_A_RUN: Final = 1000
MOST_IN_FLIGHT: Final = 10_000

# In histories: of runs that have found a page of an earlier run, and have said nothing to it.
_HEARD: Final = "pages of an earlier run hear"


@workflow.defn(name=CAMPAIGN)
class CampaignRun:
    """The workflow of a campaign."""

    @workflow.init
    def __init__(self, order: CampaignOrder) -> None:
        self._order = order
        self._id = workflow.info().workflow_id
        self._membership = Membership(
            self._id, order.account, order.max_in_flight, jobs(order.unseen)
        )
        self._shares = Shares(0)
        self._pages: dict[int, asyncio.Task[None]] = {}
        self._handles: dict[int, Handle] = {}
        self._granting = Granting(lambda: self._order, self._pages, self._handles, self._wake)
        self._grants = self._granting.grants
        # What each open page can use at most.
        self._left: dict[int, int] = {}
        self._opened = 0
        self._priced = False
        # What the open pages know.
        self._refusing = order.refuse_unknown
        self._changed = True
        self._searchers = search.Searchers(order)
        self._earlier = Earlier()

    @workflow.run
    async def run(self, order: CampaignOrder) -> CampaignState:
        """Returns where it stands once all of its pages have ended, or once it was stopped."""
        wake_at_ends(self._order.unseen, self._wake)
        self._earlier.begin()
        while True:
            try:
                await self._step()
                if self._over():
                    # Whoever has asked for something is answered.
                    await workflow.wait_condition(workflow.all_handlers_finished)
                    break
                await workflow.wait_condition(lambda: self._changed or self._earlier.unknown)
            except asyncio.CancelledError:
                # Nothing more is submitted; what is paid for is waited for, and written down.
                await self._stop()
            self._changed = False
            if self._full() and not self._pages:
                await workflow.wait_condition(workflow.all_handlers_finished)
                order = evolve(self._order, decided=self._searchers.decided, max_in_flight=None)
                workflow.continue_as_new(order)
        await self._membership.leave(self._unseen())
        return self.state()

    # What others say.

    @workflow.signal
    def allot(self, jobs: int) -> None:
        """The account's word: it may have so many jobs in flight."""
        self._membership.allot(jobs)
        self._changed = True

    @workflow.signal
    def held(self, held: Held) -> None:
        """A page's word: nothing can be submitted."""
        self._order = evolve(self._order, paused=with_reason(self._order.paused, held.reason))
        # It has made itself narrow, and is told its width again also where it is resumed at once.
        self._shares.tell(str(held.page), 0)
        self._changed = True

    @workflow.signal
    def narrowed(self, narrowed: Narrowed) -> None:
        """A page's word: it has no more under way than this."""
        self._shares.released(str(narrowed.page), narrowed.width)
        self._changed = True

    @workflow.signal
    def drained(self, drained: Narrowed) -> None:
        """A page's word: from now on it never has more under way than this."""
        self._left[drained.page] = drained.width
        self._shares.content(str(drained.page), drained.width)
        self._changed = True

    @workflow.signal
    def unseen(self, unseen: Unseen) -> None:
        """A page's word, at its end: these jobs may run, and nobody waits for them."""
        self._keep(unseen)

    @workflow.signal
    def say_again(self) -> None:
        """The account's word: it does not know how this campaign stands."""
        self._membership.say_again()
        self._changed = True

    @workflow.signal
    async def decided(self) -> None:
        """A repair's word, or its owner's: lines of pages that have ended have come to another."""
        await self._searchers.count(lambda: self._order)

    @workflow.signal
    def short(self, short: Short) -> None:
        """A page's word: it has spent what it was granted."""
        self._grants.ask(short)
        self._changed = True

    @workflow.update
    def pause(self, reason: str) -> None:
        """Submit nothing until it is resumed; what is paid for goes its way."""
        self._order = evolve(self._order, paused=with_reason(self._order.paused, reason))
        self._changed = True

    @workflow.update
    def resume(self, budget: Money | None) -> None:
        """Go on, with this budget if one is given."""
        self._go_on(budget, refuse_unknown=False)

    @workflow.update
    def resume_refusing(self, budget: Money | None) -> None:
        """The same, and have refused what the service knows nothing of, until the next resume."""
        self._go_on(budget, refuse_unknown=True)

    def _go_on(self, budget: Money | None, *, refuse_unknown: bool) -> None:
        budget = self._order.budget if budget is None else budget
        self._order = evolve(self._order, budget=budget, paused=None, refuse_unknown=refuse_unknown)
        self._granting.look_again()
        self._changed = True

    @resume.validator
    @resume_refusing.validator
    def _check_budget(self, budget: Money | None) -> None:
        if (problem := why_not_resumed(self._order, budget)) is not None:
            raise ApplicationError(problem)

    @workflow.update
    async def set_price(self, price: Money) -> None:
        """What a job is taken to cost from now on, where the service does not say."""
        self._order = evolve(self._order, price=price)
        self._priced = True
        # Who asked for money at another price asks anew.
        self._grants.short.clear()
        await self._tell_pages("set_price", price)

    @set_price.validator
    def _check_price(self, price: Money) -> None:
        if (problem := why_not_priced(self._order, price)) is not None:
            raise ApplicationError(problem)

    @workflow.update
    async def stop(self) -> None:
        """Submit nothing any more. It ends with the jobs that are paid for."""
        await self._stop()

    @workflow.update
    async def set_max_in_flight(self, jobs: int) -> None:
        """The limit of the account, for all of its campaigns."""
        self._order = evolve(self._order, max_in_flight=jobs)
        await self._membership.set_limit(jobs)
        self._changed = True

    @workflow.query
    def state(self) -> CampaignState:
        """Where it stands, without the lines of the open pages."""
        return CampaignState(
            order=evolve(self._order, spent=self._granting.spent),
            open_pages=tuple(id_of_page(self._id, page) for page in self._pages),
            share=self._membership.allotted,
            crowded_since=self._membership.crowded_since,
        )

    # What it does.

    async def _step(self) -> None:
        if self._earlier.unknown:
            await self._find()
        await self._tell_refusing()
        await self._share_money()
        await self._membership.want(self._wants())
        self._open_pages()
        for page, left in self._left.items():
            # Whoever waits for money leaves the room to those that have some.
            self._shares.want(str(page), 0 if page in self._grants.short else left)
        share = max(self._membership.allotted - jobs(self._unseen()), 0)
        self._shares.limit = 0 if self._idle else share
        for name in self._shares.changes():
            await self._widen(int(name))
        await self._membership.free(self._shares.held + jobs(self._unseen()))

    async def _share_money(self) -> None:
        if not self._idle and (used_up := await self._granting.share()) is not None:
            self._order = evolve(self._order, paused=used_up)

    async def _tell_refusing(self) -> None:
        """Before the pages have a width in which they submit."""
        if self._refusing != self._order.refuse_unknown:
            self._refusing = self._order.refuse_unknown
            await self._tell_pages("refuse_unknown", self._refusing)

    async def _find(self) -> None:
        """Open the pages that an earlier run has opened: they go on, and what they hold counts."""
        if (begun := await self._earlier.pages()) is None:
            return
        while self._next < begun:
            page = self._open()
            left = self._left[page]
            self._shares.join(str(page), Member(left, holds=left))
        self._membership.begin_anew(self._shares.held + jobs(self._unseen()))

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
        await self._tell_pages("stop")

    async def _tell_pages(self, what: str, *values: object) -> None:
        for handle in tuple(self._handles.values()):
            await heard(handle.signal(what, args=values))

    # In flight.

    def _wants(self) -> int:
        """How many jobs it could have in flight."""
        if self._idle:
            return 0
        unopened = 0 if self._full() else self._order.prompts - self._next * self._order.page_size
        opened = sum(self._left.values()) + jobs(self._unseen())
        # So much is as good as more, and is not told anew at the end of each page.
        return min(max(unopened, 0) + opened, MOST_IN_FLIGHT)

    async def _widen(self, page: int) -> None:
        """Tell a page how many lines it may have under way."""
        await self._tell_refusing()
        handle, member = self._handles.get(page), self._shares.members.get(str(page))
        if handle is not None and member is not None:
            what = "narrow" if member.told < member.holds else "set_width"
            await heard(handle.signal(what, member.told))

    def _unseen(self) -> tuple[Unseen, ...]:
        """Jobs of pages that have ended, which may run still."""
        return still(self._order.unseen, workflow.now())

    def _keep(self, unseen: Unseen) -> None:
        self._order = evolve(self._order, unseen=(*self._unseen(), unseen))
        self._changed = True
        wake_at_ends((unseen,), self._wake)

    def _wake(self) -> None:
        self._changed = True

    # Pages.

    def _open_pages(self) -> None:
        if self._idle or self._full():
            return
        while self._next < self._order.pages and self._in_use() < self._membership.allotted:
            self._open()

    def _open(self) -> int:
        page = self._next
        self._order = evolve(self._order, next_page=page + 1)
        self._opened += 1
        self._left[page] = self._order.lines_of(page)
        self._pages[page] = asyncio.create_task(self._page(page))
        return page

    def _in_use(self) -> int:
        """What the open pages use of the share; one that is at its end uses less than others."""
        pages = sum(min(left, WIDTH) for left in self._left.values())
        return pages + jobs(self._unseen())

    async def _page(self, page: int) -> None:
        # A page that somebody has reset goes on as another run. Where there is none, a second page
        # submits nothing that the first may have: it writes down what is uncertain.
        tally = await self._worked(page, "") or await last_result(id_of_page(self._id, page))
        if again := tally is None:
            self._lose(page)
            tally = await self._worked(page, "/again")
        if tally is None:
            self._order = evolve(self._order, stranded=(*self._order.stranded, page))
            tally = Tally(taken=self._order.lines_of(page), uncertain=self._order.lines_of(page))
        tally, spent = self._grants.settled(page, tally, self._order.budget, again=again)
        self._order = evolve(
            self._order, ended=self._order.ended + tally, spent=self._order.spent + spent
        )
        self._searchers.tell(self._order)
        for books in (self._pages, self._handles, self._left):
            books.pop(page, None)
        self._grants.forget(page)
        self._shares.leave(str(page))
        self._changed = True

    async def _worked(self, page: int, suffix: str) -> Tally | None:
        """The end of a page; None where it has ended in another way, or has been begun before."""
        member = self._shares.members[str(page)]
        width, order = member.told, self._order
        try:
            handle = await workflow.start_child_workflow(
                Page.run,
                page_of(order, page, width),
                id=id_of_page(self._id, page) + suffix,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                # What it has paid for is waited for even where the campaign is terminated.
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            )
            self._handles[page] = handle
            for what, values in news(order, self._order):
                await heard(handle.signal(what, args=values))
            if member.told != width and not self._order.stopped:
                await self._widen(page)
            return await handle
        except WorkflowAlreadyStartedError:
            # Of an earlier run of this campaign, which has told it what it may have under way.
            member.holds = self._left[page]
            if not suffix and workflow.patched(_HEARD):
                await self._come_back(page)
            return None
        except ChildWorkflowError:
            return None

    async def _come_back(self, page: int) -> None:
        """What an earlier run has told the page counts no more, or is asked for."""
        handle = workflow.get_external_workflow_handle(id_of_page(self._id, page))
        self._handles[page] = handle
        if self._priced:
            await heard(handle.signal("set_price", self._order.price))
        if self._order.refuse_unknown:
            await heard(handle.signal("refuse_unknown", True))
        if self._order.budget is not None:
            self._grants.begin_anew(page)
            await heard(handle.signal("say_again"))
        await (heard(handle.signal("stop")) if self._order.stopped else self._widen(page))

    def _lose(self, page: int) -> None:
        """A page was terminated: the jobs that it may have had under way run on."""
        member = self._shares.members[str(page)]
        end = until(workflow.now())
        ran = min(member.holds, self._left[page], self._membership.held)
        self._keep(Unseen(jobs=ran, until=end))
        self._shares.join(str(page), Member(self._left[page]))
