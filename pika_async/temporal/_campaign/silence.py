"""When lost answers are a sign that something is wrong for all: only many in a row are. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from pika_async.temporal._campaign.sentences import MOST_UNSURE
from pika_async.temporal._outcomes import Uncertain, Why

if TYPE_CHECKING:
    from pika_async.temporal._outcomes import Refused
    from pika_async.temporal._records import Accepted


@define
class Silence:
    """The submits of a page in a row whose answers were lost."""

    _lost: int = 0

    def hears(self, submitted: Accepted | Refused | Uncertain) -> bool:
        """Note what a submit led to; whether so many answers in a row are lost now that it is told.

        It begins to count anew with an answer, and once it has told. What is uncertain for another
        reason than a lost answer says nothing of the way to the service.
        """
        if not isinstance(submitted, Uncertain):
            self._lost = 0
        elif submitted.why is Why.NO_ANSWER:
            self._lost += 1
        if self._lost < MOST_UNSURE:
            return False
        self._lost = 0
        return True
