"""A report for machines: one JSON object after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async._gallery.gallery import Gallery
    from pika_async._gallery.totals import Totals
    from pika_async._gallery.values import Attempt, Clip, Entry, Problem, Run


def lines(gallery: Gallery, totals: Totals) -> Iterator[dict[str, Any]]:
    """``report``, then a ``run`` for each, an ``item`` for each, and the ``totals``.

    Times are seconds since 1970. What others wrote is as they wrote it, links too.
    """
    yield {"event": "report", "journal": str(gallery.path), "made_at": gallery.made_at}
    for run in gallery.runs:
        yield {"event": "run", **_run(run)}
    for entry in gallery.entries():
        yield {"event": "item", **_item(entry)}
    yield {"event": "totals", **_totals(totals)}


def _run(run: Run) -> dict[str, Any]:
    return {**asdict(run), "seconds": run.seconds}


def _item(entry: Entry) -> dict[str, Any]:
    return {
        "index": entry.index,
        "run": entry.run,
        "in_last_run": entry.in_last_run,
        "prompt": entry.prompt,
        "options": entry.options,
        "fingerprint": entry.fingerprint,
        **_attempt(entry.attempt),
        "videos": [_video(clip) for clip in entry.clips],
        "earlier": [_attempt(attempt) for attempt in entry.earlier],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "state": attempt.standing.value,
        "job_id": attempt.job_id,
        "sent_at": attempt.sent_at,
        "accepted_at": attempt.accepted_at,
        "running_at": attempt.running_at,
        "ended_at": attempt.ended_at,
        "queued_seconds": attempt.queued_seconds,
        "generated_seconds": attempt.generated_seconds,
        "whole_seconds": attempt.whole_seconds,
        "reason": attempt.reason,
        "code": attempt.code,
        "problem": None if attempt.problem is None else _problem(attempt.problem),
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return asdict(problem)


def _video(clip: Clip) -> dict[str, Any]:
    known = asdict(clip.video, filter=lambda field, _: field.name not in ("raw", "job_id"))
    return {**known, "file": clip.file, "file_link": clip.file_link}


def _totals(totals: Totals) -> dict[str, Any]:
    known = asdict(totals)
    standings = {standing.value: count for standing, count in known.pop("standings").items()}
    prices = {
        name: None if amount is None else str(amount)
        for name, amount in (
            ("price", known.pop("price")),
            ("estimate", totals.estimate),
            ("estimate_at_most", totals.estimate_at_most),
        )
    }
    return {"requests": totals.requests, **standings, **known, **prices}
