"""What a long activity tells the engine while it waits."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio
from temporalio import activity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_BEATS_IN_TIME: Final = 4


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """While inside, the engine is told that this worker lives."""
    limit = activity.info().heartbeat_timeout
    if limit is None:
        yield
        return
    task = asyncio.create_task(_beat(limit.total_seconds() / _BEATS_IN_TIME))
    try:
        yield
    finally:
        task.cancel()


async def _beat(interval: float) -> None:
    while True:
        activity.heartbeat()
        await anyio.sleep(interval)
