"""What a submit that ended without a job came to, as its workflow is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pika_async import (
    APIError,
    ClientStateError,
    ConfigurationError,
    FieldError,
    JournalError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from pika_async._jobs.verdicts import Verdict, after_submit
from pika_async.temporal._contents.media import ExchangedError
from pika_async.temporal._failures import as_failure
from pika_async.temporal._records import Said
from pika_async.temporal._verdict import Cause

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from temporalio.exceptions import ApplicationError

    from pika_async import Failed, PikaError
    from pika_async.temporal._records import Leaving


# By what jobs say that were not begun; see ``was_not_begun``.
_NOT_BEGUN: Final[Mapping[str, tuple[Cause, type[APIError]]]] = {
    "quota": (Cause.REFUSED, QuotaExceededError),
    "forbidden": (Cause.REFUSED, PermissionDeniedError),
    "unavailable": (Cause.REFUSED, ServerError),
    "rate_limited": (Cause.NOT_STARTED, RateLimitError),
}


def not_begun(state: Failed, told: Callable[[str], str]) -> ApplicationError:
    """A job that was refused at no charge, and not for its request: as if an answer had said so."""
    cause, error = _NOT_BEGUN[state.meaning or ""]
    # All say the same, without the id of a job: a pause tells each reason once.
    said = Said(
        error=error.__name__,
        meaning=told(f"The job was not begun: {state.reason.rstrip('.')}. Nothing is charged."),
        answered=True,
    )
    return as_failure(cause, said)


def cause_of(error: PikaError | FieldError, sent: Leaving | None) -> Cause:
    """How a submit has ended that raised this.

    Args:
        error: What was raised.
        sent: What may have left before.
    """
    if sent is not None:
        # Also where a later try was refused: that does not undo the first.
        return Cause.LOST
    if is_unread(error):
        # Another worker may see the file.
        return Cause.NOT_STARTED
    if isinstance(error, FieldError):
        return Cause.REFUSED
    if isinstance(error, JournalError | ClientStateError):
        return Cause.NOT_STARTED
    # Whatever it is, nothing has left: an upload that broke off may be begun anew.
    return Cause.REFUSED if after_submit(error) is Verdict.RAISE else Cause.NOT_STARTED


def is_unread(error: Exception) -> bool:
    """Whether a file of the request could not be read on this machine, or is another one there."""
    if isinstance(error, ExchangedError):
        return True
    return isinstance(error, FieldError | ConfigurationError) and isinstance(
        error.__cause__, OSError
    )


def cause_unread(sent: Leaving | None) -> Cause:
    """The same, where the request itself could not be read from the store of its campaign."""
    return Cause.NOT_STARTED if sent is None else Cause.LOST
