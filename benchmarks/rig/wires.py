"""How the services whose clients are compared answer: the shape of each, no more than is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

_PROMPT = "a red panda surfing"


@frozen
class Wire:
    """What is answered to a submit (job, URL of the server) and to a poll (job, polls, ended)."""

    submitted: Callable[[str, str], Any]
    polled: Callable[[str, int, bool], Any]
    result: Callable[[str], Any] | None = None
    """What the job itself shows, where polls go to ``.../status``."""


def _gateway_submitted(job_id: str, _url: str) -> Any:
    return {"id": job_id, "message": "Pika Video Generation - Submit"}


def _gateway_polled(job_id: str, polls: int, ended: bool) -> Any:
    video: dict[str, Any] = {"id": job_id, "status": "pending", "progress": min(99, 10 * polls)}
    if ended:
        media = f"http://127.0.0.1/{job_id}"
        video |= {
            "status": "finished",
            "progress": 100,
            "seed": 3183047765,
            "duration": 5,
            "error": "",
            "resultUrl": f"{media}.mp4",
            "sharingUrl": f"{media}_share.mp4",
            "videoPoster": f"{media}.jpg",
            "imageThumb": f"{media}_thumb.jpg",
        }
    return {"id": job_id, "promptText": "a red panda", "videos": [video]}


def _fal_submitted(job_id: str, url: str) -> Any:
    request = f"{url}/fal-ai/pika/requests/{job_id}"
    return {
        "status": "IN_QUEUE",
        "request_id": job_id,
        "response_url": request,
        "status_url": f"{request}/status",
        "cancel_url": f"{request}/cancel",
        "queue_position": 0,
    }


def _fal_polled(job_id: str, _polls: int, ended: bool) -> Any:
    status: dict[str, Any] = {"status": "IN_PROGRESS", "request_id": job_id, "logs": None}
    if ended:
        status |= {"status": "COMPLETED", "metrics": {"inference_time": 12.5}}
    return status


def _fal_result(job_id: str) -> Any:
    video = {"url": f"http://127.0.0.1/{job_id}.mp4", "content_type": "video/mp4"}
    return {"video": video, "seed": 3183047765}


def _openai_polled(job_id: str, polls: int, ended: bool) -> Any:
    return {
        "id": job_id,
        "object": "video",
        "model": "sora-2",
        "status": "completed" if ended else "in_progress",
        "progress": 100 if ended else min(99, 10 * polls),
        "created_at": 1758941485,
        "completed_at": 1758941585 if ended else None,
        "expires_at": None,
        "error": None,
        "prompt": _PROMPT,
        "remixed_from_video_id": None,
        "seconds": "4",
        "size": "720x1280",
    }


def _runway_submitted(job_id: str, _url: str) -> Any:
    return {"id": job_id, "estimatedCost": {"credits": 25}}


def _runway_polled(job_id: str, polls: int, ended: bool) -> Any:
    task: dict[str, Any] = {"id": job_id, "createdAt": "2026-01-31T12:00:00.000Z"}
    if ended:
        media = f"http://127.0.0.1/{job_id}.mp4"
        return task | {"status": "SUCCEEDED", "output": [media], "cost": {"credits": 25}}
    progress = min(0.99, 0.1 * polls)
    return task | {"status": "RUNNING", "progress": progress, "estimatedCost": {"credits": 25}}


WIRES = {
    "gateway": Wire(_gateway_submitted, _gateway_polled),
    "fal": Wire(_fal_submitted, _fal_polled, _fal_result),
    "openai": Wire(lambda job_id, _: _openai_polled(job_id, 0, False), _openai_polled),
    "runway": Wire(_runway_submitted, _runway_polled),
}
