"""What the owner of a campaign has decided about its lines so far, as its store has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from pika_async import Money
from pika_async.temporal._outcomes import Dropped, Outcome
from pika_async.temporal._repairs.changes import Changes
from pika_async.temporal._repairs.spending import Spending

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pika_async.temporal._store.store import Store


@frozen(kw_only=True)
class Seen:
    """What was found in a store.

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


class Decided:
    """The decisions about the lines of one campaign."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changes = Changes(store)

    async def look(self, price: Money | None, stranded: Iterable[int] = ()) -> Seen:
        """What stands there now.

        Args:
            price: What a job is taken to cost where the service does not say.
            stranded: Pages without a result, as far as the engine knows.

        Raises:
            ConfigurationError: Nothing was prepared there.
            StoreError: The store cannot be read.
        """
        changed = await self._changes.look()
        spending = Spending(self._store, price or Money(0), None)
        await spending.look(self._changes.repairs)
        cost = Money(spending.sum, "USD" if price is None else price.currency)
        sealed = await self._changes.sealed(stranded)
        return Seen(
            changed=changed,
            cost=cost if cost.micros else None,
            sealed=tuple((page, outcomes) for page, outcomes in sealed if outcomes is not None),
            left=tuple(page for page, outcomes in sealed if outcomes is None),
        )
