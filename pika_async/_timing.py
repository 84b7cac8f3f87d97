"""Time and chance, as arguments: they become real in one place, and tests bring their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from attrs import frozen


@frozen(kw_only=True)
class Timing:
    """What the parts of a client that wait are given."""

    now: Callable[[], float]
    """Seconds on a clock that never goes back."""
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]
    """From 0 to below 1."""
    utc: Callable[[], datetime]
