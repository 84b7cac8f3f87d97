"""A job at fal: how it stands, and what its result says. A job that failed is COMPLETED, too."""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from pika_async._states import Failed, JobState, Queued, Running, Succeeded, Unknown, Video
from pika_async.dialects._answers import decoded, first_text, is_success, kept, objects, shown
from pika_async.dialects._words import ENDS_BADLY, ENDS_WELL, spelt
from pika_async.dialects.fal.errors import (
    code_of,
    has_reason,
    json_object,
    meaning_of,
    message_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pika_async._http import HTTPResponse

COMPLETED: Final = "COMPLETED"
_QUEUED: Final = "IN_QUEUE"
_RUNNING: Final = "IN_PROGRESS"

SEED: Final = "seed"
"""Under this name the seed that was sent is kept among the hints of a job."""

WRONG_ADDRESS: Final = frozenset({404, 405, 413})
"""What fal says to whoever asks for a result where it does not lie: never that a job failed."""

_BAD_ENDS: Final = frozenset(map(str.upper, ENDS_BADLY))
# The last three are said of jobs and of requests: where it is the job, its result says so, too.
_ENDS: Final = _BAD_ENDS | {*map(str.upper, ENDS_WELL), "ERROR", "FAIL", "OK"}
# Of the key or the moment, whatever the body says.
_NOT_OF_JOB: Final = frozenset({401, 403, 425, 429})
# What proxies say of the moment too; of the job they speak where fal says what kind of end it was.
_WITH_A_KIND: Final = frozenset({400, 408, 409, 499})
_NOT_YET: Final = "in progress"
_PLACES: Final = ("video", "videos", "image", "images")


class Missing(Enum):
    """Why an answer to a question for the result is none."""

    NOT_YET = auto()
    """The job is still in progress."""
    NO_ANSWER = auto()
    """It tells nothing of the job."""


def as_seed(text: str | None) -> int | None:
    """The seed among the hints of a job."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def word_of(status: Mapping[str, Any]) -> str:
    """The word for how a job stands, in fal's own spelling; empty where there is none."""
    return spelt(first_text(status.get("status")) or "").upper()


def may_have_ended(word: str) -> bool:
    """Whether the result is worth asking for: after fal's own word for that, or a common one."""
    return word in _ENDS


def state_of(status: Mapping[str, Any], raw: Mapping[str, Any]) -> JobState:
    """The state that an answer without a result tells of."""
    match word_of(status):
        case "IN_QUEUE":
            return Queued(position=_position(status.get("queue_position")), raw=raw)
        case "IN_PROGRESS":
            return Running(raw=raw)
        case _:
            return Unknown(status=shown(first_text(status.get("status")) or ""), raw=raw)


def outcome(
    job_id: str, response: HTTPResponse, sent_seed: int | None = None
) -> JobState | Missing:
    """What the answer to a question for the result says of the job.

    ``sent_seed``: the seed that was sent with it, where that is known.

    Raises:
        DecodeError: It is a 2xx, and none of fal's.
    """
    if is_success(response):
        return _finished(job_id, response, sent_seed)
    body, status = objects(decoded(response.body)), response.status
    code = code_of(response, body)
    of_job = status >= 400 and status not in _NOT_OF_JOB | WRONG_ADDRESS and has_reason(response)
    # fal has tried again already, up to ten times: what it says then is the end.
    if of_job and (code is not None or status not in _WITH_A_KIND):
        return _failed(message_of(body), code, kept(body, response.body))
    not_yet = status == 400 and _NOT_YET in message_of(body).lower()
    return Missing.NOT_YET if not_yet else Missing.NO_ANSWER


def failure_told(status: Mapping[str, Any], raw: Mapping[str, Any]) -> Failed | None:
    """The failure that the answer about the status names itself, if it does."""
    word = word_of(status)
    if word != COMPLETED and word not in _BAD_ENDS:
        return None
    error, kind = first_text(status.get("error")), first_text(status.get("error_type"))
    if kind is None and word in _BAD_ENDS:
        kind = shown(status["status"].strip())
    return None if error is None and kind is None else _failed(error or "", kind, raw)


def _failed(
    message: str, code: str | None, raw: Mapping[str, Any], videos: tuple[Video, ...] = ()
) -> Failed:
    said = message or (f"the service said {code!r} and gave no reason" if code else "")
    meaning = meaning_of(code, message)
    return Failed(
        reason=shown(said) or "the service gave no reason",
        code=meaning if code is None else code,
        videos=videos,
        meaning=meaning,
        raw=raw,
    )


def _finished(job_id: str, response: HTTPResponse, sent_seed: int | None) -> JobState | Missing:
    body = json_object(response)
    # Once results were told in an envelope; what keeps old answers still does.
    items = list(_media(body)) or list(_media(objects(body.get("response"))))
    if not items and word_of(body) in (_QUEUED, _RUNNING):
        return Missing.NOT_YET
    told = _whole(body.get("seed"))
    seed = sent_seed if told is None else told
    videos = tuple(
        _video(job_id, place, item, seed) for place, item in enumerate(items or [{}], start=1)
    )
    reason = "" if items else message_of(body)
    if reason:
        # The link is waited for all the same, and this is why if it does not come.
        kind = first_text(body.get("error_type"))
        return _failed(reason, kind, kept(body, response.body), videos)
    return Succeeded(videos=videos, raw=kept(body, response.body))


def _media(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What the result links to, where the endpoints of fal put it."""
    for place in _PLACES:
        yield from _linked(body.get(place))
    if not any(body.get(place) for place in _PLACES):
        # Other apps have names of their own for it.
        for value in body.values():
            yield from _linked(value)


def _linked(value: object) -> Iterator[Mapping[str, Any]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and isinstance(item.get("url"), str) and item["url"]:
            yield item


def _video(job_id: str, place: int, item: Mapping[str, Any], seed: int | None) -> Video:
    link = item.get("url", "")
    return Video(
        id=job_id if place == 1 else f"{job_id}-{place}",
        job_id=job_id,
        # Nobody can be asked for a link with half a character in it.
        url=link if shown(link, len(link)) == link else "",
        duration=_seconds(item.get("duration")),
        seed=seed,
        raw=kept(item),
    )


def _position(value: object) -> int | None:
    return max(value, 0) if (value := _whole(value)) is not None else None


def _whole(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
