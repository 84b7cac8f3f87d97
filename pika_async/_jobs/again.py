"""A submit that is written down by hand, and sent again by hand after a crash.

The text that its record was told stands for it. What is sent again must be the same submit, to the
same service, for the same account, and soon: whatever else a service was sent with that key would
be a new job, or none. So all of that is checked before anything leaves. Where it cannot be sent
again, the submit is as uncertain as it was, and the error says so: with it ``client.find`` looks
the job up, where the service has a history.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from pika_async._checks import FieldError
from pika_async._errors import ConfigurationError, SubmissionUncertainError
from pika_async._jobs.reconcile import check_service
from pika_async._request.again import (
    FIELD,
    Kept,
    asked_beside_media,
    kept_of,
    mark_of,
    text_of,
)
from pika_async._request.fingerprint import fingerprint
from pika_async._request.parts import has_bytes
from pika_async._request.record import kept_body
from pika_async._settled import in_thread
from pika_async._wire.media import with_media_read
from pika_async._wire.upload import stood_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async._request.record import Intent
    from pika_async._request.request import GenerationRequest
    from pika_async._wire.api import API

KEY_KEPT: Final = timedelta(hours=1)
"""How long after the first POST the same is sent again with its key. No service says how long it
remembers a key; one that has forgotten it would take the same submit for a new one."""


# So far the clocks of two machines may be apart. A time that lies further ahead tells no age.
_APART: Final = timedelta(minutes=5)


def is_kept(sent_at: datetime, now: datetime) -> bool:
    """Whether a service is taken to know the key of a submit that was first sent at ``sent_at``."""
    return why_forgotten(sent_at, now) is None


def why_forgotten(sent_at: datetime, now: datetime) -> str | None:
    """Why a service may not know the key of a submit that was first sent at ``sent_at``."""
    age = now - sent_at
    if age > KEY_KEPT:
        return "it is over an hour old"
    return "its time lies in the future, so nobody knows how old it is" if age < -_APART else None


class Texts:
    """What the record of one submit is told: its text before each POST."""

    def __init__(
        self,
        *,
        api_key: str,
        utc: Callable[[], datetime],
        fingerprint: str,
        asked: str,
        given: str | None,
    ) -> None:
        """Begin with nothing sent.

        Args:
            api_key: The key; a mark of it goes into the text.
            utc: The time of day.
            fingerprint: That of the request.
            asked: See ``asked_beside_media``.
            given: The text of an earlier process, where its submit is sent again.
        """
        self.fingerprint = fingerprint
        self._api_key, self._utc = api_key, utc
        self._asked, self._given = asked, given
        # When the first of those POSTs left that may have started the job.
        self._since: datetime | None = None

    def before(self, intent: Intent) -> str:
        """The text, now that it is about to leave."""
        if self._given is not None:
            # What the first process wrote stays true: its key counts from there.
            return self._given
        if self._since is None:
            self._since = self._utc()
        return text_of(
            Kept(
                intent=intent,
                sent_at=self._since,
                fingerprint=self.fingerprint,
                asked=self._asked,
                account=mark_of(self._api_key, intent.submit_id),
            )
        )

    def stayed(self) -> None:
        """It has started nothing, so its time has not begun."""
        self._since = None


class ByHand:
    """The texts of one client's submits."""

    def __init__(self, api: API, utc: Callable[[], datetime], *, can_find: bool) -> None:
        self._api = api
        self._utc = utc
        self._can_find = can_find

    def kept(self, text: str, request: GenerationRequest) -> Kept:
        """The submit of a text, which may be sent again now.

        Raises:
            FieldError: It is no such text, or of another request.
            OtherServiceError: It was sent to another service or base URL.
            SubmissionUncertainError: The service would not know it as the same.
        """
        kept = kept_of(text)
        check_service(self._api, kept.intent)
        if asked_beside_media(request) != kept.asked:
            raise _of_another_request(text)
        problem = self._why_not(kept)
        if problem is not None:
            raise SubmissionUncertainError(
                f"the submit was not sent again, since {problem}",
                request=request,
                fingerprint=kept.fingerprint,
                sent_at=kept.sent_at,
                sent=kept.intent,
            )
        return kept

    def _why_not(self, kept: Kept) -> str | None:
        name = self._api.dialect.name
        if not self._api.dialect.repeatable:
            then = (
                "; client.find with this error looks its job up"
                if self._can_find
                else ", and has no history in which its job could be looked up"
            )
            return f"the service {name!r} knows no idempotency keys{then}"
        age = why_forgotten(kept.sent_at, self._utc())
        if age is not None:
            return f"{age}, and {name!r} may have forgotten its idempotency key"
        if mark_of(self._api.endpoint.api_key, kept.intent.submit_id) != kept.account:
            return "it was sent with another API key, and each may have idempotency keys of its own"
        return None

    async def content(self, kept: Kept, text: str, request: GenerationRequest) -> GenerationRequest:
        """``request`` with its files read, and found to be what was sent.

        Where its body was kept whole, files that are gone are not needed.

        Raises:
            FieldError: Other files than those that were sent.
            ConfigurationError: A file is gone, and needed.
        """
        try:
            content = await with_media_read(request)
        except ConfigurationError:
            if kept_body(kept.intent) is None:
                raise
            return stood_in(request)
        if await _fingerprint(content) != kept.fingerprint:
            raise _of_another_request(text)
        return content

    async def texts(
        self, request: GenerationRequest, content: GenerationRequest, given: str | None
    ) -> Texts:
        """What the record of a submit is told; ``given``: its text, where it is sent again."""
        return Texts(
            api_key=self._api.endpoint.api_key,
            utc=self._utc,
            fingerprint=await _fingerprint(content),
            asked=asked_beside_media(request),
            given=given,
        )


async def _fingerprint(content: GenerationRequest) -> str:
    if has_bytes(content):
        # To digest files would hold up the event loop for too long.
        return await in_thread(partial(fingerprint, content))
    return fingerprint(content)


def _of_another_request(text: str) -> FieldError:
    return FieldError(
        FIELD,
        text,
        "the text of a submit of the same request, with the same files",
        problem="it was sent for another request, or for other files than those that are there now",
    )
