"""Places that a page keeps for jobs which may run, and for which nobody waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from temporalio import workflow

from pika_async.temporal._limits.unseen import until

if TYPE_CHECKING:
    from datetime import datetime

    from pika_async.temporal._limits.room import Room


def keep_place(room: Room, heard_of: datetime) -> None:
    """A job may run that was heard of then: nobody else gets its place for a time."""
    end = until(heard_of)
    room.lose(end)
    seconds = max((end - workflow.now()).total_seconds(), 0.0)
    asyncio.get_running_loop().call_later(seconds, lambda: room.look(max(end, workflow.now())))
