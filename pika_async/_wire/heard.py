"""What the last look at a job was answered, so that the same answer is not read twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import define

from pika_async._http import retry_after

if TYPE_CHECKING:
    from pika_async._http import HTTPResponse


@define(eq=False)
class Heard:
    """The last answer that was understood, and what it meant.

    Most looks at a job that tells no progress bring the same bytes as the one before. Dialects are
    pure, so the same answer means the same. Kept is a hash and not the answer itself, since 10,000
    jobs may be in flight: 64 bits, with a seed of the process, so that no service can make two
    answers with the same hash on purpose.
    """

    answer: int | None = None
    """The hash of what a dialect needed no second answer for; None where it did."""
    meaning: Any = None
    pause: float | None = None
    """Seconds that the service asked to wait before it is asked again, also where it tells all."""


def hash_of(answer: HTTPResponse) -> int:
    """Of all in an answer that may mean something; its dates and the like change each time."""
    return hash((answer.status, answer.headers.get("Content-Type"), answer.body))


def pause_of(answer: HTTPResponse) -> float | None:
    """Seconds that an answer asks to wait before the next request; None where it does not."""
    # Almost none does, and every look asks.
    return retry_after(answer) if _RETRY_AFTER in answer.headers else None


_RETRY_AFTER: Final = "Retry-After"
