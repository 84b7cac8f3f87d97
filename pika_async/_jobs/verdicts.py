"""May a failed request be sent again? One table for submits and polls, read row by row."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from attrs import Attribute, field, frozen

from pika_async._errors import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    NotFoundError,
    PermissionDeniedError,
    PikaError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    TransportError,
)
from pika_async._polling.policies import growing, seconds, share, spread


class Symptom(Enum):
    """What came of a request instead of what it asked for."""

    MISUSED = auto()
    """The client is closed, or a dialect asks for another origin: nothing was sent."""
    UNREACHED = auto()
    """Name not resolved, connection refused, TLS failed, connect or pool timeout."""
    BROKEN_OFF = auto()
    """Reset, closed, truncated or timed out after the request began to leave."""
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
    GRACE = auto()
    """Send it again while the job may not have appeared yet, then raise."""


# fmt: off
#                          on submit            on poll
VERDICTS: dict[Symptom, tuple[Verdict, Verdict]] = {
    Symptom.MISUSED:      (Verdict.RAISE,       Verdict.RAISE),
    Symptom.UNREACHED:    (Verdict.AGAIN,       Verdict.AGAIN),
    Symptom.BUSY:         (Verdict.AGAIN,       Verdict.AGAIN),
    Symptom.TOO_EARLY:    (Verdict.RAISE,       Verdict.AGAIN),
    Symptom.DECLINED:     (Verdict.RAISE,       Verdict.AGAIN),
    Symptom.DENIED:       (Verdict.RAISE,       Verdict.RAISE),
    Symptom.REFUSED:      (Verdict.RAISE,       Verdict.RAISE),
    Symptom.CONTRADICTED: (Verdict.RAISE,       Verdict.AGAIN),
    Symptom.NOT_FOUND:    (Verdict.RAISE,       Verdict.GRACE),
    Symptom.REDIRECTED:   (Verdict.RAISE,       Verdict.AGAIN),
    Symptom.NOT_THE_API:  (Verdict.RAISE,       Verdict.AGAIN),
    Symptom.UNCLEAR:      (Verdict.UNCERTAIN,   Verdict.AGAIN),
    Symptom.UNREADABLE:   (Verdict.UNCERTAIN,   Verdict.AGAIN),
    Symptom.BROKEN_OFF:   (Verdict.UNCERTAIN,   Verdict.AGAIN),
}
# fmt: on


def after_submit(error: PikaError) -> Verdict:
    """What a failed submit leads to."""
    return VERDICTS[symptom(error)][0]


def after_poll(error: PikaError) -> Verdict:
    """What a failed poll leads to."""
    return VERDICTS[symptom(error)][1]


def symptom(error: PikaError) -> Symptom:
    """The row of the table that ``error`` belongs to."""
    match error:
        case ConfigurationError():
            return Symptom.MISUSED
        case TransportError():
            return Symptom.BROKEN_OFF if error.may_have_arrived else Symptom.UNREACHED
        case DecodeError():
            return Symptom.UNREADABLE if error.may_have_started else Symptom.NOT_THE_API
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
        case APIError(may_have_started=True):
            # First of all that follow: whatever else it says, money may have been spent.
            return Symptom.UNCLEAR
        case AuthenticationError() | PermissionDeniedError() | QuotaExceededError():
            return Symptom.DENIED
        case NotFoundError():
            return Symptom.NOT_FOUND
        case ServerError():
            return Symptom.DECLINED
        case APIError(status=425):
            return Symptom.TOO_EARLY
        case APIError(status=status) if 300 <= status < 400:
            return Symptom.REDIRECTED
        case APIError(status=status) if status < 300:
            return Symptom.CONTRADICTED
        case _:
            return Symptom.REFUSED


def _at_least_one(_: object, attribute: Attribute[Any], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"{attribute.name}: {value!r} is not allowed; allowed is a whole number from 1"
        )


@frozen(kw_only=True)
class RetryPolicy:
    """How often and how long to try again.

    Attributes:
        attempts: How often one submit is sent at most, the first time included. Only submits
            that provably started nothing are sent again. A 429 does not count while the service
            admits other submits of the client, for as long as the ``outage_budget``. Also how
            often in a row a download may break off without a new byte.
        initial: Seconds before the second attempt.
        factor: How the delay grows from attempt to attempt.
        maximum: Longest delay in seconds.
        jitter: Share by which a delay is moved at random, either way.
        retry_after_maximum: Longest Retry-After that is honoured, in seconds; a longer one is cut
            to this.
        outage_budget: Seconds for which consecutive polls of one job may fail before the last
            error is raised; one success starts the count anew. 300 s outlast a deployment or a
            failover of the service.
    """

    attempts: int = field(default=5, validator=_at_least_one)
    initial: float = field(default=0.5, validator=seconds(at_least=0.0))
    factor: float = field(default=2.0, validator=seconds(at_least=1.0))
    maximum: float = field(default=20.0, validator=seconds(at_least=0.0))
    jitter: float = field(default=0.25, validator=share)
    retry_after_maximum: float = field(default=120.0, validator=seconds(at_least=0.0))
    outage_budget: float = field(default=300.0, validator=seconds(at_least=0.0))

    def delay(self, failures: int, error: object, random_number: float) -> float:
        """Seconds to wait after the ``failures``-th failure in a row (from 1).

        A Retry-After of zero, or of a date that has passed, says nothing of when: backoff, lest
        polls follow each other without a pause for as long as an outage is tolerated.
        """
        asked = getattr(error, "retry_after", None)
        if asked:
            # Never sooner than asked for, and not all at the same moment.
            wait = float(asked) * (1.0 + self.jitter * random_number / 2.0)
            return min(wait, self.retry_after_maximum)
        backoff = growing(self.initial, self.factor, self.maximum, failures - 1)
        return spread(backoff, self.jitter, random_number)
