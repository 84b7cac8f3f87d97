"""The seam: what every dialect answers, and nothing of how a service spells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from pika_async._http import Endpoint, HTTPRequest, HTTPResponse
    from pika_async._request.request import GenerationRequest
    from pika_async._states import JobState


@frozen(kw_only=True)
class Accepted:
    """A submit that the service took.

    Attributes:
        job_id: What polls and re-attachment name the job by. Opaque: a dialect that polls a URL
            it was given may use that URL.
        raw: The decoded answer.
    """

    job_id: str
    raw: Mapping[str, Any]


class Dialect(Protocol):
    """One service's paths, headers, bodies, statuses and error shapes; pure.

    A request may only go to the endpoint's own origin: the caller checks, since requests carry
    the key. Errors are raised as ``APIError`` or ``DecodeError`` with ``started`` set to
    what the service's facts say.
    """

    @property
    def name(self) -> str:
        """A word for messages."""
        ...

    @property
    def default_base_url(self) -> str:
        """Where the service is unless the user says otherwise."""
        ...

    def encode_submit(
        self, endpoint: Endpoint, request: GenerationRequest, idempotency_key: str
    ) -> HTTPRequest:
        """The submit; ``image`` and ``video`` are bytes or URLs by now.

        ``idempotency_key`` is new for every submit and the same when it is sent again; a service
        that knows none leaves it out.
        """
        ...

    def decode_submit(self, response: HTTPResponse) -> Accepted:
        """The accepted job, or the error that the answer means."""
        ...

    def encode_poll(self, endpoint: Endpoint, job_id: str) -> HTTPRequest:
        """One look at a job."""
        ...

    def decode_poll(
        self, endpoint: Endpoint, job_id: str, response: HTTPResponse
    ) -> JobState | HTTPRequest | None:
        """The state, or None where the service has nothing to tell of this job (yet).

        A request means that the state takes one more: it is sent, and its answer given to this
        method again. A finished video whose link is still missing has an empty ``url``.
        """
        ...
