"""Requests as a report sees them."""

from __future__ import annotations

from typing import Any

from support.journals import video

from pika_async import Succeeded
from pika_async._gallery.values import Attempt, Entry, Run, Standing

DONE = Succeeded(videos=(video(),))


def attempt(
    standing: Standing = Standing.SUCCEEDED, *times: float | None, **fields: Any
) -> Attempt:
    """Accepted, seen running, ended: as many of these times as there are."""
    accepted, running, ended = (*times, None, None, None)[:3]
    known: dict[str, Any] = {
        "job_id": "job",
        "sent_at": accepted,
        "accepted_at": accepted,
        "running_at": running,
        "ended_at": ended,
        "end": DONE if standing is Standing.SUCCEEDED else None,
        "problem": None,
    }
    return Attempt(standing=standing, **(known | fields))


def entry(*attempts: Attempt, **fields: Any) -> Entry:
    *earlier, last = attempts
    known: dict[str, Any] = {
        "id": 1,
        "index": 0,
        "run": 1,
        "in_last_run": True,
        "fingerprint": "f",
        "prompt": "p",
    }
    return Entry(**(known | fields), attempt=last, earlier=tuple(earlier))


def run(start: float, end: float, number: int = 1) -> Run:
    return Run(number=number, started_at=start, last_at=end, version="1")
