"""One submit: what is sent, how often it has been, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from attrs import define

from pika_async._errors import PikaError, SubmissionUncertainError
from pika_async._http import HTTPRequest
from pika_async._jobs.job import Job
from pika_async._jobs.recorder import Recorder
from pika_async._quick import quick
from pika_async._request.fingerprint import fingerprint
from pika_async._request.record import Intent
from pika_async._request.request import GenerationRequest

# Before a submit is sent it has no time.
_NEVER: Final = datetime.fromtimestamp(0, UTC)


@define(kw_only=True, eq=False)
class Submit:
    """One submit, however often it is sent."""

    submit_id: str
    """Also the idempotency key, where the service knows one."""
    request: GenerationRequest
    content: GenerationRequest
    """The same with its files read."""
    prepared: HTTPRequest
    """What is sent, each time the same byte for byte."""
    recorder: Recorder | None = None
    describe: Callable[[Submit], Intent]
    """What is sent, for whoever writes it down or looks it up when its answer is lost."""
    earlier: str | None = None
    """What the observer of an earlier process called the same submit."""
    origin: str | None = None
    """What the observer calls it, once somebody has asked."""
    sent_at: datetime = _NEVER
    sent: int = 0
    awaited: bool = False
    """Its POST has left, or it has ended, so that an event yet tells of it or has done so."""
    lost: PikaError | None = None
    """Why it may have started a job already, where it is sent again with its key."""
    job: Job | None = None
    """What came of it."""
    _intent: Intent | None = None

    def intent(self) -> Intent:
        """What is sent, made when it is first asked for: most submits need nothing of the kind."""
        if self._intent is None or self._intent.origin != self.origin:
            self._intent = self.describe(self)
        return self._intent

    def uncertain(self, cause: BaseException) -> SubmissionUncertainError:
        """The error where it may have started a job."""
        error = SubmissionUncertainError(
            f"the submit broke off: {cause.what if isinstance(cause, PikaError) else repr(cause)}",
            request=self.request,
            fingerprint=fingerprint(self.content),
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
