"""What a page says to whoever owns its campaign, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pika_async.temporal._blame import MOST_UNKNOWN
from pika_async.temporal._messages.pages import Waiting
from pika_async.temporal._outcomes import Refused

if TYPE_CHECKING:
    from datetime import datetime

    from pika_async.temporal._failures import Told

_ALSO: Final = " Also: "
_MOST_REASONS: Final = 3


def with_reason(paused: str | None, reason: str) -> str:
    """Why a campaign is paused, where another reason comes to those that it has.

    The first one stays: its owner has not seen it yet, and it may not be told a second time, as
    that answers were lost. What is said already, or is one too many, is left out.
    """
    if not paused:
        return reason
    if reason in paused or paused.count(_ALSO) >= _MOST_REASONS - 1:
        return paused
    return f"{paused}{_ALSO}{reason}"


MOST_UNSURE: Final = 10
"""So many submits in a row whose answers were lost hold the campaign: something is in between."""

STOPPED: Final = Refused(
    error="NotSubmittedError",
    meaning="The campaign was stopped before this was submitted. Nothing is charged.",
)
NO_ROOM: Final = Refused(
    error="NotSubmittedError",
    meaning="The service has refused so many submits that the history of this page is full. "
    "Nothing is charged. Submit the prompt again: `pika-async campaign resolve NAME N --resubmit`, "
    "or resolve(index, resubmit=True).",
)
UNHEARD: Final = (
    "No worker has sent the submit in time: none has taken it, or each was lost before it sent it. "
    "Nothing was sent. Look whether workers run."
)
FOR_A_DAY: Final = "No submit has started anything for a day."
NO_ANSWERS: Final = (
    f"The answers to {MOST_UNSURE} submits in a row were lost, as behind a proxy that breaks them "
    "off. Their jobs may exist and may be billed. Look at the way to the service, then resume."
)
KNOWS_NOTHING: Final = (
    f"{{meaning}} So the service has answered {MOST_UNKNOWN} submits in a row, and no prompt is "
    "lost by it. Is the base URL of the workers wrong? Mend it, then resume. Does the service not "
    "have the model? Then have each prompt refused that it answers so, at no charge: `pika-async "
    "campaign resume NAME --refuse-unknown`, or resume(refuse_unknown=True). To submit nothing "
    "more: `pika-async campaign stop NAME`, or stop()."
)
NO_PRICE: Final = (
    "The service does not say in {currency} what prompt {prompt} costs, and the campaign was "
    "given no price. Say what a job costs: `pika-async campaign resume NAME --price AMOUNT`, "
    "or resume(price=…)."
)


def waiting(told: Told, since: datetime, until: datetime, tries: int) -> Waiting:
    """What a page waits for, once a submit that started nothing was told that."""
    reason = UNHEARD if told.said is None else told.said.meaning
    return Waiting(reason=reason, since=since, until=until, tries=tries)
