"""What is wrong with a file in the store of a campaign, told with its name."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pika_async.temporal._store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async.temporal._store.store import Store


@contextmanager
def as_damage(store: Store, name: str) -> Iterator[None]:
    """While inside, a ValueError says what is wrong with this file of the store.

    Raises:
        StoreError: One was raised.
    """
    try:
        yield
    except ValueError as error:
        raise damaged(store, name, str(error)) from error


def damaged(store: Store, name: str, how: str) -> StoreError:
    """The error about a file that cannot be used; ``how``: what is wrong with it."""
    return StoreError(
        f"{store.shown(name)} cannot be used: {how.rstrip('.')}. It was left as it is, and nothing "
        "was submitted because of it.",
        place=store.place,
        name=name,
    )


def gone(store: Store, name: str) -> StoreError:
    """The error about a file that is not there any more."""
    return StoreError(
        f"{store.shown(name)} is gone, though it was there: what a campaign has written must stay.",
        place=store.place,
        name=name,
    )
