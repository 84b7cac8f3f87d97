"""What workers do for repairs: write down what they came to, and count it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from pika_async.temporal._beating import beating
from pika_async.temporal._contents.allowances import reservations
from pika_async.temporal._contents.discreet import spelled_out
from pika_async.temporal._contents.formats import MOST_REPAIRS
from pika_async.temporal._contents.repairs import add_repair, repairs_of
from pika_async.temporal._failures import NO_ROOM_LEFT
from pika_async.temporal._messages.campaigns import Counting, Decided
from pika_async.temporal._messages.repairs import Repaired
from pika_async.temporal._names import DECIDED, REPAIRS_COST, SEAL_REPAIR
from pika_async.temporal._outcomes import Finished, Uncertain
from pika_async.temporal._repairs.changes import Changes
from pika_async.temporal._repairs.decisions import named
from pika_async.temporal._repairs.owners import SUBMITTED, Note, job_of, note_of, take_note

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pika_async import Money
    from pika_async.temporal._contents.shelf import Shelf


_COUNTED: Final = 8
"""Campaigns whose repairs are remembered, the last ones that were counted."""


class RepairActivities:
    """The activities of one worker that repairs need."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._changes: dict[tuple[str, str], Changes] = {}

    @property
    def all(self) -> tuple[Callable[..., Any], ...]:
        """What a worker registers."""
        return (self.seal_repair, self.decided, self.repairs_cost)

    @activity.defn(name=DECIDED)
    @beating()
    async def decided(self, counting: Counting) -> Decided:
        """What the owner of a campaign has decided since its pages ended."""
        async with self._counted(counting) as changes:
            return await changes.decided(counting.stranded)

    @activity.defn(name=REPAIRS_COST)
    @beating()
    async def repairs_cost(self, counting: Counting) -> int:
        """What repairs of a campaign have cost, and may cost, in millionths."""
        store = self._shelf.store(counting.store)
        async with self._counted(counting) as changes:
            # Without a price nothing was held to a budget, or reserved.
            reserved = await reservations(store)
            if not reserved:
                return 0
            price = counting.price or max((one.price for one in reserved), key=_micros)
            cost = (await changes.seen(price)).cost
            return 0 if cost is None else cost.micros

    @asynccontextmanager
    async def _counted(self, counting: Counting) -> AsyncIterator[Changes]:
        """The repairs of a campaign; those that are known are not read again.

        One look at a time uses them. Another one at the same time begins with none.
        """
        name = (counting.store, counting.digest)
        await self._shelf.manifest(*name)
        changes = self._changes.pop(name, None) or Changes(self._shelf.store(counting.store))
        yield changes
        self._changes[name] = changes
        if len(self._changes) > _COUNTED:
            del self._changes[next(iter(self._changes))]

    @activity.defn(name=SEAL_REPAIR)
    @beating()
    async def seal_repair(self, repaired: Repaired) -> None:
        """Write down what a repair came to."""
        order = repaired.order
        request = (await self._shelf.page(order.store, order.digest, order.page))[order.place]
        outcome = spelled_out(repaired.outcome, order.page, order.index, request.prompt)
        store = self._shelf.store(order.store)
        job_id = job_of(outcome)
        submitted = order.adopt is None or order.submitted
        if job_id is not None and submitted and await note_of(store, job_id) is None:
            # Nobody else adopts it.
            note = Note(index=order.index, how=SUBMITTED, repair=order.number, tries=1)
            await take_note(store, job_id, note)
        number = order.number
        while not await add_repair(store, order.index, number, outcome):
            there = (await repairs_of(store, order.index))[number - 1]
            saved = isinstance(there, Finished) and there.job_id == job_id
            if saved or isinstance(outcome, Uncertain):
                # Begun anew after its end, when less is known than was then.
                return
            # Its owner has dropped it meanwhile; what it came to is known now, and the last holds.
            number += 1
            if number > MOST_REPAIRS:
                raise ApplicationError(
                    _FULL.format(line=named(order.index), job=job_id or "none"),
                    type=NO_ROOM_LEFT,
                    non_retryable=True,
                )


def _micros(amount: Money) -> int:
    return amount.micros


_FULL: Final = (
    f"{{line}} was decided about {MOST_REPAIRS} times, which is the most that a store keeps. What "
    "this repair came to is not written down; its job is {job}. If there is one, it is paid for: "
    "pika-async watch saves its video"
)
