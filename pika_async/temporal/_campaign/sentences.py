"""What a page says to whoever owns its campaign, in sentences."""

from __future__ import annotations

from typing import Final

from pika_async.temporal._outcomes import Refused

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
NO_PRICE: Final = (
    "The service does not say in {currency} what prompt {prompt} costs, and the campaign was "
    "given no price. Say what a job costs: `pika-async campaign resume NAME --price AMOUNT`, "
    "or resume(price=…)."
)
