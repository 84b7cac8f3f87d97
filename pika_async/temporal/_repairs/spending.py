"""What submitting again has cost, and may cost: of all who settle lines of a campaign at once.

The life of a reservation:

1. Before a line is submitted again its price is reserved, as an entry in the store. Whoever writes
   an entry has read all that stand before it, so two commands never spend the same money.
2. What the repair has come to takes the place of its price: the charge, be it less or more; the
   price, where the service says nothing or nobody knows; nothing, where nothing was started.
3. A campaign that goes on spends of the same budget. So once a price is reserved, which it can see,
   it is asked what it leaves, and what does not fit is taken back: reserved anew, at no price.
4. A repair that was reserved and has written down nothing stays reserved. Whoever says the same
   again goes on with the same repair, and needs no second reservation.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio

from pika_async import Money
from pika_async.temporal._contents.allowances import Reserved, reservations, reserve
from pika_async.temporal._contents.repairs import repairs, repairs_of
from pika_async.temporal._outcomes import Declined, Dropped, Finished, Outcome, Uncertain
from pika_async.temporal._repairs.owners import SUBMITTED, notes_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from pika_async.temporal._store.store import Store


class Spending:
    """The money of repairs, as one of those sees it who settle lines.

    Attributes:
        most: What all repairs of the campaign may cost, in millionths; None: no limit.
    """

    def __init__(
        self,
        store: Store,
        price: Money,
        most: int | None,
        ask: Callable[[], Awaitable[int | None]] | None = None,
    ) -> None:
        """Know nothing yet: :meth:`look` reads the store.

        Args:
            store: Where the campaign lies.
            price: What a job is taken to cost.
            most: What all repairs of the campaign may cost, in millionths; None: no limit.
            ask: Tells what that is at the moment, where the campaign goes on and spends, too.
        """
        self.most = most
        self._ask = ask
        self._store = store
        self._price = price
        self._known = 0
        self._open: dict[tuple[int, int], int] = {}
        self._ours: set[tuple[int, int]] = set()
        self._settled: set[tuple[int, int]] = set()
        self._cost = 0
        self._turn = asyncio.Lock()

    @property
    def sum(self) -> int:
        """What they have cost and may cost, in millionths."""
        return self._cost + sum(self._open.values())

    def without(self, keys: Iterable[tuple[int, int]]) -> int:
        """The same without what is reserved for these lines and their repairs."""
        return self.sum - sum(self._open.get(key, 0) for key in keys)

    async def look(self, known: Mapping[int, Sequence[Outcome | Dropped]] | None = None) -> None:
        """Read what is spent and reserved.

        Args:
            known: All repairs by the lines, for whoever has just read them.

        Raises:
            StoreError: The store cannot be used.
        """
        # In this order: what is written down in between counts once.
        await self._read_on()
        found = await repairs(self._store) if known is None else known
        self._cost = await cost_of_repairs(self._store, found, self._price.micros)
        for index, number in tuple(self._open):
            if len(found.get(index, ())) >= number:
                self._close((index, number), 0)

    async def reserve(self, index: int, repair: int) -> bool:
        """Reserve the price of a line, unless that passes the limit.

        Raises:
            StoreError: The store cannot be used.
            NoAnswerError: Nobody tells what the campaign has left. Nothing is reserved.
        """
        key, price = (index, repair), self._price.micros
        async with self._turn:
            while True:
                await self._read_on()
                if key in self._open:
                    self._ours.add(key)
                    return True
                if not await self._fits(price):
                    if self._ask is None:
                        return False
                    # It may be more by now than when it was planned.
                    self.most = await self._ask()
                    if not await self._fits(price):
                        return False
                ours = Reserved(index=index, repair=repair, price=self._price)
                if await reserve(self._store, self._known + 1, ours):
                    self._known += 1
                    self._open[key] = price
                    self._ours.add(key)
                    return await self._is_left(key)

    async def _fits(self, price: int) -> bool:
        if self.most is None:
            return True
        await self._look_at_others(self.most - price)
        return self.sum + price <= self.most

    async def _is_left(self, key: tuple[int, int]) -> bool:
        """Whether a campaign that goes on leaves what was just reserved; else it is taken back."""
        if self._ask is None:
            return True
        left = False
        try:
            self.most = await self._ask()
            left = self.most is None or self.sum <= self.most
        finally:
            if not left:
                with anyio.CancelScope(shield=True):
                    await self._take_back(key)
        return left

    async def _take_back(self, key: tuple[int, int]) -> None:
        nothing = Money(0, self._price.currency)
        ours = Reserved(index=key[0], repair=key[1], price=nothing)
        while not await reserve(self._store, self._known + 1, ours):
            await self._read_on()
        await self._read_on()

    def settle(self, index: int, repair: int, outcome: Outcome | Dropped) -> Money:
        """A line that was reserved has come to this; returns what that has cost, or may have."""
        cost = _cost_of(outcome, self._price.micros)
        self._close((index, repair), cost)
        return Money(cost, self._price.currency)

    def _close(self, key: tuple[int, int], cost: int) -> None:
        if self._open.pop(key, None) is not None:
            self._cost += cost
        self._settled.add(key)

    async def _read_on(self) -> None:
        for one in await reservations(self._store, after=self._known):
            self._known += 1
            key = (one.index, one.repair)
            if not one.price.micros:
                self._open.pop(key, None)
                self._ours.discard(key)
            elif key not in self._settled:
                self._open[key] = one.price.micros

    async def _look_at_others(self, most: int) -> None:
        """What others have reserved may have come to less meanwhile, or to more: as to twice."""
        others = [key for key in self._open if key not in self._ours]
        if self.sum + sum(self._open[key] for key in others) <= most:
            return
        for index, number in others:
            found = await repairs_of(self._store, index)
            if len(found) >= number:
                cost = _cost_of(found[number - 1], self._price.micros)
                self._close((index, number), cost)


async def cost_of_repairs(
    store: Store, found: Mapping[int, Sequence[Outcome | Dropped]], price: int
) -> int:
    """What these repairs have submitted, in millionths.

    A job counts once, however many repairs wait for it. What they have adopted was counted before,
    as what a page has spent; a job that another repair had submitted was not.

    Args:
        store: Where the campaign lies.
        found: All of its repairs, by the lines.
        price: What a job is taken to cost where the service does not say, in millionths.

    Raises:
        StoreError: The store cannot be used.
    """
    unsure = 0
    jobs: dict[str, int] = {}
    for outcomes in found.values():
        for outcome in outcomes:
            if isinstance(outcome, Uncertain):
                unsure += price
            elif isinstance(outcome, Finished | Declined):
                told = _cost_of(outcome, price)
                jobs[outcome.job_id] = max(told, jobs.get(outcome.job_id, 0))
    submitted = [cost for job_id, cost in jobs.items() if await _was_submitted(store, job_id)]
    return unsure + sum(submitted)


async def _was_submitted(store: Store, job_id: str) -> bool:
    """Whether a repair has submitted it, also where another one has adopted it since."""
    return any(note.how == SUBMITTED for note in await notes_of(store, job_id))


def _cost_of(outcome: Outcome | Dropped, price: int) -> int:
    match outcome:
        case Finished(charge=charge) | Declined(charge=charge) if charge is not None:
            return charge.micros
        case Finished() | Declined() | Uncertain():
            return price
        case _:
            return 0
