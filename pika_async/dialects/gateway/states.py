"""The gateway's videos as a job's state."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from pika_async._states import Failed, JobState, Queued, Running, Succeeded, Unknown, Video
from pika_async.dialects.gateway.requests import feed_video, percent

_Item: TypeAlias = Mapping[str, Any]
# Job id, name of the video, the video, the whole answer.
_Reader: TypeAlias = Callable[[str, str, _Item, _Item], JobState]

# Texts observed in failures; the service has no codes for them.
_FAILURE_CODES: Final = (
    (re.compile(r"prompt not allowed|moderation", re.IGNORECASE), "moderation"),
    (re.compile(r"reached its generate limit", re.IGNORECASE), "quota"),
)


_NO_REASON: Final = "and gave no reason"


def state_of(job_id: str, items: list[dict[str, Any]], raw: _Item) -> JobState:
    """The state of a job whose ``videos`` are ``items``, of which there is at least one."""
    if len(items) == 1:
        return _reader(items[0])(job_id, job_id, items[0], raw)
    states = [
        # A video without an id is named by its place, so that its link can be renewed.
        _reader(item)(job_id, job_id if place == 1 else f"{job_id}-{place}", item, raw)
        for place, item in enumerate(items, start=1)
    ]
    return _together(states, items, raw)


def _together(states: list[JobState], items: list[dict[str, Any]], raw: _Item) -> JobState:
    """Several videos as one state."""
    waiting = [item for state, item in zip(states, items, strict=True) if not state.is_terminal]
    if all(isinstance(state, Queued) for state in states) or all(
        isinstance(state, Unknown) for state in states
    ):
        return states[0]
    if waiting:
        told = (percent(item.get("progress")) for item in waiting)
        return Running(progress=min((p for p in told if p is not None), default=None), raw=raw)
    videos = tuple(v for state in states if isinstance(state, Succeeded) for v in state.videos)
    failed = [state for state in states if isinstance(state, Failed)]
    if not failed:
        return Succeeded(videos=videos, raw=raw)
    explained = (state for state in failed if not state.reason.endswith(_NO_REASON))
    first = next(explained, failed[0])
    return Failed(reason=first.reason, code=first.code, videos=videos, raw=raw)


def _queued(_: str, __: str, ___: _Item, raw: _Item) -> JobState:
    return Queued(raw=raw)


def _running(_: str, __: str, item: _Item, raw: _Item) -> JobState:
    return Running(progress=percent(item.get("progress")), raw=raw)


def _unknown(_: str, __: str, item: _Item, raw: _Item) -> JobState:
    return Unknown(status=_status(item), raw=raw)


def _finished(job_id: str, name: str, item: _Item, raw: _Item) -> JobState:
    video = feed_video(item)
    return Succeeded(
        videos=(
            Video(
                id=video.id or name,
                job_id=job_id,
                url=video.result_url or "",
                share_url=video.sharing_url,
                poster_url=video.video_poster,
                thumbnail_url=video.image_thumb,
                duration=video.duration,
                seed=video.seed,
                raw=item,
            ),
        ),
        raw=raw,
    )


def _failed(_: str, __: str, item: _Item, raw: _Item) -> JobState:
    reason = feed_video(item).error
    if reason is None:
        return Failed(reason=f"the service said {_word(item)!r} {_NO_REASON}", raw=raw)
    code = next((code for pattern, code in _FAILURE_CODES if pattern.search(reason)), None)
    return Failed(reason=reason, code=code, raw=raw)


# The gateway's own words, and those of its siblings.
_READERS: Final[Mapping[str, _Reader]] = {
    "queued": _queued,
    "pending": _running,
    "started": _running,
    "processing": _running,
    "running": _running,
    "finished": _finished,
    "completed": _finished,
    "succeeded": _finished,
    "success": _finished,
    "error": _failed,
    "failed": _failed,
    "failure": _failed,
    "cancelled": _failed,
    "canceled": _failed,
}


def _status(item: _Item) -> str:
    status = item.get("status")
    return status if isinstance(status, str) else ""


def _word(item: _Item) -> str:
    return _status(item).strip().lower()


def _reader(item: _Item) -> _Reader:
    status = item.get("status")
    known = _READERS.get(status) if isinstance(status, str) else None
    return known or _READERS.get(_word(item), _unknown)
