"""The names by which workflows and workers find each other."""

from __future__ import annotations

from typing import Final

QUEUE: Final = "pika"
"""The task queue of workflows of one, and of the waiting."""

SUBMIT: Final = "pika_submit"
FIND: Final = "pika_find"
FINISH: Final = "pika_finish"


def queue_of_submits(queue: str) -> str:
    """The task queue of the submits alone, so that the engine can be given a limit for them."""
    return f"{queue}-submit"
