"""What workflows of a campaign tell each other, where the other one may have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import workflow
from temporalio.exceptions import FailureError

if TYPE_CHECKING:
    from collections.abc import Awaitable


async def heard(telling: Awaitable[None]) -> bool:
    """Whether a signal has reached somebody; one whose receiver has ended has not."""
    try:
        await telling
    except FailureError:
        return False
    return True


async def tell_campaign(what: str, value: object) -> bool:
    """A page's word to its campaign, whichever run of it; whether somebody has heard it."""
    parent = workflow.info().parent
    if parent is None:
        return False
    campaign = workflow.get_external_workflow_handle(parent.workflow_id)
    return await heard(campaign.signal(what, value))
