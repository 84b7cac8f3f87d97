"""What lines have come to since their pages ended, by the word of their owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async.temporal._contents.damage import gone, told
from pika_async.temporal._contents.files import read_manifest, read_sealed
from pika_async.temporal._contents.formats import REPAIRS, read_repair, repaired
from pika_async.temporal._messages.campaigns import Decided
from pika_async.temporal._outcomes import Declined, Dropped, Outcome, Uncertain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pika_async.temporal._store.store import Store

Sealed = tuple[int, tuple[Outcome, ...] | None]


class Changes:
    """The repairs of one campaign: each is read once, since none is ever changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._before: dict[int, Outcome] = {}
        self._repairs: dict[int, list[Outcome | Dropped]] = {}
        self._page: tuple[int, tuple[Outcome, ...]] = (-1, ())

    @property
    def repairs(self) -> Mapping[int, Sequence[Outcome | Dropped]]:
        """All of them by the lines, in the order of their numbers."""
        return self._repairs

    async def look(self) -> tuple[tuple[Outcome, Outcome | Dropped], ...]:
        """What lines had come to when their pages were sealed, and what they come to now.

        Raises:
            ConfigurationError: Nothing was prepared there.
            StoreError: The store cannot be read.
        """
        size = (await read_manifest(self._store)).page_size
        async for name in self._store.names(REPAIRS):
            with told(self._store, name):
                index, number = repaired(name)
            known = self._repairs.setdefault(index, [])
            if number <= len(known):
                continue
            content = await self._store.read(name)
            if content is None:
                raise gone(self._store, name)
            with told(self._store, name):
                known.append(read_repair(content, index, number))
            await self._keep_before(index, size)
        return tuple(
            (self._before[index], outcomes[-1])
            for index, outcomes in self._repairs.items()
            if index in self._before
        )

    async def sealed(self, stranded: Iterable[int]) -> list[Sealed]:
        """The outcomes of pages that were taken for stranded; None where they are not sealed.

        Raises:
            StoreError: The store cannot be read.
        """
        return [(page, await read_sealed(self._store, page)) for page in stranded]

    async def _keep_before(self, index: int, size: int) -> None:
        """What a line had come to; its page is sealed, since only then it may be decided about."""
        page, place = divmod(index, size)
        if index in self._before:
            return
        if self._page[0] != page:
            self._page = (page, await read_sealed(self._store, page) or ())
        if self._page[1]:
            self._before[index] = self._page[1][place]


async def decided_in(changes: Changes, stranded: Iterable[int]) -> Decided:
    """How many more lines are uncertain, or have failed, than when their pages ended.

    Args:
        changes: The repairs of the campaign.
        stranded: Pages all lines of which were counted as uncertain.

    Raises:
        ConfigurationError: Nothing was prepared there.
        StoreError: The store cannot be read.
    """
    uncertain = failed = 0
    for before, now in await changes.look():
        uncertain += isinstance(now, Uncertain) - isinstance(before, Uncertain)
        failed += isinstance(now, Declined) - isinstance(before, Declined)
    for _, outcomes in await changes.sealed(stranded):
        for outcome in outcomes or ():
            uncertain += isinstance(outcome, Uncertain) - 1
            failed += isinstance(outcome, Declined)
    return Decided(uncertain=uncertain, failed=failed)
