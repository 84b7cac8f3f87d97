"""The money of a campaign that goes on: what its pages ask for is granted as far as it reaches.

Beside the pages, repairs spend of the same budget: what their owner has submitted again. They know
nothing of each other, and both look before they spend:

| the campaign                                | a repair                                         |
|---------------------------------------------|--------------------------------------------------|
| 1. counts what it is about to grant         | 1. reserves its price, in the store              |
| 2. reads in the store what repairs reserve  | 2. asks the campaign what it counts              |
| 3. grants what both together leave          | 3. submits, or takes back what does not fit      |

Whichever comes second sees the first, so both together never pass the budget.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen
from temporalio import workflow

from pika_async._money import Money
from pika_async.temporal._campaign.grants import Grants
from pika_async.temporal._messages.campaigns import Counting
from pika_async.temporal._messages.pages import Short
from pika_async.temporal._names import REPAIRS_COST
from pika_async.temporal._signals import heard
from pika_async.temporal._steps import lasting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sized

    from pika_async.temporal._messages.campaigns import CampaignOrder

Handle = workflow.ChildWorkflowHandle[Any, Any] | workflow.ExternalWorkflowHandle[Any]

_READ_WITHIN: Final = timedelta(minutes=10)
# In histories: of campaigns whose budget knew nothing of what was submitted again.
_REPAIRS: Final = "the budget knows what repairs spend"


@frozen(kw_only=True)
class _Standing:
    """All on which it depends whether pages are granted something."""

    budget: Money
    spent: int
    pages: int
    short: tuple[tuple[Short, bool], ...]


class Granting:
    """Of one campaign.

    Attributes:
        grants: What its open pages were granted, and which of them ask for more.
        repairs: What repairs had cost, and might cost, in millionths, when that was read last.
    """

    def __init__(
        self,
        order: Callable[[], CampaignOrder],
        pages: Sized,
        handles: Mapping[int, Handle],
        changed: Callable[[], None],
    ) -> None:
        """Grant nothing yet.

        Args:
            order: The campaign, as it stands at the moment.
            pages: Its open pages.
            handles: Those that can be told something, by their numbers.
            changed: Called when :meth:`share` has something to do.
        """
        self.grants = Grants()
        self.repairs = 0
        self._order = order
        self._pages = pages
        self._handles = handles
        self._changed = changed
        self._looking: asyncio.Task[None] | None = None
        self._looked_at: _Standing | None = None

    @property
    def spent(self) -> int:
        """What pages have spent, were granted, and are about to be granted, in millionths."""
        return self._order().spent + self.grants.sum

    async def share(self) -> str | None:
        """Grant what is asked for; returns why nothing can be submitted, or None.

        What repairs spend is read first. Nobody waits for that: this is called again after it.
        """
        budget = self._order().budget
        if budget is None or not self.grants.short:
            return None
        if not workflow.patched(_REPAIRS):
            if (used_up := self._used_up(budget)) is None:
                await self._grant_at_once(budget)
            return used_up
        if self._looking is not None and not self._looking.done():
            return None
        if self._looked_at != self._standing(budget):
            self._looking = asyncio.create_task(self._look_and_grant(budget))
            return None
        return self._used_up(budget)

    def look_again(self) -> None:
        """Its owner goes on: what repairs spend may have changed, though nothing here has."""
        self._looked_at = None

    def _standing(self, budget: Money) -> _Standing:
        short = tuple((one, page in self._handles) for page, one in self.grants.short.items())
        return _Standing(budget=budget, spent=self.spent, pages=len(self._pages), short=short)

    def _used_up(self, budget: Money) -> str | None:
        free = budget.micros - self.spent - self.repairs
        reason = self.grants.used_up(budget, free, len(self._pages))
        if reason is None or not self.repairs:
            return reason
        again = Money(self.repairs, budget.currency)
        return f"{reason} What was submitted again has taken {again} of it."

    async def _grant_at_once(self, budget: Money) -> None:
        for page in tuple(self.grants.short):
            handle = self._handles.get(page)
            if handle is None:
                continue
            amount = self.grants.grant(page, budget.micros - self.spent, budget.currency)
            if amount is not None:
                await heard(handle.signal("grant", amount))

    async def _look_and_grant(self, budget: Money) -> None:
        price = self._order().price
        counted = self._counted(budget, 0)
        self.repairs = await self._cost_of_repairs()
        for short, amount in counted:
            # Who asked at another price asks anew.
            asks = self._order().price == price
            self.grants.take_back(short, amount, asks=asks)
        budget = self._order().budget or budget
        granted = self._counted(budget, self.repairs)
        # Now: who asks while these are told was not looked at.
        self._looked_at = self._standing(budget)
        for short, amount in granted:
            if (handle := self._handles.get(short.page)) is not None:
                await heard(handle.signal("grant", amount))
        self._changed()

    def _counted(self, budget: Money, repairs: int) -> list[tuple[Short, Money]]:
        """Count as granted what is asked for and can be told, as far as the budget reaches."""
        found = []
        for page, short in tuple(self.grants.short.items()):
            if page not in self._handles:
                continue
            free = budget.micros - self.spent - repairs
            amount = self.grants.grant(page, free, budget.currency)
            if amount is not None:
                found.append((short, amount))
        return found

    async def _cost_of_repairs(self) -> int:
        order = self._order()
        counting = Counting(store=order.store, digest=order.digest, price=order.price)
        return await lasting(REPAIRS_COST, counting, int, longest=_READ_WITHIN)
