"""Places that are kept for jobs which may run, and for which nobody waits; until when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from temporalio import workflow

from pika_async.temporal._limits.unseen import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from pika_async.temporal._limits.room import Room
    from pika_async.temporal._limits.unseen import Unseen

# The engine counts in milliseconds, and no timer may fire before its moment has come.
_AND_THEN: Final = 0.01


def keep_place(room: Room, heard_of: datetime) -> None:
    """A job may run that was heard of then: nobody else gets its place for a time."""
    end = until(heard_of)
    room.lose(end)
    # In histories there are timers that fired before their moment had come.
    _call_at(end, lambda: room.look(max(end, workflow.now())))


def wake_at_ends(unseen: Iterable[Unseen], wake: Callable[[], None]) -> None:
    """Call ``wake`` whenever one of these places is kept no longer."""
    for each in unseen:
        _call_at(each.until, wake)


def _call_at(moment: datetime, then: Callable[[], None]) -> None:
    seconds = max((moment - workflow.now()).total_seconds(), 0.0)
    asyncio.get_running_loop().call_later(seconds + _AND_THEN, then)
