"""What may be spent, as options and journals say it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen

from pika_async import Money
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.journals import known_in

if TYPE_CHECKING:
    from pathlib import Path

_NO_BUDGET: Final = "inf"
# What the library takes as a budget. Of larger ones, such as 1e999999, the digits alone would not
# end.
_MOST: Final = 9_000_000_000_000


@frozen(kw_only=True)
class Bounds:
    """What may be spent."""

    budget: Money | None
    price: Money | None
    """What a job is taken to cost where the service does not say."""
    ask_above: Money | None
    """None: never ask."""
    lifted: bool = False
    """It was said that there is no budget, whatever earlier runs had."""
    is_remembered: bool = False
    """The budget is that of an earlier run, since none was given."""

    @property
    def source(self) -> str:
        """What asks for it: the option, or the run before."""
        if not self.is_remembered:
            return "--budget"
        return f"the budget of {self.budget}, which an earlier run with this journal was given,"


def bounds_of(budget: str | None, price: str | None, ask_above: str | None) -> Bounds:
    """What was given for the options of that name.

    Raises:
        UsageError: One of them is no amount of money.
    """
    lifted = budget is not None and budget.strip().lower() == _NO_BUDGET
    return Bounds(
        budget=None if lifted else amount("--budget", budget),
        price=amount("--price", price),
        ask_above=amount("--ask-above", ask_above),
        lifted=lifted,
    )


def with_remembered(bounds: Bounds, journal: Path | None) -> Bounds:
    """What holds for a run: what was given, else what the last run with the journal had.

    Raises:
        JournalError: The journal cannot be read.
    """
    with known_in(journal) as reader:
        known = None if reader is None else reader.limits()
    if known is None:
        return bounds
    if bounds.budget is None and not bounds.lifted and known.budget is not None:
        bounds = evolve(bounds, budget=known.budget, is_remembered=True)
    if bounds.budget is None or bounds.price is not None or known.price is None:
        return bounds
    is_alike = known.price.currency == bounds.budget.currency
    return evolve(bounds, price=known.price) if is_alike else bounds


def amount(option: str, given: str | None, *, above_zero: bool = False) -> Money | None:
    """An amount of money as it was given for an option: ``20``, ``0.45``, ``$20``.

    Raises:
        UsageError: It is not an amount, or too large; or 0, where it has to be above.
    """
    if given is None:
        return None
    refused = f"{option}: {given!r} is not allowed; allowed is an amount"
    try:
        exact = Decimal(given.strip().removeprefix("$"))
        is_small = abs(exact) <= _MOST
    except ArithmeticError as error:
        raise UsageError(f"{refused}, such as 20 or 0.45.") from error
    if not is_small:
        raise UsageError(f"{refused} up to nine trillion.")
    money = Money.of(exact)
    if money.micros < above_zero:
        raise UsageError(f"{refused} {'above' if above_zero else 'from'} 0.")
    return money
