"""What a batch may spend: as it was given, and as its journal remembers it."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from pika_async._batch.budget import Budget, checked_money
from pika_async._checks import FieldError
from pika_async._money import Money

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from pika_async._jobs.jobs import Jobs
    from pika_async._journal.journal import Journal


def budget_of(
    budget: Money | Decimal | float | None,
    price: Money | Decimal | float | None,
    *,
    journalled: bool,
) -> Budget:
    """What a batch was given; infinity lifts what earlier runs were given.

    Raises:
        FieldError: One of them is not allowed.
    """
    is_lifted = not isinstance(budget, Money) and budget == math.inf
    return Budget(
        None if is_lifted else checked_money("budget", budget),
        price=checked_money("price", price),
        journalled=journalled,
        is_lifted=is_lifted,
    )


def is_there(journal: Path) -> bool:
    """Whether there is a journal. Of a path that cannot be one: False, since opening it says so."""
    return os.path.exists(journal)  # noqa: PTH110 - Path.exists raises for some of those paths


def check_price(budget: Budget, jobs: Jobs) -> None:
    """Refuse a budget where nobody says what a job costs.

    Raises:
        FieldError: Neither the service nor the batch does.
    """
    if budget.needs_quotes and not jobs.can_quote:
        raise FieldError(
            "price",
            None,
            "what a job costs, such as 0.45",
            problem=f"the service {jobs.service.dialect!r} does not say what a job costs, and a "
            "budget needs to know it",
        )


async def go_on(budget: Budget, journal: Journal, jobs: Jobs) -> None:
    """Take up the limits of earlier runs, and what they have spent; write down what holds now.

    Raises:
        FieldError: Nobody can tell what is left of the budget, or what a job costs.
    """
    limits = budget.recall(await journal.limits())
    check_price(budget, jobs)
    budget.known(*await journal.spent())
    if limits is not None:
        await journal.keep_limits(limits)
