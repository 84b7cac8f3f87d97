"""The gateway's videos as a job's state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from pika_async._quick import quick
from pika_async._states import Failed, JobState, Queued, Running, Succeeded, Unknown, Video
from pika_async.dialects._answers import kept, shown
from pika_async.dialects._words import ENDS_BADLY, ENDS_WELL, KINDS, meaning_of_word, spelt
from pika_async.dialects.gateway.requests import percent, reason_of, video_of

_Item: TypeAlias = Mapping[str, Any]
# Job id, name of the video, the video, the whole answer.
_Reader: TypeAlias = Callable[[str, str, _Item, _Item], JobState]

# Texts observed in failures, and what they mean; the service has no codes for them.
_FAILURES: Final = (
    (re.compile(r"prompt not allowed|moderation", re.IGNORECASE), "moderation"),
    (re.compile(r"reached its generate limit", re.IGNORECASE), "quota"),
)


_NO_REASON: Final = "and gave no reason"

_succeeded: Final = quick(Succeeded)


def state_of(job_id: str, items: list[dict[str, Any]], raw: _Item) -> JobState:
    """The state of a job whose ``videos`` are ``items``, of which there is at least one.

    Args:
        job_id: The job.
        items: The videos as they came.
        raw: The answer, as the state keeps it.
    """
    if len(items) == 1:
        return _reader(items[0])(job_id, job_id, items[0], raw)
    states = [
        _reader(item)(job_id, _name(job_id, place), item, raw)
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
    ended = [state for state in states if isinstance(state, Succeeded | Failed)]
    videos = tuple(video for state in ended for video in state.videos)
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
    return Unknown(status=shown(status_of(item)), raw=raw)


def _finished(job_id: str, name: str, item: _Item, raw: _Item) -> JobState:
    # What the answer keeps as it came need not be measured a second time.
    items = raw.get("videos")
    is_kept = isinstance(items, list) and id(item) in map(id, items)
    video = video_of(item, job_id=job_id, name=name, raw=item if is_kept else kept(item))
    if not video.url and (reason := reason_of(item)) is not None:
        # Filtered, say. The link is waited for all the same, and this is why if it does not come.
        return failure(reason, status_of(item), (video,), raw)
    return _succeeded(videos=(video,), raw=raw)


def _name(job_id: str, place: int) -> str:
    # A video without an id is named by its place, so that its link can be renewed.
    return job_id if place == 1 else f"{job_id}-{place}"


def videos_of(job_id: str, items: Iterable[_Item]) -> tuple[Video, ...]:
    """The videos that ``items`` describe, finished or not."""
    return tuple(
        video_of(item, job_id=job_id, name=_name(job_id, place), raw=kept(item))
        for place, item in enumerate(items, start=1)
    )


def _failed(_: str, __: str, item: _Item, raw: _Item) -> JobState:
    return failure(reason_of(item), status_of(item), (), raw)


def failure(reason: str | None, status: str, videos: tuple[Video, ...], raw: _Item) -> Failed:
    """The state of a job of which the service said ``status``, and ``reason`` if it gave one."""
    word = spelt(status)
    told = (meaning for pattern, meaning in _FAILURES if pattern.search(reason or ""))
    meaning = next(told, meaning_of_word(word))
    return Failed(
        reason=f"the service said {shown(word)!r} {_NO_REASON}" if reason is None else reason,
        code=shown(status.strip()) if word in KINDS else meaning,
        meaning=meaning,
        videos=videos,
        raw=raw,
    )


# The gateway's own words, those of its siblings, those of its software's task table, and those that
# mean the same everywhere.
_READERS: Final[Mapping[str, _Reader]] = {
    "queued": _queued,
    "not_start": _queued,
    "submitted": _queued,
    "pending": _running,
    "started": _running,
    "processing": _running,
    "running": _running,
    "in_progress": _running,
    **dict.fromkeys(ENDS_WELL, _finished),
    "error": _failed,
    "fail": _failed,
    **dict.fromkeys(ENDS_BADLY, _failed),
}


def status_of(item: _Item) -> str:
    """The word for how it stands, as it came; empty where there is none."""
    status = item.get("status")
    return status if isinstance(status, str) else ""


def word_of(item: _Item) -> str:
    """The same in lower case and in one spelling: "IN PROGRESS" is in_progress."""
    return spelt(status_of(item))


def means(word: str) -> type[JobState]:
    """What a word says of a job: the class of its state."""
    return _MEANINGS[_READERS.get(word, _unknown)]


_MEANINGS: Final[Mapping[_Reader, type[JobState]]] = {
    _queued: Queued,
    _running: Running,
    _finished: Succeeded,
    _failed: Failed,
    _unknown: Unknown,
}


def _reader(item: _Item) -> _Reader:
    status = item.get("status")
    known = _READERS.get(status) if isinstance(status, str) else None
    return known or _READERS.get(word_of(item), _unknown)
