"""What a page hears from the service, and when it has not been heard of for too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from temporalio import workflow

from pika_async.temporal._campaign.silence import Silence, formerly_heard, heard
from pika_async.temporal._failures import Told

if TYPE_CHECKING:
    from pika_async.temporal._outcomes import Refused, Uncertain
    from pika_async.temporal._records import Accepted

# In histories: of pages for which only the end of a line was an answer.
_IN_A_ROW: Final = "answers that end no line end a row"


class Listening:
    """What one page has heard."""

    def __init__(self) -> None:
        self._silence = Silence()

    @property
    def row(self) -> int:
        """The row of lost answers that a submit which leaves now would be of."""
        return self._silence.row

    def hears(
        self, told: Accepted | Told, job: Accepted | Refused | Uncertain | None, row: int
    ) -> None:
        """Note down what a submit of that row was told, and what it led to."""
        if self._silence.lost and not workflow.patched(_IN_A_ROW):
            self._silence.hears(formerly_heard(job), self._silence.row)
        else:
            self._silence.hears(heard(told.said if isinstance(told, Told) else told, job), row)

    def tell(self) -> bool:
        """Whether so many answers in a row are lost now that it is told."""
        return self._silence.tell()
