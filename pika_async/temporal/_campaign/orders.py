"""What a campaign says to a page that it opens. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async.temporal._campaign.records import PageOrder

if TYPE_CHECKING:
    from pika_async.temporal._campaign.records import CampaignOrder


def page_of(order: CampaignOrder, page: int, width: int) -> PageOrder:
    """The order of a page of this campaign, with so many lines under way at once."""
    return PageOrder(
        store=order.store,
        digest=order.digest,
        page=page,
        first=page * order.page_size,
        width=width,
        budgeted=order.budget is not None,
        currency="USD" if order.budget is None else order.budget.currency,
        price=order.price,
        timeout=order.timeout,
        account=order.account,
    )
