"""One API call: encoded by the dialect, carried by the transport, decoded by the dialect."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio.to_thread
import attrs

from pika_async._api_errors import APIError, DecodeError
from pika_async._errors import ConfigurationError
from pika_async._http import HTTPRequest
from pika_async._request.request import MEDIA_FIELDS
from pika_async._states import Failed
from pika_async._wire.endpoint import origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async._http import Endpoint, HTTPResponse
    from pika_async._request.request import GenerationRequest
    from pika_async._states import JobState
    from pika_async._wire.transport import Departure, Transport
    from pika_async.dialects import Accepted, Dialect

_REDACTED = b"[API key]"
_SHORTEST_SECRET = 8

_T = TypeVar("_T")

# A dialect may need a second request for a result; more than a few is a loop.
_MAX_REQUESTS_A_LOOK = 4


class API:
    """The service, one request at a time: an answer becomes data or an error, nothing waits."""

    def __init__(self, *, endpoint: Endpoint, dialect: Dialect, transport: Transport) -> None:
        self._endpoint = endpoint
        self._dialect = dialect
        self._transport = transport
        self._prefix = f"{endpoint.base_url}/"
        self._origin = origin(endpoint.base_url)
        key = endpoint.api_key.encode("ascii")
        # What is shorter is no key of any service, but a part of ordinary words.
        self._secret = key if len(key) >= _SHORTEST_SECRET else None

    @property
    def service(self) -> str:
        """The dialect's name."""
        return self._dialect.name

    async def encode_submit(self, request: GenerationRequest, idempotency_key: str) -> HTTPRequest:
        """The submit as it will be sent, any number of times; ``request`` has its files read."""
        encode = partial(self._dialect.encode_submit, self._endpoint, request, idempotency_key)
        if any(isinstance(getattr(request, name), bytes) for name in MEDIA_FIELDS):
            # Base64 of a large file takes longer than an event loop should wait.
            return await anyio.to_thread.run_sync(encode)
        return encode()

    async def submit(self, request: HTTPRequest, departure: Departure) -> Accepted:
        """Send a submit once.

        Raises:
            TransportError: It did not get through, or its answer did not.
            APIError: The service refused or failed.
            DecodeError: The answer is not the API's, or names no job.
        """
        response = await self._transport.send(self._checked(request), departure=departure)
        if self._quotes_key(response):
            return self._decoded(self._dialect.decode_submit, response)
        return self._dialect.decode_submit(response)

    async def look(self, job_id: str, timeout: float) -> JobState | None:
        """Poll a job once; None where the service has nothing to tell of it.

        Args:
            job_id: The job.
            timeout: Seconds a request may take, if less than the ``request_timeout``.

        Raises:
            TransportError: It did not get through, or its answer did not.
            APIError: The service refused or failed.
            DecodeError: The answer is not the API's.
        """
        request = self._dialect.encode_poll(self._endpoint, job_id)
        for _ in range(_MAX_REQUESTS_A_LOOK):
            response = await self._transport.send(self._checked(request), timeout=timeout)
            if self._quotes_key(response):
                decode = partial(self._dialect.decode_poll, self._endpoint, job_id)
                answer = self._decoded(decode, response)
            else:
                answer = self._dialect.decode_poll(self._endpoint, job_id, response)
            if not isinstance(answer, HTTPRequest):
                return answer
            request = answer
        raise ConfigurationError(
            f"the dialect {self._dialect.name!r} asks for more than {_MAX_REQUESTS_A_LOOK} "
            "requests to learn one state",
            job_id=job_id,
        )

    def _checked(self, request: HTTPRequest) -> HTTPRequest:
        """``request``, which carries the key, if it goes to the service's own origin."""
        # Almost every request begins with the base URL; only the others are taken apart.
        if request.url.startswith(self._prefix) or origin(request.url) == self._origin:
            return request
        raise ConfigurationError(
            f"{request.url!r} is not on the service's own origin; the key was not sent there"
        )

    def _quotes_key(self, response: HTTPResponse) -> bool:
        return self._secret is not None and self._secret in response.body

    def _without_key(self, response: HTTPResponse) -> HTTPResponse:
        assert self._secret is not None  # noqa: S101 - it is in the body
        return attrs.evolve(response, body=response.body.replace(self._secret, _REDACTED))

    def _decoded(self, decode: Callable[[HTTPResponse], _T], response: HTTPResponse) -> _T:
        """What an answer that quotes the key says; without it where something went wrong.

        Gateways quote the key they refuse, and errors are logged. Answers that are no errors are
        taken as they are.
        """
        try:
            result = decode(response)
        except (APIError, DecodeError):
            pass
        else:
            if not isinstance(result, Failed):
                return result
        return decode(self._without_key(response))
