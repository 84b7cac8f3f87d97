"""A budget that holds: what a submit may cost is reserved before it leaves.

The life of a reservation:

1. Before its submit a request reserves its price: the service's quote, or the price that the user
   named where the service tells none. If that does not fit, it waits as long as what others have
   reserved may come back, and is refused once it cannot fit any more. So the sum never passes the
   budget, whatever happens next.
2. The submit provably started nothing: the reservation is given back, whole.
3. The submit is uncertain: it counts as spent, since nobody can tell.
4. The job has ended, and the service says what it cost: that counts, be it less or more.
5. The job has ended, and the service says nothing: the reservation counts as spent.

A charge above its quote may pass the budget. Then nothing more is reserved, and a submit that has
its reservation and has not left does not leave. What earlier runs of the same journal have spent
counts from the beginning. Where this run waits for a submit of theirs, or sends it again with its
key, the price is reserved as if the submit were new. But that reservation is never given back: the
submit may have started a job before this run began.

Without a limit all of this is only counted. A job whose price nobody knows is counted as one job.

A journal remembers the limit and the price. A run that is given no limit goes on with that of the
run before, so that all runs together spend no more than was said. Only ``math.inf`` lifts it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
from attrs import field, frozen

from pika_async._checks import FieldError
from pika_async._errors import BudgetError
from pika_async._journal.history import Limits
from pika_async._money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal


# The largest number that SQLite, and so a journal, can hold.
_MOST: Final = 2**63


@frozen(kw_only=True)
class Spent:
    """What a batch has cost so far, over all runs of its journal, in one currency.

    Attributes:
        charged: What the service says that ended jobs cost.
        reserved: What jobs and submits under way may cost.
        estimated: What jobs cost, by their quotes, where the service does not say, and what
            uncertain submits may have cost.
        unpriced: How many submits nobody has named a price or a charge of. They are in none of the
            sums. With a budget there are none.
    """

    charged: Money = field(factory=partial(Money, 0))
    reserved: Money = field(factory=partial(Money, 0))
    estimated: Money = field(factory=partial(Money, 0))
    unpriced: int = 0

    @property
    def total(self) -> Money:
        """The three sums together.

        It passes a budget only where the service charges more for a job than was named before.
        """
        return self.charged + self.reserved + self.estimated


class Budget:
    """What may be spent, and what is."""

    def __init__(
        self,
        limit: Money | None,
        *,
        price: Money | None = None,
        journalled: bool = False,
        is_lifted: bool = False,
    ) -> None:
        """Begin with nothing spent.

        Args:
            limit: None counts without a bound.
            price: What a job costs where the service does not say.
            journalled: Whether a journal keeps what is needed to go on.
            is_lifted: The caller has asked for no limit, whatever earlier runs were given.

        Raises:
            FieldError: The two are in different currencies.
        """
        self._journalled = journalled
        self._is_lifted = is_lifted
        # Whether the limit comes from an earlier run.
        self._is_recalled = False
        self._set(limit, price)
        # The price of each submit under way, by index; None: nobody knows it.
        self._reserved: dict[int, Money | None] = {}
        self._unpriced = 0
        # The reservations of submits of earlier runs, which are never given back.
        self._taken_over: set[int] = set()
        # Set when money may have come back; made by the first who waits for that.
        self._changed: anyio.Event | None = None

    def _set(self, limit: Money | None, price: Money | None) -> None:
        if limit is not None and price is not None and price.currency != limit.currency:
            raise FieldError("price", price, f"an amount in {limit.currency}, as the budget is one")
        self._limit = limit
        self._price = price
        self._nothing = Money(0, (limit or price or Money(0)).currency)
        self._charged = self._estimated = self._nothing

    def recall(self, limits: Limits | None) -> Limits | None:
        """Go on with what earlier runs were given, where this one was given nothing.

        Returns:
            What holds from now on, for the runs that follow; None: nobody has ever set a limit.

        Raises:
            FieldError: The limit of then and the price of now are in different currencies.
        """
        if limits is not None:
            if self._limit is None and not self._is_lifted:
                self._is_recalled = limits.budget is not None
                self._set(limits.budget, self._price)
            if self._limit is not None and self._price is None:
                price = limits.price
                is_alike = price is not None and price.currency == self._limit.currency
                self._set(self._limit, price if is_alike else None)
        if limits is None and self._limit is None:
            return None
        return Limits(budget=self._limit, price=self._price)

    @property
    def bounds(self) -> bool:
        """Whether there is a limit."""
        return self._limit is not None

    @property
    def needs_quotes(self) -> bool:
        """Whether nothing can be bought where the service does not say what it costs."""
        return self._limit is not None and self._price is None

    def price_of(self, quote: Money | None) -> Money | None:
        """What a job is taken to cost: its quote, else the user's price, else unknown."""
        return self._price if quote is None else quote

    def known(
        self, charged: Iterable[Money], estimated: Iterable[Money], unpriced: int = 0
    ) -> None:
        """Count what earlier runs have spent.

        Args:
            charged: What the service says that their jobs cost.
            estimated: What other submits of theirs were taken to cost.
            unpriced: How many more there are, of which nobody has named a price.

        Raises:
            FieldError: That was in another currency, or nobody knows how much it was.
        """
        charged, estimated = tuple(charged), tuple(estimated)
        if self._limit is not None:
            self._check_known((*charged, *estimated), unpriced)
        elif self._price is None and (charged or estimated):
            # Neither a limit nor a price has a currency: that of the largest sum is taken.
            self._nothing = max((*charged, *estimated), key=lambda one: one.micros) * 0
            self._charged = self._estimated = self._nothing
        self._charged = sum(filter(self._is_alike, charged), self._charged)
        self._estimated = sum(filter(self._is_alike, estimated), self._estimated)
        if self._price is None:
            self._unpriced += unpriced
        else:
            self._estimated += self._price * unpriced

    def _is_alike(self, money: Money) -> bool:
        return money.currency == self._nothing.currency

    def _check_known(self, spent: Iterable[Money], unpriced: int) -> None:
        """Make sure that what is left of the budget is known."""
        for one in spent:
            if not self._is_alike(one):
                raise FieldError(
                    "budget",
                    self._limit,
                    f"an amount in {one.currency}",
                    problem=f"earlier runs with this journal have spent {one}, and amounts of "
                    "two currencies have no sum",
                )
        if unpriced and self._price is None:
            jobs = "a job" if unpriced == 1 else f"{unpriced} jobs"
            raise FieldError(
                "price",
                None,
                "what each of them is taken to cost, such as 0.45",
                problem=f"earlier runs with this journal have submitted {jobs} of which nobody has "
                "said what it cost, and a budget needs to know what is left of it",
            )

    @property
    def spent(self) -> Spent:
        """What it comes to by now."""
        reserved = [price for price in self._reserved.values() if price is not None]
        return Spent(
            charged=self._charged,
            reserved=sum(reserved, self._nothing),
            estimated=self._estimated,
            unpriced=self._unpriced + len(self._reserved) - len(reserved),
        )

    async def reserve(self, index: int, quote: Money | None) -> Money | None:
        """Reserve the price of a request, and wait where it may fit later; returns that price.

        Raises:
            BudgetError: It does not fit, or nobody knows what it costs.
        """
        price = self.price_of(quote)
        limit = self._limit
        if limit is None:
            self._reserved[index] = None if price is None else self._of_one_currency(price)
            return price
        if price is None:
            raise self._refusal(
                "the service does not say what this request costs, and the batch was given no price"
            )
        price = self._of_one_currency(price)
        while self.spent.total + price > limit:
            if price > limit - self._settled:
                raise self._refusal(f"it would cost {price}, and {self._what_is_left(limit)}")
            self._changed = self._changed or anyio.Event()
            await self._changed.wait()
        self._reserved[index] = price
        return price

    def take_over(self, index: int, quoted: Money | None) -> None:
        """The submit of an earlier run is waited for again, so what it may cost is reserved.

        ``quoted``: what it was taken to cost then; None: nobody had named a price.
        """
        price = self.price_of(quoted)
        if price is None:
            self._unpriced -= 1
        elif self._is_alike(price):
            self._estimated -= price
        else:
            return
        self._reserved[index] = price
        self._taken_over.add(index)

    def check_leaving(self, index: int) -> None:
        """Make sure that a submit may still leave.

        Raises:
            BudgetError: Charges above their quotes have passed the budget in the meantime.
        """
        if self._limit is None or index in self._taken_over:
            return
        spent = self.spent.total
        if spent > self._limit:
            raise self._refusal(
                f"the service charges more than it had said, so that {spent} of the budget of "
                f"{self._limit} are spent or reserved"
            )

    def holds(self, index: int) -> bool:
        """Whether something is reserved for it."""
        return index in self._reserved

    def give_back(self, index: int) -> None:
        """This run has started nothing for it.

        Where an earlier one may have, its price counts as spent.
        """
        if index in self._taken_over:
            self.settle(index, None)
        elif index in self._reserved:
            del self._reserved[index]
            self._change()

    def leave(self, begun: Iterable[int]) -> None:
        """The batch is left: give back what was reserved for submits that have not been made.

        Args:
            begun: Whose submits have led to a job, or may have.
        """
        for index in self._reserved.keys() - self._taken_over - set(begun):
            self.give_back(index)

    def settle(self, index: int, charge: Money | None) -> None:
        """Its job has ended, and cost ``charge``; None: the service does not say.

        Also of a submit that is uncertain.
        """
        unpriced = index in self._reserved
        reserved = self._reserved.pop(index, None)
        self._taken_over.discard(index)
        if charge is not None and self._is_alike(charge):
            self._charged += charge
        elif reserved is not None:
            self._estimated += reserved
        elif unpriced:
            self._unpriced += 1
        self._change()

    def _what_is_left(self, limit: Money) -> str:
        """What is left, in words. Jobs under way count like jobs that have ended."""
        spent = self.spent
        left = limit - spent.total
        whole = f"of the budget of {limit}"
        if self._is_recalled:
            whole += ", which an earlier run with this journal was given,"
        if left.micros > 0:
            return f"{whole} there are {left} left"
        what = "spent or reserved" if spent.reserved.micros else "spent"
        return f"{whole} nothing is left: {spent.total} are {what}"

    @property
    def _settled(self) -> Money:
        return self._charged + self._estimated

    def _refusal(self, why: str) -> BudgetError:
        return BudgetError(f"not submitted: {why}", journalled=self._journalled)

    def _of_one_currency(self, money: Money) -> Money:
        if self._is_alike(money):
            return money
        if self._limit is None and self.spent.total == self._nothing:
            # No amount has a currency yet: the service's own is taken.
            self._nothing = Money(0, money.currency)
            self._charged = self._estimated = self._nothing
            return money
        raise self._refusal(
            f"the service counts in {money.currency}, and the budget is in {self._nothing.currency}"
        )

    def _change(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()


def checked_money(
    name: str, amount: Money | Decimal | float | None, *, above_zero: bool = False
) -> Money | None:
    """An amount that may be spent; dollars where no currency is said.

    Raises:
        FieldError: It is none, or negative; or 0, where it has to be above.
    """
    if amount is None:
        return None
    try:
        money = Money.of(amount)
    except FieldError as error:
        raise FieldError(name, amount, error.allowed) from error
    if not above_zero <= money.micros < _MOST:
        least = "above 0, up to" if above_zero else "from 0 to"
        raise FieldError(name, amount, f"an amount {least} nine trillion")
    return money
