"""A submit whose answer was lost: which job is it?

There are three ways to learn it, and a service has one of them, or none:

- It takes a repeated key for the same submit. Then the submit is sent again, byte for byte, and
  its answer names the job (``submit``; for a submit of an earlier process, ``preparation``).
- The failed answer names the job, or may. Then that job is looked at once (``posts``).
- It keeps a history. Then those jobs in it are candidates that ask for the same and are not older.
  A job that is known to belong to another submit is not a candidate. This is checked after the
  search: meanwhile a job may have been accepted, or found for an equal submit. If an equal submit
  is under way, its answer is awaited first, since its job may stand in the history already.
  Exactly one candidate is the job. Several cannot be told apart. None proves nothing: a history
  may be late, and a job that has not begun may not be in it yet.

Looking costs nothing and may be repeated.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs

from pika_async._errors import OtherServiceError, PikaError, UnsupportedError
from pika_async._http import one_spelling
from pika_async._meaning import Started
from pika_async.dialects import Finds, Handle, Lost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from pika_async._errors import SubmissionUncertainError
    from pika_async._http import HTTPRequest
    from pika_async._request.record import Intent
    from pika_async._request.request import GenerationRequest
    from pika_async._wire.api import API

    Encode = Callable[[GenerationRequest, str], Awaitable[HTTPRequest]]
    Stubbornly = Callable[
        [Callable[[], Awaitable[tuple[Handle, ...]]]], Awaitable[tuple[Handle, ...]]
    ]

_REMEMBERED: Final = 10_000


class Finder:
    """Looks lost submits up, for one client."""

    def __init__(
        self,
        api: API,
        encode: Encode,
        stubbornly: Stubbornly,
        answered: Callable[[str], Awaitable[None]],
    ) -> None:
        """Begin with no job known.

        Args:
            api: The service.
            encode: Makes the submit of a request and a key, whose media need not be read.
            stubbornly: Awaits what it is given, again where that may be tried again.
            answered: Waits for the answers of submits under way whose body has this digest.
        """
        self._api = api
        self._dialect = api.dialect if isinstance(api.dialect, Finds) else None
        self._encode = encode
        self._stubbornly = stubbornly
        self._answered = answered
        # The submit that each of the latest jobs belongs to.
        self._owners: OrderedDict[str, str] = OrderedDict()

    @property
    def can_find(self) -> bool:
        """Whether the service has a history."""
        return self._dialect is not None

    def belongs(self, job_id: str, submit_id: str) -> None:
        """A job is known to be of this submit, and so of no other."""
        if self._dialect is not None:
            self._owners[job_id] = submit_id
            if len(self._owners) > _REMEMBERED:
                self._owners.popitem(last=False)

    async def find(self, lost: SubmissionUncertainError, known: Collection[str]) -> Handle | None:
        """The job of a lost submit; None where it is not known which, or whether there is one.

        It belongs to that submit from then on.

        Args:
            lost: What the submit ended with.
            known: Ids of jobs that belong to other submits, beside those of this client.

        Raises:
            UnsupportedError: The service has no history.
            OtherServiceError: It was sent to another service.
            PikaError: The history could not be read.
        """
        dialect = self._dialect
        if dialect is None:
            raise UnsupportedError(
                f"the service {self._api.dialect.name!r} has no history in which a lost submit "
                "could be looked up"
            )
        sent = lost.sent
        if sent is None:
            return None
        check_service(self._api, sent)
        found = await self._named(lost.job_id)
        if found is None:
            prepared = await self._encode(lost.request, sent.submit_id)
            body = sent.body.encode("utf-8", "surrogatepass")
            looked_up = Lost(request=attrs.evolve(prepared, body=body), sent_at=lost.sent_at)
            found = await self._stubbornly(
                lambda: self._api.ask_aside(dialect.find(self._api.endpoint, looked_up))
            )
            await self._answered(sent.digest)
        # No await from here on: two searches must not claim the same job.
        candidates = [
            handle
            for handle in found
            if handle.job_id not in known
            and self._owners.get(handle.job_id, sent.submit_id) == sent.submit_id
        ]
        if len(candidates) != 1:
            return None
        self.belongs(candidates[0].job_id, sent.submit_id)
        return self._api.with_facts(candidates[0], lost.request, sent.submit_id)

    async def _named(self, job_id: str | None) -> tuple[Handle, ...] | None:
        """The job that a failed answer named, where the service knows it by now."""
        if job_id is None:
            return None
        handle = Handle(job_id)
        with suppress(PikaError):
            if await self._api.look(handle, math.inf) is not None:
                return (handle,)
        return None


def check_service(api: API, sent: Intent) -> None:
    """Check that a submit went to this service: what it started is known nowhere else.

    Raises:
        OtherServiceError: It did not.
    """
    here = (api.dialect.name, api.endpoint.base_url)
    if (sent.service, one_spelling(sent.base_url)) != here:
        raise OtherServiceError(
            f"the submit went to {sent.service} at {sent.base_url}, and this client asks "
            f"{here[0]} at {here[1]}",
            service=sent.service,
            base_url=sent.base_url,
            started=Started.MAYBE,
            journalled=False,
        )
