"""One service: runs its conversations, sends its submits, and guards the key.

Every request passes the one guard here. It says for whom it is: a named host of the service, and
then it must lie at that host's origin; or any origin, and then the key must not be in it. Answers
that quote the key, as gateways do with a key that they refuse, leave no trace of it in errors.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import anyio
import attrs

from pika_async._errors import ConfigurationError, PikaError, TransportError
from pika_async._http import API_HOST
from pika_async._meaning import Started
from pika_async._request.parts import has_bytes
from pika_async._settled import in_thread
from pika_async._states import Failed
from pika_async._wire.endpoint import origin
from pika_async._wire.heard import hash_of, pause_of
from pika_async.dialects import KeepsFacts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from pika_async._http import Endpoint, HTTPRequest, HTTPResponse
    from pika_async._request.request import GenerationRequest
    from pika_async._states import JobState
    from pika_async._wire.departure import Departure
    from pika_async._wire.heard import Heard
    from pika_async._wire.transport import Transport
    from pika_async.dialects import Accepted, Conversation, Dialect, Handle

_REDACTED = "[API key]"
_SHORTEST_SECRET = 8

_T = TypeVar("_T")

# A result may take a second request, a search some pages; more than this is a loop.
_MOST_REQUESTS = 100


class API:
    """The service of one client: an answer becomes data or an error, nothing waits."""

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        dialect: Dialect,
        transport: Transport,
        now: Callable[[], float],
        around_poll: Callable[[], AbstractContextManager[object] | None] | None = None,
        most_aside: int | None = None,
    ) -> None:
        """How it is asked.

        Args:
            endpoint: Where it is.
            dialect: How it spells what it is asked and what it answers.
            transport: Sends the requests.
            now: Seconds on a clock that never goes back.
            around_poll: Makes what each poll is sent within.
            most_aside: So many conversations at once that are neither submits nor about a job;
                None: no bound.
        """
        self.dialect = dialect
        self.endpoint = endpoint
        self._transport = transport
        self._now = now
        self._around_poll = around_poll
        self._aside = anyio.CapacityLimiter(math.inf if most_aside is None else most_aside)
        self._prefix = f"{endpoint.base_url}/"
        self._origins = {
            host: origin(endpoint.url_of(host)) for host in (API_HOST, *endpoint.hosts)
        }
        self.host = self._origins[API_HOST][1]
        """The name of the machine that submits and polls are sent to."""
        self._secrets = _secrets(endpoint.api_key)
        self._keeps_facts = dialect if isinstance(dialect, KeepsFacts) else None

    async def encode_submit(self, request: GenerationRequest, key: str) -> HTTPRequest:
        """The submit as it will be sent, any number of times; ``request`` has its files read."""
        encode = self.dialect.encode_submit
        if has_bytes(request):
            # Base64 of a large file takes longer than an event loop should wait.
            return await in_thread(encode, self.endpoint, request, key)
        return encode(self.endpoint, request, key)

    async def submit(self, request: HTTPRequest, departure: Departure) -> Accepted:
        """Send a submit once.

        Raises:
            TransportError: It did not get through, or its answer did not.
            APIError: The service refused or failed.
            DecodeError: The answer is not the API's, or names no job.
        """
        response = await self._transport.post(self._guarded(request), departure)
        try:
            accepted = self.dialect.decode_submit(response)
        except PikaError as error:
            # An error keeps its frames alive, and an answer may be megabytes.
            del response
            raise self._without_key(error).with_traceback(None) from None
        if isinstance(accepted.state, Failed):
            return attrs.evolve(accepted, state=self._failed_without_key(accepted.state))
        pause = pause_of(response)
        return accepted if pause is None else attrs.evolve(accepted, pause=pause)

    def with_facts(self, handle: Handle, request: GenerationRequest, key: str) -> Handle:
        """The handle of a job with what the service does not tell again of its submit."""
        if self._keeps_facts is None:
            return handle
        facts = self._keeps_facts.facts(request, key)
        return attrs.evolve(handle, hints={**facts, **handle.hints}) if facts else handle

    def look(
        self, handle: Handle, timeout: float, heard: Heard | None = None
    ) -> Awaitable[JobState | None]:
        """Poll a job once; None where the service has nothing to tell of it.

        Args:
            handle: The job.
            timeout: Seconds the look may take, if less than the ``request_timeout`` of each of its
                requests.
            heard: What the last look at it was answered; this one brings it up to date.

        Raises:
            TransportError: It did not get through, or its answer did not.
            APIError: The service refused or failed.
            DecodeError: The answer is not the API's.
        """
        # Not a coroutine itself: each one between a watcher and its poll is resumed at every step.
        poll = self.dialect.poll(self.endpoint, handle)
        context = None if self._around_poll is None else self._around_poll()
        if context is not None:
            return self._converse_within(context, poll, timeout, heard)
        return self.converse(poll, timeout, heard)

    async def _converse_within(
        self,
        context: AbstractContextManager[object],
        conversation: Conversation[_T],
        timeout: float,
        heard: Heard | None,
    ) -> _T:
        with context:
            return await self.converse(conversation, timeout, heard)

    async def converse(
        self,
        conversation: Conversation[_T],
        timeout: float = math.inf,
        heard: Heard | None = None,
    ) -> _T:
        """Send what a conversation yields, give it the answers, and return what it means.

        Args:
            conversation: One that has not begun. It never holds the submit.
            timeout: Seconds for all of its requests.
            heard: What the last conversation of this kind was answered. Where that took one
                request, and it is answered so again, the meaning is the same.

        Raises:
            TransportError: A request did not get through, or its answer did not.
            APIError: The service refused or failed.
            DecodeError: An answer is not the API's.
            ConfigurationError: A request would bring the key where it must not go, or there is no
                end of requests; nothing was sent any more.
        """
        left = None if timeout == math.inf else timeout
        end = None if left is None else self._now() + left
        answer: HTTPResponse | None = None
        only = None
        try:
            request = next(conversation)
            for sent in range(_MOST_REQUESTS):
                if sent and end is not None:
                    left = end - self._now()
                answer = await self._transport.send(self._guarded(request), timeout=left)
                if heard is not None:
                    heard.pause = pause_of(answer)
                    only = None if sent else hash_of(answer)
                    if only is not None and only == heard.answer:
                        same: _T = heard.meaning
                        return same
                request = conversation.send(answer)
        except StopIteration as meant:
            value: _T = meant.value
            if isinstance(value, Failed):
                value = self._failed_without_key(value)
            if heard is not None:
                heard.answer, heard.meaning = only, value
            return value
        except TransportError:
            raise
        except PikaError as error:
            # The dialect's frames hold the answer.
            raise self._without_key(error).with_traceback(None) from None
        finally:
            # As in `submit`: an error keeps this frame alive.
            answer = None
            conversation.close()
        raise ConfigurationError(
            f"the dialect {self.dialect.name!r} asks for more than {_MOST_REQUESTS} requests to "
            "learn one thing"
        )

    async def ask(self, conversation: Conversation[_T]) -> _T:
        """:meth:`converse` about no job, for a price, an upload: nothing is started by it.

        Raises:
            PikaError: As there; whatever broke off, no job was started.
        """
        try:
            return await self.ask_aside(conversation)
        except PikaError as error:
            error.started = Started.NO
            raise

    async def ask_aside(self, conversation: Conversation[_T]) -> _T:
        """:meth:`converse` where machines of their own may answer, to which connections are kept.

        Raises:
            PikaError: As there.
        """
        async with self._aside:
            return await self.converse(conversation)

    def _guarded(self, request: HTTPRequest) -> HTTPRequest:
        """``request``, if it brings the key only where it may go."""
        host = request.host
        if host is None:
            return self._keyless(request)
        # Almost every request begins with the base URL; only the others are taken apart.
        if host == API_HOST and request.url.startswith(self._prefix):
            return request
        if self._origins.get(host) == origin(request.url):
            return request
        raise ConfigurationError(
            f"{request.url!r} is not at the service's host {host!r}; the key was not sent there"
        )

    def _keyless(self, request: HTTPRequest) -> HTTPRequest:
        key = self.endpoint.api_key
        if any(key in value for value in (request.url, *request.headers.values())):
            raise ConfigurationError(
                "a request to another origin holds the API key; it was not sent"
            )
        return request

    def _without_key(self, error: PikaError) -> PikaError:
        """The error with the key taken out of all that it says: errors are logged."""
        # Without a look whether the answer holds the key: it may hold it packed or escaped.
        if self._secrets:
            error.args = self._redacted(error.args)
            vars(error).update({name: self._redacted(value) for name, value in vars(error).items()})
        return error

    def _failed_without_key(self, value: _T) -> _T:
        # The reason of a failure is shown and logged. Other states stay as they are: a link with
        # the key in it leads nowhere without the key.
        if not isinstance(value, Failed) or not self._secrets:
            return value
        return attrs.evolve(
            value, reason=self._redacted(value.reason), raw=self._redacted(value.raw)
        )

    def _redacted(self, value: Any) -> Any:
        match value:
            case str() if any(secret in value for secret in self._secrets):
                # Only these: replace() would make a plain text of members of enumerations.
                for secret in self._secrets:
                    value = value.replace(secret, _REDACTED)
                return value
            case dict():
                return {key: self._redacted(inner) for key, inner in value.items()}
            case list() | tuple():
                return type(value)(map(self._redacted, value))
            case _:
                return value


def _secrets(key: str) -> tuple[str, ...]:
    """What must not be told, the longest first: the key, as it is or in an address, and its parts.

    Some services' keys are a name and a secret with a colon between them.
    """
    parts = {key, *key.split(":")}
    spellings = parts | {quote(part, safe="") for part in parts}
    # A shorter one is not a key of any service, and would be cut out of ordinary words.
    long = {part for part in spellings if len(part) >= _SHORTEST_SECRET}
    return tuple(sorted(long, key=len, reverse=True))
