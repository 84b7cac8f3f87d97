"""What a campaign says to a page that it opens, and what its owner may say to it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async.temporal._messages.pages import PageOrder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async._money import Money
    from pika_async.temporal._messages.campaigns import CampaignOrder


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
        refuse_unknown=order.refuse_unknown,
    )


def news(before: CampaignOrder, now: CampaignOrder) -> Iterator[tuple[str, tuple[object, ...]]]:
    """What a page is told that was opened before: the names of signals, and their arguments."""
    if now.price != before.price:
        yield "set_price", (now.price,)
    if now.refuse_unknown != before.refuse_unknown:
        yield "refuse_unknown", (now.refuse_unknown,)
    if now.stopped:
        yield "stop", ()


def why_not_resumed(order: CampaignOrder, budget: Money | None) -> str | None:
    """Why a campaign cannot go on, with this budget if one is given; None: it can."""
    ours = order.budget
    if order.stopped:
        return "the campaign was stopped: nothing is submitted any more"
    if budget is None:
        return None
    if ours is None:
        return "budget: the campaign was started without one"
    if budget.currency != ours.currency:
        return f"budget: {budget} is not allowed; the campaign's is {ours}"
    return None


def why_not_priced(order: CampaignOrder, price: Money) -> str | None:
    """Why a job of a campaign cannot be taken to cost this; None: it can."""
    if order.stopped:
        return "the campaign was stopped: nothing is submitted any more"
    if order.budget is not None and price.currency != order.budget.currency:
        return f"price: {price} is not allowed; the campaign's budget is {order.budget}"
    return None
