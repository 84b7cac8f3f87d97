"""What takes the place of outcomes in the store of a campaign, once their owner has decided."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pika_async.temporal._contents.damage import as_damage, gone
from pika_async.temporal._contents.formats import (
    MOST_REPAIRS,
    REPAIRS,
    read_repair,
    repair_bytes,
    repair_name,
    repaired,
)

if TYPE_CHECKING:
    from pika_async.temporal._outcomes import Dropped, Outcome
    from pika_async.temporal._store.store import Store


async def add_repair(store: Store, index: int, number: int, outcome: Outcome | Dropped) -> bool:
    """Write down what takes the place of an outcome.

    Args:
        store: Where.
        index: The line, from 0 over the whole campaign.
        number: Which repair of it this is, from 1 to 999; the last holds.
        outcome: What takes its place.

    Returns:
        True where it is written, the second time too; False where there is another of that number.

    Raises:
        ValueError: There can be no such repair.
        StoreError: The store cannot be used.
    """
    name, content = repair_name(index, number), repair_bytes(index, number, outcome)
    return await store.create(name, content) or await store.read(name) == content


async def repairs_of(store: Store, index: int) -> list[Outcome | Dropped]:
    """The repairs of one line, in the order of their numbers; others are not read.

    Raises:
        StoreError: One is damaged or of a newer version, or the store cannot be used.
    """
    found: list[Outcome | Dropped] = []
    for number in range(1, MOST_REPAIRS + 1):
        name = repair_name(index, number)
        if (content := await store.read(name)) is None:
            break
        with as_damage(store, name):
            found.append(read_repair(content, index, number))
    return found


async def repairs(store: Store) -> dict[int, list[Outcome | Dropped]]:
    """All repairs by their lines, in the order of their numbers.

    Raises:
        StoreError: One is damaged or of a newer version, or the store cannot be used.
    """
    found: defaultdict[int, list[Outcome | Dropped]] = defaultdict(list)
    async for name in store.names(REPAIRS):
        with as_damage(store, name):
            index, number = repaired(name)
        content = await store.read(name)
        if content is None:
            raise gone(store, name)
        with as_damage(store, name):
            found[index].append(read_repair(content, index, number))
    return dict(found)
