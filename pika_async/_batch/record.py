"""What is written down of one request of a batch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from attrs import frozen

from pika_async._api_errors import InvalidRequestError
from pika_async._batch.known import (
    NOTHING,
    UNFINISHED,
    Known,
    known_of,
    of_another_service,
    still_uncertain,
)
from pika_async._errors import (
    JournalError,
    NotSubmittedError,
    PikaError,
    SubmissionUncertainError,
)
from pika_async._jobs.job import failure
from pika_async._journal.history import SavedFile, Status
from pika_async._request.fingerprint import fingerprint
from pika_async._request.parts import has_media, media_of
from pika_async._request.record import Intent, request_record
from pika_async._settled import in_thread
from pika_async._states import Failed, Succeeded, lacks_links, was_not_begun

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pika_async._journal.journal import Journal
    from pika_async._money import Money
    from pika_async._request.media import Media
    from pika_async._request.request import GenerationRequest
    from pika_async.dialects import Handle

_T = TypeVar("_T")


class Record:
    """The record of a request without a journal: nothing is known of it, and nothing is kept."""

    __slots__ = ("fingerprint", "number")

    def __init__(self, index: int) -> None:
        self.number = index
        """The place of the request among those of the run that met it first."""
        self.fingerprint: str | None = None
        """That of the request, where it has been taken."""

    async def begin(self, request: GenerationRequest, content: GenerationRequest) -> Known:
        """What is known of ``request``; ``content`` is the same with its files read."""
        return NOTHING

    async def known_jobs(self) -> set[str]:
        """The ids of all jobs that belong to some request."""
        return set()

    async def found(self, handle: Handle) -> None:
        """The service was asked, and has named the job of an earlier run's lost submit."""

    def may_replace(self) -> bool:
        """Whether a new job may be submitted in place of one that the service does not know."""
        return False

    async def leaving(self, intent: Callable[[], Intent], quoted: Money | None = None) -> None:
        """See ``SubmitRecord``.

        ``intent``: tells what is about to be sent; ``quoted``: what it is taken to cost.
        """

    async def accepted(self, job_id: str, hints: Mapping[str, str] | None = None) -> None:
        """See ``SubmitRecord``; ``hints``: addresses that the service gave for the job."""

    def stayed(self) -> None:
        """See ``SubmitRecord``."""

    async def ended(self, state: Succeeded | Failed, running_at: float | None) -> None:
        """The job's end; ``running_at``: when it was first seen being generated."""

    async def went_wrong(
        self, error: PikaError, job_id: str | None, *, about_price: bool = False
    ) -> None:
        """What went wrong with the request, and its job if there is one.

        ``about_price``: only the question for its price failed, so the request was never judged.
        """

    async def saved(self, files: Sequence[SavedFile]) -> None:
        """The files that are whole."""


@frozen(kw_only=True)
class Choices:
    """Which requests of earlier runs are submitted again."""

    resubmit_uncertain: bool
    retry_failed: bool

    def submit_again(self, status: Status) -> bool:
        """Whether a request that has come so far is submitted again, and perhaps paid again."""
        match status:
            case Status.FAILED:
                return self.retry_failed
            case Status.SUBMITTING | Status.UNCERTAIN:
                return self.resubmit_uncertain
            case _:
                return False


class JournalRecord(Record):
    """The record of a request in a journal."""

    __slots__ = (
        "_choices",
        "_index",
        "_intent",
        "_job_id",
        "_journal",
        "_may_have_arrived",
        "_origin",
        "_request",
        "_standing",
        "_stop",
        "_tell_unrecorded",
    )

    def __init__(
        self,
        index: int,
        journal: Journal,
        choices: Choices,
        stop: Callable[[PikaError], None],
        tell_unrecorded: Callable[[JournalError, str | None], None],
    ) -> None:
        """Begin a record.

        Args:
            index: The request's place in this run.
            journal: Where it is kept.
            choices: What to submit again.
            stop: Called with the error where the journal cannot be written any more.
            tell_unrecorded: Called with that error and the id of a paid job that is not in it.
        """
        super().__init__(index)
        self._index = index
        self._journal = journal
        self._choices = choices
        self._stop = stop
        self._tell_unrecorded = tell_unrecorded
        self._request = 0
        self._job_id: str | None = None
        # The key of an earlier run's submit whose answer nobody knows. Its attempt is never taken
        # back, even where this run sends the same submit again: it may have arrived before.
        self._standing: str | None = None
        # The key of the attempt that this run has written.
        self._intent: str | None = None
        # Whether that submit was sent before and may have arrived.
        self._may_have_arrived = False
        # What the observer of this run calls the earlier run's submit, where it is sent again.
        self._origin: str | None = None

    async def begin(self, request: GenerationRequest, content: GenerationRequest) -> Known:
        """See :class:`Record`.

        Raises:
            JournalError: The journal cannot be written; nothing was sent.
        """
        name, shown = (
            await in_thread(_digested, request, content)
            if has_media(content) and any(_is_large(one) for _, one in media_of(content))
            else _digested(request, content)
        )
        self.fingerprint = name
        found = await self._before_sending(self._journal.claim(name, self._index, shown, content))
        self._request = found.request
        self.number = found.number
        self._job_id = found.job_id
        unanswered = found.status in (Status.SUBMITTING, Status.UNCERTAIN)
        self._standing = found.submit_id if unanswered else None
        elsewhere = self._journal.is_elsewhere(found)
        if elsewhere and found.status in UNFINISHED:
            return Known(resumed=True, error=of_another_service(found))
        if self._choices.submit_again(found.status):
            return Known(
                intent=found.intent() if unanswered else None,
                lost=still_uncertain(found, request, name) if unanswered else None,
                quoted=found.quoted if unanswered else None,
            )
        return known_of(found, request, name, self._journal.now(), elsewhere=elsewhere)

    def may_replace(self) -> bool:
        """See :class:`Record`."""
        return self._choices.resubmit_uncertain

    async def known_jobs(self) -> set[str]:
        """See :class:`Record`."""
        return await self._before_sending(self._journal.job_ids())

    async def found(self, handle: Handle) -> None:
        """See :class:`Record`."""
        self._standing = None
        await self.accepted(handle.job_id, handle.hints)

    async def leaving(self, intent: Callable[[], Intent], quoted: Money | None = None) -> None:
        """See ``SubmitRecord``."""
        sent = intent()
        if sent.submit_id in (self._standing, self._intent):
            # The same submit once more: it is written down, and may have arrived before.
            self._may_have_arrived = True
            if sent.submit_id == self._standing:
                self._origin = sent.origin
            return
        self._intent = sent.submit_id
        self._may_have_arrived = False
        try:
            await self._before_sending(self._journal.submitting(self._request, sent, quoted))
        except asyncio.CancelledError:
            self.stayed()
            raise
        except NotSubmittedError:
            # It is not in the journal, so it must not pass for one that is.
            self._intent = None
            raise

    async def accepted(self, job_id: str, hints: Mapping[str, str] | None = None) -> None:
        """See ``SubmitRecord``."""
        self._job_id = job_id
        problem = await self._after_sending(
            self._journal.accepted(self._request, job_id, hints, self._origin)
        )
        if problem is not None:
            self._tell_unrecorded(problem, job_id)

    def stayed(self) -> None:
        """See ``SubmitRecord``."""
        # Nobody waits until this is written. Before that the submit counts as uncertain.
        if self._intent is not None and not self._may_have_arrived:
            self._journal.stayed(self._request, self._intent)
            self._intent = None

    async def ended(self, state: Succeeded | Failed, running_at: float | None) -> None:
        """See :class:`Record`."""
        assert self._job_id is not None  # noqa: S101 - it has ended
        if lacks_links(state):
            assert isinstance(state, Failed)  # noqa: S101 - whose videos have no links
            write = self._journal.noted(self._request, failure(self._job_id, state))
        else:
            refused = failure(self._job_id, state) if was_not_begun(state) else None
            write = self._journal.ended(self._request, state, running_at, refused)
        await self._after_sending(write)

    async def went_wrong(
        self, error: PikaError, job_id: str | None, *, about_price: bool = False
    ) -> None:
        """See :class:`Record`."""
        match error:
            case JournalError():
                return
            case SubmissionUncertainError():
                write = self._journal.uncertain(self._request, error)
            case InvalidRequestError() if job_id is None and not about_price:
                # This is the service's verdict on the request. Other refusals have other reasons.
                write = self._journal.refused(self._request, error)
            case _ if job_id is None:
                write = self._journal.hindered(self._request, error)
            case _:
                write = self._journal.noted(self._request, error)
        await self._after_sending(write)

    async def saved(self, files: Sequence[SavedFile]) -> None:
        """See :class:`Record`."""
        await self._after_sending(self._journal.saved(self._request, files))

    async def _before_sending(self, write: Awaitable[_T]) -> _T:
        try:
            return await write
        except JournalError as error:
            self._stop(error)
            raise NotSubmittedError(
                f"not submitted, since the journal could not be written: {error}", journalled=True
            ) from error

    async def _after_sending(self, write: Awaitable[object]) -> JournalError | None:
        """Write; returns the error where that fails, since what is paid for still goes on."""
        try:
            await write
        except JournalError as error:
            self._stop(error)
            return error
        return None


# To digest more than this would hold up the event loop for too long.
_LARGE: Final = 100_000


def _is_large(medium: Media) -> bool:
    return isinstance(medium, bytes | str) and len(medium) > _LARGE


def _digested(request: GenerationRequest, content: GenerationRequest) -> tuple[str, str]:
    """The fingerprint, and what the journal shows of the request."""
    return fingerprint(content), request_record(request)
