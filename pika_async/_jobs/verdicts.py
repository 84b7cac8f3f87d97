"""May a failed request be sent again? One table for submits and polls, read row by row.

A submit has two columns: a service that knows idempotency keys takes a repeated key for the same
submit, so what is uncertain elsewhere is simply asked again there.
"""

from __future__ import annotations

from enum import Enum, auto

from pika_async._api_errors import (
    APIError,
    AuthenticationError,
    DecodeError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from pika_async._errors import ConfigurationError, PikaError, TransportError
from pika_async._meaning import Started


class Symptom(Enum):
    """What came of a request instead of what it asked for."""

    MISUSED = auto()
    """The client is closed, or a dialect asks for another origin: nothing was sent."""
    UNREACHED = auto()
    """Name not resolved, connection refused, TLS failed, connect or pool timeout; or a body that
    had not wholly left."""
    BROKEN_OFF = auto()
    """Reset, closed, truncated or timed out after the whole request had left."""
    BUSY = auto()
    """429; 503 with Retry-After."""
    TOO_EARLY = auto()
    """425: the server would not risk processing it."""
    UNCLEAR = auto()
    """5xx that is not the API's own, 408, 504, 524, codes after the upstream call began."""
    DECLINED = auto()
    """5xx in the API's own shape that means "not started"."""
    DENIED = auto()
    """401, 403, and a balance that does not suffice."""
    NOT_FOUND = auto()
    """404, or the service's own code for an unknown job."""
    REFUSED = auto()
    """Any other 4xx."""
    INTERCEPTED = auto()
    """4xx that the API did not say itself: a page of a proxy or a firewall, or nothing at all."""
    CONTRADICTED = auto()
    """2xx whose body is an error."""
    REDIRECTED = auto()
    """3xx: redirects are never followed on API calls."""
    NOT_THE_API = auto()
    """2xx with a web page."""
    UNREADABLE = auto()
    """2xx that is no web page and not the answer either: no job id, or no JSON object."""


class Verdict(Enum):
    """What a failed request leads to."""

    AGAIN = auto()
    """Send it again, after Retry-After or backoff."""
    RAISE = auto()
    """Raise the error as it is: nothing was started."""
    UNCERTAIN = auto()
    """Raise SubmissionUncertainError: the job may exist and be billed."""
    SAME_AGAIN = auto()
    """Send the same key and body again, for the outage budget: it is the same submit. Then raise
    SubmissionUncertainError."""
    GRACE = auto()
    """Send it again while the job may not have appeared yet, then raise."""


# fmt: off
#                          on submit:                                on poll
#                          no keys             a repeatable key
VERDICTS: dict[Symptom, tuple[Verdict, Verdict, Verdict]] = {
    Symptom.MISUSED:      (Verdict.RAISE,     Verdict.RAISE,         Verdict.RAISE),
    Symptom.UNREACHED:    (Verdict.AGAIN,     Verdict.AGAIN,         Verdict.AGAIN),
    Symptom.BUSY:         (Verdict.AGAIN,     Verdict.AGAIN,         Verdict.AGAIN),
    Symptom.TOO_EARLY:    (Verdict.RAISE,     Verdict.RAISE,         Verdict.AGAIN),
    Symptom.DECLINED:     (Verdict.RAISE,     Verdict.SAME_AGAIN,    Verdict.AGAIN),
    Symptom.DENIED:       (Verdict.RAISE,     Verdict.RAISE,         Verdict.RAISE),
    Symptom.REFUSED:      (Verdict.RAISE,     Verdict.RAISE,         Verdict.RAISE),
    Symptom.INTERCEPTED:  (Verdict.RAISE,     Verdict.RAISE,         Verdict.AGAIN),
    Symptom.CONTRADICTED: (Verdict.RAISE,     Verdict.RAISE,         Verdict.AGAIN),
    Symptom.NOT_FOUND:    (Verdict.RAISE,     Verdict.RAISE,         Verdict.GRACE),
    Symptom.REDIRECTED:   (Verdict.RAISE,     Verdict.RAISE,         Verdict.AGAIN),
    Symptom.NOT_THE_API:  (Verdict.RAISE,     Verdict.RAISE,         Verdict.AGAIN),
    Symptom.UNCLEAR:      (Verdict.UNCERTAIN, Verdict.SAME_AGAIN,    Verdict.AGAIN),
    Symptom.UNREADABLE:   (Verdict.UNCERTAIN, Verdict.SAME_AGAIN,    Verdict.AGAIN),
    Symptom.BROKEN_OFF:   (Verdict.UNCERTAIN, Verdict.SAME_AGAIN,    Verdict.AGAIN),
}
# fmt: on


def after_submit(error: PikaError, *, repeatable: bool = False) -> Verdict:
    """What a failed submit leads to; ``repeatable``: at a service that knows a repeated key."""
    return VERDICTS[symptom(error)][1 if repeatable else 0]


def after_poll(error: PikaError) -> Verdict:
    """What a failed poll leads to."""
    return VERDICTS[symptom(error)][2]


def symptom(error: PikaError) -> Symptom:
    """The row of the table that ``error`` belongs to."""
    match error:
        case ConfigurationError():
            return Symptom.MISUSED
        case TransportError():
            return Symptom.UNREACHED if error.started is Started.NO else Symptom.BROKEN_OFF
        case DecodeError():
            return Symptom.NOT_THE_API if error.started is Started.NO else Symptom.UNREADABLE
        case APIError():
            return _api_symptom(error)
        case _:
            raise error


def _api_symptom(error: APIError) -> Symptom:  # noqa: PLR0911 - one return a row
    match error:
        case RateLimitError():
            return Symptom.BUSY
        case ServerError(status=503, retry_after=asked) if asked is not None:
            return Symptom.BUSY
        case APIError(started=Started.MAYBE) | APIError(status=408):
            # Before all that follow: whatever else the answer says, money may have been spent.
            return Symptom.UNCLEAR
        case APIError(status=425):
            return Symptom.TOO_EARLY
        case APIError(is_api_answer=False, status=status) if 400 <= status < 500:
            # Whatever its status, it says nothing of the key, the account or the job.
            return Symptom.INTERCEPTED
        case AuthenticationError() | PermissionDeniedError() | QuotaExceededError():
            return Symptom.DENIED
        case NotFoundError():
            return Symptom.NOT_FOUND
        case ServerError():
            return Symptom.DECLINED
        case _:
            return _by_status(error.status)


def _by_status(status: int) -> Symptom:
    if status < 300:
        return Symptom.CONTRADICTED
    return Symptom.REDIRECTED if status < 400 else Symptom.REFUSED
