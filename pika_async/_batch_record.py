"""What is written down of one request of a batch, and what earlier runs have written."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import anyio.to_thread
from attrs import frozen

from pika_async._errors import (
    InvalidRequestError,
    JournalError,
    PikaError,
    SubmissionUncertainError,
)
from pika_async._fingerprint import fingerprint
from pika_async._journal import Found, Journal, SavedFile, Status
from pika_async._models import Failed, Succeeded
from pika_async._records import headline_of, refusal_of, request_record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pika_async._request import GenerationRequest

logger = logging.getLogger("pika_async")

_T = TypeVar("_T")


@frozen(kw_only=True)
class Known:
    """What is known of a request before anything is done for it."""

    number: int
    """Its place among the requests of the run that met it first."""
    resumed: bool = False
    job_id: str | None = None
    state: Succeeded | Failed | None = None
    """The end of its job."""
    error: PikaError | None = None
    """Why there is no job to wait for."""
    files: tuple[SavedFile, ...] = ()


class Record:
    """The record of a request in a batch without a journal: nothing is known, nothing is kept."""

    def __init__(self, index: int) -> None:
        self._index = index

    async def begin(self, request: GenerationRequest, content: GenerationRequest) -> Known:
        """What is known of ``request``; ``content`` is the same with its files read."""
        return Known(number=self._index)

    def give_up(self) -> bool:
        """Whether a job that the service does not know may be given up for a new one."""
        return False

    async def leaving(self) -> None:
        """See ``SubmitRecord``."""

    async def accepted(self, job_id: str) -> None:
        """See ``SubmitRecord``."""

    def stayed(self) -> None:
        """See ``SubmitRecord``."""

    async def ended(self, state: Succeeded | Failed, running_at: float | None) -> None:
        """The job's end; ``running_at``: when it was first seen being generated."""

    async def went_wrong(self, error: PikaError, job_id: str | None) -> None:
        """What went wrong with the request, and its job if there is one."""

    async def saved(self, files: Sequence[SavedFile]) -> None:
        """The files that are whole."""


@frozen(kw_only=True)
class Choices:
    """What to do with requests that earlier runs could not bring to a good end."""

    resubmit_uncertain: bool
    retry_failed: bool

    def begin_anew(self, status: Status) -> bool:
        """Whether to submit again, and perhaps to pay again."""
        match status:
            case Status.FAILED:
                return self.retry_failed
            case Status.SUBMITTING | Status.UNCERTAIN:
                return self.resubmit_uncertain
            case _:
                return False


class JournalRecord(Record):
    """The record of a request in a journal."""

    def __init__(
        self,
        index: int,
        journal: Journal,
        choices: Choices,
        stop: Callable[[PikaError], None],
    ) -> None:
        """Begin a record.

        Args:
            index: The request's place in this run.
            journal: Where it is kept.
            choices: What to submit again.
            stop: Called with the error where the journal cannot be written any more.
        """
        super().__init__(index)
        self._journal = journal
        self._choices = choices
        self._stop = stop
        self._item = 0

    async def begin(self, request: GenerationRequest, content: GenerationRequest) -> Known:
        """See :class:`Record`.

        Raises:
            JournalError: The journal cannot be written; nothing was sent.
        """
        # Large media take longer to digest than an event loop should wait.
        name = (
            await anyio.to_thread.run_sync(fingerprint, content)
            if isinstance(content.image, bytes) or isinstance(content.video, bytes)
            else fingerprint(content)
        )
        claim = self._journal.claim(name, self._index, request_record(request))
        found = await self._before_sending(claim)
        self._item = found.item
        if self._choices.begin_anew(found.status):
            self._journal.given_up(found.item)
            return Known(number=found.number)
        return _known(found, request, name)

    def give_up(self) -> bool:
        """See :class:`Record`."""
        if self._choices.resubmit_uncertain:
            self._journal.given_up(self._item)
        return self._choices.resubmit_uncertain

    async def leaving(self) -> None:
        """See ``SubmitRecord``."""
        try:
            await self._before_sending(self._journal.submitting(self._item))
        except asyncio.CancelledError:
            self.stayed()
            raise

    async def accepted(self, job_id: str) -> None:
        """See ``SubmitRecord``."""
        if not await self._after_sending(self._journal.accepted(self._item, job_id)):
            logger.error(
                "job %s is paid for, and is not in the journal: write it down, and wait for it "
                "with client.job(%r).result()",
                job_id,
                job_id,
                extra={"job_id": job_id},
            )

    def stayed(self) -> None:
        """See ``SubmitRecord``."""
        # Nothing waits for it: until it is written, the submit counts as uncertain.
        self._journal.stayed(self._item)

    async def ended(self, state: Succeeded | Failed, running_at: float | None) -> None:
        """See :class:`Record`."""
        await self._after_sending(self._journal.ended(self._item, state, running_at))

    async def went_wrong(self, error: PikaError, job_id: str | None) -> None:
        """See :class:`Record`."""
        match error:
            case JournalError():
                return
            case SubmissionUncertainError():
                write = self._journal.uncertain(self._item, error)
            case InvalidRequestError() if job_id is None:
                # The service's verdict on the request; all other refusals are of circumstances.
                write = self._journal.refused(self._item, error)
            case _:
                write = self._journal.noted(self._item, error)
        await self._after_sending(write)

    async def saved(self, files: Sequence[SavedFile]) -> None:
        """See :class:`Record`."""
        await self._after_sending(self._journal.saved(self._item, files))

    async def _before_sending(self, write: Awaitable[_T]) -> _T:
        try:
            return await write
        except JournalError as error:
            error.meaning = "Nothing was sent for it and nothing is charged for it."
            self._stop(error)
            raise

    async def _after_sending(self, write: Awaitable[None]) -> bool:
        """Whether it could be written; if not, what is paid for still goes its way."""
        try:
            await write
        except JournalError as error:
            self._stop(error)
            return False
        return True


def _known(found: Found, request: GenerationRequest, name: str) -> Known:
    """What the journal knows, for a request that is not begun anew."""
    error: PikaError | None = None
    state: Succeeded | Failed | None = None
    match found.status:
        case Status.WAITING:
            return Known(number=found.number)
        case Status.SUBMITTING | Status.UNCERTAIN:
            error = _still_uncertain(found, request, name)
        case Status.SUCCEEDED | Status.FAILED:
            state = found.terminal_state()
            if state is None:
                assert found.problem is not None  # noqa: S101 - what has no job was refused
                error = refusal_of(found.problem)
        case Status.SUBMITTED:
            pass
    return Known(
        number=found.number,
        resumed=True,
        job_id=found.job_id,
        state=state,
        error=error,
        files=found.files,
    )


def _still_uncertain(
    found: Found, request: GenerationRequest, name: str
) -> SubmissionUncertainError:
    assert found.sent_at is not None  # noqa: S101 - the intent was written with its time
    error = SubmissionUncertainError(
        "an earlier run ended between sending the submit and reading its answer"
        if found.problem is None
        else headline_of(found.problem),
        request=request,
        fingerprint=name,
        sent_at=datetime.fromtimestamp(found.sent_at, UTC),
        job_id=found.job_id,
    )
    error.meaning += " For a whole batch, resubmit_uncertain=True does that."
    return error
