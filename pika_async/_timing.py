"""Time and chance, as arguments: they become real in one place, and tests bring their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from attrs import frozen


class End(Protocol):
    """What a sleeper awaits: a future of asyncio, which pure code does not import."""

    def done(self) -> bool:
        """Whether it has come."""
        ...

    def set_result(self, result: None, /) -> None:
        """Let it come."""
        ...


class Sleepers(list[End]):
    """Those who sleep until the same thing is known, such as the watchers of one job."""

    __slots__ = ()

    def wake(self) -> None:
        """Let all of them go on."""
        for over in self:
            end_of_sleep(over)


def end_of_sleep(over: End) -> None:
    """Wake whoever awaits it, unless that has been done before."""
    if not over.done():
        over.set_result(None)


@frozen(kw_only=True)
class Timing:
    """Clocks, sleep and chance, for the parts of a client that wait."""

    now: Callable[[], float]
    """Seconds on a clock that never goes back."""
    sleep: Callable[[float], Awaitable[None]]
    rest: Callable[[float, Sleepers], Awaitable[None]]
    """Sleep for so many seconds, or until the sleepers are woken."""
    random: Callable[[], float]
    """From 0 to below 1."""
    utc: Callable[[], datetime]
