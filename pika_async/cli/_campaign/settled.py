"""What a line of a campaign has come to, once somebody has decided about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pika_async._figures import counted
from pika_async.cli._campaign.engine import temporal
from pika_async.cli._running.exits import FAILED
from pika_async.cli._showing.output import event, write
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.words import short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async import Money
    from pika_async.cli._showing.shown import Show
    from pika_async.temporal import Decision, Dropped, Outcome, Resolved


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


class Summary:
    """What many decisions have come to, in one line at the end.

    Attributes:
        code: The exit code.
    """

    # No attrs class: its types would be needed at run time, and so would the extra.
    def __init__(self, decisions: Mapping[int, Decision]) -> None:
        self.code = 0
        self._decisions = decisions
        self._counts = dict.fromkeys(_ENDS, 0)
        self._cost: Money | None = None

    def add(self, one: Resolved, code: int) -> None:
        """One more has ended so."""
        self.code = max(self.code, code)
        self._counts[self._end_of(one)] += 1
        if one.cost is not None:
            self._cost = one.cost if self._cost is None else self._cost + one.cost

    def _end_of(self, one: Resolved) -> str:
        known: Any = temporal()
        decision = self._decisions[one.index]
        match one.outcome:
            case None:
                return "not settled"
            case known.Dropped():
                return "given up"
            case known.Uncertain():
                return "still uncertain"
            case known.Finished():
                return "adopted" if decision.adopt is not None else "submitted again"
            case _:
                return "without a video"

    def tell(self, all_: int, show: Show, *, as_json: bool) -> None:
        """Say it; ``all_``: how many there were to settle."""
        if not all_:
            return
        rest = all_ - sum(self._counts.values())
        counts = self._counts | {"not begun or not waited for": rest}
        if as_json:
            cost = None
            if self._cost is not None:
                cost = {"micros": self._cost.micros, "currency": self._cost.currency}
            event("settled", **{_NAMES[name]: number for name, number in counts.items()}, cost=cost)
        told = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
        money = "" if self._cost is None else f"; about {self._cost} for what was submitted again"
        show(Note(f"{counted(all_, 'prompt')}: {told}{money}"))


_NAMES = {
    "adopted": "adopted",
    "submitted again": "resubmitted",
    "given up": "dropped",
    "without a video": "without_video",
    "still uncertain": "uncertain",
    "not settled": "unsettled",
    "not begun or not waited for": "left",
}
_ENDS = tuple(_NAMES)[:-1]
