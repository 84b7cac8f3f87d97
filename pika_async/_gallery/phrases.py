"""Numbers and times for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from pika_async._figures import exactly
from pika_async._request.ratio import ratio_as_text


def seconds(amount: float | None) -> str:
    """``0.4 s``, ``41 s``, ``1 min 12 s``, ``2 h 5 min``; a dash where it is not known."""
    return "—" if amount is None else exactly(amount)


def tick(amount: float) -> str:
    """A round number of seconds: ``5 s``, where :func:`seconds` says ``5.0 s``."""
    return seconds(amount).replace(".0 s", " s")


def moment(at: float, zone: tzinfo | None = UTC) -> str:
    """``2025-03-01 09:30:12 UTC+1``; ``zone``: None is that of this machine."""
    known = _datetime(at, zone)
    return f"{at}" if known is None else f"{known:%Y-%m-%d %H:%M:%S} {offset(at, zone)}"


def clock(at: float, zone: tzinfo | None = UTC) -> str:
    """``2025-03-01 09:30``, where the zone is said beside it."""
    known = _datetime(at, zone)
    return f"{at}" if known is None else f"{known:%Y-%m-%d %H:%M}"


def offset(at: float, zone: tzinfo | None = UTC) -> str:
    """How a zone stands to UTC at that moment: ``UTC``, ``UTC+1``, ``UTC-3:30``.

    By its hours, since the names of zones are short for several: CST, IST.
    """
    known = _datetime(at, zone)
    away = None if known is None else known.utcoffset()
    if not away:
        return "UTC"
    hours, rest = divmod(abs(away), timedelta(hours=1))
    minutes = f":{rest // timedelta(minutes=1):02}" if rest else ""
    return f"UTC{'-' if away < timedelta(0) else '+'}{hours}{minutes}"


def iso(at: float | None) -> str | None:
    """``2025-03-01T09:30:12Z``, for machines; None where there is no such time."""
    known = None if at is None else _datetime(at, UTC)
    return None if known is None else f"{known:%Y-%m-%dT%H:%M:%SZ}"


def _datetime(at: float, zone: tzinfo | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(at, UTC).astimezone(zone)
    except (OverflowError, OSError, ValueError):
        return None


def option(value: Any, name: str = "") -> str:
    """What was asked for, as it is shown: media by where they come from."""
    match value:
        case {"path": shown} | {"url": shown}:
            return str(shown)
        case {"sha256": digest}:
            return f"given as bytes, SHA-256 {str(digest)[:12]}…"
        case dict():
            return ", ".join(f"{name} {option(inner)}" for name, inner in value.items())
        case list():
            return ", ".join(map(option, value))
        case bool():
            return "yes" if value else "no"
        case _:
            return _number(value, name) if isinstance(value, int | float) else str(value)


def _number(value: float, name: str) -> str:
    if name == "aspect_ratio":
        return ratio_as_text(value)
    # Without the last digits, in which 0.1 + 0.2 differs from 0.3.
    return f"{value:.10g}" if isinstance(value, float) else str(value)
