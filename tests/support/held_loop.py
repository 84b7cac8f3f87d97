"""An event loop whose clock is moved by hand: it is held up on a machine of any speed."""

from __future__ import annotations

import asyncio
import functools
import heapq
import selectors
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

import anyio.lowlevel

from pika_async import _assembly

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

# Real seconds.
_FOR_EVER = 60.0
# So long nothing has to happen before the clock leaps: what a peer in the same loop has sent is
# there at once, but on a machine that is busy elsewhere. That is so where this takes much longer:
# then it says nothing, and is looked at again, some times.
_SILENCE = 0.01
_LATE = 0.015
_LOOKS = 20


class HeldLoop(asyncio.SelectorEventLoop):
    """No timer rings unless somebody moves the clock, however long things take.

    Attributes:
        moment: What its clock shows.
        leaps: Whether it moves its clock to the next timer itself, where nothing else happens.
    """

    def __init__(self, *, timers_first: bool = False) -> None:
        """``timers_first``: look at timers before sockets, as uvloop does."""
        self.moment = 1000.0
        self.leaps = False
        self._timers_first = timers_first
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.moment

    def give_up(self) -> None:
        """End what hangs: on a clock that stands still nothing else does."""
        for task in asyncio.all_tasks(self):
            task.cancel("nothing has happened for a minute")

    def _run_once(self) -> None:
        # Its own order is the other one: what the selector has found is put in before timers.
        own: Any = self
        while self._timers_first and own._scheduled and own._scheduled[0]._when <= self.moment:
            timer = heapq.heappop(own._scheduled)
            timer._scheduled = False
            if timer._cancelled:
                own._timer_cancelled_count -= 1
            else:
                own._ready.append(timer)
        cast("Any", super())._run_once()


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]  # one of several
    def __init__(self, loop: HeldLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0 or not self._loop.leaps:
            return super().select(timeout)
        for _ in range(_LOOKS):
            begun = time.monotonic()
            if found := super().select(min(timeout, _SILENCE)):
                return found
            if time.monotonic() - begun < _LATE:
                break
        self._loop.moment += timeout
        return []


def on_a_held_loop(
    test: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., None]:
    """Run an async test on a loop of its own whose clock stands still; see :func:`hold_up`.

    Where the test takes ``timers_first``, the loop is one that looks at its timers first, or not.
    """

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        _run(HeldLoop(timers_first=kwargs.get("timers_first", False)), test(*args, **kwargs))

    return run


def on_a_leaping_loop(
    test: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., None]:
    """Run an async test on a loop of its own that leaps over every silence to the next timer.

    So a timeout takes a moment, and rings on a slow machine no earlier. A client that is made on it
    has its clock. It is for clients and servers of this one loop: what a thread does is silence.
    """

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        loop = HeldLoop()
        loop.leaps = True
        with mock.patch.object(_assembly, "time", SimpleNamespace(monotonic=loop.time)):
            _run(loop, test(*args, **kwargs))

    return run


def _run(loop: HeldLoop, work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        hangs = threading.Timer(_FOR_EVER, loop.call_soon_threadsafe, (loop.give_up,))
        hangs.start()
        try:
            runner.run(work)
        finally:
            hangs.cancel()
            hangs.join()


def running() -> HeldLoop:
    """The loop that runs this test."""
    return cast("HeldLoop", asyncio.get_running_loop())


async def hold_up(
    seconds: float, *, after: Callable[[], object], until: Callable[[], object]
) -> None:
    """Once ``after()``, let the loop stand still until ``until()``; then it is so much later."""
    while not after():
        await anyio.lowlevel.checkpoint()
    # A loop that stands still is not given up by anybody.
    end = time.monotonic() + _FOR_EVER
    real = threading.Event()
    while not until():
        assert time.monotonic() < end, "what is waited for does not come"
        real.wait(0.001)
    running().moment += seconds
