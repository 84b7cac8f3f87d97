"""A submit whose answer was lost: which job is it?

There are three ways to learn it, and a service has one of them, or none:

- It takes a repeated key for the same submit. Then the submit is sent again, byte for byte, and
  its answer names the job (``submit``, and ``Jobs.submit`` for one of an earlier process).
- The failed answer names the job, or may. Then that job is looked at once (``submit``).
- It keeps a history. Then the jobs in it that ask for the same and are not older are candidates.
  One that is known to belong to another submit is none. Exactly one candidate is the job; several
  cannot be told apart; none proves nothing, since a history may be late, and what has not begun
  may not be in it yet.

Looking costs nothing and may be repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from pika_async._errors import OtherServiceError, UnsupportedError
from pika_async.dialects import Finds, Lost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from datetime import datetime

    from pika_async._http import HTTPRequest
    from pika_async._request.record import Intent
    from pika_async._request.request import GenerationRequest
    from pika_async._wire.api import API
    from pika_async.dialects import Handle

    Encode = Callable[[GenerationRequest, str], Awaitable[HTTPRequest]]


class Finder:
    """Looks lost submits up, for one client."""

    def __init__(self, api: API, encode: Encode) -> None:
        """``encode``: makes the submit of a request and a key, whose media need not be read."""
        self._api = api
        self._dialect = api.dialect if isinstance(api.dialect, Finds) else None
        self._encode = encode

    @property
    def can_find(self) -> bool:
        """Whether the service has a history."""
        return self._dialect is not None

    async def find(
        self,
        request: GenerationRequest,
        sent: Intent | None,
        sent_at: datetime,
        known: Collection[str],
    ) -> Handle | None:
        """The job of a lost submit; None where it is not known which, or whether there is one.

        Args:
            request: What was asked for.
            sent: What was sent.
            sent_at: When that was.
            known: Ids of jobs that belong to other submits.

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
        if sent is None:
            return None
        self._check_service(sent)
        prepared = await self._encode(request, sent.submit_id)
        body = sent.body.encode("utf-8", "surrogatepass")
        lost = Lost(request=attrs.evolve(prepared, body=body), sent_at=sent_at)
        found = await self._api.converse(dialect.find(self._api.endpoint, lost))
        candidates = [handle for handle in found if handle.job_id not in known]
        return candidates[0] if len(candidates) == 1 else None

    def _check_service(self, sent: Intent) -> None:
        here = (self._api.dialect.name, self._api.endpoint.base_url)
        if (sent.service, sent.base_url) != here:
            raise OtherServiceError(
                f"the submit went to {sent.service} at {sent.base_url}, and this client asks "
                f"{here[0]} at {here[1]}",
                service=sent.service,
                base_url=sent.base_url,
            )
