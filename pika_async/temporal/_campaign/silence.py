"""When lost answers are a sign that something is wrong for all: only many in a row are. Pure.

What a submit led to says one of three things of the way to the service:

| the submit                                                         | says     |
|--------------------------------------------------------------------|----------|
| was accepted                                                       | ANSWERED |
| was answered by the service: there is no room (429), or it refused | ANSWERED |
| started nothing, by the word of the worker: it was not sent        | NOTHING  |
| was sent, and its answer was lost                                  | LOST     |
| was sent, its answer was lost, and the service was asked for its job | NOTHING |
| is uncertain for another reason, as where its worker was lost      | NOTHING  |

A row of lost answers ends with an answer, and with its being told. What was sent before it was told
is of the old row, whenever its answer is given up: the owner has looked at it since.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from attrs import define

from pika_async.temporal._campaign.sentences import MOST_UNSURE
from pika_async.temporal._outcomes import Refused, Uncertain, Why
from pika_async.temporal._records import Accepted

if TYPE_CHECKING:
    from pika_async.temporal._records import Said


class Heard(Enum):
    """What a submit says of the way to the service."""

    ANSWERED = auto()
    LOST = auto()
    NOTHING = auto()


def heard(answered: Accepted | Said | None, job: Accepted | Refused | Uncertain | None) -> Heard:
    """What a submit says.

    Args:
        answered: The job that its answer has named, or what the worker says instead; None where
            nobody says anything.
        job: What it led to; None: it started nothing, and is tried again.
    """
    if isinstance(answered, Accepted) or (answered is not None and answered.answered):
        return Heard.ANSWERED
    return Heard.LOST if _is_lost(job) else Heard.NOTHING


def formerly_heard(job: Accepted | Refused | Uncertain | None) -> Heard:
    """The same, as pages have taken it whose histories began with an earlier version."""
    if _is_lost(job):
        return Heard.LOST
    return Heard.ANSWERED if isinstance(job, Accepted | Refused) else Heard.NOTHING


def _is_lost(job: object) -> bool:
    return isinstance(job, Uncertain) and job.why is Why.NO_ANSWER


@define
class Silence:
    """The submits of a page in a row whose answers were lost.

    Attributes:
        lost: How many they are.
        row: The number of the row. Who submits notes it down.
    """

    lost: int = 0
    row: int = 0

    def hears(self, heard: Heard, row: int) -> None:
        """Note what a submit says that left in this row."""
        if heard is Heard.ANSWERED:
            self.lost = 0
        elif heard is Heard.LOST and row == self.row:
            self.lost += 1

    def tell(self) -> bool:
        """Whether so many are lost in a row that it is told; then the next row begins."""
        if self.lost < MOST_UNSURE:
            return False
        self.lost = 0
        self.row += 1
        return True
