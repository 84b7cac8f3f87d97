"""Figures and states in words."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from pika_async import Failed, Queued, Running, Succeeded, Unknown
from pika_async._figures import roughly

if TYPE_CHECKING:
    from pika_async import Estimate, JobState


def printable(text: str) -> str:
    """``text`` with control characters escaped: terminals obey them, and servers may send some."""
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    obeyed = unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t"
    return repr(character)[1:-1] if obeyed else character


# Characters. A reason is a sentence or two; nobody reads the whole page that a proxy sends.
_SHOWN: Final = 500


def short(text: str) -> str:
    """``text``, or its beginning and how long it is."""
    if len(text) <= _SHOWN:
        return text
    return f"{text[:_SHOWN].rstrip()}… ({len(text):,} characters)"


def state_words(state: JobState) -> str:
    """``queued``, ``running 40 %``, ``succeeded``."""
    match state:
        case Queued():
            return "queued" if state.position is None else f"queued, {state.position} ahead"
        case Running():
            return "running" if state.progress is None else f"running {state.progress} %"
        case Succeeded():
            return "succeeded"
        case Failed():
            return "failed"
        case Unknown():
            return f"in a state that this version does not know: {short(state.status)!r}"


# The words say what an estimate rests on, which tells how far to trust it: those for the time
# left, and those in front of its range.
_LEFT: Final[dict[str, tuple[str, str]]] = {
    "assumed": ("at a guess {} left", "typically "),
    "durations": ("about {} left", ""),
    "progress": ("about {} left by its progress", ""),
}


def time_left(estimate: Estimate, since: float) -> str | None:
    """``about 40 s left (20 s to 90 s)``, ``since`` seconds after the answer it rests on.

    None where nine in ten had ended by now: nothing is known until the next answer.
    """
    if since >= estimate.high:
        return None
    low, median, high = (
        _rough(seconds - since) for seconds in (estimate.low, estimate.median, estimate.high)
    )
    words, spread = _LEFT[estimate.basis]
    words = words.format(median)
    return words if low == high else f"{words} ({spread}{low} to {high})"


def _rough(seconds: float) -> str:
    # An estimate is not exact to a tenth of a second.
    return roughly(max(10.0, seconds)) if seconds >= 9.5 else f"{max(1, round(seconds))} s"
