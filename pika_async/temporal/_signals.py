"""What workflows of a campaign hear of each other, where the other one may have ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio import workflow
from temporalio.exceptions import FailureError

from pika_async.temporal._messages.pages import Tally
from pika_async.temporal._names import PAGE_RESULT, id_of_account
from pika_async.temporal._steps import lasting

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pika_async.temporal._limits.unseen import Unseen

_LONGEST_PAGE: Final = timedelta(days=60)


async def heard(telling: Awaitable[None]) -> bool:
    """Whether a signal has reached somebody; one whose receiver has ended has not."""
    try:
        await telling
    except FailureError:
        return False
    return True


async def tell(workflow_id: str, what: str, *value: object) -> bool:
    """Signal another workflow, whichever run of it; whether somebody has heard it."""
    return await heard(workflow.get_external_workflow_handle(workflow_id).signal(what, args=value))


async def tell_campaign(what: str, value: object) -> bool:
    """A page's word to its campaign; whether somebody has heard it."""
    parent = workflow.info().parent
    return parent is not None and await tell(parent.workflow_id, what, value)


async def hand_over(rest: Unseen, account: str) -> None:
    """A page's last word: its campaign, or else the account, holds the place of these jobs."""
    if not await tell_campaign("unseen", rest) and account:
        await tell(id_of_account(account), "unseen", rest)


async def last_result(page: str) -> Tally | None:
    """The end of the last run of a page's workflow; None where that has ended in another way."""
    return await lasting(PAGE_RESULT, page, Tally, longest=_LONGEST_PAGE)
