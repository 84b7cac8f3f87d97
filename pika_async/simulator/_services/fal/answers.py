"""Bodies of fal's answers, in every variant that is known. Pure: values in, bodies out."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from pika_async.simulator._links import as_name, link_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async.simulator._jobs import Look, SimulatedJob

VARIANTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "submit-bare": "the answer to a submit is the id and the addresses alone, without a status",
        "urls-missing": "no answer names an address",
        "urls-full-path": "addresses name the whole path of the endpoint, where nothing is",
        "urls-with-tail": "the address of the result ends in /response",
        "urls-elsewhere": "addresses lie at another origin",
        "status-202": "until a job is done polls are answered with 202",
        "back-in-queue": "the second answer past the queue says that the job is queued again",
        "unknown-status": "the first answer past the queue has a status nobody documented",
        "error-untold": "a job that failed is COMPLETED without a word of that",
        "result-early": "the first question for a result is answered: still in progress",
        "video-null-first": "the first result has null in place of the video",
        "result-nulls": "of the video only the link is told, the rest is null",
        "result-images": "the result is in `images`, as other apps have it",
        "big-headers": "a result has 12 KB of headers",
        "failed-text": "a failure is a text, and not a list of complaints",
        "failed-policy": "a failure is that the content was not allowed",
        "failed-infrastructure": "a failure is a 500 with an error_type",
        "cancel-202": "whoever cancels is answered with 202",
        "history-late": "the history has a job from the third look on",
        "history-twice": "the history has an equal job beside each",
        "history-without-payload": "the history does not tell what was asked for",
    }
)
"""Body variants of fal, beside those that every service has."""

NOT_FOUND: Final[Mapping[str, Any]] = {"status": "NOT_FOUND"}
EARLY: Final[Mapping[str, Any]] = {"detail": "Request is still in progress"}
_UNKNOWN: Final = "POST_PROCESSING"
_ADDRESSES: Final = ("response_url", "status_url", "cancel_url")


def addresses(job: SimulatedJob, origin: str, app: str, endpoint: str) -> dict[str, Any]:
    """Where status, result and cancel of a job are asked for, as the service tells it."""
    if "urls-missing" in job.variants:
        return {}
    origin = "https://queue.elsewhere.example" if "urls-elsewhere" in job.variants else origin
    path = endpoint if "urls-full-path" in job.variants else app
    url = f"{origin}/{path}/requests/{quote(job.id, safe='')}"
    tail = "/response" if "urls-with-tail" in job.variants else ""
    return dict(zip(_ADDRESSES, (f"{url}{tail}", f"{url}/status", f"{url}/cancel"), strict=True))


def created(job: SimulatedJob, where: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a submit that made `job`."""
    status = {} if "submit-bare" in job.variants else {"status": "IN_QUEUE", "queue_position": 0}
    return {**status, "request_id": job.told_id, **where}


def seen(job: SimulatedJob, look: Look, where: Mapping[str, Any], failure: Any) -> dict[str, Any]:
    """The answer to a poll of `job` that saw `look`; `failure`: the body of its failed result."""
    status = status_of(job, look)
    body: dict[str, Any] = {"status": status, "request_id": job.told_id, **where}
    if status == "IN_QUEUE":
        return {**body, "queue_position": max(3 - look.number, 0)}
    body["logs"] = None
    if status != "COMPLETED":
        return body
    body["metrics"] = {"inference_time": 70.5}
    if failure is not None and "error-untold" not in job.variants:
        body |= {
            "error": failure["detail"] if isinstance(failure["detail"], str) else "Invalid request",
            "error_type": failure.get("error_type", "bad_request"),
        }
    return body


def status_of(job: SimulatedJob, look: Look) -> str:
    """The word for all videos of a job."""
    words = {moment.status for moment in look.moments}
    if not words & {"queued", "pending"}:
        return "COMPLETED"
    if words == {"queued"}:
        return "IN_QUEUE"
    if "unknown-status" in job.variants and look.pending == 1:
        return _UNKNOWN
    if "back-in-queue" in job.variants and look.pending == 2:
        return "IN_QUEUE"
    return "IN_PROGRESS"


def failed(job: SimulatedJob) -> tuple[int, dict[str, Any]]:
    """Status and body of the result of a job that failed."""
    reason = job.reason or "The model gave no reason"
    if "failed-infrastructure" in job.variants:
        return 500, {"detail": reason, "error_type": "internal_error"}
    if "failed-text" in job.variants:
        return 422, {"detail": reason}
    policy = "failed-policy" in job.variants or job.is_moderated
    kind = "content_policy_violation" if policy else "no_media_generated"
    # What was sent comes back, images and all.
    item = {"loc": ["body", "prompt"], "msg": reason, "type": kind, "input": dict(job.body)}
    return 422, {"detail": [item]}


def result(job: SimulatedJob, media_origin: str) -> dict[str, Any]:
    """The result of a job that ended well."""
    made = range(job.videos - ("mixed-outcomes" in job.variants))
    files = [_file(job, index, media_origin) for index in made]
    if "result-images" in job.variants:
        return {"images": files, "seed": job.seed}
    return {"video": files[0]} if len(files) == 1 else {"videos": files}


def _file(job: SimulatedJob, index: int, media_origin: str) -> dict[str, Any]:
    name = f"{as_name(job.body.get('prompt', ''), 'output')}.mp4"
    told = "result-nulls" not in job.variants
    return {
        "url": link_to(job, index, name, media_origin, answer=job.polls),
        "content_type": "video/mp4" if told else None,
        "file_name": "output.mp4" if told else None,
        "file_size": None,
    }
