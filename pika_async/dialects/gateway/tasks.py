"""The newer wrapping of the gateway software: a job as a task of its table.

    {"code": "success", "message": "", "data": {"task_id": "j", "status": "IN_PROGRESS",
     "progress": "50%", "result_url": "", "fail_reason": "", "data": {"videos": [...]}}}

The software may be changed while a job runs, so one job can be answered in both ways. Shapes: the
source of the software (new-api). Its task table keeps in ``data`` what the service behind it said
last; a gateway behind a gateway wraps that again; some leave the outermost wrapping out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from pika_async._states import (
    Failed,
    JobState,
    Queued,
    Running,
    Succeeded,
    Unknown,
    Video,
)
from pika_async.dialects._answers import NOT_JSON, as_id, first_text, objects, read_json, shown
from pika_async.dialects._words import spelt
from pika_async.dialects.gateway.requests import percent
from pika_async.dialects.gateway.states import failure, means, state_of, videos_of

_Object: TypeAlias = Mapping[str, Any]

# Wrappings within wrappings that are looked through.
_DEEPEST: Final = 5
# What has no host has to be a video: a path may lead to anything, as to the task itself.
_LINK: Final = re.compile(r"https?://\S|//[\w-]+\.\S|/\S+\.(m4v|mov|mp4|webm)(\?|$)", re.IGNORECASE)
# Never `video`: where a request is echoed, that is what was sent.
_LINK_NAMES: Final = ("result_url", "video_url", "url", "output", "content", "metadata", "videos")
_IDS: Final = ("task_id", "id", "video_id")
# What only a task has. Without one of these, {"status": "error"} may be said of the request.
_OF_TASKS: Final = frozenset(
    {"task_id", "task_status", "progress", "fail_reason", "result_url", "finish_time", "metadata"}
)
# Words of failure that are said of requests, too.
_OF_REQUESTS: Final = frozenset({"error", "fail"})
# What may stand in an answer that tells nothing of a job yet: its name, the words of success, and
# what other services' answers left there.
_SAYS_NOTHING: Final = frozenset(
    {
        *_IDS,
        *("promptText", "prompt", "message", "msg", "code", "success", "state", "video_raw"),
        *("request_id", "batch_id", "created_at", "updated_at", "estimate_wait_seconds"),
        *("artifact", "last_frame", "liked", "queue_state", "thumbnail", "video"),
    }
)


def within(body: _Object) -> object:
    """What stands in ``data``: also as a text that holds JSON, or as the one item of a list."""
    data = body.get("data")
    if isinstance(data, str) and data.lstrip().startswith(("{", "[", "<")):
        # What is no whole JSON, or a page that is passed on, is nobody's name either.
        value = read_json(data)
        data = None if value is NOT_JSON else value
    return data[0] if isinstance(data, list) and len(data) == 1 else data


def tells_nothing(body: _Object) -> bool:
    """Whether an answer without videos says no more than that the request was fine."""
    return "videos" in body or not any(
        value for name, value in body.items() if name not in _SAYS_NOTHING
    )


def task_state(  # noqa: PLR0911 - one return a state
    job_id: str, body: _Object, raw: _Object, *, is_error: bool
) -> JobState | None:
    """How a job stands, where the answer is a task; None where it is none, or not understood.

    Args:
        job_id: The job that was asked for.
        body: The answer.
        raw: The answer, as the state keeps it.
        is_error: Whether the answer calls itself an error. Then the task in it counts only where
            it names the job.
    """
    task = _task_in(job_id, body)
    if task is None or (is_error and not _names(task, job_id)):
        return None
    items = _videos(task)
    each = state_of(job_id, items, raw) if items else None
    meaning = means(_word(task))
    if each is not None and (not _word(task) or (meaning is Succeeded and _moves(each, task))):
        return each
    if meaning is Queued:
        return Queued(raw=raw)
    if meaning is Running:
        return Running(progress=percent(task.get("progress")), raw=raw)
    if meaning is Succeeded:
        videos, complaint = _finished(job_id, task, items), _complaint(task)
        if complaint is not None and not any(video.url for video in videos):
            return failure(complaint, _status(task), videos, raw)
        return Succeeded(videos=videos, raw=raw)
    if meaning is Unknown:
        return Unknown(status=shown(_status(task)), raw=raw)
    return failure(_reason(task), _status(task), _linked(job_id, items), raw)


def _moves(each: JobState, task: _Object) -> bool:
    # Around videos that are being made a word of success is the request's, if no link is there.
    return isinstance(each, Queued | Running) and not _link(task)


def _task_in(job_id: str, body: _Object) -> _Object | None:
    """The layer that says how the job stands: the outermost that is surely a task, or might be."""
    inner = list(_layers(job_id, body))
    named = [body] if _names(body, job_id) else []
    tasks = [layer for layer in (*named, *inner) if _word(layer) and _OF_TASKS & layer.keys()]
    words = [layer for layer in inner if _word(layer) and _speaks_of_job(layer, job_id)]
    words += [layer for layer in named if _speaks_of_job(layer, job_id) and not _is_bare(layer)]
    feeds = [layer for layer in inner if _videos(layer)]
    return next(iter((*tasks, *words, *feeds)), None)


def _speaks_of_job(layer: _Object, job_id: str) -> bool:
    """Whether its word is said of the job: what ends a wait must not be said of the request."""
    word = _word(layer)
    meaning = means(word)
    if meaning is Failed:
        return _names(layer, job_id) and word not in _OF_REQUESTS
    if meaning is Succeeded:
        return _names(layer, job_id) or bool(_link(layer))
    return True


def _is_bare(layer: _Object) -> bool:
    """Whether {"id": ..., "status": ...} may be an answer's own good or unknown news."""
    meaning = means(_word(layer))
    return meaning is Unknown or (meaning is Succeeded and not _link(layer))


def _layers(job_id: str, body: _Object) -> Iterator[_Object]:
    """What is wrapped in ``data``, from the outside in."""
    here: object = within(body)
    for _ in range(_DEEPEST):
        if isinstance(here, list):
            here = next((item for item in here if _names(objects(item), job_id)), None)
        if not isinstance(here, dict):
            return
        yield here
        here = within(here)


def _names(layer: _Object, job_id: str) -> bool:
    return any(as_id(layer.get(name)) == job_id for name in _IDS)


def _status(task: _Object) -> str:
    return first_text(task.get("status"), task.get("task_status")) or ""


def _word(task: _Object) -> str:
    return spelt(_status(task))


def _complaint(task: _Object) -> str | None:
    """What went wrong, where nothing else can be meant."""
    error = task.get("error")
    said = first_text(
        task.get("fail_reason"), objects(error).get("message"), error, task.get("error_message")
    )
    return None if said is None else shown(said)


def _reason(task: _Object) -> str | None:
    """The same of a task that has failed, of which other places speak, too."""
    said = first_text(
        task.get("fail_reason"),
        task.get("task_status_msg"),
        _complaint(task),
        task.get("message"),
    )
    return None if said is None else shown(said)


def _videos(task: _Object) -> list[dict[str, Any]]:
    """What is said of each video, by the gateway or by the service behind it."""
    inner = objects(within(task))
    for place in (task, objects(task.get("task_result")), inner, objects(inner.get("task_result"))):
        videos = place.get("videos")
        if isinstance(videos, list) and {*map(type, videos)} == {dict}:
            return videos
    return []


def _link(task: _Object) -> str:
    """The video's link, where the task itself has one."""
    inner = objects(within(task))
    places = [layer.get(name) for layer in (task, inner) for name in _LINK_NAMES]
    # Older versions put the link of a success where the reason of a failure goes.
    places.append(task.get("fail_reason"))
    return next((link for place in places if (link := _as_link(place))), "")


def _as_link(value: object) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = first_text(value.get("video_url"), value.get("url"))
    is_link = isinstance(value, str) and _LINK.match(value.strip())
    return str(value).strip() if is_link else ""


def _finished(job_id: str, task: _Object, items: list[dict[str, Any]]) -> tuple[Video, ...]:
    if len(items) > 1 and (linked := _linked(job_id, items)):
        return linked
    item = dict(items[0]) if items else {}
    # The link of the task is the one that the gateway gives to its customers.
    if link := _link(task):
        item["resultUrl"] = link
    return videos_of(job_id, [item])


def _linked(job_id: str, items: list[dict[str, Any]]) -> tuple[Video, ...]:
    return tuple(video for video in videos_of(job_id, items) if video.url)
