"""The newer wrapping of the gateway software: a job as a task of its table. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async.simulator._jobs import Look, SimulatedJob, Status

VARIANTS: Final[Mapping[str, str]] = {
    "task": "polls are answered with a task in data: SUBMITTED, IN_PROGRESS, SUCCESS, result_url",
    "task-later": "the same from the second answer of a job on: the gateway was renewed meanwhile",
    "task-bare": "polls are answered with the task alone, without a wrapping",
    "task-with-feed": "the link is only in the videos that stand in the data of the task",
    "task-with-link-as-reason": "the link of a success is in fail_reason, as older tasks have it",
}
"""Variants of which a job follows one at most; the first that stands here counts."""

_WORDS: Final[Mapping[Status, tuple[str, ...]]] = {
    "queued": ("NOT_START", "SUBMITTED", "QUEUED"),
    "pending": ("IN_PROGRESS",),
    "finished": ("SUCCESS",),
    "error": ("FAILURE",),
}


def variant_of(job: SimulatedJob, look: Look) -> str | None:
    """The variant that this answer follows; None: it is no task."""
    named = next((name for name in VARIANTS if name in job.variants), None)
    return None if named == "task-later" and look.number == 1 else named


def answer(
    job: SimulatedJob, look: Look, feed: Mapping[str, Any], *, variant: str, unknown: str
) -> dict[str, Any]:
    """The answer to a poll that saw `look`.

    Args:
        job: The job.
        look: What the poll sees.
        feed: The answer as it would be without a task; it may lack videos.
        variant: One of `VARIANTS`.
        unknown: The status that nobody documented, as the feed spells it.
    """
    videos = feed.get("videos", [])
    status = _together(look)
    word = _WORDS[status][(look.number - 1) % len(_WORDS[status])]
    if any(video["status"] == unknown for video in videos):
        word, status = unknown.upper(), "pending"
    links = [video["resultUrl"] for video in videos if video.get("resultUrl")]
    reasons = [video["error"] for video in videos if video.get("error")]
    link = links[0] if links and status == "finished" else ""
    task: dict[str, Any] = {
        "id": job.number + 1,
        "task_id": feed["id"],
        "platform": "pika",
        "status": word,
        "fail_reason": reasons[0] if reasons and status == "error" else "",
        "result_url": link,
        "progress": f"{min(moment.progress for moment in look.moments)}%",
        "submit_time": math.floor(job.submitted_at),
        "properties": {"input": feed.get("input", "")},
        "data": feed,
    }
    if variant == "task-with-feed":
        task["result_url"] = ""
    else:
        # With both links, a test could not tell which one was read.
        task["data"] = None
    if variant == "task-with-link-as-reason" and link:
        task |= {"fail_reason": link, "result_url": ""}
    return task if variant == "task-bare" else {"code": "success", "message": "", "data": task}


def _together(look: Look) -> Status:
    """One word for all videos of a job."""
    words = {moment.status for moment in look.moments}
    if words & {"queued", "pending"}:
        return "queued" if words == {"queued"} else "pending"
    return "error" if "error" in words else "finished"
