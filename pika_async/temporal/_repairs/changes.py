"""What lines have come to since their pages ended, by the word of their owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from pika_async import Money
from pika_async.temporal._contents.damage import as_damage, gone
from pika_async.temporal._contents.files import read_manifest, read_sealed
from pika_async.temporal._contents.formats import REPAIRS, read_repair, repaired
from pika_async.temporal._messages.campaigns import Decided
from pika_async.temporal._outcomes import Declined, Dropped, Outcome, Uncertain
from pika_async.temporal._repairs.spending import Spending

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pika_async.temporal._store.store import Store


@frozen(kw_only=True)
class Seen:
    """What the owner of a campaign has changed, as he is shown it.

    Attributes:
        changed: What lines had come to when their pages were sealed, and what they come to now.
        cost: What submitting again has cost, and may cost; None where nothing was.
        sealed: The outcomes of those pages that were taken for stranded, and are sealed now.
        left: Those that are not.
    """

    changed: tuple[tuple[Outcome, Outcome | Dropped], ...] = ()
    cost: Money | None = None
    sealed: tuple[tuple[int, tuple[Outcome, ...]], ...] = ()
    left: tuple[int, ...] = ()


class Changes:
    """The repairs of one campaign: each is read once, since none is ever changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._before: dict[int, Outcome] = {}
        self._repairs: dict[int, list[Outcome | Dropped]] = {}
        self._page: tuple[int, tuple[Outcome, ...]] = (-1, ())

    async def decided(self, stranded: Iterable[int]) -> Decided:
        """How many more lines are uncertain, or have failed, than when their pages ended.

        Args:
            stranded: Pages all lines of which were counted as uncertain.

        Raises:
            ConfigurationError: Nothing was prepared there.
            StoreError: The store cannot be read.
        """
        uncertain = failed = 0
        for before, now in await self._look():
            uncertain += isinstance(now, Uncertain) - isinstance(before, Uncertain)
            failed += isinstance(now, Declined) - isinstance(before, Declined)
        for page in stranded:
            for outcome in await read_sealed(self._store, page) or ():
                uncertain += isinstance(outcome, Uncertain) - 1
                failed += isinstance(outcome, Declined)
        return Decided(uncertain=uncertain, failed=failed)

    async def seen(self, price: Money | None, stranded: Iterable[int] = ()) -> Seen:
        """The changes themselves, and what they have cost.

        Args:
            price: What a job is taken to cost where the service does not say.
            stranded: Pages without a result, as far as the engine knows.

        Raises:
            ConfigurationError: Nothing was prepared there.
            StoreError: The store cannot be read.
        """
        changed = await self._look()
        spending = Spending(self._store, price or Money(0), None)
        await spending.look(self._repairs)
        cost = Money(spending.sum, "USD" if price is None else price.currency)
        sealed = {page: await read_sealed(self._store, page) for page in stranded}
        return Seen(
            changed=changed,
            cost=cost if cost.micros else None,
            sealed=tuple((page, found) for page, found in sealed.items() if found is not None),
            left=tuple(page for page, found in sealed.items() if found is None),
        )

    async def _look(self) -> tuple[tuple[Outcome, Outcome | Dropped], ...]:
        """What lines had come to when their pages were sealed, and what they come to now."""
        size = (await read_manifest(self._store)).page_size
        async for name in self._store.names(REPAIRS):
            with as_damage(self._store, name):
                index, number = repaired(name)
            known = self._repairs.setdefault(index, [])
            if number <= len(known):
                continue
            content = await self._store.read(name)
            if content is None:
                raise gone(self._store, name)
            with as_damage(self._store, name):
                known.append(read_repair(content, index, number))
            await self._keep_before(index, size)
        return tuple(
            (self._before[index], outcomes[-1])
            for index, outcomes in self._repairs.items()
            if index in self._before
        )

    async def _keep_before(self, index: int, size: int) -> None:
        """What a line had come to; its page is sealed, since only then it may be decided about."""
        page, place = divmod(index, size)
        if index in self._before:
            return
        if self._page[0] != page:
            self._page = (page, await read_sealed(self._store, page) or ())
        if self._page[1]:
            self._before[index] = self._page[1][place]
