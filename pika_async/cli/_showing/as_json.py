"""The reader for machines: one JSON object a line on stdout. Names and shapes are a contract."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from attrs import asdict

from pika_async import Action, JournalBroken, MoneyMeaning, Transition, VideoSaved
from pika_async._sheet import Standing
from pika_async.cli._running.trail import BatchTrail, watch_line
from pika_async.cli._showing.batch_words import end_of, hints, standing
from pika_async.cli._showing.output import event
from pika_async.cli._showing.sentences import consequences, sentence
from pika_async.cli._showing.shown import Came, Ended, Failure, Link, Planned, Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attrs import AttrsInstance

    from pika_async import BatchResult, JobState
    from pika_async.cli._running.trail import Trail
    from pika_async.cli._showing.shown import Shown

# Characters that are kept of a service's own words.
_LONGEST: Final = 10_000

_NOTHING: Final[Mapping[str, Any]] = {
    "row": None,
    "line": None,
    "prompt": None,
    "metadata": {},
    "job_id": None,
    "status": Standing.FAILED,
    "ok": False,
    "files": [],
    "videos": [],
    "charged": None,
    "error": None,
    "resumed": False,
    "index": None,
}
"""A result of which nothing is known: each has these names, in this order."""


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
                # It is paid for, and a batch that is run again would pay for it again.
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
        if isinstance(what.result, str):
            # The line cannot be used any more, so there is no result.
            problem = {"kind": "FieldError", "message": what.result, **consequences(None)}
            event("result", **{**_NOTHING, "line": what.number, "error": problem})
        else:
            event("result", **{**_NOTHING, "line": what.number, **self._result(what.result)})

    def _result(self, result: BatchResult) -> dict[str, Any]:
        end, error = end_of(result), result.error
        problem = None
        if error is not None:
            said = sentence(error, self._trail)
            problem = {"kind": type(error).__name__, "message": said, **consequences(error)}
        return {
            "row": result.number,
            "prompt": result.prompt,
            "metadata": dict(result.metadata),
            "job_id": result.job_id,
            "status": standing(result),
            "ok": result.ok,
            "files": [str(path) for path in result.files],
            "videos": [] if end is None else [_facts(video) for video in end.videos],
            "charged": None if end is None or end.charge is None else asdict(end.charge),
            "error": problem,
            "resumed": result.resumed,
            "index": result.index,
        }

    def _summary(self, code: int) -> None:
        trail = self._trail
        if not isinstance(trail, BatchTrail) or (progress := trail.progress) is None:
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
            # No reason is so long; a line of megabytes would break the program that reads it.
            facts[name] = facts[name][:_LONGEST]
    return facts
