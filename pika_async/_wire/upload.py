"""Bytes that go up before a submit, where a service takes media as addresses alone.

An upload costs nothing and may be begun anew, so it is tried again like a poll, and whatever goes
wrong with it leaves no submit uncertain. The same bytes go up once a client, however many
requests hold them and however many ask at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio

from pika_async._checks import FieldError
from pika_async._errors import ClientStateError, ConfigurationError, PikaError
from pika_async._pickles import twin
from pika_async._request.media import SNIFF_LENGTH, media_type
from pika_async._request.parts import has_bytes, media_of, with_media
from pika_async._settled import in_thread
from pika_async.dialects import LimitsMedia, TakesUploads, check_sizes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pika_async._request.media import Media
    from pika_async._request.request import GenerationRequest
    from pika_async._wire.api import API
    from pika_async.dialects import Conversation

    Stubbornly = Callable[[Callable[[], Awaitable[str]]], Awaitable[str]]

_T = TypeVar("_T")

# https://www.rfc-editor.org/rfc/rfc2606: a name that never resolves.
_NOWHERE = "https://uploaded.invalid/"

# More addresses than any batch has images in flight.
_REMEMBERED = 10_000


class Uploads:
    """The uploads of one client."""

    def __init__(self, api: API, stubbornly: Stubbornly, *, most: int | None = None) -> None:
        """How bytes go up.

        Args:
            api: The service.
            stubbornly: Awaits what it is given, again where that may be tried again.
            most: So many at once, those between two tries too; None: no bound.
        """
        self._api = api
        dialect = api.dialect
        self._dialect = dialect if isinstance(dialect, TakesUploads) else None
        self._stubbornly = stubbornly
        self._places = anyio.CapacityLimiter(math.inf if most is None else most)
        # By the digest of the bytes; the addresses that were learnt last, oldest first.
        self._known: OrderedDict[str, str] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[str]] = {}

    async def uploaded(self, request: GenerationRequest) -> GenerationRequest:
        """``request`` with addresses in place of bytes, where this service wants them so.

        Raises:
            ConfigurationError: A file is larger than the service takes; nothing was sent.
            PikaError: The bytes could not be brought up; nothing was submitted.
        """
        dialect = self._dialect
        if dialect is None or not has_bytes(request):
            return request
        if isinstance(dialect, LimitsMedia):
            _check_sizes(request, dialect)
        # All at once: five keyframes are ten requests one after the other.
        media = await asyncio.gather(
            *(
                self._address(dialect, medium) if isinstance(medium, bytes) else _as_it_is(medium)
                for _, medium in media_of(request)
            )
        )
        return with_media(request, media)

    def as_if_uploaded(self, request: GenerationRequest) -> GenerationRequest:
        """``request`` as if its bytes had gone up, for a submit whose body is known already."""
        if self._dialect is None or not has_bytes(request):
            return request
        return stood_in(request)

    async def _address(self, dialect: TakesUploads, content: bytes) -> str:
        digest = await in_thread(_digest, content)
        if (address := self._known.get(digest)) is not None:
            return address
        task = self._under_way.get(digest)
        if task is None:
            task = asyncio.create_task(self._upload(dialect, content))
            self._under_way[digest] = task
            task.add_done_callback(partial(self._done, digest))
        # One that leaves must not take the upload away from the others.
        return await shared(task)

    def _done(self, digest: str, task: asyncio.Task[str]) -> None:
        del self._under_way[digest]
        if task.cancelled() or task.exception() is not None:
            return
        self._known[digest] = task.result()
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _upload(self, dialect: TakesUploads, content: bytes) -> str:
        kind = media_type(content[:SNIFF_LENGTH]) or "application/octet-stream"

        def conversation() -> Conversation[str]:
            return dialect.upload(self._api.endpoint, content, kind)

        async with self._places:
            return await self._stubbornly(lambda: self._api.ask(conversation()))

    async def close(self) -> None:
        """Call off what is still going up."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def shared(task: asyncio.Task[_T]) -> _T:
    """What a task brings that several wait for, and that none of them takes away when it leaves.

    Raises:
        ClientStateError: The client was closed, and nobody has cancelled whoever waits.
    """
    try:
        return await asyncio.shield(task)
    except PikaError as error:
        # The one object, raised to all, would hold what each of them notes on it.
        own = twin(error)
    except asyncio.CancelledError:
        waiting = asyncio.current_task()
        if task.cancelled() and waiting is not None and not waiting.cancelling():
            raise ClientStateError("the client has been closed") from None
        raise
    # Out here, where the first object does not become the context of its twin.
    raise own


def stood_in(request: GenerationRequest) -> GenerationRequest:
    """``request`` with an address that leads nowhere in place of files and bytes.

    All of a submit but its body, and what it will cost, depend on what kind of medium there is, and
    not on where it lies.
    """
    return with_media(
        request,
        (medium if isinstance(medium, str) else _NOWHERE for _, medium in media_of(request)),
    )


def _check_sizes(request: GenerationRequest, dialect: LimitsMedia) -> None:
    # Before the bytes leave, and not by a refusal after all of them have. The size of a file is
    # known only now that it has been read.
    try:
        check_sizes(request, dialect.most_bytes)
    except FieldError as error:
        raise ConfigurationError(f"{error}.", setting=error.field) from error


async def _as_it_is(medium: Media) -> Media:
    return medium


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
