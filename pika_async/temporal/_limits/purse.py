"""What a page may still spend: reserved before a submit, settled by the charge. Pure.

The rules are those of a batch's budget. A page is granted amounts by its campaign, whose grants
never sum to more than the budget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field, frozen

from pika_async._money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence


@frozen(kw_only=True)
class Cost:
    """What it has come to.

    Attributes:
        charged: What the service says that ended jobs cost; None where it says nothing.
        estimated: What jobs cost by their prices where the service does not say, and what uncertain
            submits may have cost; None where there is none, or no price is known.
    """

    charged: Money | None = None
    estimated: Money | None = None

    @property
    def total(self) -> Money | None:
        """Both; None where nothing is known, or they are of two currencies."""
        if self.charged is None or self.estimated is None:
            return self.charged or self.estimated
        if self.charged.currency != self.estimated.currency:
            return None
        return self.charged + self.estimated

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            charged=_sum(self.charged, other.charged),
            estimated=_sum(self.estimated, other.estimated),
        )


def _sum(one: Money | None, other: Money | None) -> Money | None:
    if one is None or other is None:
        return one or other
    # Amounts of two currencies have no sum; the first one's counts.
    return one + other if one.currency == other.currency else one


@frozen
class Prices:
    """What each line of a page is taken to cost; None where nobody says.

    Attributes:
        lines: As the service says.
        price: What a line is taken to cost where the service does not say.
    """

    lines: tuple[Money | None, ...] = ()
    price: Money | None = None

    @classmethod
    def told(
        cls, quotes: Sequence[int], currency: str, *, lines: int, price: Money | None
    ) -> Prices:
        """As the service says, in millionths; else at this price each."""
        if not quotes:
            return cls((None,) * lines, price)
        said = tuple(None if quote < 0 else Money(quote, currency) for quote in quotes)
        return cls(said, price)

    def of(self, place: int) -> Money | None:
        """That of one line."""
        quote = self.lines[place]
        return self.price if quote is None else quote

    def rest(self, place: int, currency: str) -> Money:
        """The sum from there on, as far as it is known in that currency."""
        prices = map(self.of, range(place, len(self.lines)))
        return sum((one for one in prices if one and one.currency == currency), Money(0, currency))


@define
class Purse:
    """What a page spends.

    Attributes:
        granted: The most it may spend; None counts without a bound.
        cost: What was spent.
    """

    granted: Money | None
    cost: Cost = field(factory=Cost)
    _reserved: dict[int, Money] = field(factory=dict)

    @property
    def reserved(self) -> bool:
        """Whether something may come back."""
        return bool(self._reserved)

    @property
    def held(self) -> Money | None:
        """What jobs under way may cost; None where there is none, or no price is known."""
        held = None
        for amount in self._reserved.values():
            held = _sum(held, amount)
        return held

    @property
    def left(self) -> Money | None:
        """What may be reserved now; None: without a bound."""
        if self.granted is None:
            return None
        left = self.granted
        for amount in (self.cost.charged, self.cost.estimated, *self._reserved.values()):
            if amount is not None and amount.currency == left.currency:
                left -= amount
        return left

    def grant(self, amount: Money) -> None:
        """So much more may be spent."""
        if self.granted is not None:
            self.granted += amount

    def lacks(self, price: Money | None) -> Money | None:
        """How much is missing for a submit of this price; None: nothing is."""
        left = self.left
        if left is None or price is None or left >= price:
            return None
        return price - left

    def short_of(self, amount: Money) -> Money:
        """How much less than this amount is left."""
        left = self.left
        return amount if left is None else amount - left

    def reserve(self, place: int, price: Money | None) -> None:
        """Before the submit."""
        if price is not None:
            self._reserved[place] = price

    def give_back(self, place: int) -> None:
        """It started nothing."""
        self._reserved.pop(place, None)

    def settle(self, place: int, charge: Money | None) -> None:
        """Its job has ended; None: the service does not say what it cost, or nobody knows."""
        reserved = self._reserved.pop(place, None)
        if charge is not None and (reserved is None or charge.currency == reserved.currency):
            self.cost += Cost(charged=charge)
        elif reserved is not None:
            self.cost += Cost(estimated=reserved)
