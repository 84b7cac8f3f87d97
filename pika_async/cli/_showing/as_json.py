"""The reader for machines: one JSON object a line on stdout. Names and shapes are a contract."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from attrs import asdict

from pika_async import Action, JournalBroken, MoneyMeaning, Transition, VideoSaved
from pika_async._sheet import Standing
from pika_async.cli._running.trail import watch_line
from pika_async.cli._showing.batch_words import end_of, hints, standing
from pika_async.cli._showing.output import event
from pika_async.cli._showing.sentences import consequences, sentence
from pika_async.cli._showing.shown import Came, Ended, Failure, Link, Planned, Watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import AttrsInstance

    from pika_async import JobState
    from pika_async.cli._running.trail import Trail
    from pika_async.cli._showing.shown import Shown

# Characters of a service's own words.
_LONGEST: Final = 10_000


class AsJSON:
    """JSON objects; see :class:`Plain` for the arguments."""

    def __init__(self, trail: Trail, now: Callable[[], float] = time.monotonic) -> None:
        self._trail = trail
        self._now = now
        self._since = now()

    def __call__(self, what: Shown) -> None:
        """Show it, if machines are to know of it."""
        match what:
            case Watching(job_id):
                self._since = self._now()
                event("started", job_id=job_id)
            case Transition(job_id=job_id, state=state, polls=polls):
                facts = {"state": _name(state), **_facts(state)}
                elapsed = round(what.elapsed, 3)
                event("transition", job_id=job_id, elapsed=elapsed, polls=polls, **facts)
            case VideoSaved(video=video):
                event(
                    "saved",
                    job_id=video.job_id,
                    video_id=video.id,
                    path=str(what.path),
                    bytes=what.size,
                    elapsed=round(self._now() - self._since, 3),
                )
            case Link(video):
                event("video", job_id=video.job_id, **_facts(video))
            case Planned(is_all=True):
                event("plan", **asdict(what, filter=lambda field, _: field.name != "is_all"))
            case Came():
                self._came(what)
            case Ended(code):
                self._summary(code)
            case Failure():
                event(
                    "error",
                    type=what.kind,
                    message=what.message,
                    job_id=what.job_id,
                    resume=what.resume,
                    exit_code=what.code,
                    money=what.money,
                    advice=what.advice,
                )
                self._summary(what.code)
            case JournalBroken(job_id=str(job_id)):
                # Paid for, and the line that resumes would pay for it again.
                event(
                    "error",
                    type=type(what.error).__name__,
                    message=sentence(what.error, self._trail, brief=True),
                    job_id=job_id,
                    resume=watch_line(job_id),
                    exit_code=None,
                    money=MoneyMeaning.STAYS_PAID,
                    advice=Action.WAIT_FOR_JOB,
                )
            case _:
                # For people.
                pass

    def _came(self, what: Came) -> None:
        # Of a line that cannot be used any more there is no result, and nothing of one.
        result = None if isinstance(what.result, str) else what.result
        error = what.result if isinstance(what.result, str) else what.result.error
        problem = None
        if isinstance(error, str):
            problem = {"kind": "FieldError", "message": error, **consequences(None)}
        elif error is not None:
            said = sentence(error, self._trail)
            problem = {"kind": type(error).__name__, "message": said, **consequences(error)}
        end = None if result is None else end_of(result)
        charge = None if end is None else end.charge
        event(
            "result",
            row=getattr(result, "number", None),
            line=what.number,
            prompt=getattr(result, "prompt", None),
            metadata=dict(getattr(getattr(result, "request", None), "metadata", {})),
            job_id=getattr(result, "job_id", None),
            status=Standing.FAILED if result is None else standing(result),
            ok=getattr(result, "ok", False),
            files=[str(path) for path in getattr(result, "files", ())],
            videos=[] if end is None else [_facts(video) for video in end.videos],
            charged=None if charge is None else asdict(charge),
            error=problem,
            resumed=getattr(result, "resumed", False),
            index=getattr(result, "index", None),
        )

    def _summary(self, code: int) -> None:
        trail, progress = self._trail, self._trail.progress
        if progress is None:
            return
        stats = progress.stats
        event(
            "summary",
            total=progress.total,
            finished=progress.finished,
            succeeded=stats.succeeded,
            failed=progress.failed,
            uncertain=stats.uncertain,
            not_submitted=stats.not_submitted,
            submitted=stats.submitted,
            resumed=stats.resumed,
            downloaded=stats.downloaded,
            in_flight=list(progress.in_flight),
            seconds=round(progress.elapsed(), 3),
            spent=asdict(stats.spent),
            output_dir=trail.saved_in,
            simulated=trail.simulated,
            retry=[hint.line for hint in hints(trail) if hint.line],
            exit_code=code,
        )


def _name(state: JobState) -> str:
    return type(state).__name__.lower()


def _facts(value: AttrsInstance) -> dict[str, Any]:
    """What a state or a video says, without what stands beside it already."""
    facts = asdict(value, filter=lambda attribute, _: attribute.name not in ("raw", "job_id"))
    for name in ("reason", "status"):
        if name in facts:
            # Whole where it is one a service means; a line of megabytes breaks who reads it.
            facts[name] = facts[name][:_LONGEST]
    return facts
