"""Bodies of the API's answers, in every variant that has been seen. Pure: values in, bytes out."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pika_async.simulator import _media
from pika_async.simulator._links import as_name, link_to
from pika_async.simulator._services.gateway import requests, tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pika_async.simulator._jobs import Look, Moment, SimulatedJob

LATE_LINKS: Final = 2
"""How many answers say "finished" without a link under the variant `link-late`."""

VARIANTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "create-bare-id": "the answer to a submit is the id alone",
        "create-leftovers": "request_id, batch_id and other services' fields stand before the id",
        "id-in-data-task-id": "the id is data.task_id",
        "id-in-data-id": "the id is data.id",
        "id-in-task-id": "the id is task_id",
        "id-in-video-id": "the id is video_id",
        "id-is-data": "the id is data itself",
        "id-in-data-job-id": "the id is data.job.id",
        "sparse-pending": "until it ends a video is only id, status and progress",
        "sparse-finished": "a finished video is only status and resultUrl",
        "videos-empty-first": "the first answer of a job has an empty list of videos",
        "videos-missing-first": "the first answer of a job has no videos at all",
        "leftovers": "other services' fields stand beside the videos",
        "big-seeds": "seeds that need more than 53 bits",
        "progress-missing": "no video reports progress",
        "progress-wanders": "progress goes up and down",
        "link-late": f"the first {LATE_LINKS} answers that say finished have no links yet",
        "unknown-status": "the first answer past the queue has a status nobody documented",
        "sibling-words": "statuses in the words of sibling services: processing, succeeded, failed",
        "reason-empty": "a failed video gives no reason",
        "echo": "the request, images and all, stands beside the id and beside the videos",
        **tasks.VARIANTS,
    }
)
"""Body variants of the gateway, beside those that every service has."""

REQUEST_ID: Final = "{request_id}"
"""Replaced by the id of the request when an error is sent."""

# Made once: json.dumps with these arguments makes an encoder for each call.
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_UNKNOWN_STATUS = "upscaling"
_SIBLING_WORDS: Mapping[str, tuple[str, ...]] = {
    "queued": ("queued",),
    "pending": ("processing", "running", "started"),
    "finished": ("succeeded", "completed", "success"),
    "error": ("failed", "failure", "cancelled", "canceled"),
}
_MESSAGE = "YEScale - Pika Video Generation - Submit"
_CREATED: Mapping[str, Callable[[str | int], dict[str, Any]]] = {
    "create-bare-id": lambda job_id: {"id": job_id},
    "id-in-data-task-id": lambda job_id: {
        "code": 0,
        "data": {"task_id": job_id},
        "message": "success",
    },
    "id-in-data-id": lambda job_id: {"code": 200, "data": {"id": job_id, "status": "queued"}},
    "id-in-task-id": lambda job_id: {"task_id": job_id, "message": _MESSAGE},
    "id-in-video-id": lambda job_id: {"video_id": job_id, "message": _MESSAGE},
    "id-is-data": lambda job_id: {"code": "success", "message": "", "data": job_id},
    "id-in-data-job-id": lambda job_id: {"success": True, "data": {"job": {"id": job_id}}},
}
_CREATE_LEFTOVERS: Mapping[str, Any] = {
    "request_id": "not-the-job-request",
    "batch_id": "not-the-job-batch",
    "created_at": "2025-05-23T10:30:45Z",
    "estimate_wait_seconds": None,
    "queue_state": None,
    "state": "pending",
    "liked": None,
    "thumbnail": None,
    "code": 0,
}
_FEED_LEFTOVERS: Mapping[str, Any] = {
    "message": "YEScale - Pika Video Generation - Feed",
    "artifact": None,
    "created_at": "2025-05-23T10:30:45Z",
    "last_frame": None,
    "thumbnail": "",
    "video_raw": None,
    "state": "completed",
    "status": "",
}
_NO_LINKS = {"resultUrl": "", "sharingUrl": "", "videoPoster": "", "imageThumb": ""}


def encode(body: Mapping[str, Any] | list[Any], request_id: str = "") -> bytes:
    """The body as JSON, with the id of the request where a message mentions it."""
    text = _to_json(body)
    return text.replace(REQUEST_ID, request_id).encode() if request_id else text.encode()


def openai_error(
    message: str, kind: str = "invalid_request_error", code: str | None = None
) -> dict[str, Any]:
    """An error in the shape that OpenAI made common."""
    text = f"{message} (request id: {REQUEST_ID})"
    return {"error": {"message": text, "type": kind, "param": "", "code": code}}


def new_api_error(message: str, kind: str = "new_api_error") -> dict[str, Any]:
    """An error of the gateway software itself: no code."""
    return {"error": {"message": f"{message} (request id: {REQUEST_ID})", "type": kind}}


def task_error(code: str, message: str) -> dict[str, Any]:
    """An error of the gateway's task part."""
    return {"code": code, "message": message, "data": None}


def created(job: SimulatedJob) -> bytes:
    """The answer to a submit that made `job`."""
    shape = (
        next((name for name in _CREATED if name in job.variants), None) if job.variants else None
    )
    told = job.told_id
    body = _CREATED[shape](told) if shape else {"id": told, "message": _MESSAGE}
    if "create-leftovers" in job.variants:
        body = {**_CREATE_LEFTOVERS, **body}
    return encode(body | _echo(job))


def _echo(job: SimulatedJob) -> dict[str, Any]:
    return {"input": job.body} if "echo" in job.variants else {}


def feed(job: SimulatedJob, look: Look, media_url: str) -> bytes:
    """The answer to a poll of `job` that saw `look`."""
    body: dict[str, Any] = {"id": job.told_id, "promptText": job.body.get("promptText", "")}
    body |= _echo(job)
    if "leftovers" in job.variants:
        body |= _FEED_LEFTOVERS
    missing = look.number == 1 and "videos-missing-first" in job.variants
    empty = look.number == 1 and "videos-empty-first" in job.variants
    if not missing:
        body["videos"] = (
            [] if empty else [_video(job, look, index, media_url) for index in range(job.videos)]
        )
    variant = tasks.variant_of(job, look) if job.variants else None
    if variant is not None:
        body = tasks.answer(job, look, body, variant=variant, unknown=_UNKNOWN_STATUS)
    return encode(body)


def _video(job: SimulatedJob, look: Look, index: int, media_url: str) -> dict[str, Any]:
    moment = look.moments[index]
    status = _status(job, look, moment)
    late = "link-late" in job.variants and look.ended <= LATE_LINKS
    linked = moment.status == "finished" and status != _UNKNOWN_STATUS and not late
    links = _links(job, look, index, media_url) if linked else _NO_LINKS
    if "sparse-finished" in job.variants and linked:
        return {"status": status, "resultUrl": links["resultUrl"]}
    video: dict[str, Any] = {
        "id": job.told_id if job.videos == 1 else f"{job.id}-{index}",
        "status": status,
    }
    if "progress-missing" not in job.variants:
        video["progress"] = _progress(job, look, moment)
    if "sparse-pending" in job.variants and moment.status in ("queued", "pending"):
        return video
    failed = moment.status == "error" and "reason-empty" not in job.variants
    video |= {
        "seed": seed_of(job, index),
        "duration": _media.SECONDS,
        "error": (job.reason or _default_reason(job)) if failed else "",
    }
    return video | links


def _default_reason(job: SimulatedJob) -> str:
    # A job that was told to fail with "" gives no reason; one of a mixed pair has one.
    return "" if job.outcome == "error" else "this video failed"


def _status(job: SimulatedJob, look: Look, moment: Moment) -> str:
    if "unknown-status" in job.variants and look.pending == 1 and moment.status != "queued":
        return _UNKNOWN_STATUS
    if "sibling-words" in job.variants:
        words = _SIBLING_WORDS[moment.status]
        return words[job.number % len(words)]
    return moment.status


def _progress(job: SimulatedJob, look: Look, moment: Moment) -> int:
    if "progress-wanders" in job.variants and moment.status == "pending":
        # By turns too high and too low.
        return (100 + moment.progress) // 2 if look.pending % 2 else moment.progress // 2
    return moment.progress


def seed_of(job: SimulatedJob, index: int) -> int:
    """The seed of a job's video number `index`, counted from 0: as asked for, or drawn."""
    asked = requests.seed(job.body)
    seed = (job.seed if asked is None else asked) + index
    return seed + 2**63 if "big-seeds" in job.variants else seed


def _links(job: SimulatedJob, look: Look, index: int, media_url: str) -> dict[str, str]:
    video = f"{as_name(job.body.get('promptText', ''))}_seed{seed_of(job, index)}"
    names = {
        "resultUrl": f"{video}.mp4",
        "sharingUrl": f"{video}_share.mp4",
        "videoPoster": "poster.jpg",
        "imageThumb": "thumbnail.jpg",
    }
    return {
        field: link_to(job, index, name, media_url, answer=look.number)
        for field, name in names.items()
    }
