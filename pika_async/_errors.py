"""The error tree: what happened, to which job, what it means for the money, what to do next.

PikaError
├── ConfigurationError
│   ├── ClientStateError            also a RuntimeError
│   └── UnsupportedError
├── TransportError
│   └── TransportTimeoutError       also a TimeoutError
├── SubmissionUncertainError
├── NotSubmittedError
│   └── BudgetError
├── APIError
│   ├── AuthenticationError         401
│   ├── PermissionDeniedError       403
│   ├── QuotaExceededError          402 or 403, by code
│   ├── InvalidRequestError         400, 413, 422
│   ├── NotFoundError               404, or the service's own code for it
│   ├── RateLimitError              429
│   └── ServerError                 5xx
├── DecodeError
├── JobError
│   ├── JobFailedError
│   │   └── ModerationError
│   └── JobTimeoutError             also a TimeoutError
├── JournalError
└── DownloadError
    └── TargetExistsError           also a FileExistsError

FieldError is not in the tree. It is a ValueError: a request or an argument that is not allowed.

How errors tell what they mean for the money, and what to do next, stands in ``_pika_error``. Here
each kind says which facts it carries, and what is special about its meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pika_async._meaning import Action, Advice, MoneyMeaning, Started, after_failure
from pika_async._pika_error import PikaError as PikaError  # noqa: PLC0414 - whoever needs an error
from pika_async._pika_error import full_stop as full_stop  # noqa: PLC0414 - finds all of them here

if TYPE_CHECKING:
    from datetime import datetime

    from pika_async._request.record import Intent
    from pika_async._request.request import GenerationRequest
    from pika_async._states import Failed, JobState


class ConfigurationError(PikaError):
    """The client was set up or used in a way that cannot work; nothing was sent.

    Attributes:
        setting: The name of the argument or field that cannot be used, where it is one.
        problem: What is wrong, without that name, for whoever calls it by another.
    """

    def __init__(
        self,
        problem: str = "",
        *,
        setting: str | None = None,
        action: Action | None = None,
        job_id: str | None = None,
    ) -> None:
        """``action``: what to do next, where ``problem`` does not say it."""
        super().__init__(problem, job_id=job_id)
        self.problem = problem
        self.setting = setting
        self._action = action

    @property
    def headline(self) -> str:
        """What is wrong with which argument."""
        return self.problem if self.setting is None else f"{self.setting}: {self.problem}"

    def _advice_not_started(self) -> Advice | None:
        return None if self._action is None else Advice(self._action)


class ClientStateError(ConfigurationError, RuntimeError):
    """The client is not open, is open already, or has been closed."""


class UnsupportedError(ConfigurationError):
    """This service has no such verb; nothing was sent."""


class TransportError(PikaError):
    """The service could not be reached, or its answer broke off.

    ``started`` is NO where the request provably never left whole: the name was not resolved, the
    connection refused, TLS failed, no connection was had in time, or it broke off before the last
    byte had left.
    """

    _money_not_started = MoneyMeaning.NOT_CHARGED

    def __init__(
        self, message: str = "", *, job_id: str | None = None, started: Started = Started.MAYBE
    ) -> None:
        super().__init__(message, job_id=job_id, started=started)

    def _advice_not_started(self) -> Advice:
        return Advice(Action.TRY_LATER)


class TransportTimeoutError(TransportError, TimeoutError):
    """No whole answer within ``request_timeout``."""


class SubmissionUncertainError(PikaError):
    """A submit broke off where the job may exist and be billed; no second job was asked for.

    Attributes:
        request: The request as it was submitted.
        fingerprint: SHA-256 of the request, hexadecimal: equal requests have equal fingerprints.
        sent_at: When the submit was sent, an aware ``datetime`` in UTC.
        journalled: Whether a journal knows of it, so that ``resubmit_uncertain`` can decide.
        sent: What was sent, and where, for ``client.find``; None where that is not known.
    """

    def __init__(
        self,
        message: str = "",
        *,
        request: GenerationRequest,
        fingerprint: str,
        sent_at: datetime,
        job_id: str | None = None,
        journalled: bool = False,
        sent: Intent | None = None,
    ) -> None:
        super().__init__(message, job_id=job_id, started=Started.MAYBE)
        self.journalled = journalled
        self.sent = sent
        self.request = request
        self.fingerprint = fingerprint
        self.sent_at = sent_at

    @property
    def cause(self) -> BaseException | None:
        """The error that left it uncertain: the same object as ``__cause__``."""
        return self.__cause__

    @property
    def advice(self) -> Advice:
        """Look at the account's usage; an id that is known beside it is in ``job_id``."""
        return Advice(Action.CHECK_USAGE, self.job_id, journalled=self.journalled)

    @property
    def headline(self) -> str:
        """What happened, and when the submit was sent."""
        what, mark = super().headline.removesuffix("."), self.fingerprint[:12]
        return f"{what} (sent {self.sent_at:%Y-%m-%d %H:%M:%S} UTC, fingerprint {mark})."


class NotSubmittedError(PikaError):
    """The batch submits nothing more, so this request was not sent; the reason is its cause.

    A batch is stopped by a refused key, a balance that is used up, a full disk or a journal that
    cannot be written. Jobs that are paid for go on.

    Attributes:
        journalled: Whether running the batch again with its journal goes on from here.
    """

    def __init__(
        self, message: str = "", *, journalled: bool = False, job_id: str | None = None
    ) -> None:
        super().__init__(message, job_id=job_id)
        self.journalled = journalled

    @property
    def cause(self) -> BaseException | None:
        """Why the batch has stopped: the same object as ``__cause__``."""
        return self.__cause__

    def _advice_not_started(self) -> Advice:
        action = Action.RUN_AGAIN if self.journalled else Action.SEND_THE_REST
        return Advice(action, journalled=self.journalled)


class BudgetError(NotSubmittedError):
    """The next job would cost more than the budget leaves, so the batch submits nothing more."""


class JobError(PikaError):
    """A job did not bring a video.

    Attributes:
        job_id: The job.
        state: Its last known state, or None where none is known.
    """

    job_id: str

    def __init__(self, message: str = "", *, job_id: str, state: JobState | None) -> None:
        super().__init__(message, job_id=job_id, started=Started.YES)
        self.state = state


class JobFailedError(JobError):
    """The service says that the job failed; ``state`` is the ``Failed`` with its reason."""

    state: Failed
    _instead: ClassVar[Action] = Action.SUBMIT_ANEW

    @property
    def money(self) -> MoneyMeaning:
        """Whether a failed job is charged is the service's to say; some say it with the job."""
        if self.state is None or self.state.charge is None:
            return MoneyMeaning.SERVICE_DECIDES
        return MoneyMeaning.STAYS_PAID if self.state.charge.micros else MoneyMeaning.NOT_CHARGED

    @property
    def advice(self) -> Advice:
        """Submitting again is a new paid job; a link that is missing may still come."""
        linked = self.state is None or all(video.url for video in self.state.videos)
        means = None if self.state is None else self.state.meaning
        return Advice(after_failure(means, self._instead, linked=linked), self.job_id)


class ModerationError(JobFailedError):
    """The service refused the content of the prompt, image or video; see ``Failed.meaning``."""

    _instead = Action.CHANGE_REQUEST


class JobTimeoutError(JobError, TimeoutError):
    """The time for waiting is over; the job itself runs on and can be waited for again."""


class JournalError(PikaError):
    """The journal is in use, no journal, not whole, of a newer version, or of another service."""

    # Its messages say what it means: a journal may also be read, where nothing was to be sent.
    _tells_meaning = False


class OtherServiceError(JournalError):
    """What a journal or a record knows of a request went to another service or base URL.

    It is neither looked at nor bought again here.

    Attributes:
        service: The service it was submitted to.
        base_url: Where that was, or None where a journal of an older format does not tell.
        journalled: Whether a journal knows of it, and a batch is to be run again.
    """

    _tells_meaning = True

    def __init__(
        self,
        message: str = "",
        *,
        service: str,
        base_url: str | None,
        job_id: str | None = None,
        started: Started = Started.YES,
        journalled: bool = True,
    ) -> None:
        super().__init__(message, job_id=job_id, started=started)
        self.service = service
        self.base_url = base_url
        self.journalled = journalled

    @property
    def advice(self) -> Advice:
        """Run it again with that service."""
        return Advice(Action.USE_ITS_SERVICE, self.job_id, journalled=self.journalled)


class DownloadError(PikaError):
    """A finished video could not be saved; it stays paid for and can be fetched again."""

    _action: ClassVar[Action] = Action.DOWNLOAD_AGAIN

    def __init__(
        self, message: str = "", *, job_id: str | None = None, started: Started = Started.YES
    ) -> None:
        super().__init__(message, job_id=job_id, started=started)

    @property
    def advice(self) -> Advice:
        """Download it again; do not generate it again."""
        return Advice(self._action, self.job_id)


class TargetExistsError(DownloadError, FileExistsError):
    """The target file exists and ``overwrite`` was not asked for; nothing was touched."""

    _action = Action.OVERWRITE
