"""What submits cost, added up. Values in, values out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attrs import Factory, define, frozen

from pika_async._gallery.values import Attempt, Standing
from pika_async._money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pika_async._gallery.values import Entry


@frozen(kw_only=True)
class Bill:
    """What some submits cost. Sums are one for each currency, since those cannot be added."""

    submits: int
    charged: tuple[Money, ...] = ()
    """What the service says they cost."""
    estimated: tuple[Money, ...] = ()
    """What the others were taken to cost."""
    unknown: int = 0
    """How many of them nobody has named a price of."""

    @property
    def sums(self) -> tuple[Money, ...]:
        """Charged and estimated together."""
        return added((*self.charged, *self.estimated))


@frozen(kw_only=True)
class RunBill:
    """What one run submitted, and what that cost."""

    outcomes: dict[Standing, int]
    bill: Bill


def added(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """The sum of each currency, those with a name first in the alphabet in front."""
    sums: Counter[str] = Counter()
    for amount in amounts:
        sums[amount.currency] += amount.micros
    return _moneys(sums)


def in_all(bills: Iterable[Bill]) -> Bill:
    """Several bills as one."""
    bills = tuple(bills)
    return Bill(
        submits=sum(bill.submits for bill in bills),
        charged=added(amount for bill in bills for amount in bill.charged),
        estimated=added(amount for bill in bills for amount in bill.estimated),
        unknown=sum(bill.unknown for bill in bills),
    )


@define
class _Sum:
    submits: int = 0
    charged: Counter[str] = Factory(Counter)
    estimated: Counter[str] = Factory(Counter)
    unknown: int = 0

    def add(self, attempt: Attempt, price: Money | None) -> None:
        self.submits += 1
        estimated = price if attempt.quoted is None else attempt.quoted
        if attempt.charged is not None:
            self.charged[attempt.charged.currency] += attempt.charged.micros
        elif estimated is not None:
            self.estimated[estimated.currency] += estimated.micros
        else:
            self.unknown += 1

    def bill(self) -> Bill:
        return Bill(
            submits=self.submits,
            charged=_moneys(self.charged),
            estimated=_moneys(self.estimated),
            unknown=self.unknown,
        )


def _moneys(sums: Counter[str]) -> tuple[Money, ...]:
    return tuple(Money(micros, currency) for currency, micros in sorted(sums.items()))


@define
class Bills:
    """Adds up submits by what became of them, and by the run that sent them."""

    price: Money | None = None
    """What a submit is taken to cost of which nobody named a price."""
    _outcomes: dict[Standing, _Sum] = Factory(dict)
    _runs: dict[int, tuple[_Sum, Counter[Standing]]] = Factory(dict)

    def add(self, entry: Entry) -> None:
        """Each submit of a request, those that were given up too."""
        for attempt in entry.attempts:
            if not attempt.is_submit:
                continue
            self._outcomes.setdefault(attempt.outcome, _Sum()).add(attempt, self.price)
            if attempt.run is not None:
                if (known := self._runs.get(attempt.run)) is None:
                    known = self._runs[attempt.run] = (_Sum(), Counter())
                known[0].add(attempt, self.price)
                known[1][attempt.outcome] += 1

    def by_outcome(self) -> dict[Standing, Bill]:
        """Those of which there are submits."""
        return {
            standing: self._outcomes[standing].bill()
            for standing in Standing
            if standing in self._outcomes
        }

    def by_run(self) -> dict[int, RunBill]:
        """By the numbers of the runs; a run that submitted nothing is not there."""
        return {
            number: RunBill(outcomes=dict(outcomes), bill=total.bill())
            for number, (total, outcomes) in self._runs.items()
        }
