"""A report for machines: one JSON object after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import asdict

from pika_async._gallery.values import Problem
from pika_async._jobs.job import failure
from pika_async._states import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pika_async._gallery.bill import Bill
    from pika_async._gallery.gallery import Gallery
    from pika_async._gallery.totals import Totals
    from pika_async._gallery.values import Attempt, Clip, Entry, Run, Standing
    from pika_async._money import Money


def lines(gallery: Gallery, totals: Totals) -> Iterator[dict[str, Any]]:
    """``report``, then a ``run`` for each, a ``result`` for each request, and the ``totals``.

    A result has the names that one of a batch has, and more. Times are seconds since 1970; money is
    whole millionths and a currency, as ``to_json`` has it. What others wrote is as they wrote it,
    links too.
    """
    yield {"event": "report", "journal": str(gallery.path), "made_at": gallery.made_at}
    for run in gallery.runs:
        yield {"event": "run", **_run(run, totals)}
    for entry in gallery.entries():
        yield {"event": "result", **_result(entry)}
    yield {"event": "totals", **_totals(totals)}


def _run(run: Run, totals: Totals) -> dict[str, Any]:
    known = {**asdict(run), "seconds": run.seconds}
    bill = totals.run_bills.get(run.number)
    if bill is None:
        return {**known, "submits": 0, "outcomes": {}, "money": None}
    return {
        **known,
        "submits": bill.bill.submits,
        "outcomes": _counts(bill.outcomes),
        "money": _bill(bill.bill),
    }


def _counts(counts: Mapping[Standing, int]) -> dict[str, int]:
    return {standing.value: count for standing, count in counts.items()}


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "submits": bill.submits,
        "charged": [_money(amount) for amount in bill.charged],
        "estimated": [_money(amount) for amount in bill.estimated],
        "unknown": bill.unknown,
    }


def _money(amount: Money | None) -> dict[str, Any] | None:
    return None if amount is None else asdict(amount)


def _result(entry: Entry) -> dict[str, Any]:
    return {
        "row": entry.number,
        "prompt": entry.prompt,
        "metadata": entry.metadata,
        **_attempt(entry.attempt),
        "files": [clip.file for clip in entry.clips if clip.file is not None],
        "videos": [_video(clip) for clip in entry.clips],
        "index": entry.index,
        "run": entry.run,
        "in_last_run": entry.in_last_run,
        "options": entry.options,
        "fingerprint": entry.fingerprint,
        "earlier": [_attempt(attempt) for attempt in entry.earlier],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "job_id": attempt.job_id,
        "status": attempt.standing.value,
        "reason": attempt.reason,
        "code": attempt.code,
        "meaning": attempt.meaning,
        "charged": _money(attempt.charged),
        "quoted": _money(attempt.quoted),
        "error": _error(attempt),
        "service": attempt.service,
        "base_url": attempt.base_url,
        "submitted_in_run": attempt.run,
        "sent_at": attempt.sent_at,
        "accepted_at": attempt.accepted_at,
        "running_at": attempt.running_at,
        "ended_at": attempt.ended_at,
        "queued_seconds": attempt.queued_seconds,
        "generated_seconds": attempt.generated_seconds,
        "whole_seconds": attempt.whole_seconds,
    }


def _error(attempt: Attempt) -> dict[str, Any] | None:
    problem = attempt.problem
    if problem is None and attempt.job_id is not None and isinstance(attempt.end, Failed):
        error = failure(attempt.job_id, attempt.end)
        problem = Problem(kind=type(error).__name__, text=error.what, meaning="")
    if problem is None:
        return None
    known = asdict(problem)
    return {"kind": known.pop("kind"), "message": known.pop("text"), **known}


def _video(clip: Clip) -> dict[str, Any]:
    known = asdict(clip.video, filter=lambda field, _: field.name not in ("raw", "job_id"))
    return {**known, "file": clip.file, "file_link": clip.file_link}


_SHOWN_APART: Final = ("standings", "price", "outcomes", "run_bills", "places")


def _totals(totals: Totals) -> dict[str, Any]:
    known = asdict(totals, filter=lambda field, _: field.name not in _SHOWN_APART)
    return {
        "requests": totals.requests,
        **_counts(totals.standings),
        **known,
        "price": _amount(totals.price),
        **_estimates(totals),
        "money": {
            **_bill(totals.bill),
            "uncertain": _bill(totals.uncertain),
            "outcomes": {standing.value: _bill(bill) for standing, bill in totals.outcomes.items()},
        },
        "places": [asdict(place) for place in totals.places],
    }


def _estimates(totals: Totals) -> dict[str, str | None]:
    """What it comes to, where ``price`` fills in what nobody has named a price of."""
    none: dict[str, str | None] = {"estimate": None, "estimate_at_most": None}
    if totals.price is None:
        return none
    # Sums of several currencies are under "money", each.
    if len(totals.bill.sums) > 1:
        return none
    nothing = totals.price * 0
    return {
        "estimate": _amount(next(iter(totals.certain.sums), nothing)),
        "estimate_at_most": _amount(next(iter(totals.bill.sums), nothing)),
    }


def _amount(money: Money | None) -> str | None:
    """``0.40``: with two digits at least, and without the currency."""
    if money is None:
        return None
    whole, _, rest = f"{money.amount:f}".partition(".")
    return f"{whole}.{rest:0<2}"
