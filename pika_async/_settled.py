"""Work that comes to its end though its caller is cancelled, and sleep that others can end."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Final, TypeVar, TypeVarTuple

import anyio
import anyio.lowlevel
import anyio.to_thread

from pika_async._timing import end_of_sleep

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pika_async._timing import Sleepers

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")

# At once, in each event loop. Their steps are short and mostly wait for a disk.
_MOST_THREADS: Final = 40
_places: Final[anyio.lowlevel.RunVar[anyio.CapacityLimiter]] = anyio.lowlevel.RunVar(
    "pika_async_threads"
)

# What only ends a sleep needs no copy of the sleeper's context.
_NOBODYS: Final = Context()


async def to_its_end(work: Coroutine[object, object, _T]) -> _T:
    """Await ``work`` even if the caller is cancelled meanwhile; the cancellation comes after it."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    # anyio cancels again at every turn of the loop, unless it is shielded; asyncio cancels once.
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


async def rest(seconds: float, sleepers: Sleepers) -> None:
    """Sleep for ``seconds``, or until ``sleepers`` are woken."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    timer = loop.call_later(seconds, end_of_sleep, over, context=_NOBODYS)
    # Thousands sleep at once: a function of its own for each would weigh more than all the rest.
    sleepers.append(over)
    try:
        await over
    finally:
        timer.cancel()
        sleepers.remove(over)


async def settled(step: Callable[[], _T]) -> _T:
    """Run a blocking step in a thread, to its end."""
    return await to_its_end(in_thread(step))


async def in_thread(
    step: Callable[[*_Arguments], _T],
    *arguments: *_Arguments,
) -> _T:
    """Run a blocking step in a thread, and wait for it, also when cancelled.

    The limit on threads is our own. anyio's is shared with everybody who uses it: a web server runs
    each handler that is not a coroutine in one of them. Forty handlers that wait for a video would
    wait for ever for a thread that saves it.

    Where the system starts no more threads, the step runs in the event loop and blocks it: what
    was paid for has to be written down.
    """
    begun = False

    def begin() -> _T:
        nonlocal begun
        begun = True
        return step(*arguments)

    try:
        places = _places.get()
    except LookupError:
        places = anyio.CapacityLimiter(_MOST_THREADS)
        _places.set(places)
    try:
        return await anyio.to_thread.run_sync(begin, limiter=places)
    except RuntimeError:
        if begun:
            raise
    return step(*arguments)
