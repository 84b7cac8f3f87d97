"""The gateway of the specification and its siblings: paths, headers, bodies, states.

``POST {base}/pika/generate`` and ``GET {base}/pika/feed/{task_id}``, as published for
https://api.yescale.io; the same API is served at other hosts, with or without a path in front.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import attrs
from attrs import frozen

from pika_async._api_errors import DecodeError
from pika_async._http import API_HOST, HTTPRequest
from pika_async._json import compact
from pika_async._meaning import Started
from pika_async._quick import quick
from pika_async._request.camera import Camera
from pika_async._request.effects import Pikaffect, nearest_effect, unknown_effect
from pika_async._request.media import SNIFF_LENGTH, media_type
from pika_async._request.request import GenerationRequest
from pika_async._states import Failed, Queued
from pika_async.dialects._answers import (
    NOT_JSON,
    as_id,
    decoded,
    excerpt,
    is_success,
    is_web_page,
    kept,
    objects,
    unread,
)
from pika_async.dialects._extra import merged
from pika_async.dialects._fields import check_taken
from pika_async.dialects._links import with_whole_links
from pika_async.dialects._seam import Accepted, Handle
from pika_async.dialects._words import KINDS, spelt
from pika_async.dialects.gateway.errors import error_of, error_within_success
from pika_async.dialects.gateway.requests import (
    left_over,
    submit_body,
    submit_json,
)
from pika_async.dialects.gateway.states import state_of
from pika_async.dialects.gateway.tasks import task_state, tells_nothing, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._http import Endpoint, HTTPResponse
    from pika_async._states import JobState
from pika_async.dialects._seam import Conversation

_accepted: Final = quick(Accepted)
_handle: Final = quick(Handle)
_http_request: Final = quick(HTTPRequest)
_queued: Final = quick(Queued)

_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]+").fullmatch


@frozen
class Gateway:
    """The dialect of ``https://api.yescale.io`` and of the gateways built like it."""

    @property
    def name(self) -> str:
        """``"gateway"``."""
        return "gateway"

    @property
    def hosts(self) -> Mapping[str, str]:
        """The gateway of the specification, which is one host."""
        return _HOSTS

    @property
    def key_variables(self) -> tuple[tuple[str, ...], ...]:
        """``PIKA_API_KEY``."""
        return (("PIKA_API_KEY",),)

    @property
    def repeatable(self) -> bool:
        """False: it knows no idempotency keys."""
        return False

    def check(self, request: GenerationRequest) -> None:
        """Refuse what the gateway's body cannot say.

        Raises:
            FieldError: Names the field, the value and what is allowed.
        """
        check_taken(request, _TAKEN, "the gateway")
        effect = request.pikaffect
        if effect is not None and effect not in EFFECTS:
            near = nearest_effect(effect)
            raise unknown_effect(effect, EFFECTS, nearest=near if near in EFFECTS else None)

    def encode_submit(
        self,
        endpoint: Endpoint,
        request: GenerationRequest,
        key: str,
    ) -> HTTPRequest:
        """The create request."""
        return _http_request(
            method="POST",
            url=f"{endpoint.base_url}/pika/generate",
            headers={
                "Authorization": _authorization(endpoint),
                "Content-Type": "application/json",
            },
            body=compact(self.encode_request(request)).encode("ascii"),
        )

    def encode_request(self, request: GenerationRequest) -> dict[str, Any]:
        """The JSON object that asks for ``request``, whose media are bytes or URLs."""
        body = submit_json(
            request,
            model=request.model or _MODEL,
            frame_rate=_FRAME_RATE if request.frame_rate is None else request.frame_rate,
            image=_media_url(request.image),
            video=_media_url(request.video),
        )
        return merged(body, request.extra) if request.extra else body

    def decode_request(self, body: Mapping[str, Any]) -> GenerationRequest:
        """The request that a create's JSON object asks for; what is unknown goes to ``extra``.

        Raises:
            ValueError: A field has a value that is not allowed.
            cattrs.BaseValidationError: A field is missing or of another shape.
        """
        known = submit_body(body)
        parameters = known.options.parameters
        request = GenerationRequest(
            known.prompt_text,
            image=known.image,
            video=known.video,
            pikaffect=known.pikaffect if known.pikaffect in EFFECTS else None,
            model=None if known.model == _MODEL else known.model,
            aspect_ratio=known.options.aspect_ratio,
            frame_rate=(
                None if known.options.frame_rate == _FRAME_RATE else known.options.frame_rate
            ),
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
        """The job of an accepted create: queued, or one that failed at once.

        Raises:
            APIError: The service refused, or failed.
            DecodeError: The answer is not the API's, or names no job.
        """
        if not is_success(response):
            failed = _failed_at_once(response, objects(decoded(response.body)))
            if failed is not None:
                return failed
            raise error_of(response)
        body = _json_object(response)
        # Almost every answer names the job, and says nothing of how it stands.
        failed = None if _STANDS.isdisjoint(body) else _failed_at_once(response, body)
        if failed is not None:
            return failed
        job_id = _job_id(body)
        error = error_within_success(response, body, job_id=job_id)
        if error is not None:
            raise error
        if job_id is None:
            raise _unreadable(response, "the answer names no job id")
        raw = kept(body, response.body)
        state = unread(_queued(raw=raw), response.body)
        return _accepted(handle=_handle(job_id), state=state, raw=raw)

    def poll(self, endpoint: Endpoint, handle: Handle) -> Conversation[JobState | None]:
        """One query: the state of a job; None for an answer that tells nothing at all.

        Raises:
            APIError: The service refused, failed, or does not know the job.
            DecodeError: The answer is not the API's, or does not say how the job stands.
        """
        response = yield _http_request(
            method="GET",
            url=f"{endpoint.base_url}/pika/feed/{_path_segment(handle.job_id)}",
            headers={"Authorization": _authorization(endpoint)},
        )
        return with_whole_links(_state(handle.job_id, response), endpoint.base_url)


_MODEL: Final = "1.5"
_FRAME_RATE: Final = 24
EFFECTS: Final = (
    Pikaffect.TA_DA,
    Pikaffect.DEFLATE,
    Pikaffect.CRUMBLE,
    Pikaffect.DISSOLVE,
    Pikaffect.SQUISH,
    Pikaffect.INFLATE,
    Pikaffect.MELT,
    Pikaffect.CRUSH,
    Pikaffect.CAKE_IFY,
    Pikaffect.EXPLODE,
    Pikaffect.LEVITATE,
    Pikaffect.DECAPITATE,
    Pikaffect.EYE_POP,
    Pikaffect.PEEL,
    Pikaffect.POKE,
    Pikaffect.TEAR,
)
"""Those of the specification and of its siblings, and those that Pika itself had with them."""

_TAKEN: Final = frozenset(
    {
        *("image", "video", "pikaffect", "aspect_ratio", "frame_rate", "camera"),
        *("guidance_scale", "motion", "negative_prompt", "seed", "extend"),
    }
)

_HOSTS: Final = {API_HOST: "https://api.yescale.io"}

# Words that a refusal may say of what it refuses: a key has expired, a request was rejected.
_OF_REFUSALS: Final = KINDS - {"canceled", "cancelled"}
# Where an answer says how a job stands, unless it is in `videos`.
_STANDS: Final = frozenset({"status", "task_status", "data"})


def _state(job_id: str, response: HTTPResponse) -> JobState | None:
    if not is_success(response):
        refusal = objects(decoded(response.body))
        state = task_state(job_id, refusal, kept(refusal, response.body), is_error=True)
        if isinstance(state, Failed):
            return state
        raise error_of(response)
    # Almost every answer is an object; nothing else need be looked at twice.
    if not response.body.startswith(b"{") and response.body.strip() in (b"", b"null"):
        return None
    body = _json_object(response)
    raw = kept(body, response.body)
    videos = body.get("videos")
    if videos:
        if not isinstance(videos, list) or {*map(type, videos)} != {dict}:
            raise _unreadable(response, "`videos` is no list of objects")
        return unread(state_of(job_id, videos, raw), response.body)
    error = error_within_success(response, body)
    state = task_state(job_id, body, raw, is_error=error is not None)
    if state is not None:
        return unread(state, response.body)
    if error is not None:
        raise error
    if tells_nothing(body):
        return None
    raise _unreadable(response, "the answer does not say how the job stands")


def _failed_at_once(response: HTTPResponse, body: Mapping[str, Any]) -> Accepted | None:
    """The job of a submit that is answered, under any status, with a job that failed."""
    job_id = _job_id(body)
    if job_id is None:
        return None
    raw = kept(body, response.body)
    state = task_state(job_id, body, raw, is_error=not is_success(response))
    if not isinstance(state, Failed):
        return None
    if not is_success(response) and spelt(state.code or "") in _OF_REFUSALS:
        # Of a key or a request, whose id it then is.
        return None
    return Accepted(handle=Handle(job_id), state=state, raw=state.raw)


def _authorization(endpoint: Endpoint) -> str:
    return f"Bearer {endpoint.api_key}"


def _path_segment(job_id: str) -> str:
    if _PLAIN_ID(job_id):
        return job_id
    # quote() leaves dots alone, and "." and ".." would climb the path.
    if not job_id.strip("."):
        return job_id.replace(".", "%2E")
    # Whatever the service calls a job can be asked for, even half a surrogate pair.
    return quote(job_id, safe="", errors="surrogatepass")


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
        for attribute in attrs.fields(GenerationRequest)
        if attribute.name != "extra"
    }


def _json_object(response: HTTPResponse) -> dict[str, Any]:
    body = decoded(response.body)
    if isinstance(body, dict):
        return body
    if is_web_page(response):
        raise DecodeError(
            "the answer is a web page, not the API's: the base URL is wrong, or this gateway "
            "does not serve Pika; it should be such that {base_url}/pika/generate exists",
            status=response.status,
            body=excerpt(response.body),
        )
    problem = "is not JSON" if body is NOT_JSON else "is no JSON object"
    raise _unreadable(response, f"the answer {problem}")


def _unreadable(response: HTTPResponse, problem: str) -> DecodeError:
    body = excerpt(response.body)
    return DecodeError(
        f"{problem} (HTTP {response.status}, body {body!r})",
        status=response.status,
        body=body,
        started=Started.MAYBE,
    )


def _job_id(body: Mapping[str, Any]) -> str | None:
    first = body.get("id")
    if isinstance(first, str) and (job_id := as_id(first)) is not None:
        return job_id
    # Where three services' answers keep it; request_id and batch_id name other things.
    inside = within(body)
    data = objects(inside)
    places = (
        body.get("id"),
        data.get("task_id"),
        data.get("id"),
        body.get("task_id"),
        body.get("video_id"),
        inside,
        objects(data.get("job")).get("id"),
    )
    # Where there is a text too, a number is the row of a table, and not what jobs are asked by.
    texts = [as_id(place) for place in places if isinstance(place, str)]
    numbers = [as_id(place) for place in places if not isinstance(place, str)]
    return next((job_id for job_id in (*texts, *numbers) if job_id is not None), None)
