"""The gateway of the specification and its siblings: paths, headers, bodies, states.

``POST {base}/pika/generate`` and ``GET {base}/pika/feed/{task_id}``, as published for
https://api.yescale.io; the same API is served at other hosts, with or without a path in front.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote

from attrs import frozen

from pika_async._errors import DecodeError
from pika_async._http import HTTPRequest
from pika_async._media_types import SNIFF_LENGTH, media_type
from pika_async._models import Failed, JobState, Queued, Running, Succeeded, Unknown, Video
from pika_async._request import Camera, GenerationRequest, Pikaffect
from pika_async.dialects._answers import (
    NOT_JSON,
    decoded,
    excerpt,
    first_text,
    is_web_page,
    objects,
)
from pika_async.dialects._dialect import Accepted
from pika_async.dialects._gateway_errors import error_of, error_within_success
from pika_async.dialects._gateway_wire import (
    FeedVideo,
    Options,
    Parameters,
    SubmitBody,
    feed_video,
    left_over,
    merged,
    submit_body,
    submit_json,
)

if TYPE_CHECKING:
    from pika_async._http import Endpoint, HTTPResponse

_QUEUED: Final = frozenset({"queued"})
_RUNNING: Final = frozenset({"pending", "started", "processing", "running"})
_FINISHED: Final = frozenset({"finished", "completed", "succeeded", "success"})
_FAILED: Final = frozenset({"error", "failed", "failure", "cancelled", "canceled"})

# Texts observed in failures; the service has no codes for them.
_FAILURE_CODES: Final = (
    (re.compile(r"prompt not allowed|moderation", re.IGNORECASE), "moderation"),
    (re.compile(r"reached its generate limit", re.IGNORECASE), "quota"),
)

_Found: TypeAlias = tuple[FeedVideo, Mapping[str, Any]]


@frozen
class Gateway:
    """The dialect of ``https://api.yescale.io`` and of the gateways built like it."""

    @property
    def name(self) -> str:
        """``"gateway"``."""
        return "gateway"

    @property
    def default_base_url(self) -> str:
        """The gateway of the specification."""
        return "https://api.yescale.io"

    def encode_submit(
        self,
        endpoint: Endpoint,
        request: GenerationRequest,
        idempotency_key: str,
    ) -> HTTPRequest:
        """The create request."""
        return HTTPRequest(
            method="POST",
            url=f"{endpoint.base_url}/pika/generate",
            headers={**_headers(endpoint), "Content-Type": "application/json"},
            body=json.dumps(self.encode_request(request), separators=(",", ":")).encode("ascii"),
        )

    def encode_request(self, request: GenerationRequest) -> dict[str, Any]:
        """The JSON object that asks for ``request``, whose media are bytes or URLs."""
        body = SubmitBody(
            pikaffect=None if request.pikaffect is None else request.pikaffect.value,
            prompt_text=request.prompt,
            model=request.model,
            image=_media_url(request.image),
            video=_media_url(request.video),
            options=Options(
                aspect_ratio=request.aspect_ratio,
                frame_rate=request.frame_rate,
                camera=request.camera or Camera(),
                parameters=Parameters(
                    guidance_scale=request.guidance_scale,
                    motion=request.motion,
                    negative_prompt=request.negative_prompt,
                    seed=request.seed,
                ),
                extend=request.extend,
            ),
        )
        return merged(submit_json(body), request.extra)

    def decode_request(self, body: Mapping[str, Any]) -> GenerationRequest:
        """The request that a create's JSON object asks for; what is unknown goes to ``extra``.

        Raises:
            ValueError: A field has a value that is not allowed.
            cattrs.BaseValidationError: A field is missing or of another shape.
        """
        known = submit_body(body)
        parameters = known.options.parameters
        named = {effect.value for effect in Pikaffect}
        request = GenerationRequest(
            known.prompt_text,
            image=known.image,
            video=known.video,
            pikaffect=known.pikaffect if known.pikaffect in named else None,
            model=known.model,
            aspect_ratio=known.options.aspect_ratio,
            frame_rate=known.options.frame_rate or 24,
            camera=None if known.options.camera == Camera() else known.options.camera,
            guidance_scale=parameters.guidance_scale,
            motion=parameters.motion,
            negative_prompt=parameters.negative_prompt or "",
            seed=parameters.seed,
            extend=known.options.extend,
        )
        extra = left_over(body, self.encode_request(request))
        return GenerationRequest(**_fields(request), extra=extra)

    def decode_submit(self, response: HTTPResponse) -> Accepted:
        """The job id of an accepted create.

        Raises:
            APIError: The service refused, or failed.
            DecodeError: The answer is not the API's, or names no job.
        """
        if not _is_success(response):
            raise error_of(response)
        body = _json_object(response)
        job_id = _job_id(body)
        error = error_within_success(response, body, job_id=job_id)
        if error is not None:
            raise error
        if job_id is None:
            raise _unreadable(response, "the answer names no job id")
        return Accepted(job_id=job_id, raw=body)

    def encode_poll(self, endpoint: Endpoint, job_id: str) -> HTTPRequest:
        """The query request."""
        return HTTPRequest(
            method="GET",
            url=f"{endpoint.base_url}/pika/feed/{_path_segment(job_id)}",
            headers=_headers(endpoint),
        )

    def decode_poll(
        self,
        endpoint: Endpoint,
        job_id: str,
        response: HTTPResponse,
    ) -> JobState | None:
        """The state of a job; None for an answer with no videos in it.

        Raises:
            APIError: The service refused, failed, or does not know the job.
            DecodeError: The answer is not the API's.
        """
        if not _is_success(response):
            raise error_of(response)
        if not response.body.strip():
            return None
        body = _json_object(response)
        videos = body.get("videos")
        if videos:
            return _state(job_id, _found(response, videos), body)
        error = error_within_success(response, body)
        if error is not None:
            raise error
        return None


def _headers(endpoint: Endpoint) -> dict[str, str]:
    return {"Authorization": f"Bearer {endpoint.api_key}", "Accept": "application/json"}


def _path_segment(job_id: str) -> str:
    # quote() leaves dots alone, and "." and ".." would climb the path.
    return quote(job_id, safe="") if job_id.strip(".") else job_id.replace(".", "%2E")


def _media_url(media: object) -> str | None:
    if isinstance(media, bytes):
        # Prefix or bare base64 is not documented; a data URL says what it is.
        kind = media_type(media[:SNIFF_LENGTH])
        return f"data:{kind};base64,{base64.b64encode(media).decode('ascii')}"
    if media is None or isinstance(media, str):
        return media
    raise TypeError(f"read {media!r} before encoding the request")


def _fields(request: GenerationRequest) -> dict[str, Any]:
    return {
        attribute.name: getattr(request, attribute.name)
        for attribute in GenerationRequest.__attrs_attrs__
        if attribute.name != "extra"
    }


def _is_success(response: HTTPResponse) -> bool:
    return 200 <= response.status < 300


def _json_object(response: HTTPResponse) -> dict[str, Any]:
    if is_web_page(response):
        raise DecodeError(
            "the answer is a web page, not the API's: the base URL is wrong, or this gateway "
            "does not serve Pika; it should be such that {base_url}/pika/generate exists",
            status=response.status,
            body=excerpt(response.body),
        )
    body = decoded(response.body)
    if body is NOT_JSON:
        raise _unreadable(response, "the answer is not JSON")
    if not isinstance(body, dict):
        raise _unreadable(response, "the answer is no JSON object")
    return body


def _unreadable(response: HTTPResponse, problem: str) -> DecodeError:
    body = excerpt(response.body)
    return DecodeError(
        f"{problem} (HTTP {response.status}, body {body!r})",
        status=response.status,
        body=body,
        may_have_started=True,
    )


def _job_id(body: Mapping[str, Any]) -> str | None:
    # Where three services' answers keep it; request_id and batch_id name other things.
    data = objects(body.get("data"))
    return first_text(
        body.get("id"),
        data.get("task_id"),
        data.get("id"),
        body.get("task_id"),
        body.get("video_id"),
        body.get("data"),
        objects(data.get("job")).get("id"),
    )


def _found(response: HTTPResponse, videos: object) -> list[_Found]:
    if not isinstance(videos, list) or not all(isinstance(item, dict) for item in videos):
        raise _unreadable(response, "`videos` is no list of objects")
    return [(feed_video(item), item) for item in videos]


def _state(job_id: str, found: list[_Found], raw: dict[str, Any]) -> JobState:
    words = [video.status.strip().lower() for video, _ in found]
    waiting = [
        (word, video)
        for word, (video, _) in zip(words, found, strict=True)
        if word not in _FINISHED and word not in _FAILED
    ]
    if waiting:
        return _waiting_state([word for word, _ in waiting], [v for _, v in waiting], found, raw)
    finished = tuple(
        _video(job_id, *pair) for word, pair in zip(words, found, strict=True) if word in _FINISHED
    )
    if len(finished) == len(found):
        return Succeeded(videos=finished, raw=raw)
    reason = first_text(*(v.error for w, (v, _) in zip(words, found, strict=True) if w in _FAILED))
    word = next(word for word in words if word in _FAILED)
    return Failed(
        reason=reason or f"the service said {word!r} and gave no reason",
        code=_failure_code(reason or ""),
        videos=finished,
        raw=raw,
    )


def _waiting_state(
    words: list[str], videos: list[FeedVideo], found: list[_Found], raw: dict[str, Any]
) -> JobState:
    whole_job = len(videos) == len(found)
    if whole_job and all(word in _QUEUED for word in words):
        return Queued(raw=raw)
    if whole_job and all(word not in _QUEUED and word not in _RUNNING for word in words):
        return Unknown(status=videos[0].status, raw=raw)
    return Running(
        progress=min((v.progress for v in videos if v.progress is not None), default=None), raw=raw
    )


def _video(job_id: str, video: FeedVideo, raw: Mapping[str, Any]) -> Video:
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
