"""What became of a request, as data: a workflow decides what to do about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from pika_async._money import Money
from pika_async._states import Video


class Why(StrEnum):
    """Why a submit is uncertain."""

    NO_ANSWER = "no_answer"
    """It was sent, and no answer names a job."""
    WORKER_LOST = "worker_lost"
    """The worker was lost after it had written down that it sends, and before the answer."""
    BEGUN_ANEW = "begun_anew"
    """The workflow was reset or retried: an earlier run may have submitted. This one did not."""
    UNKNOWN = "unknown"
    """The engine tells of a failure that proves nothing."""


@frozen(kw_only=True)
class Finished:
    """The videos are there.

    Attributes:
        job_id: The job.
        videos: At least one, each with its link, which may expire; none in a campaign, which keeps
            files.
        files: Where they were saved; empty where the worker saves none. In a campaign their names
            in its store.
        charge: What the job cost, where the service says so.
    """

    job_id: str
    videos: tuple[Video, ...]
    files: tuple[str, ...] = ()
    charge: Money | None = None


@frozen(kw_only=True)
class Declined:
    """The job ended without a video; whether it is billed is the service's to say.

    Attributes:
        job_id: The job.
        reason: The service's words.
        code: The ``meaning`` of ``Failed`` where it has one, ``"not_found"`` where
            the service does not know the job any more, ``"timeout"`` where it is waited for no
            longer and may still end, ``"not_saved"`` where its video could not be saved for a day
            (both in a campaign), else None.
        charge: What the job cost, where the service says so.
    """

    job_id: str
    reason: str
    code: str | None = None
    charge: Money | None = None


@frozen(kw_only=True)
class Refused:
    """Nothing was started and nothing is charged.

    Attributes:
        error: The name of the error's class, such as ``"QuotaExceededError"``;
            ``"NotSubmittedError"`` where it was never sent, as since its campaign was stopped.
        meaning: What happened and what to do, in sentences.
    """

    error: str
    meaning: str

    @property
    def not_submitted(self) -> bool:
        """Whether it was never sent, so that nobody has refused it."""
        return self.error == "NotSubmittedError"


@frozen(kw_only=True)
class Uncertain:
    """A job may exist and be billed; it was not submitted again.

    Attributes:
        fingerprint: SHA-256 of the request, hexadecimal, as a journal has it; None where an earlier
            run may have sent it.
        sent_at: When it was sent; None where that is not known.
        why: Why nobody knows.
    """

    fingerprint: str | None
    sent_at: datetime | None
    why: Why


Outcome = Finished | Declined | Refused | Uncertain


@frozen(kw_only=True)
class Dropped:
    """An uncertain one that its owner gave up: what may have been paid for it is not looked for."""


RepairOutcome = Outcome | Dropped
"""What takes the place of an outcome afterwards."""
