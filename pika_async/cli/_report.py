"""Saying how it goes: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

import typer
from attrs import asdict

from pika_async import Failed, Queued, Running, Succeeded, Unknown
from pika_async.cli._words import printable, size, time_left

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pika_async import Estimate, JobState, Transition, Video
    from pika_async.cli._exits import Failure


def state_words(state: JobState) -> str:
    """``queued``, ``running 40 %``, ``succeeded``."""
    match state:
        case Queued():
            return "queued" if state.position is None else f"queued, {state.position} ahead"
        case Running():
            return "running" if state.progress is None else f"running {state.progress} %"
        case Succeeded():
            return "succeeded"
        case Failed():
            return "failed"
        case Unknown():
            return f"in a state that this version does not know: {state.status!r}"


class Report:
    """One plain line on stderr for each thing that happens; paths and links on stdout."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since = now()
        self._estimate: tuple[Estimate, float] | None = None

    def live(self) -> AbstractContextManager[None]:
        """Around the waiting: a line that moves, where there is one."""
        return nullcontext()

    def note(self, text: str) -> None:
        """A line on stderr."""
        write(text, err=True)

    def warning(self, kind: str, text: str) -> None:
        """A warning of the library; those of one ``kind`` differ in details."""
        self.note(text)

    def started(self, job_id: str) -> None:
        """There is a job."""
        self._since = self._now()
        self.note(f"job {job_id}")

    def transition(self, transition: Transition) -> None:
        """The job has another state."""
        left = self._time_left()
        words = state_words(transition.state) + (f", {left}" if left else "")
        self.note(f"{transition.elapsed:.1f} s  {words}")

    def expects(self, estimate: Estimate | None, age: float) -> None:
        """How much longer the job may take, from an answer that came at this age; None: unknown."""
        self._estimate = None if estimate is None else (estimate, age)

    def saving(self) -> None:
        """A download begins."""

    def saved(self, video: Video, path: Path, count: int) -> None:
        """A video of ``count`` bytes is there."""
        self.note(f"{self.elapsed():.1f} s  saved, {size(count)}")
        write_path(path)

    def link(self, video: Video) -> None:
        """A video that was not to be saved."""
        write(video.url)

    def failure(self, failure: Failure) -> None:
        """It went wrong."""
        write(failure.message, err=True)
        if failure.resume is not None:
            write(f"  {failure.resume}", err=True)

    def elapsed(self) -> float:
        """Seconds since the job began, or the command."""
        return self._now() - self._since

    def _time_left(self) -> str | None:
        # Kept whole, as one tuple: another thread may be drawing.
        known = self._estimate
        if known is None:
            return None
        estimate, age = known
        return time_left(estimate, max(0.0, self.elapsed() - age))


class JSONReport(Report):
    """One JSON object per line on stdout; errors and warnings on stderr too."""

    def started(self, job_id: str) -> None:
        """There is a job."""
        self._since = self._now()
        event("started", job_id=job_id)

    def transition(self, transition: Transition) -> None:
        """The job has another state."""
        state = transition.state
        fields: dict[str, Any] = {"state": type(state).__name__.lower()}
        match state:
            case Queued():
                fields |= {"position": state.position}
            case Running():
                fields |= {"progress": state.progress}
            case Succeeded():
                fields |= {"videos": [_video(video) for video in state.videos]}
            case Failed():
                fields |= {"reason": state.reason, "code": state.code}
                fields |= {"videos": [_video(video) for video in state.videos]}
            case Unknown():
                fields |= {"status": state.status}
        event(
            "transition",
            job_id=transition.job_id,
            elapsed=round(transition.elapsed, 3),
            polls=transition.polls,
            **fields,
        )

    def saved(self, video: Video, path: Path, count: int) -> None:
        """A video of ``count`` bytes is there."""
        event(
            "saved",
            job_id=video.job_id,
            video_id=video.id,
            path=str(path),
            bytes=count,
            elapsed=round(self.elapsed(), 3),
        )

    def link(self, video: Video) -> None:
        """A video that was not to be saved."""
        event("video", job_id=video.job_id, **_video(video))

    def failure(self, failure: Failure) -> None:
        """It went wrong."""
        super().failure(failure)
        event(
            "error",
            type=failure.kind,
            message=failure.message.removeprefix("error: "),
            job_id=failure.job_id,
            resume=failure.resume,
            exit_code=failure.code,
        )


def _video(video: Video) -> dict[str, Any]:
    return asdict(video, filter=lambda attribute, _: attribute.name not in ("raw", "job_id"))


def event(name: str, **fields: Any) -> None:
    # ASCII: a path that is no valid text must not break the line.
    write(json.dumps({"event": name, **fields}))


def write_path(path: Path) -> None:
    """A file's name on stdout, byte for byte."""
    try:
        write(str(path), exact=True)
    except UnicodeEncodeError:
        write(os.fsencode(path), exact=True)


def write(text: str | bytes, *, err: bool = False, exact: bool = False) -> None:
    """A line on stdout or stderr; whether anyone reads it makes no difference."""
    if isinstance(text, str) and not exact:
        text = printable(text)
    try:
        typer.echo(text, err=err)
    except OSError:
        # Nobody reads any more (`… | head -1`). A paid job is still waited for and saved; what is
        # left in the buffer must not raise again when Python flushes it at the end.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if err else sys.stdout).fileno())
