"""Before money is spent: what is about to be done, and the question."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from pika_async import Money
from pika_async._figures import counted
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.plan import Fate
from pika_async.cli._running.services import dialect_of
from pika_async.cli._showing.shown import Planned
from pika_async.dialects import Quotes

if TYPE_CHECKING:
    from pika_async.cli._prompts.file import PromptFile
    from pika_async.cli._running.bounds import Bounds
    from pika_async.cli._running.plan import Plan

# More submits than these are asked about where nobody knows what they cost.
_MANY: Final = 100
_YES: Final = ("y", "yes")


def told(plan: Plan, bounds: Bounds, prompts: PromptFile, *, is_all: bool) -> Planned:
    """What is said of a plan; ``is_all``: nothing follows."""
    return Planned(
        total=len(plan.fates),
        known=plan.count(Fate.KNOWN),
        uncertain=plan.count(Fate.UNCERTAIN),
        to_submit=plan.count(Fate.SUBMIT),
        left=plan.count(Fate.LEFT),
        cost=plan.cost,
        perhaps=plan.perhaps,
        perhaps_cost=plan.perhaps_cost,
        budget=bounds.budget,
        budget_remembered=bounds.is_remembered,
        spent=plan.spent,
        own_columns=prompts.own_columns,
        is_all=is_all,
    )


def check_budget(bounds: Bounds, service: str) -> None:
    """Refuse a budget where nobody knows what a job costs.

    Raises:
        UsageError: There is a budget, and neither the service nor an option tells a price.
    """
    told = bounds.price is not None or isinstance(dialect_of(service), Quotes)
    if bounds.budget is not None and not told:
        raise UsageError(
            f"{bounds.source} needs --price here: the service {service!r} does not say what a "
            "video costs."
        )


def check_unpriced(plan: Plan, bounds: Bounds) -> None:
    """Refuse a budget of which nobody knows how much is left.

    Raises:
        UsageError: Earlier runs have submitted jobs whose price nobody has named, or have spent
            another currency.
    """
    if bounds.budget is not None and plan.unpriced:
        raise UsageError(
            f"{bounds.source} needs --price here: earlier runs with this journal have submitted "
            f"{counted(plan.unpriced, 'job')} of which nobody has said what it cost."
        )
    others = sorted(plan.currencies - {bounds.budget.currency}) if bounds.budget else ()
    if others:
        raise UsageError(
            f"{bounds.source} cannot be held: earlier runs with this journal have spent "
            f"{' and '.join(others)}, and amounts of two currencies have no sum. Give those "
            "prompts a journal of their own."
        )


def confirm(plan: Plan, bounds: Bounds) -> None:
    """Ask whether so much is to be spent, on a terminal, where it is more than was set.

    Raises:
        UsageError: The answer is no.
    """
    count = plan.count(Fate.SUBMIT) + plan.perhaps
    cost = plan.cost
    if cost is not None and plan.perhaps:
        more = plan.perhaps_cost
        # A sum of nothing can be added to any currency.
        cost = more if not cost.micros else None if more is None else _together(cost, more)
    if bounds.ask_above is None or not count or not _is_terminal():
        return
    upto = "up to " if plan.perhaps else ""
    if cost is None:
        if count <= _MANY:
            return
        question = f"Submit {upto}{counted(count, 'job')}, whose price is not known?"
    else:
        most = cost.micros
        if bounds.budget is not None and bounds.budget.currency == cost.currency:
            left = bounds.budget if plan.spent is None else bounds.budget - plan.spent
            most = min(most, left.micros)
        if most <= bounds.ask_above.micros:
            return
        spend = Money(most, cost.currency)
        question = f"Submit {upto}{counted(count, 'job')} and spend about {spend}?"
    # typer.confirm would write to stdout, where results go.
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() not in _YES:
        raise UsageError("not confirmed; nothing was sent.")


def _together(one: Money, other: Money) -> Money | None:
    return one + other if one.currency == other.currency else None


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
