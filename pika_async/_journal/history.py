"""What a journal tells of a batch, as values: its runs, its requests, and their attempts.

All times are seconds since 1970, as the machine's clock had it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

from attrs import field, frozen

from pika_async._meaning import Advice, MoneyMeaning
from pika_async._money import Money
from pika_async._request.record import Intent
from pika_async._states import Failed, Succeeded


class Status(StrEnum):
    """How far a request has come, as far as the journal knows."""

    WAITING = "waiting"
    """Nothing was sent for it, or what was sent provably started nothing, or it was decided to
    submit it again."""
    SUBMITTING = "submitting"
    """A submit may have left; what came of it is not known."""
    UNCERTAIN = "uncertain"
    """A submit broke off; the job may exist."""
    SUBMITTED = "submitted"
    """The job is known by its id, and its end is not."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The job failed, or the service refused the request itself."""


@frozen(kw_only=True)
class Limits:
    """What the runs with a journal may spend, as it was said last.

    Attributes:
        budget: All of them together; None: as much as there is.
        price: What a job is taken to cost where the service does not say, or None.
    """

    budget: Money | None
    price: Money | None = None


@frozen(kw_only=True)
class Run:
    """One run of a batch on the journal.

    Attributes:
        number: Its place among the runs, from 1.
        started_at: When it began.
        version: The version of this library.
        last_at: When something was last noted in it; its start where nothing was.
        output_dir: Where it saved videos: the whole path of then. None: nowhere, or in a journal
            of an older version, which does not tell.
        budget: What all runs were to spend at most from then on, as it was given or went on with
            that of the run before. None: there was none, or a journal of an older version, which
            does not tell.
        price: What a job was taken to cost where the service did not say, of a run with a budget.
    """

    number: int
    started_at: float
    version: str
    last_at: float
    output_dir: str | None = None
    budget: Money | None = None
    price: Money | None = None

    @property
    def seconds(self) -> float:
        """How long it is known to have lasted; when it ended is not noted."""
        return self.last_at - self.started_at


@frozen(kw_only=True)
class SavedFile:
    """A video on the disk that was whole when it was noted.

    Attributes:
        name: The name of the file, in the ``output_dir`` of the batch.
        size: Bytes.
        place: Which of the job's videos it is, from 0; None where an old journal does not tell.
    """

    name: str
    size: int
    place: int | None = None


@frozen(kw_only=True)
class Problem:
    """What went wrong, as facts.

    Attributes:
        kind: The name of the error's class.
        what: What happened, with what the service answered.
        headline: The same in the words of the error alone, without job, time and answer.
        money: What it means for the money; None in journals of format 1.
        advice: What to do next, or None where there is nothing to say.
        meaning: Money and advice in the sentences of a journal of format 1; else empty.
        status: HTTP status of the service's answer, where it answered.
        code: The service's own code, or None.
        request_id: The service's name for the HTTP request, or None.
        body: The beginning of the answer.
    """

    kind: str
    what: str
    headline: str
    money: MoneyMeaning | None = None
    advice: Advice | None = None
    meaning: str = ""
    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    body: str = ""


@frozen(kw_only=True)
class Attempt:
    """One submit of a request, and what came of it.

    Attributes:
        status: How far it has come; WAITING where another submit is to follow it.
        service: The name of the dialect that it was submitted with.
        base_url: Where the service was; None where a journal of format 1 does not tell.
        submit_id: The idempotency key it was sent with; None in journals of format 1.
        digest: SHA-256 of the body that was sent, hexadecimal, or None.
        body: The body as text, with digests for media and very long texts, or None.
        job_id: The job, or None where none is known.
        hints: What looks at the job are to know: addresses, facts of the submit.
        sent_at: When the submit was about to leave.
        accepted_at: When the service's answer with the job came, or None.
        running_at: When the job was first seen being generated, or None.
        ended_at: When its end was seen, or None.
        end: How the job ended, or None.
        problem: What went wrong last, or None.
        files: The videos of it that were saved.
        quoted: What it was taken to cost before it was sent, or None.
        charged: What it cost, where the service said so, else None.
        origin: What the observer of the client called the submit (``NamesOrigins``), or None: with
            ``Telemetry``, the ``traceparent`` of its span.
    """

    status: Status
    service: str
    base_url: str | None = None
    submit_id: str | None = None
    digest: str | None = None
    body: str | None = None
    job_id: str | None = None
    hints: Mapping[str, str] = field(factory=dict)
    sent_at: float | None = None
    accepted_at: float | None = None
    running_at: float | None = None
    ended_at: float | None = None
    end: Succeeded | Failed | None = None
    problem: Problem | None = None
    files: tuple[SavedFile, ...] = ()
    quoted: Money | None = None
    charged: Money | None = None
    origin: str | None = None


@frozen(kw_only=True)
class JournalEntry:
    """What became of one request of a batch.

    Attributes:
        id: Its number in the journal.
        fingerprint: SHA-256 of the request, hexadecimal: equal requests have equal ones.
        occurrence: Which of several equal requests it is, from 1.
        number: Its place in the run that met it first, from 0; the saved files are named by it.
        index: Its place in the last run that met it, from 0.
        run: That last run.
        request: What was asked for, without defaults; media as ``{"path"|"url"|"sha256": …}``.
        attempts: Its submits, the oldest first; the last one counts.
        problem: What kept it from being submitted, while no attempt counts, or None.
        refused_at: When the service refused the request itself, while no attempt counts, or None.
    """

    id: int
    fingerprint: str
    occurrence: int
    number: int
    index: int
    run: Run
    request: Mapping[str, Any]
    attempts: tuple[Attempt, ...] = ()
    problem: Problem | None = None
    refused_at: float | None = None

    @property
    def prompt(self) -> str:
        """The prompt."""
        return str(self.request["prompt"])

    @property
    def metadata(self) -> Mapping[str, str]:
        """The caller's own texts by name; they were never sent."""
        return dict(self.request.get("metadata", {}))

    @property
    def attempt(self) -> Attempt | None:
        """The submit that counts: the newest, or None where the request was never submitted."""
        return self.attempts[-1] if self.attempts else None

    @property
    def status(self) -> Status:
        """How far it has come."""
        if self.attempts:
            return self.attempts[-1].status
        return Status.WAITING if self.refused_at is None else Status.FAILED

    @property
    def files(self) -> tuple[SavedFile, ...]:
        """The videos that were saved."""
        return self.attempts[-1].files if self.attempts else ()


class Kept(Protocol):
    """What is kept of a submit that was about to leave."""

    @property
    def service(self) -> str | None: ...
    @property
    def base_url(self) -> str | None: ...
    @property
    def submit_id(self) -> str | None: ...
    @property
    def digest(self) -> str | None: ...
    @property
    def body(self) -> str | None: ...
    @property
    def origin(self) -> str | None: ...


def intent_of(kept: Kept) -> Intent | None:
    """What was sent, with its key; None where a journal of format 1 does not tell."""
    if kept.service is None or kept.base_url is None or kept.submit_id is None:
        return None
    return Intent(
        service=kept.service,
        base_url=kept.base_url,
        submit_id=kept.submit_id,
        digest=kept.digest or "",
        body=kept.body or "",
        origin=kept.origin,
    )
