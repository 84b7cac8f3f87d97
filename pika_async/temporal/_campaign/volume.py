"""How much a page may be through before the engine has no room for more of it."""

from __future__ import annotations

from typing import Final

from temporalio import workflow

MOST_EVENTS: Final = 40_000
"""Events in its history after which a page submits nothing more; the engine ends it at 51,200."""
MOST_BYTES: Final = 40 * 1024 * 1024
"""The same in bytes; the engine's end is at 50 MB."""


def is_history_full() -> bool:
    """Whether the history of the workflow that asks has had enough."""
    info = workflow.info()
    length, size = info.get_current_history_length(), info.get_current_history_size()
    return length > MOST_EVENTS or size > MOST_BYTES
