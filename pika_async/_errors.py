"""The error tree: what happened, to which job, what it means for the money, what to do next.

PikaError
├── ConfigurationError
│   └── ClientStateError            also a RuntimeError
├── TransportError
│   └── TransportTimeoutError       also a TimeoutError
├── SubmissionUncertainError
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
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from pika_async._request.request import GenerationRequest
    from pika_async._states import Failed, JobState


class PikaError(Exception):
    """Base of every error this package raises on purpose.

    Attributes:
        job_id: The job concerned, or None where no job is known.
        meaning: What this means for the money and what to do next, one or two sentences; may be
            empty. ``str(error)`` ends with it.

    Every error can be pickled, with its cause, to travel between processes.
    """

    def __init__(self, message: str = "", *, job_id: str | None = None, meaning: str = "") -> None:
        super().__init__(message)
        self.job_id = job_id
        self.meaning = meaning

    def __str__(self) -> str:
        text = self._headline()
        if self.job_id and self.job_id not in text:
            text = f"job {self.job_id}: {text}"
        return f"{text}{_full_stop(text)} {self.meaning}" if self.meaning else text

    def _headline(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own reduction calls the class with args alone, which drops the cause and
        # every keyword.
        return _restore, (type(self), self.args, dict(vars(self)), _picklable(self.__cause__))


def _restore(
    cls: type[PikaError], args: tuple[Any, ...], state: dict[str, Any], cause: BaseException | None
) -> PikaError:
    error = cls.__new__(cls)
    error.args = args
    vars(error).update(state)
    error.__cause__ = cause
    return error


def _picklable(cause: BaseException | None) -> BaseException | None:
    try:
        pickle.loads(pickle.dumps(cause))  # noqa: S301 - our own bytes, made on this line
    except Exception:  # noqa: BLE001 - whatever a foreign exception does, ours must travel
        return Exception(f"{type(cause).__name__}: {cause}")
    return cause


class ConfigurationError(PikaError):
    """The client was set up or used in a way that cannot work; nothing was sent."""


class ClientStateError(ConfigurationError, RuntimeError):
    """The client is not open, is open already, or has been closed."""


class TransportError(PikaError):
    """The service could not be reached, or its answer broke off.

    Attributes:
        may_have_arrived: False where the request provably never left: the name was not resolved,
            the connection refused, TLS failed, or no connection was had in time.
    """

    def __init__(
        self, message: str = "", *, may_have_arrived: bool = True, job_id: str | None = None
    ) -> None:
        super().__init__(message, job_id=job_id)
        self.may_have_arrived = may_have_arrived


class TransportTimeoutError(TransportError, TimeoutError):
    """No whole answer within ``request_timeout``."""


class SubmissionUncertainError(PikaError):
    """A submit broke off where the job may exist and be billed; it was not sent again.

    Attributes:
        request: The request as it was submitted.
        fingerprint: SHA-256 of the request, hexadecimal: equal requests have equal fingerprints.
        sent_at: When the submit was sent, an aware ``datetime`` in UTC.
        cause: The error that left it uncertain, the same object as ``__cause__``.
    """

    def __init__(
        self,
        message: str = "",
        *,
        request: GenerationRequest,
        fingerprint: str,
        sent_at: datetime,
        job_id: str | None = None,
    ) -> None:
        super().__init__(
            message,
            job_id=job_id,
            meaning=(
                "The job may exist and may be billed, so it was not sent again. Look at the "
                "account's usage around that time; submit again only if nothing was started."
            ),
        )
        self.request = request
        self.fingerprint = fingerprint
        self.sent_at = sent_at

    @property
    def cause(self) -> BaseException | None:
        """The error that left it uncertain."""
        return self.__cause__

    def _headline(self) -> str:
        when = self.sent_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"{super()._headline()} (sent {when}, fingerprint {self.fingerprint[:12]})."


class APIError(PikaError):
    """The service answered with an error.

    Attributes:
        status: HTTP status.
        code: The service's own code, or None.
        message: The service's own words; empty where it gave none.
        request_id: The service's name for this request, for its support, or None.
        retry_after: Seconds the service asked to wait, or None.
        body: The first 500 characters of the answer.
        may_have_started: True where a submit that got this answer may have started a job.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        body: str = "",
        may_have_started: bool = False,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message, job_id=job_id)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body
        self.may_have_started = may_have_started

    summary = "the service answered with an error"

    def _headline(self) -> str:
        facts = [f"HTTP {self.status}"]
        if self.code:
            facts.append(f"code {self.code}")
        if self.request_id:
            facts.append(f"request id {self.request_id}")
        said = f": {self.message}" if self.message else ""
        return f"{self.summary} ({', '.join(facts)}){said}{_full_stop(said)}"


def _full_stop(text: str) -> str:
    return "" if text.endswith((".", "!", "?")) else "."


class AuthenticationError(APIError):
    """401: the key is missing, unknown, expired, disabled, or its own quota is used up."""

    summary = "the API key was not accepted: unknown, expired, disabled, or its quota is used up"


class PermissionDeniedError(APIError):
    """403: the account, its address or the model is not allowed."""

    summary = "not allowed for this account, address or model"


class QuotaExceededError(APIError):
    """402, or 403 with a code that says so: the account's balance is too small."""

    summary = "the account's balance or quota does not suffice"


class InvalidRequestError(APIError):
    """400, 413, 422: the service refuses this request; sending it again changes nothing."""

    summary = "the service refused the request"


class NotFoundError(APIError):
    """404, or the service's own code: no such job for this key, or a wrong base URL."""

    summary = "not found: no such job for this API key, or a wrong base URL"


class RateLimitError(APIError):
    """429: too many requests."""

    summary = "too many requests"


class ServerError(APIError):
    """5xx: the service, or a proxy in front of it, failed."""

    summary = "the service failed"


class DecodeError(PikaError):
    """The answer is not the API's: a web page, say, because the base URL is wrong.

    Attributes:
        status: HTTP status.
        body: The first 500 characters of the answer.
        may_have_started: True where a submit that got this answer may have started a job.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int,
        body: str = "",
        may_have_started: bool = False,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message, job_id=job_id)
        self.status = status
        self.body = body
        self.may_have_started = may_have_started


class JobError(PikaError):
    """A job did not bring a video.

    Attributes:
        job_id: The job.
        state: Its last known state, or None where none is known.
    """

    def __init__(
        self, message: str = "", *, job_id: str, state: JobState | None, meaning: str = ""
    ) -> None:
        super().__init__(message, job_id=job_id, meaning=meaning)
        self.state = state


class JobFailedError(JobError):
    """The service says that the job failed; ``state`` is the ``Failed`` with its reason."""

    state: Failed


class ModerationError(JobFailedError):
    """The service refused the content of the prompt, image or video."""


class JobTimeoutError(JobError, TimeoutError):
    """The time for waiting is over; the job itself runs on and can be waited for again."""


class JournalError(PikaError):
    """The journal is in use by another process, is no journal, or is of a newer version."""


class DownloadError(PikaError):
    """A finished video could not be saved; it stays paid for and can be fetched again."""


class TargetExistsError(DownloadError, FileExistsError):
    """The target file exists and ``overwrite`` was not asked for; nothing was touched."""
