"""Time and chance, as arguments: they become real in one place, and tests bring their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from attrs import frozen


class Sleepers:
    """Whoever sleeps until the same thing is known."""

    __slots__ = ("alarms",)

    def __init__(self) -> None:
        self.alarms: list[Callable[[], None]] = []

    def wake(self) -> None:
        """Let all of them go on."""
        for alarm in self.alarms:
            alarm()


@frozen(kw_only=True)
class Timing:
    """What the parts of a client that wait are given."""

    now: Callable[[], float]
    """Seconds on a clock that never goes back."""
    sleep: Callable[[float], Awaitable[None]]
    rest: Callable[[float, Sleepers], Awaitable[None]]
    """Sleep for so many seconds, or until the sleepers are woken."""
    random: Callable[[], float]
    """From 0 to below 1."""
    utc: Callable[[], datetime]
