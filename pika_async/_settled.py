"""What has been begun is brought to its end, whoever is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_T = TypeVar("_T")


async def to_its_end(work: Coroutine[object, object, _T]) -> _T:
    """Await ``work`` even if the caller is cancelled meanwhile; the cancellation comes after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    # A cancelled scope of anyio asks again at every turn of the loop; natively it is asked once.
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        # What the work raised does not matter to someone who is leaving.
        if not task.cancelled():
            task.exception()
        raise cancelled
    return task.result()


async def settled(step: Callable[[], _T]) -> _T:
    """Run a blocking step in a thread, to its end."""
    return await to_its_end(anyio.to_thread.run_sync(step))
