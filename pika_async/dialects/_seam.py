"""The seam: what every dialect answers, and nothing of how a service spells it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar, runtime_checkable

from attrs import frozen

from pika_async._http import HTTPRequest, HTTPResponse
from pika_async._states import JobState

if TYPE_CHECKING:
    from pika_async._http import Endpoint
    from pika_async._money import Money
    from pika_async._request.media import MediaKind
    from pika_async._request.request import GenerationRequest

_T = TypeVar("_T")

Conversation: TypeAlias = Generator[HTTPRequest, HTTPResponse, _T]
"""Requests that take each other's answers to make: it yields what to send, is sent what came, and
returns what it means. The one request that costs money is never part of one, since whatever goes
wrong in a conversation may be begun anew."""


# One for all jobs without hints: nobody writes into it.
_NO_HINTS: Final[Mapping[str, str]] = {}


@frozen
class Handle:
    """By what a job is asked for.

    Attributes:
        job_id: The service's name for the job. It alone must do, from any process.
        hints: What the dialect keeps of it, by names of its own: addresses that the service gave,
            which are tried first, and facts of the submit. None of them is needed.
    """

    job_id: str
    hints: Mapping[str, str] = _NO_HINTS


@frozen(kw_only=True)
class Accepted:
    """A submit that the service took.

    Attributes:
        handle: By what the job is asked for.
        state: How it stands: mostly ``Queued``. A job may have failed at once, and an idempotency
            key that was used before is answered with the first job, in whatever state it is by now.
        raw: The decoded answer, without bulk: it lives as long as the job does.
        pause: Seconds that the service asks to wait before the first look, where it does. Dialects
            leave it out, since it stands in a header (Retry-After) at each service.
    """

    handle: Handle
    state: JobState
    raw: Mapping[str, Any]
    pause: float | None = None


@frozen(kw_only=True)
class Lost:
    """A submit whose answer was lost, for whoever looks its job up.

    Attributes:
        request: The submit as it left: its address, and its body byte for byte.
        sent_at: When it left the last time, aware.
    """

    request: HTTPRequest
    sent_at: datetime


class Dialect(Protocol):
    """One service's hosts, paths, headers, bodies, statuses and error shapes; pure.

    Every request says for whom it is (``HTTPRequest.host``): one of the service's ``hosts``, and
    then it may carry the key, or any origin, and then it must not. The caller checks. Errors are
    raised as ``APIError`` or ``DecodeError`` with ``started`` set to what the service's facts say.
    An ``APIError`` tells with ``is_api_answer`` whether the API itself refused, of this key or job:
    only then does it end a wait. States keep what the service said without bulk.
    """

    @property
    def name(self) -> str:
        """A word for messages, and for journals: an attempt is known by it."""
        ...

    @property
    def hosts(self) -> Mapping[str, str]:
        """The service's hosts by name, with their base URLs; "api" takes submits.

        With a base URL of the user's own all of them are at that one.
        """
        ...

    @property
    def key_variables(self) -> tuple[tuple[str, ...], ...]:
        """Environment variables that hold the key, the first that are all set.

        Several in one tuple are parts of one key, joined by a colon.
        """
        ...

    @property
    def repeatable(self) -> bool:
        """Whether a submit that is sent again with its key and body is the same submit."""
        ...

    def check(self, request: GenerationRequest) -> None:
        """Refuse what in ``request`` this service does not have, before anything is sent.

        Raises:
            FieldError: Names the field, the value and what is allowed.
        """
        ...

    def encode_submit(
        self, endpoint: Endpoint, request: GenerationRequest, key: str
    ) -> HTTPRequest:
        """The one request that costs money.

        Args:
            endpoint: Where the service is, with the key of the API.
            request: What to make; its media are bytes or URLs by now.
            key: The idempotency key: new for every submit, and the same when it is sent again. A
                service that knows none leaves it out.
        """
        ...

    def decode_submit(self, response: HTTPResponse) -> Accepted:
        """The job that the answer to a submit, ``response``, names.

        Raises:
            APIError: The service refused or failed; ``started`` says whether there may be a job.
            DecodeError: The answer is not the API's, or names no job.
        """
        ...

    def poll(self, endpoint: Endpoint, handle: Handle) -> Conversation[JobState | None]:
        """One look at a job: its state, or None where the service has nothing to tell of it (yet).

        A finished video whose link is still missing has an empty ``url``.

        Args:
            endpoint: Where the service is, with the key of the API.
            handle: The job.

        Raises:
            APIError, DecodeError: This look failed.
        """
        ...


@runtime_checkable
class TakesUploads(Protocol):
    """A dialect whose service takes media as addresses alone, so that bytes go up first."""

    def upload(self, endpoint: Endpoint, content: bytes, media_type: str) -> Conversation[str]:
        """Bring bytes to where the service finds them; returns the address for the body.

        It costs nothing and may be begun anew. Where the bytes go to an origin that is none of the
        service's hosts, they go without the key.
        """
        ...


@runtime_checkable
class LimitsMedia(Protocol):
    """A dialect whose service takes files of a bounded size."""

    @property
    def most_bytes(self) -> Mapping[MediaKind, int]:
        """The largest file of each kind, in bytes."""
        ...


@runtime_checkable
class ReadsPlace(Protocol):
    """A dialect whose base URL does not stand in ``PIKA_BASE_URL``, or that has several hosts."""

    @property
    def url_variable(self) -> str:
        """The environment variable that says where the host "api" is."""
        ...

    def base_url(self, environment: Mapping[str, str]) -> str | None:
        """The base URL of the host "api" that the environment names, or None."""
        ...

    @property
    def named_hosts(self) -> Mapping[str, str]:
        """The hosts that the user gave an address of their own, by name.

        They stay there when the base URL is another.
        """
        ...


@runtime_checkable
class Cancels(Protocol):
    """A dialect whose service can be asked to stop a job."""

    def cancel(self, endpoint: Endpoint, handle: Handle) -> Conversation[bool]:
        """Ask it to stop a job: whether it was asked. False: the job has ended already.

        A job that was asked to stop may end well all the same, and be billed.
        """
        ...


@runtime_checkable
class Quotes(Protocol):
    """A dialect whose service says beforehand what a job will cost."""

    def quote(self, endpoint: Endpoint, request: GenerationRequest) -> Conversation[Money | None]:
        """What a job will cost; None where the service does not say for this one.

        Media are URLs by now, or stand-ins for bytes that have not gone up: it must not matter
        which.
        """
        ...


@runtime_checkable
class TellsBalance(Protocol):
    """A dialect whose service says what is left in the account."""

    def balance(self, endpoint: Endpoint) -> Conversation[Money | None]:
        """What is left; None where the service does not say to this key."""
        ...


@runtime_checkable
class SettlesLate(Protocol):
    """A dialect whose service may say what a job cost only some time after its end."""

    def charge(self, endpoint: Endpoint, handle: Handle) -> Conversation[Money | None]:
        """What an ended job cost; None: not told yet, or never."""
        ...


@runtime_checkable
class KeepsFacts(Protocol):
    """A dialect whose service does not tell again all that was sent."""

    def facts(self, request: GenerationRequest, key: str) -> Mapping[str, str]:
        """What looks at the job are to know of the submit of ``request`` with ``key``.

        It becomes a part of the job's hints, under names that no address has.
        """
        ...


@runtime_checkable
class Finds(Protocol):
    """A dialect whose service has a history, in which a lost submit can be looked up.

    Where an answer that may have started a job names one, the error that ``decode_submit`` raises
    carries its id as ``job_id``: it is looked at once before the submit is called uncertain.
    """

    def find(self, endpoint: Endpoint, lost: Lost) -> Conversation[tuple[Handle, ...]]:
        """The jobs that may be of the lost submit: asked for the same, and not before it was sent.

        No job proves nothing, since a history may be late.
        """
        ...
