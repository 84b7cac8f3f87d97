"""What happens to jobs, as values: a few events for each job, and none for a poll.

The log, the command line, telemetry and users read the same events. An event is told at the
moment it happens, in the event loop, to one observer (``PikaClient(observer=…)``). The observer is
a plain function and must return soon. What it raises is logged and reaches nobody.

The life of a submit in events: ``SubmitSent`` each time the POST is about to leave; then
``SubmitHeldBack`` (it will be sent again), or one of ``JobAccepted``, ``SubmitRefused``,
``SubmitUncertain`` and ``SubmitWithdrawn``. ``unclaimed`` says that the caller had left, so that
nobody but the observer was told. Then, for the job: ``StateChanged`` for each change, ``JobEnded``
once, ``VideoSaved`` for each file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

from attrs import field, frozen

from pika_async._errors import PikaError, SubmissionUncertainError
from pika_async._request.request import GenerationRequest
from pika_async._states import Failed, JobState, Succeeded, Video

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


@frozen(kw_only=True)
class SubmitSent:
    """A submit is about to leave.

    Attributes:
        submit_id: The name of the submit, 32 hexadecimal digits; the same each time it is sent, and
            the idempotency key where the service knows one.
        request: What is asked for.
        service: The dialect's name.
        sent_at: When, an aware ``datetime`` in UTC.
        tries: How often it has been sent, this time included.
        host: The name of the machine that it is sent to.
        waited: Seconds for which the brake of the client has held it back just before.
        fingerprint: SHA-256 of the request, as a journal or an engine has it. None where nobody
            writes the submit down: for a large image, computing it would block the event loop.
    """

    submit_id: str
    request: GenerationRequest
    service: str
    sent_at: datetime
    tries: int
    host: str | None = None
    waited: float = 0.0
    fingerprint: str | None = None


@frozen(kw_only=True)
class SubmitHeldBack:
    """A submit failed and will be sent again: it started nothing, or the service knows its key.

    Attributes:
        submit_id: As in ``SubmitSent``.
        error: Why.
        seconds: How long until then, at least.
        tries: How often it has been sent.
        in_line: The service is full but admits other submits of this client meanwhile. So this
            does not count as one of ``RetryPolicy.attempts``.
    """

    submit_id: str
    error: PikaError
    seconds: float
    tries: int
    in_line: bool = False


@frozen(kw_only=True)
class JobAccepted:
    """The service took a submit: there is a job, and it is paid for.

    Attributes:
        submit_id: As in ``SubmitSent``.
        job_id: The job.
        request: What was asked for.
        service: The dialect's name.
        unclaimed: Whoever submitted it was not told of it: it was cancelled, or its record failed.
        recorded: It is written down, in a journal or wherever its submitter keeps a record.
    """

    submit_id: str
    job_id: str
    request: GenerationRequest
    service: str
    unclaimed: bool = False
    recorded: bool = False


@frozen(kw_only=True)
class SubmitRefused:
    """A submit started nothing, and is not sent again.

    Attributes:
        submit_id: As in ``SubmitSent``.
        error: Why.
    """

    submit_id: str
    error: PikaError


@frozen(kw_only=True)
class SubmitUncertain:
    """A submit broke off where a job may exist and be billed.

    Attributes:
        submit_id: As in ``SubmitSent``.
        error: The evidence: request, fingerprint, time, cause.
        unclaimed: Whoever submitted it was cancelled, and was not told of it.
    """

    submit_id: str
    error: SubmissionUncertainError
    unclaimed: bool = False


@frozen(kw_only=True)
class SubmitWithdrawn:
    """A submit started nothing and is not sent again, since its caller has left.

    The caller was cancelled, or the record of its submits could not be written.

    Attributes:
        submit_id: As in ``SubmitSent``.
    """

    submit_id: str


@frozen(kw_only=True)
class StateChanged:
    """A job has another state than before; told once a job, however many watch it.

    Attributes:
        job_id: The job.
        previous: The state before; None for a re-attached job.
        state: The state now.
        elapsed: Seconds from the submit, or from the re-attachment.
        polls: Polls sent so far for this job.
        request: What was asked for, where it is known.
        origin: What the observer called the submit of a re-attached job (``NamesOrigins``), where
            that was kept.
        host: The name of the machine that is asked for the job.
    """

    job_id: str
    previous: JobState | None
    state: JobState
    elapsed: float
    polls: int
    request: GenerationRequest | None = None
    origin: str | None = None
    host: str | None = None


@frozen(kw_only=True)
class JobEnded:
    """A job was seen in a terminal state; after its last ``StateChanged``.

    Told once; and once more where a job had failed for want of a link, and has its link now.

    Attributes:
        job_id: The job.
        state: How it ended.
        elapsed: Seconds from the submit, or from the re-attachment.
        polls: Polls sent for this job.
        reattached: It was submitted elsewhere, so ``elapsed`` is not how long it took.
        unanswered: How many of the polls brought no state: they failed, or were cut short.
    """

    job_id: str
    state: Succeeded | Failed
    elapsed: float
    polls: int
    reattached: bool = False
    unanswered: int = 0


@frozen(kw_only=True)
class WaitingEnded:
    """Somebody has stopped waiting for a job; the job runs on and stays paid for.

    Attributes:
        job_id: The job.
        error: Why: the time was over, or the polls failed for too long. None where the waiting was
            cancelled.
    """

    job_id: str
    error: PikaError | None = None


@frozen(kw_only=True)
class PollingPolicyFailed:
    """A polling policy raised, or its answer was not a time to wait; a backoff takes its place.

    Attributes:
        policy: Its repr.
        problem: What it answered, in words, where it answered.
        error: What it raised, where it raised.
    """

    policy: str
    problem: str
    error: Exception | None


@frozen(kw_only=True)
class VideoSaved:
    """A video is whole, in its place.

    Attributes:
        video: The video.
        path: The file.
        size: Its size in bytes.
    """

    video: Video
    path: Path
    size: int


@frozen(kw_only=True)
class VideoKept:
    """Somebody has changed a video after it was saved; the file stays as it is.

    To have the video of the job again, move the file away and run the batch again.

    Attributes:
        video: The video that was saved there.
        path: The file.
        size: Its size in bytes now.
        saved_size: Its size in bytes when it was saved.
    """

    video: Video
    path: Path
    size: int
    saved_size: int


@frozen(kw_only=True)
class FileSystemLimited:
    """A file system cannot do what saving a video asks of it; it was saved in another way.

    Told once a client for each of the three.

    Attributes:
        path: The file that was saved.
        cannot: "lock": only their names keep videos apart that are saved at the same time. "sync":
            the video may be lost in a crash of the machine. "replace": the video was copied to its
            final name, and stood there in part meanwhile.
        reason: What the system said.
    """

    path: Path
    cannot: Literal["lock", "sync", "replace"]
    reason: str


@frozen(kw_only=True)
class JournalBroken:
    """The journal could not be written.

    Attributes:
        path: The journal.
        error: Why; its cause is what the system or SQLite said.
        job_id: A job that is paid for and could not be written down, where there is one.
    """

    path: Path
    error: PikaError
    job_id: str | None = None


@frozen(kw_only=True)
class BatchStopped:
    """A batch submits nothing more: what is wrong would be wrong for every request.

    Attributes:
        error: What is wrong.
    """

    error: PikaError


@frozen(kw_only=True)
class BatchLeft:
    """A batch was left before its end, with jobs that are paid for.

    Attributes:
        in_flight: The jobs that run on, by the index of their request.
        unclaimed: The jobs of results that nobody has taken, by index too.
        uncertain: The submits whose job may exist and whose results nobody has taken, by index too.
        journalled: Whether a journal knows them all.
    """

    in_flight: Mapping[int, str] = field(factory=dict)
    unclaimed: Mapping[int, str] = field(factory=dict)
    uncertain: Mapping[int, SubmissionUncertainError] = field(factory=dict)
    journalled: bool


Event: TypeAlias = (
    SubmitSent
    | SubmitHeldBack
    | JobAccepted
    | SubmitRefused
    | SubmitUncertain
    | SubmitWithdrawn
    | StateChanged
    | JobEnded
    | WaitingEnded
    | PollingPolicyFailed
    | VideoSaved
    | VideoKept
    | FileSystemLimited
    | JournalBroken
    | BatchStopped
    | BatchLeft
)

Observer: TypeAlias = Callable[[Event], None]


@runtime_checkable
class AroundPolls(Protocol):
    """An observer that also has a context for each poll, such as one that turns tracing off."""

    def around_poll(self) -> AbstractContextManager[object] | None:
        """The context that a poll runs in, entered in the task that polls; None: no context."""
        ...


@runtime_checkable
class NamesOrigins(Protocol):
    """An observer that also has a text of its own for each submit that is written down.

    The text is kept with the submit: in the journal of a batch, or in the engine. When somebody
    comes back to the job, also in another process or on another machine, the observer there gets
    the text with the first ``StateChanged``. So it can tie the two together.
    """

    def submit_origin(
        self, *, submit_id: str, request: GenerationRequest, service: str, earlier: str | None
    ) -> str | None:
        """The text for a submit. Called before the submit is written down, and so before it leaves.

        For a submit that nobody writes down it is called once that has become uncertain. If the
        submit does not leave after all, ``SubmitWithdrawn`` tells so, even if no ``SubmitSent``
        came before.

        Args:
            submit_id: As in ``SubmitSent``.
            request: What is asked for.
            service: The dialect's name.
            earlier: The text of an earlier process, where the same submit is sent again.

        Returns:
            Up to 200 characters of ASCII, without a secret; None: nothing is kept.
        """
        ...
