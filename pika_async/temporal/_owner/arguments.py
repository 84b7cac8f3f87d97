"""What may be said of a campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async import FieldError
from pika_async._batch.budget import checked_money
from pika_async.temporal._campaign.campaign import MOST_IN_FLIGHT

if TYPE_CHECKING:
    from decimal import Decimal

    from pika_async import Money


def checked_amount(name: str, amount: Money | Decimal | float | None) -> Money | None:
    """An amount above 0 as money; dollars where no currency is said.

    With a budget of 0 a campaign would be paused at once; with a price of 0 no budget would hold.

    Raises:
        FieldError: It is no amount, or not above 0.
    """
    return checked_money(name, amount, above_zero=True)


def check_currency(budget: Money | None, other: Money | None, price: Money | None) -> None:
    """Refuse what cannot be held against the budget of a campaign, if it has one.

    Args:
        budget: The budget.
        other: Another one that is to take its place.
        price: What a job is taken to cost.

    Raises:
        FieldError: One is in another currency.
    """
    for name, amount in (("budget", other), ("price", price)):
        if budget is not None and amount is not None and amount.currency != budget.currency:
            raise FieldError(
                name, str(amount), f"an amount in {budget.currency}, as the campaign's budget"
            )


def check_above(budget: Money | None, spent: Money | None) -> None:
    """Refuse a budget for the whole campaign that is spent already: it would be paused at once.

    Raises:
        FieldError: It is.
    """
    if budget is None or spent is None or budget.currency != spent.currency:
        return
    if budget.micros <= spent.micros:
        told = f"an amount above {spent}, which the campaign has spent already"
        raise FieldError("budget", str(budget), told)


def check_start(
    campaign_id: str,
    max_in_flight: int | None,
    submits_per_second: float | None,
    timeout: float | None,
) -> None:
    """Refuse what a campaign cannot be started with.

    Raises:
        FieldError: It is not allowed.
    """
    if not campaign_id.strip() or campaign_id != campaign_id.strip():
        raise FieldError("campaign_id", campaign_id, "a name without blanks around it")
    if max_in_flight is not None:
        check_in_flight(max_in_flight)
    if submits_per_second is not None and not 0 < submits_per_second < 100_000:
        raise FieldError("submits_per_second", submits_per_second, "a number above 0")
    if timeout is not None and not 0 < timeout < 31 * 24 * 3600:
        raise FieldError("timeout", timeout, "seconds above 0, up to a month; or None")


def check_in_flight(jobs: int) -> None:
    """Refuse what can be no limit of jobs in flight.

    Raises:
        FieldError: It is not allowed.
    """
    if isinstance(jobs, bool) or not isinstance(jobs, int) or not 1 <= jobs <= MOST_IN_FLIGHT:
        raise FieldError("max_in_flight", jobs, f"a whole number from 1 to {MOST_IN_FLIGHT}")
