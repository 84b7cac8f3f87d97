"""Pika's own API, https://api.dev.pika.art: paths, headers, bodies, states.

It is an aggregator: besides Pika's own models those of other vendors answer with the same job
document, so that a full path in ``model`` reaches them too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import attrs
from attrs import frozen

from pika_async._http import API_HOST, HTTPRequest
from pika_async._json import compact
from pika_async._money import Money
from pika_async._states import Failed, Queued, Running, Succeeded
from pika_async.dialects._answers import as_id, decoded, is_success, kept, objects, unread
from pika_async.dialects._links import is_whole, with_whole_links
from pika_async.dialects._seam import Accepted, Conversation, Handle
from pika_async.dialects._words import ENDS_BADLY
from pika_async.dialects.pika import models, platform
from pika_async.dialects.pika.errors import error_of, message_of, unreadable
from pika_async.dialects.pika.states import (
    KNOWN,
    charge_of,
    explained,
    file_link,
    is_pending,
    state_of,
    with_link,
    word_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._http import Endpoint, HTTPResponse
    from pika_async._request.media import MediaKind
    from pika_async._request.request import GenerationRequest
    from pika_async._states import JobState

_HOSTS: Final = {API_HOST: "https://api.dev.pika.art"}
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]+").fullmatch
# What its names for jobs begin with; an id in a refusal may be of the request.
_JOB: Final = "media_"
# The service has the link not yet, or not at this address.
_NO_CONTENT_YET: Final = (400, 404, 409, 425)


@frozen
class Pika:
    """The dialect of Pika's own API.

    - ``model`` is None, ``"2.5"``, or the full path of any model that the service offers:
      ``"vendor/model/function"``. A full path goes through unchecked. Its body holds the prompt as
      ``prompt``, media as ``image``, ``video``, ``images`` (the keyframes) and
      ``modify_region_mask``, the other fields that are given as ``negative_prompt``, ``seed``,
      ``resolution``, ``duration_s``, ``transition_duration_s``, ``modify_region_roi`` and
      ``pikaffect``, and ``extra`` last. Fields without such a name are refused.
    - A video with neither an image nor a region is an addition that is told in words.
    - With an effect on an image the prompt goes into ``prompt_override``. For an effect on a video
      the service takes no words at all. A prompt that says anything but the name of the effect is
      refused there: it would be paid for and ignored.
    - A model of another vendor may make an image or a sound. Its link stands in ``videos``, as the
      link to what was paid for.
    - A submit that is sent again with its key and body names the first job, so that no submit is
      uncertain as long as the service comes back within the outage budget.
    """

    @property
    def name(self) -> str:
        """``"pika"``."""
        return "pika"

    @property
    def hosts(self) -> Mapping[str, str]:
        """One host, for jobs, prices and the account alike."""
        return _HOSTS

    @property
    def key_variables(self) -> tuple[tuple[str, ...], ...]:
        """``PIKA_API_KEY``."""
        return (("PIKA_API_KEY",),)

    @property
    def repeatable(self) -> bool:
        """True: it knows idempotency keys."""
        return True

    @property
    def most_bytes(self) -> Mapping[MediaKind, int]:
        """20 MB for an image, 50 MB for a video."""
        return models.MOST_BYTES

    def check(self, request: GenerationRequest) -> None:
        """Refuse what the model that the request asks for has no place for.

        Raises:
            FieldError: Names the field, the value and what is allowed.
        """
        models.check(request)

    def encode_submit(
        self, endpoint: Endpoint, request: GenerationRequest, key: str
    ) -> HTTPRequest:
        """The request that starts a job."""
        return HTTPRequest(
            method="POST",
            url=f"{endpoint.base_url}/v1/media/{models.as_path(models.api_id(request))}",
            headers={
                **platform.key_header(endpoint),
                "Content-Type": "application/json",
                "Idempotency-Key": key,
            },
            body=compact(models.body_of(request)).encode("ascii"),
        )

    def decode_submit(self, response: HTTPResponse) -> Accepted:
        """The job that the answer names, in whatever state it is by now.

        The body is read before the status: a job that was refused, for want of money for example,
        has a document too, which says that it failed.

        Raises:
            APIError: The service refused, or failed, and names no job.
            DecodeError: The answer is not the API's, or names no job.
        """
        body = objects(decoded(response.body))
        job_id = as_id(body.get("id"))
        success = is_success(response)
        if job_id is None or not (success or word_of(body) in KNOWN):
            if success:
                raise unreadable(response, "the answer names no job")
            is_job = job_id is not None and job_id.startswith(_JOB)
            raise error_of(response, job_id=job_id if is_job else None)
        raw = kept(body, response.body)
        state = unread(_at_submit(job_id, body, raw, success=success), response.body)
        return Accepted(handle=Handle(job_id), state=state, raw=raw)

    def poll(self, endpoint: Endpoint, handle: Handle) -> Conversation[JobState | None]:
        """One look at a job: its document, and its link apart where the document has none.

        Raises:
            APIError: The service refused, failed, or does not know the job.
            DecodeError: The answer is not the API's, or not this job's document.
        """
        job_id = handle.job_id
        address = f"{endpoint.base_url}/v1/media/jobs/{_path_segment(job_id)}"
        headers = platform.key_header(endpoint)
        response = yield HTTPRequest(method="GET", url=address, headers=headers)
        state = _state(job_id, response)
        has_link = isinstance(state, Succeeded) and any(is_whole(v.url) for v in state.videos)
        if has_link or not isinstance(state, Succeeded):
            return with_whole_links(state, endpoint.base_url)
        # Asked for also where there is a path, which may be one at which the key is wanted.
        content = yield HTTPRequest(method="GET", url=f"{address}/content", headers=headers)
        if is_success(content):
            url = file_link(objects(decoded(content.body)).get("url"))
            state = with_link(state, url) if url else state
        elif content.status not in _NO_CONTENT_YET:
            raise error_of(content)
        return with_whole_links(explained(state), endpoint.base_url)

    def upload(self, endpoint: Endpoint, content: bytes, media_type: str) -> Conversation[str]:
        """Bring bytes to the address that the service gives; see :func:`platform.upload`."""
        return platform.upload(endpoint, content, media_type)

    def quote(self, endpoint: Endpoint, request: GenerationRequest) -> Conversation[Money | None]:
        """The exact list price; None where the catalogue does not have it."""
        return platform.quote_of(endpoint, request)

    def balance(self, endpoint: Endpoint) -> Conversation[Money | None]:
        """What is left in the account."""
        return platform.balance(endpoint)

    def charge(self, endpoint: Endpoint, handle: Handle) -> Conversation[Money | None]:
        """What an ended job cost; None until that is settled.

        Raises:
            APIError: The service refused, failed, or does not know the job.
        """
        response = yield HTTPRequest(
            method="GET",
            url=f"{endpoint.base_url}/v1/media/jobs/{_path_segment(handle.job_id)}",
            headers=platform.key_header(endpoint),
        )
        body = objects(decoded(response.body))
        if is_success(response) or _is_of(handle.job_id, body):
            return charge_of(body)
        raise error_of(response)


def _at_submit(
    job_id: str, body: Mapping[str, Any], raw: Mapping[str, Any], *, success: bool
) -> JobState:
    if not word_of(body):
        return Queued(raw=raw)
    state = state_of(job_id, body, raw, at_the_door=True)
    if isinstance(state, Succeeded) and not all(is_whole(video.url) for video in state.videos):
        # A repeated key may name a job that is done. Its link is for a poll to find.
        return Running(progress=100, raw=raw)
    if success or not isinstance(state, Failed) or state.charge is not None or is_pending(body):
        return state
    # Refused at the door, and so it cost nothing.
    return attrs.evolve(state, charge=Money(0))


def _state(job_id: str, response: HTTPResponse) -> JobState | None:
    answer = decoded(response.body)
    body = objects(answer)
    if not is_success(response):
        if _is_of(job_id, body) and (word_of(body) in KNOWN or word_of(body) in ENDS_BADLY):
            return state_of(job_id, body, kept(body, response.body))
        raise error_of(response)
    if response.body.strip() in (b"", b"null"):
        return None
    if not isinstance(answer, dict):
        raise unreadable(response, "the answer is no JSON object")
    if body.get("id") is not None and not _is_of(job_id, body):
        raise unreadable(response, "the answer is of another job")
    if not word_of(body):
        said = message_of(body)
        problem = f"the answer says {said!r} and" if said else "the answer"
        raise unreadable(response, f"{problem} does not say how the job stands")
    state = state_of(job_id, body, kept(body, response.body))
    return unread(state, response.body)


def _is_of(job_id: str, body: Mapping[str, Any]) -> bool:
    return as_id(body.get("id")) == job_id


def _path_segment(job_id: str) -> str:
    if _PLAIN_ID(job_id):
        return job_id
    # quote() leaves dots alone, and "." and ".." would climb the path.
    if not job_id.strip("."):
        return job_id.replace(".", "%2E")
    # Whatever the service calls a job can be asked for, even half a surrogate pair.
    return quote(job_id, safe="", errors="surrogatepass")
