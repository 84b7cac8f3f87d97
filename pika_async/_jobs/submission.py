"""One submit: what it sends, how often it was sent, and what came of it."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime
from typing import Final

from attrs import define

from pika_async._errors import PikaError, SubmissionUncertainError
from pika_async._http import HTTPRequest
from pika_async._jobs.job import Job
from pika_async._jobs.recorder import Recorder
from pika_async._quick import quick
from pika_async._request.fingerprint import fingerprint
from pika_async._request.record import Intent, intent_body
from pika_async._request.request import GenerationRequest

# Before a submit is sent it has no time.
_NEVER: Final = datetime.fromtimestamp(0, UTC)


@define(kw_only=True, eq=False)
class Submit:
    """One submit, however often it is sent."""

    submit_id: str
    """Also the idempotency key, where the service knows one."""
    service: str
    """The name of the dialect."""
    base_url: str
    request: GenerationRequest
    content: GenerationRequest
    """The same with its files read."""
    prepared: HTTPRequest
    """What is sent, each time the same byte for byte."""
    recorder: Recorder | None = None
    earlier: str | None = None
    """What the observer of an earlier process called the same submit."""
    origin: str | None = None
    """What the observer calls it, once somebody has asked."""
    sent_at: datetime = _NEVER
    """When it was sent last."""
    tries: int = 0
    """How often it was sent."""
    failures: int = 0
    """How many of these tries failed and count for ``RetryPolicy.attempts``."""
    outage_failures: int = 0
    """How many more failed in an outage, which only ends by its time. They back off, too."""
    first_gone_at: float = math.inf
    """When it was sent first, on the clock of the client."""
    again_until: datetime | None = None
    """Until when the service is taken to know its key, where an earlier try may have arrived."""
    known_fingerprint: str | None = None
    """That of the request, where its files may be gone."""
    lost: PikaError | None = None
    """Why an earlier try may have started a job, where the same submit is sent again."""
    job: Job | None = None
    """The job that an answer has named."""
    is_job_told: bool = False
    """Whether somebody was told of that job."""
    is_accounted_for: bool = False
    """Its last event was told, or the task that reads its answer will tell it."""
    _intent: Intent | None = None

    def intent(self) -> Intent:
        """What is sent, for whoever writes it down, or looks it up when its answer is lost."""
        # Most submits need none, and its digest costs as much as the body is long.
        if self._intent is None or self._intent.origin != self.origin:
            digest, text = intent_body(self.prepared.body or b"")
            self._intent = Intent(
                service=self.service,
                base_url=self.base_url,
                submit_id=self.submit_id,
                digest=digest,
                body=text,
                origin=self.origin,
            )
        return self._intent

    def uncertain(self, cause: BaseException) -> SubmissionUncertainError:
        """The error where it may have started a job."""
        error = SubmissionUncertainError(
            f"the submit broke off: {cause.what if isinstance(cause, PikaError) else repr(cause)}",
            request=self.request,
            fingerprint=self.known_fingerprint or fingerprint(self.content),
            sent_at=self.sent_at,
            job_id=getattr(cause, "job_id", None),
            sent=self.intent(),
        )
        error.__cause__ = cause
        return error


made_submit: Final = quick(Submit)


def new_submit_id() -> str:
    """The name of a new submit: 32 hexadecimal digits that nobody guesses."""
    return os.urandom(16).hex()
