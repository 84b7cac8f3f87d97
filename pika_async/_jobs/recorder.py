"""Where a submit is written down as it goes: a batch's journal, an engine, a user's own place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pika_async._checks import checked_is, checked_plain_function
from pika_async._log import record_raised

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pika_async._errors import SubmissionUncertainError
    from pika_async._jobs.again import Texts
    from pika_async._request.record import Intent
    from pika_async.dialects import Accepted


class SubmitRecord(Protocol):
    """Where a submit is written down as it goes, for whoever must know of it after a crash.

    ``leaving`` and ``accepted`` are awaited; ``wanted`` and ``stayed`` are plain functions. What
    ``accepted`` and ``stayed`` raise is logged with the job, and the submit goes on.

    What was killed between ``leaving`` and ``accepted`` may have started a job. To learn after that
    which job it is, a record has one method more: see :class:`ResumableRecord`. A ``Batch`` with a
    journal keeps what that takes by itself.
    """

    async def leaving(self) -> None:
        """Before each POST, which waits for this.

        Raises:
            PikaError: It cannot be written down, so nothing is sent. Whatever is raised here
                reaches the caller of ``submit``; where an earlier POST may have started a job, as
                a note of the SubmissionUncertainError.
        """
        ...

    async def accepted(self, job_id: str) -> None:
        """Before anyone is told of the job ``job_id``; raises nothing, since that is paid for.

        Where it raises all the same, the caller has the job, ``JobAccepted.recorded`` is False, and
        an error in the log names the job.
        """
        ...

    def wanted(self) -> bool:
        """Whether the POST may still leave, asked at the last moment."""
        ...

    def stayed(self) -> None:
        """The POST has not left after all, or provably started nothing."""
        ...


class ResumableRecord(SubmitRecord, Protocol):
    """A :class:`SubmitRecord` that also keeps what it takes to send the same submit again.

    After a crash between ``leaving`` and ``accepted``, another process passes the text that
    ``prepared`` was told::

        try:
            job = await client.submit(request, record=record, again=text)
        except SubmissionUncertainError as lost:
            job = await client.find(lost)  # where the service has a history

    Where the service takes a repeated idempotency key for the same submit (``pika``), the first
    line names the job, whether the first process had started it or not: there is one, paid once.
    Elsewhere it sends nothing, and raises the error with which ``find`` looks the job up (``fal``).

    The same submit is the same job, also one that has failed: for a new attempt, submit without
    ``again``.
    """

    async def prepared(self, again: str) -> None:
        """Before each POST, and before ``leaving``: keep this text with the request, durably.

        It replaces an earlier one. ``leaving`` may have nothing left to do then. Once ``accepted``
        is told the job, or ``stayed`` is called, the text is not needed any more.

        Args:
            again: JSON in ASCII of some hundred characters and the body of the request: keep it
                whole, in a column without a limit. It has the idempotency key and the prompt, and
                neither the API key nor the bytes of files.

        Raises:
            PikaError: It cannot be written down, so nothing is sent. Whatever is raised here
                reaches the caller of ``submit``; where an earlier POST may have started a job, as
                a note of the SubmissionUncertainError.
        """
        ...


class Recorder(Protocol):
    """A :class:`SubmitRecord` that also keeps what it takes to send the same submit again."""

    @property
    def fingerprint(self) -> str | None:
        """That of the request, where the record has it."""
        ...

    @property
    def has_job(self) -> bool:
        """Whether the job that was accepted is written down, or who cannot do so tells of it."""
        ...

    async def leaving(self, intent: Callable[[], Intent]) -> None:
        """See ``SubmitRecord``; ``intent``: tells what is about to leave."""
        ...

    async def accepted(self, accepted: Accepted) -> None:
        """See ``SubmitRecord``."""
        ...

    def wanted(self) -> bool:
        """See ``SubmitRecord``."""
        ...

    def stayed(self) -> None:
        """See ``SubmitRecord``."""
        ...

    def lost(self, error: SubmissionUncertainError) -> None:
        """The submit is uncertain, and whoever submitted it had been cancelled before."""
        ...


class PlainRecorder:
    """A user's :class:`SubmitRecord` as a :class:`Recorder`."""

    texts: Texts | None = None
    """What ``prepared`` is told, where the record has that method."""

    def __init__(self, record: SubmitRecord) -> None:
        """Begin one.

        Raises:
            FieldError: It is none; ``wanted`` or ``stayed`` would have to be awaited.
        """
        allowed = "an object with leaving, accepted, wanted and stayed; see SubmitRecord"
        checked_is("record", record, allowed, "leaving", "accepted", "wanted", "stayed")
        checked_plain_function("record.wanted", record.wanted, takes="nothing")
        checked_plain_function("record.stayed", record.stayed, takes="nothing")
        self._record = record
        self.wanted = record.wanted
        self.has_job = False
        self._prepared: Callable[[str], Awaitable[None]] | None
        self._prepared = getattr(record, "prepared", None)
        if not callable(self._prepared):
            # A record of before may have something else of that name.
            self._prepared = None

    @property
    def is_resumable(self) -> bool:
        """Whether it is a :class:`ResumableRecord`."""
        return self._prepared is not None

    @property
    def fingerprint(self) -> str | None:
        """See ``Recorder``."""
        return None if self.texts is None else self.texts.fingerprint

    async def leaving(self, intent: Callable[[], Intent]) -> None:
        """See ``SubmitRecord``."""
        if self._prepared is not None and self.texts is not None:
            await self._prepared(self.texts.before(intent()))
        await self._record.leaving()

    async def accepted(self, accepted: Accepted) -> None:
        """See ``SubmitRecord``."""
        job_id = accepted.handle.job_id
        try:
            await self._record.accepted(job_id)
        except Exception as error:  # noqa: BLE001 - the job is paid for, and its id is here alone
            record_raised("accepted", error, job_id)
        else:
            self.has_job = True

    def stayed(self) -> None:
        """See ``SubmitRecord``."""
        if self.texts is not None:
            self.texts.stayed()
        try:
            self._record.stayed()
        except Exception as error:  # noqa: BLE001 - it would take the place of a cancellation, say
            record_raised("stayed", error)

    def lost(self, error: SubmissionUncertainError) -> None:
        """See ``Recorder``; it is told as an event, too."""
