"""Where a submit is written down as it goes: a batch's journal, an engine, a user's own place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async._errors import SubmissionUncertainError
    from pika_async._request.record import Intent
    from pika_async.dialects import Accepted


class SubmitRecord(Protocol):
    """Where a submit is written down as it goes, for whoever must know of it after a crash."""

    async def leaving(self) -> None:
        """Before each POST, which waits for this.

        Raises:
            PikaError: It cannot be written down, so nothing is sent.
        """
        ...

    async def accepted(self, job_id: str) -> None:
        """Before anyone is told of the job ``job_id``; raises nothing, since that is paid for."""
        ...

    def wanted(self) -> bool:
        """Whether the POST may still leave, asked at the last moment."""
        ...

    def stayed(self) -> None:
        """The POST has not left after all, or provably started nothing."""
        ...


class Recorder(Protocol):
    """A :class:`SubmitRecord` that also keeps what it takes to send the same submit again."""

    @property
    def fingerprint(self) -> str | None:
        """That of the request, where the record has it."""
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

    fingerprint: None = None

    def __init__(self, record: SubmitRecord) -> None:
        self._record = record
        self.wanted = record.wanted
        self.stayed = record.stayed

    async def leaving(self, intent: Callable[[], Intent]) -> None:
        """See ``SubmitRecord``."""
        await self._record.leaving()

    async def accepted(self, accepted: Accepted) -> None:
        """See ``SubmitRecord``."""
        await self._record.accepted(accepted.handle.job_id)

    def lost(self, error: SubmissionUncertainError) -> None:
        """See ``Recorder``; it is told as an event, too."""
