"""The reader for machines: one JSON object a line on stdout. Names and shapes are a contract."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from attrs import asdict

from pika_async import (
    Failed,
    JobError,
    Queued,
    Running,
    Succeeded,
    Transition,
    Unknown,
    VideoSaved,
)
from pika_async.cli._running.trail import BatchTrail
from pika_async.cli._showing.batch_words import advice
from pika_async.cli._showing.output import event
from pika_async.cli._showing.sentences import sentence
from pika_async.cli._showing.shown import Came, Ended, Failure, Link, Watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async import BatchResult, JobState, Video
    from pika_async.cli._running.trail import Trail
    from pika_async.cli._showing.shown import Shown


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
            case Transition():
                event(
                    "transition",
                    job_id=what.job_id,
                    elapsed=round(what.elapsed, 3),
                    polls=what.polls,
                    **_state(what.state),
                )
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
                event("video", job_id=video.job_id, **_video(video))
            case Came(number, result):
                self._came(number, result)
            case Ended(code):
                self._summary(code)
            case Failure():
                # A batch has many jobs.
                of_job = {} if self._batch() else {"job_id": what.job_id}
                event(
                    "error",
                    type=what.kind,
                    message=what.message,
                    **of_job,
                    resume=what.resume,
                    exit_code=what.code,
                )
                self._summary(what.code)
            case _:
                # For people.
                pass

    def _batch(self) -> BatchTrail | None:
        return self._trail if isinstance(self._trail, BatchTrail) else None

    def _came(self, number: int, result: BatchResult | str) -> None:
        if isinstance(result, str):
            index = prompt = job_id = state = None
            ok = resumed = False
            problem: dict[str, str] | None = {"kind": "FieldError", "message": result}
            files: list[str] = []
        else:
            error = result.error
            state = error.state if isinstance(error, JobError) else result.state
            index, prompt, job_id = result.index, result.prompt, result.job_id
            ok, resumed = result.ok, result.resumed
            problem = (
                None
                if error is None
                else {"kind": type(error).__name__, "message": sentence(error, self._trail)}
            )
            files = [str(path) for path in result.files]
        event(
            "result",
            index=index,
            line=number,
            prompt=prompt,
            job_id=job_id,
            ok=ok,
            state=None if state is None else _name(state),
            error=problem,
            files=files,
            videos=[video.url for video in getattr(state, "videos", ())],
            resumed=resumed,
        )

    def _summary(self, code: int) -> None:
        trail = self._batch()
        if trail is None or trail.progress is None:
            return
        progress = trail.progress
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
            output_dir=trail.saved_in,
            simulated=trail.simulated,
            retry=[found.line for found in advice(trail) if found.line],
            exit_code=code,
        )


def _name(state: JobState) -> str:
    return type(state).__name__.lower()


def _state(state: JobState) -> dict[str, Any]:
    known: dict[str, Any] = {"state": _name(state)}
    match state:
        case Queued():
            return known | {"position": state.position}
        case Running():
            return known | {"progress": state.progress}
        case Succeeded():
            return known | {"videos": [_video(video) for video in state.videos]}
        case Failed():
            videos = [_video(video) for video in state.videos]
            return known | {"reason": state.reason, "code": state.code, "videos": videos}
        case Unknown():
            return known | {"status": state.status}


def _video(video: Video) -> dict[str, Any]:
    return asdict(video, filter=lambda attribute, _: attribute.name not in ("raw", "job_id"))
