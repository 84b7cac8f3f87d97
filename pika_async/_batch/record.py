"""What is written down of one request of a batch, and what earlier runs have written."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

import anyio.to_thread
from attrs import define, frozen

from pika_async._api_errors import InvalidRequestError
from pika_async._errors import (
    JournalError,
    NotSubmittedError,
    OtherServiceError,
    PikaError,
    SubmissionUncertainError,
)
from pika_async._jobs.job import failure
from pika_async._journal.history import SavedFile, Status
from pika_async._journal.records import headline_of, refusal_of
from pika_async._meaning import Started
from pika_async._money import Money
from pika_async._request.fingerprint import fingerprint
from pika_async._request.parts import has_media, media_of
from pika_async._request.record import Intent, request_record
from pika_async._states import Failed, Succeeded, is_dry, lacks_links

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pika_async._journal.journal import Found, Journal
    from pika_async._request.media import Media
    from pika_async._request.request import GenerationRequest
    from pika_async.dialects import Handle

_T = TypeVar("_T")


@define(kw_only=True)
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
    accepted_ago: float = math.inf
    """Seconds since an earlier run submitted the job."""
    hints: Mapping[str, str] | None = None
    """What looks at the job are to know: addresses, facts of the submit."""
    lost: SubmissionUncertainError | None = None
    """What an earlier run's submit ended with, of which nobody knows what came. Also told where
    ``resubmit_uncertain`` allows to submit anew."""
    quoted: Money | None = None
    """What the submit of an earlier run was taken to cost, where it has yet to be settled. Also
    told where ``resubmit_uncertain`` allows to submit anew: the same submit may be sent again."""
    intent: Intent | None = None
    """What an earlier run sent and nobody knows the answer to: where the service knows keys, the
    same can be sent again. Also told where ``resubmit_uncertain`` allows to submit anew."""
    elsewhere: bool = False
    """Its job is of another service, which alone can be asked about it."""


class Record:
    """The record of a request in a batch without a journal: nothing is known, nothing is kept."""

    __slots__ = ("_index",)

    def __init__(self, index: int) -> None:
        self._index = index

    async def begin(self, request: GenerationRequest, content: GenerationRequest) -> Known:
        """What is known of ``request``; ``content`` is the same with its files read."""
        return Known(number=self._index)

    async def known_jobs(self) -> set[str]:
        """The ids of all jobs that belong to some request."""
        return set()

    async def found(self, handle: Handle) -> None:
        """The job of a submit of an earlier run, whose answer was lost."""

    def give_up(self) -> bool:
        """Whether a job that the service does not know may be given up for a new one."""
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
        self, error: PikaError, job_id: str | None, *, is_of_price: bool = False
    ) -> None:
        """What went wrong with the request, and its job if there is one.

        ``is_of_price``: with the question for its price alone, so that it was never judged.
        """

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

    __slots__ = (
        "_choices",
        "_intent",
        "_job_id",
        "_journal",
        "_may_have_arrived",
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
            tell_unrecorded: Called with the id of a paid job that could not be written down.
        """
        super().__init__(index)
        self._journal = journal
        self._choices = choices
        self._stop = stop
        self._tell_unrecorded = tell_unrecorded
        self._request = 0
        self._job_id: str | None = None
        # The key of a submit of an earlier run of which nobody knows what came. It is not ours to
        # take back, even where the same submit is sent again.
        self._standing: str | None = None
        # The key of the attempt that the journal holds for a submit of this run.
        self._intent: str | None = None
        # Whether that submit was sent before and may have arrived.
        self._may_have_arrived = False

    async def begin(self, request: GenerationRequest, content: GenerationRequest) -> Known:
        """See :class:`Record`.

        Raises:
            JournalError: The journal cannot be written; nothing was sent.
        """
        name, shown = (
            await anyio.to_thread.run_sync(_digested, request, content)
            if has_media(content) and any(_is_large(one) for _, one in media_of(content))
            else _digested(request, content)
        )
        found = await self._before_sending(self._journal.claim(name, self._index, shown, content))
        self._request = found.request
        self._job_id = found.job_id
        unanswered = found.status in (Status.SUBMITTING, Status.UNCERTAIN)
        self._standing = found.submit_id if unanswered else None
        elsewhere = self._journal.is_elsewhere(found)
        if elsewhere and found.status in _UNFINISHED:
            return Known(number=found.number, resumed=True, error=_of_another_service(found))
        if self._choices.begin_anew(found.status):
            return Known(
                number=found.number,
                intent=found.intent() if unanswered else None,
                lost=_still_uncertain(found, request, name) if unanswered else None,
                quoted=found.quoted if unanswered else None,
            )
        return _known(found, request, name, self._journal.now(), elsewhere=elsewhere)

    def give_up(self) -> bool:
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
        problem = await self._after_sending(self._journal.accepted(self._request, job_id, hints))
        if problem is not None:
            self._tell_unrecorded(problem, job_id)

    def stayed(self) -> None:
        """See ``SubmitRecord``."""
        # Nothing waits for it: until it is written, the submit counts as uncertain.
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
            refused = failure(self._job_id, state) if is_dry(state) else None
            write = self._journal.ended(self._request, state, running_at, refused)
        await self._after_sending(write)

    async def went_wrong(
        self, error: PikaError, job_id: str | None, *, is_of_price: bool = False
    ) -> None:
        """See :class:`Record`."""
        match error:
            case JournalError():
                return
            case SubmissionUncertainError():
                write = self._journal.uncertain(self._request, error)
            case InvalidRequestError() if job_id is None and not is_of_price:
                # The service's verdict on the request; all other refusals are of circumstances.
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
        """Why it could not be written, if it could not; what is paid for still goes its way."""
        try:
            await write
        except JournalError as error:
            self._stop(error)
            return error
        return None


# Longer texts and images take longer to digest than an event loop should wait.
_LARGE: Final = 100_000


def _is_large(medium: Media) -> bool:
    return isinstance(medium, bytes | str) and len(medium) > _LARGE


def _digested(request: GenerationRequest, content: GenerationRequest) -> tuple[str, str]:
    """The fingerprint, and what the journal shows of the request."""
    return fingerprint(content), request_record(request)


_UNFINISHED: Final = (Status.SUBMITTING, Status.UNCERTAIN, Status.SUBMITTED)


def _known(
    found: Found, request: GenerationRequest, name: str, now: float, *, elsewhere: bool
) -> Known:
    """What the journal knows, for a request that is not begun anew."""
    error: PikaError | None = None
    state: Succeeded | Failed | None = None
    intent: Intent | None = None
    lost: SubmissionUncertainError | None = None
    match found.status:
        case Status.WAITING:
            return Known(number=found.number)
        case Status.SUBMITTING | Status.UNCERTAIN:
            error = lost = _still_uncertain(found, request, name)
            intent = found.intent()
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
        accepted_ago=math.inf if found.accepted_at is None else max(0.0, now - found.accepted_at),
        hints=found.hints,
        intent=intent,
        lost=lost,
        quoted=None if state is not None or (error is not None and lost is None) else found.quoted,
        elsewhere=elsewhere,
    )


def _of_another_service(found: Found) -> OtherServiceError:
    assert found.service is not None  # noqa: S101 - an attempt has one
    place = found.service if found.base_url is None else f"{found.service} at {found.base_url}"
    known = found.status is Status.SUBMITTED
    return OtherServiceError(
        f"it was submitted to {place}, and this batch goes elsewhere"
        if known
        else f"a submit of it went to {place} and its answer is not known; this batch goes "
        "elsewhere",
        service=found.service,
        base_url=found.base_url,
        job_id=found.job_id,
        started=Started.YES if known else Started.MAYBE,
    )


def _still_uncertain(
    found: Found, request: GenerationRequest, name: str
) -> SubmissionUncertainError:
    assert found.sent_at is not None  # noqa: S101 - the intent was written with its time
    return SubmissionUncertainError(
        "an earlier run ended between sending the submit and reading its answer"
        if found.problem is None
        else headline_of(found.problem),
        request=request,
        fingerprint=name,
        sent_at=datetime.fromtimestamp(found.sent_at, UTC),
        job_id=found.job_id,
        journalled=True,
        sent=found.intent(),
    )
