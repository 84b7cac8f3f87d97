"""What a line of a campaign has come to, once somebody has decided about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async.cli._campaign.engine import temporal
from pika_async.cli._running.exits import FAILED
from pika_async.cli._showing.output import event, write
from pika_async.cli._showing.words import short

if TYPE_CHECKING:
    from pika_async.temporal import Dropped, Outcome


def tell_settled(number: int, outcome: Outcome | Dropped, *, as_json: bool) -> int:
    """What it came to; returns the exit code."""
    known = temporal()
    match outcome:
        case known.Finished(files=files):
            name, text, code = "succeeded", f"saved {', '.join(files)}", 0
        case known.Dropped():
            name, text, code = "dropped", "given up", 0
        case known.Declined(job_id=job_id, reason=reason):
            name, text, code = "failed", f"job {job_id} failed: {short(reason)}", FAILED
        case known.Refused(meaning=meaning):
            name, text, code = "refused", f"nothing was started: {short(meaning)}", FAILED
        case _:
            name, text, code = "uncertain", "still uncertain: the submit broke off again", FAILED
    if as_json:
        event(
            "resolved",
            row=number,
            state=name,
            job_id=getattr(outcome, "job_id", None),
            files=list(getattr(outcome, "files", ())),
            message=text,
        )
    else:
        write(f"{number}: {text}")
    return code
