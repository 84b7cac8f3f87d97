"""The gateway's videos as a job's state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from pika_async._models import Failed, JobState, Queued, Running, Succeeded, Unknown, Video
from pika_async.dialects._answers import first_text
from pika_async.dialects._gateway_wire import FeedVideo, feed_video, percent

_Item: TypeAlias = Mapping[str, Any]

# The gateway's own words, and those of its siblings.
_QUEUED: Final = frozenset({"queued"})
_RUNNING: Final = frozenset({"pending", "started", "processing", "running"})
_FINISHED: Final = frozenset({"finished", "completed", "succeeded", "success"})
_FAILED: Final = frozenset({"error", "failed", "failure", "cancelled", "canceled"})
_TERMINAL: Final = _FINISHED | _FAILED

# Texts observed in failures; the service has no codes for them.
_FAILURE_CODES: Final = (
    (re.compile(r"prompt not allowed|moderation", re.IGNORECASE), "moderation"),
    (re.compile(r"reached its generate limit", re.IGNORECASE), "quota"),
)


def state_of(job_id: str, items: list[dict[str, Any]], raw: _Item) -> JobState:
    """The state of a job whose ``videos`` are ``items``, of which there is at least one."""
    words = [_word(item) for item in items]
    waiting = [pair for pair in zip(words, items, strict=True) if pair[0] not in _TERMINAL]
    if not waiting:
        return _terminal_state(job_id, words, items, raw)
    if len(waiting) == len(items):
        if all(word in _QUEUED for word in words):
            return Queued(raw=raw)
        if not any(word in _QUEUED or word in _RUNNING for word in words):
            return Unknown(status=_status(items[0]), raw=raw)
    told = [percent(item.get("progress")) for _, item in waiting]
    return Running(progress=min((p for p in told if p is not None), default=None), raw=raw)


def _terminal_state(
    job_id: str, words: list[str], items: list[dict[str, Any]], raw: _Item
) -> JobState:
    videos = [(word, feed_video(item), item) for word, item in zip(words, items, strict=True)]
    finished = tuple(
        _video(job_id, video, item) for word, video, item in videos if word in _FINISHED
    )
    if len(finished) == len(items):
        return Succeeded(videos=finished, raw=raw)
    reason = first_text(*(video.error for word, video, _ in videos if word in _FAILED))
    word = next(word for word in words if word in _FAILED)
    return Failed(
        reason=reason or f"the service said {word!r} and gave no reason",
        code=_failure_code(reason or ""),
        videos=finished,
        raw=raw,
    )


def _status(item: _Item) -> str:
    status = item.get("status")
    return status if isinstance(status, str) else ""


def _word(item: _Item) -> str:
    return _status(item).strip().lower()


def _video(job_id: str, video: FeedVideo, raw: _Item) -> Video:
    return Video(
        id=video.id or job_id,
        job_id=job_id,
        url=video.result_url or "",
        share_url=video.sharing_url,
        poster_url=video.video_poster,
        thumbnail_url=video.image_thumb,
        duration=video.duration,
        seed=video.seed,
        raw=raw,
    )


def _failure_code(reason: str) -> str | None:
    return next((code for pattern, code in _FAILURE_CODES if pattern.search(reason)), None)
