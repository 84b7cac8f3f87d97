"""What may be spent and what is about to be, kept in the store of a campaign: engines forget.

    allowed/000001.json     the budget and the price, as the owner has said them; the last holds
    spending/000001.json    a line that is about to be submitted again, and its price

Both are lists that only grow. An entry has the next free number, and is written only where nobody
else has taken that number meanwhile. So whoever has written one has seen all that stand before it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
from attrs import frozen

from pika_async._json import compact
from pika_async._money import Money
from pika_async.temporal._codec import from_plain, to_plain
from pika_async.temporal._contents.damage import as_damage

if TYPE_CHECKING:
    from pika_async.temporal._store.store import Store

T = TypeVar("T")

_ALLOWED: Final = "allowed"
_SPENDING: Final = "spending"


@frozen(kw_only=True)
class Allowed:
    """What the owner of a campaign has said about its money.

    Attributes:
        campaign: The campaign; several may have worked on a store, one after the other.
        budget: The most that it may spend; None: no budget.
        price: What a job is taken to cost where the service does not say.
    """

    campaign: str
    budget: Money | None = None
    price: Money | None = None


@frozen(kw_only=True)
class Reserved:
    """A line that is about to be submitted again, and what that may cost.

    Attributes:
        index: The line, from 0.
        repair: Which repair of the line submits it, from 1.
        price: What its job is taken to cost; 0: it is not submitted, and nothing is reserved.
    """

    index: int
    repair: int
    price: Money


async def allow(store: Store, allowed: Allowed) -> None:
    """Note down what may be spent, where that is news.

    Raises:
        StoreError: The store cannot be used, or a note is damaged.
    """
    while True:
        noted = await _entries(store, _ALLOWED, Allowed)
        ours = [one for one in noted if one.campaign == allowed.campaign]
        if ours and ours[-1] == allowed:
            return
        if await store.create(_name(_ALLOWED, len(noted) + 1), _bytes(allowed)):
            return


async def allowed_of(store: Store, campaign_id: str) -> Allowed | None:
    """What a campaign may spend; None where an earlier version has started it, and noted nothing.

    Raises:
        StoreError: A note is damaged or of a newer version, or the store cannot be used.
    """
    noted = await _entries(store, _ALLOWED, Allowed)
    return next((one for one in reversed(noted) if one.campaign == campaign_id), None)


async def reservations(store: Store, *, after: int = 0) -> list[Reserved]:
    """What was reserved so far, without so many that are known already.

    Raises:
        StoreError: One is damaged or of a newer version, or the store cannot be used.
    """
    return await _entries(store, _SPENDING, Reserved, after=after)


async def reserve(store: Store, number: int, reserved: Reserved) -> bool:
    """Reserve, as the entry of this number; False where somebody else has taken the number.

    Raises:
        StoreError: The store cannot be used.
    """
    return await store.create(_name(_SPENDING, number), _bytes(reserved))


def _name(folder: str, number: int) -> str:
    return f"{folder}/{number:06}.json"


def _bytes(entry: object) -> bytes:
    return compact(to_plain(entry)).encode() + b"\n"


async def _entries(store: Store, folder: str, kind: type[T], *, after: int = 0) -> list[T]:
    found: list[T] = []
    while True:
        name = _name(folder, after + len(found) + 1)
        content = await store.read(name)
        if content is None:
            return found
        with as_damage(store, name):
            found.append(_read(content, kind))


def _read(content: bytes, kind: type[T]) -> T:
    value: Any = json.loads(content) if content.endswith(b"\n") else None
    known = {field.name for field in attrs.fields(kind)}  # type: ignore[arg-type]
    if not isinstance(value, dict) or value.keys() - known:
        raise ValueError("it is cut off, or a newer version has written it")
    entry: T = from_plain(value, kind)
    return entry
