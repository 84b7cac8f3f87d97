"""Counts and times, as people read them."""

from __future__ import annotations

from typing import Final

_TENTHS_BELOW: Final = 9.95


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 job``, ``10,000 jobs``; ``many``: where more of them are not called ``one`` + s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def roughly(seconds: float) -> str:
    """Seconds that pass while they are read: ``4.2 s``, ``48 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < _TENTHS_BELOW:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def exactly(seconds: float) -> str:
    """Seconds that are over, in two units: ``0.4 s``, ``41 s``, ``1 min 12 s``, ``2 h 5 min``."""
    if seconds < _TENTHS_BELOW:
        return f"{seconds:.1f} s"
    # Rounded before they are compared, or there would be 60 s and 24 h.
    if (whole := round(seconds)) < 60:
        return f"{whole} s"
    if whole < 3600:
        return _pair(whole, 60, "min", "s")
    if (minutes := round(seconds / 60)) < 24 * 60:
        return _pair(minutes, 60, "h", "min")
    return _pair(round(seconds / 3600), 24, "d", "h")


def _pair(amount: int, size: int, large: str, small: str) -> str:
    many, rest = divmod(amount, size)
    return f"{many} {large} {rest} {small}" if rest else f"{many} {large}"
