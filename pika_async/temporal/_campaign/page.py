"""A page: some 500 lines of a campaign, a few of them under way at once.

The life of a line:

1. It is *taken* while fewer lines than the page's width are under way, and its price is reserved.
2. It is submitted, once the width and the brake let it pass. What starts nothing closes the brake,
   and the line tries again. What is wrong for all (the key, the balance) holds the whole campaign,
   and the line tries again when somebody has resumed it. So nothing is lost by waiting.
3. Its job is waited for and its videos are saved, however often workers are lost meanwhile.
4. Its outcome is kept. When all lines have one, the page is *sealed*: the outcomes are written to
   the store, once. A page that is sealed is never worked through again.

A width of 0 is a pause: jobs that are paid for go their way. A job whose submit is uncertain may
run, and so may one that was given up, so it takes its place for a time. What of its width the page
cannot use any more is given back before its end.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from attrs import evolve
from temporalio import workflow

from pika_async._money import Money
from pika_async.temporal._campaign.aside import Others
from pika_async.temporal._campaign.halting import Halting
from pika_async.temporal._campaign.listening import Listening
from pika_async.temporal._campaign.sentences import NO_ANSWERS, NO_PRICE
from pika_async.temporal._campaign.tries import Tries
from pika_async.temporal._failures import Told
from pika_async.temporal._keeping import keep_place
from pika_async.temporal._limits.purse import Prices, Purse
from pika_async.temporal._limits.room import Room
from pika_async.temporal._messages.pages import (
    Narrowed,
    Opened,
    PageOrder,
    Sealing,
    Short,
    Standing,
    Tally,
)
from pika_async.temporal._names import OPEN_PAGE, PAGE, SEAL_PAGE
from pika_async.temporal._outcomes import Outcome, Refused, Uncertain, Why
from pika_async.temporal._records import Accepted, Errand, Order
from pika_async.temporal._signals import hand_over, tell_campaign
from pika_async.temporal._steps import (
    Submit,
    attempt,
    awaited,
    is_given_up,
    lasting,
    led_to,
    refused,
)

_OPENING: Final = timedelta(minutes=30)
# In histories: of pages whose jobs took no place once they were given up.
_KEPT: Final = "jobs that are given up keep their places"


@workflow.defn(name=PAGE)
class Page:
    """The workflow of a page; a campaign starts it."""

    @workflow.init
    def __init__(self, order: PageOrder) -> None:
        self._order = order
        self._queue = workflow.info().task_queue
        self._room = Room(order.width)
        self._halting = Halting(order.page, self._room, lambda: self._tally.in_flight)
        self._purse = Purse(Money(0, order.currency) if order.budgeted else None)
        self._short: Short | None = None
        self._prices = Prices()
        self._with_files = False
        self._lines = 0
        self._outcomes: dict[int, Outcome] = {}
        self._failure: Exception | None = None
        self._listening = Listening()
        self._tally = Tally()

    @workflow.run
    async def run(self, order: PageOrder) -> Tally:
        """Returns where its lines stand, all of which have ended."""
        work = asyncio.create_task(self._to_its_end())
        while True:
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                if work.cancelled():
                    raise
                # Nothing more is submitted; what is paid for is waited for, and written down.
                self._halting.stopped = True

    @workflow.signal
    def set_width(self, width: int) -> None:
        """So many lines at once from now on; 0: none."""
        self._room.widen(width)

    @workflow.signal
    async def narrow(self, width: int) -> None:
        """The same, and say when no more than that are under way."""
        self._room.width = width
        await workflow.wait_condition(lambda: self._flying <= self._room.width)
        await tell_campaign("narrowed", Narrowed(page=self._order.page, width=self._room.width))

    @workflow.signal
    def grant(self, amount: Money) -> None:
        """So much more may be spent."""
        self._purse.grant(amount)
        self._short = None

    @workflow.signal
    def set_price(self, price: Money) -> None:
        """What a job is taken to cost from now on, where the service does not say."""
        self._order = evolve(self._order, price=price)
        self._prices = evolve(self._prices, price=price)
        self._short = None

    @workflow.signal
    def refuse_unknown(self, refuse: bool) -> None:
        """Whether a line is refused at once from now on of which the service knows nothing."""
        self._order = evolve(self._order, refuse_unknown=refuse)

    @workflow.signal
    async def say_again(self) -> None:
        """The campaign's word: it was reset, and does not know what the page asks for."""
        if self._short is not None:
            await tell_campaign("short", self._short)

    @workflow.signal
    def stop(self) -> None:
        """Submit nothing more."""
        self._halting.stopped = True

    @workflow.query
    def standing(self) -> Standing:
        """Where its lines stand, and what they wait for."""
        tally = evolve(self._tally, cost=self._purse.cost)
        unseen, reserved = self._room.unseen, self._purse.held
        return Standing(
            tally=tally, waiting=self._halting.waiting, unseen=unseen, reserved=reserved
        )

    @property
    def _flying(self) -> int:
        return self._room.taken(self._tally.in_flight)

    @property
    def _stopped(self) -> bool:
        return self._halting.stopped

    def _others(self) -> Others:
        left = self._lines - len(self._outcomes) - self._tally.in_flight
        refuse = self._order.refuse_unknown
        taken, held = self._tally.submitted, self._halting.held
        return Others(taken=taken, left=left - 1, held=held, refuse_unknown=refuse)

    def _count(self, **changes: int) -> None:
        self._tally = self._tally.changed(**changes)

    async def _to_its_end(self) -> Tally:
        tally = await self._whole()
        if (rest := self._room.hand_over(workflow.now())) is not None:
            await hand_over(rest, self._order.account)
        # Whoever has asked to be told when it is narrow is told.
        await workflow.wait_condition(workflow.all_handlers_finished)
        return tally

    async def _whole(self) -> Tally:
        opened = await lasting(OPEN_PAGE, self._order, Opened, longest=_OPENING)
        if opened.sealed is not None:
            return opened.sealed
        if opened.ours and workflow.info().attempt == 1:
            price, quotes = self._order.price, (opened.quotes, opened.currency)
            self._prices = Prices.told(*quotes, lines=opened.prompts, price=price)
            self._with_files = opened.with_files
            self._lines = opened.prompts
            await self._work()
        else:
            for place in range(opened.prompts):
                self._keep(place, Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW))
        outcomes = tuple(self._outcomes[place] for place in range(opened.prompts))
        sealing = Sealing(order=self._order, outcomes=outcomes)
        sealed = await lasting(SEAL_PAGE, sealing, Tally, longest=_OPENING)
        # What is sealed counts, also where an earlier run has sealed something else; what it has
        # cost is known better here.
        return evolve(sealed, cost=self._purse.cost) if opened.ours else sealed

    async def _work(self) -> None:
        tasks = []
        for place in range(self._lines):
            if await self._may_take(place):
                self._count(taken=1)
                self._purse.reserve(place, self._prices.of(place))
                tasks.append(asyncio.create_task(self._line(place)))
            else:
                self._keep(place, self._halting.unsent)
        # No group of tasks: its end would be awaited where the engine lets go of a workflow.
        await workflow.wait_condition(
            lambda: self._failure is not None or len(self._outcomes) == self._lines
        )
        if self._failure is not None:
            raise self._failure

    async def _may_take(self, place: int) -> bool:
        """Return once the line may be taken; False: nothing is submitted any more."""
        while not self._stopped:
            await workflow.wait_condition(
                lambda: self._stopped or self._under_way < self._room.width
            )
            price = self._prices.of(place)
            lacking = self._purse.lacks(price)
            if self._order.budgeted and (price is None or price.currency != self._order.currency):
                number, currency = self._order.first + place + 1, self._order.currency
                await self._halting.hold(NO_PRICE.format(prompt=number, currency=currency))
            elif self._stopped or lacking is None:
                break
            elif self._purse.reserved:
                # What others have reserved may come back.
                before = self._tally
                await workflow.wait_condition(lambda: self._stopped or self._tally != before)  # noqa: B023
            else:
                await self._ask(
                    lacking, self._purse.short_of(self._prices.rest(place, lacking.currency))
                )
        return not self._stopped

    async def _ask(self, least: Money, most: Money) -> None:
        """Ask the campaign for more to spend, and wait for it."""
        page, granted = self._order.page, self._purse.granted
        self._short = Short(page=page, least=least, most=most, granted=granted)
        await tell_campaign("short", self._short)
        await workflow.wait_condition(lambda: self._stopped or self._short is None)

    @property
    def _under_way(self) -> int:
        return self._halting.aside.under_way(self._tally.taken - len(self._outcomes))

    def _keep(self, place: int, outcome: Outcome) -> None:
        self._outcomes[place] = outcome
        self._tally = self._tally.ended(outcome)

    async def _line(self, place: int) -> None:
        try:
            self._keep(place, await self._outcome(place))
            await self._give_back()
        except Exception as error:  # noqa: BLE001 - raised by the page, which waits for its lines
            self._failure = error

    async def _give_back(self) -> None:
        """Say what is enough from now on, where little is left; the next page gets the rest."""
        content = self._room.content(self._lines - len(self._outcomes))
        if content is not None:
            await tell_campaign("drained", Narrowed(page=self._order.page, width=content))

    async def _outcome(self, place: int) -> Outcome:
        line = self._order.line(place)
        order = Order(request=line, run_id=workflow.info().original_execution_run_id)
        submit = Submit(order=order, queue=self._queue, with_files=self._with_files)
        tries = Tries(self._halting.aside)
        submitted = await self._submitted(submit, tries)
        tries.end()
        if not isinstance(submitted, Accepted):
            outcome: Outcome = submitted
        else:
            self._count(submitted=1)
            errand = Errand(request=line, job=submitted, timeout=self._order.timeout)
            outcome = await awaited(errand, self._queue)
            if is_given_up(outcome) and workflow.patched(_KEPT):
                keep_place(self._room, workflow.now())
            self._count(in_flight=-1)
        match outcome:
            case Refused():
                self._purse.give_back(place)
            case Uncertain():
                self._purse.settle(place, None)
                if self._listening.tell():
                    # Each further line would only be one more to settle.
                    await self._halting.hold(NO_ANSWERS)
            case _:
                self._purse.settle(place, outcome.charge)
        return outcome

    async def _submitted(self, submit: Submit, tries: Tries) -> Accepted | Refused | Uncertain:
        """A job, which counts as in flight then, or what became of the line without one."""
        while True:
            # Several lines wake at once, and the first may leave no room for the others.
            while not (self._stopped or self._passable()):
                await workflow.wait_condition(lambda: self._stopped or self._passable())
            if self._stopped:
                return self._halting.unsent
            round_, row = self._halting.brake.take(), self._listening.row
            self._count(in_flight=1)
            told = await attempt(submit)
            job = await led_to(submit, told)
            self._listening.hears(told, job, row)
            if isinstance(job, Accepted):
                self._halting.went_well(round_)
                return job
            if isinstance(job, Uncertain):
                keep_place(self._room, job.sent_at or workflow.now())
            self._count(in_flight=-1)
            if isinstance(job, Uncertain):
                self._halting.brake.hand_back(round_)
                return job
            assert isinstance(told, Told)  # noqa: S101 - whoever has a job has left
            end = tries.is_refused(told, self._others(), again=job is None)
            if not await self._halting.goes_on(told, round_, self._others, refused=end):
                self._halting.went_well(round_)
                return refused(told)

    def _passable(self) -> bool:
        return self._flying < self._room.width and self._halting.brake.ready()
