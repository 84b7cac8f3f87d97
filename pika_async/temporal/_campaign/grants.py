"""How the budget of a campaign is granted to its pages. Pure.

A page asks when it has spent what it was granted, and what it has not spent comes back at its end.
So the grants never sum to more than the budget.
"""

from __future__ import annotations

from attrs import define, evolve, field

from pika_async._money import Money
from pika_async.temporal._limits.purse import Cost
from pika_async.temporal._messages.pages import Short, Tally


@define
class Grants:
    """What the open pages were granted, and which of them ask for more.

    Attributes:
        granted: By page, in millionths.
        short: By page, what it asks for.
        unknown: Pages that an earlier run of the campaign has granted nobody knows how much. Until
            they have said it, or have ended, nothing is granted.
    """

    granted: dict[int, int] = field(factory=dict)
    short: dict[int, Short] = field(factory=dict)
    unknown: set[int] = field(factory=set)

    @property
    def sum(self) -> int:
        """All of them, in millionths."""
        return sum(self.granted.values())

    def ask(self, short: Short) -> None:
        """A page has spent what it was granted."""
        self.short[short.page] = short
        if short.page in self.unknown and short.granted is not None:
            self.granted[short.page] = short.granted.micros
            self.unknown.discard(short.page)

    def begin_anew(self, page: int) -> None:
        """An earlier run has granted it something; what it has asked for then may be outdated."""
        self.forget(page)
        self.unknown.add(page)

    def used_up(self, budget: Money, free: int, pages: int) -> str | None:
        """Why nothing can be submitted, where each of so many open pages has nothing to spend.

        Nothing comes back then any more. None: something can be, or may come back.
        """
        if not self.short or len(self.short) < pages or self.unknown:
            return None
        if any(short.least.micros <= free for short in self.short.values()):
            return None
        # A page may hold a part of what its next job needs, so what is missing alone is told.
        least = min(short.least.micros for short in self.short.values())
        more = Money(least - free, budget.currency)
        return f"Of the budget of {budget} too little is left; the next job needs {more} more."

    def grant(self, page: int, free: int, currency: str) -> Money | None:
        """What a page that asks is granted of what is free; None: there is too little."""
        short = self.short[page]
        if self.unknown or free < short.least.micros:
            return None
        amount = min(free, max(short.least.micros, short.most.micros))
        self.granted[page] = self.granted.get(page, 0) + amount
        del self.short[page]
        return Money(amount, currency)

    def take_back(self, short: Short, amount: Money, *, asks: bool) -> None:
        """A page is not granted what was counted; it may still ask for it, unless it has ended."""
        page = short.page
        if page in self.granted:
            self.granted[page] -= amount.micros
            if asks:
                self.short.setdefault(page, short)

    def settled(
        self, page: int, tally: Tally, budget: Money | None, *, again: bool
    ) -> tuple[Tally, int]:
        """Where a page that has ended stands, and what it has spent of a budget, in millionths.

        Args:
            page: The page.
            tally: What it says itself.
            budget: That of the campaign, if it has one.
            again: Whether it was run again; see :meth:`spent_by`.
        """
        if budget is None:
            return tally, 0
        spent = self.spent_by(page, tally, budget.currency, again=again)
        if again:
            tally = evolve(tally, cost=Cost(estimated=Money(spent, budget.currency)))
        return tally, spent

    def spent_by(self, page: int, tally: Tally, currency: str, *, again: bool = False) -> int:
        """What a page that has ended has spent; all it was granted where that is not known.

        Args:
            page: The page.
            tally: Where its lines stand.
            currency: That of the budget.
            again: Whether it was run again, and so does not know which of its lines were submitted.
                They cannot have come to more than what it was granted.
        """
        total = tally.cost.total
        if again and tally.uncertain:
            total = None
        if total is not None and total.micros and total.currency == currency:
            return total.micros
        # What is uncertain may have been paid for, also where nobody can say how much.
        nothing = tally.submitted == tally.uncertain == 0
        return 0 if nothing else self.granted.get(page, 0)

    def forget(self, page: int) -> None:
        """A page has ended."""
        self.granted.pop(page, None)
        self.short.pop(page, None)
        self.unknown.discard(page)
