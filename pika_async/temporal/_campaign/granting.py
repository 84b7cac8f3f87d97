"""The money of a campaign that goes on: what its pages ask for is granted as far as it reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from temporalio import workflow

from pika_async.temporal._campaign.grants import Grants
from pika_async.temporal._signals import heard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pika_async.temporal._messages.campaigns import CampaignOrder

Handle = workflow.ChildWorkflowHandle[Any, Any] | workflow.ExternalWorkflowHandle[Any]


class Granting:
    """Of one campaign.

    Attributes:
        grants: What its open pages were granted, and which of them ask for more.
    """

    def __init__(self) -> None:
        self.grants = Grants()

    def spent(self, order: CampaignOrder) -> int:
        """What is spent or granted, in millionths."""
        return order.spent + self.grants.sum

    def used_up(self, order: CampaignOrder, pages: int) -> str | None:
        """Why nothing can be submitted, with so many open pages; None: something can be."""
        if order.budget is None:
            return None
        return self.grants.used_up(order.budget, order.budget.micros - self.spent(order), pages)

    async def grant(
        self, order: Callable[[], CampaignOrder], handles: Mapping[int, Handle]
    ) -> None:
        """Grant what the pages ask for that can be told.

        Args:
            order: The campaign, as it stands at the moment: pages end while others are told.
            handles: The pages, by their numbers.
        """
        if (budget := order().budget) is None:
            return
        for page in tuple(self.grants.short):
            handle = handles.get(page)
            if handle is None:
                continue
            free = budget.micros - self.spent(order())
            amount = self.grants.grant(page, free, budget.currency)
            if amount is not None:
                await heard(handle.signal("grant", amount))
