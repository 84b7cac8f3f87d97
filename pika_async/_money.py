"""Money: whole millionths of a currency, so that no sum is ever rounded."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from attrs import field, frozen

from pika_async._checks import FieldError, is_whole

MILLION: Final = 1_000_000

_SIGNS: Final = {"USD": "$", "EUR": "€", "GBP": "£"}
# Digits before the point, less one, beyond all money there is. To write a Decimal such as 1e990990
# out as a whole number takes minutes.
_LARGEST: Final = 30
_ALLOWED: Final = "an amount such as 20, Decimal('0.45') or Money(450_000)"


def _checked_micros(_: object, __: object, micros: int) -> None:
    if not is_whole(micros):
        raise FieldError("micros", micros, "a whole number of millionths")


def _checked_currency(_: object, __: object, currency: str) -> None:
    if not (isinstance(currency, str) and currency.isascii() and currency.isupper()):
        raise FieldError("currency", currency, 'a code in capitals, such as "USD"')


@frozen(order=False)
class Money:
    """An amount of money.

    Attributes:
        micros: Whole millionths of the currency: 450_000 is 0.45. It may be negative.
        currency: Its ISO 4217 code.

    Raises:
        FieldError: ``micros`` is no whole number, or ``currency`` no code in capitals.
    """

    micros: int = field(validator=_checked_micros)
    currency: str = field(default="USD", validator=_checked_currency)

    @classmethod
    def of(cls, amount: Money | Decimal | float | str, currency: str = "USD") -> Money:
        """Money from what people write: ``20``, ``0.45``, ``Decimal("0.45")``, ``"0.45"``.

        A float counts as what it is printed as: 0.1 is a tenth. What is smaller than a millionth
        is rounded.

        Args:
            amount: In whole units of the currency: dollars, say. ``Money`` comes back as it is.
            currency: Its ISO 4217 code.

        Raises:
            FieldError: It is no amount.
        """
        if isinstance(amount, Money):
            return amount
        if isinstance(amount, bool):
            raise FieldError("amount", amount, _ALLOWED)
        try:
            exact = Decimal(str(amount))
        except (ArithmeticError, ValueError) as error:
            raise FieldError("amount", amount, _ALLOWED) from error
        if not exact.is_finite() or exact.adjusted() > _LARGEST:
            raise FieldError("amount", amount, _ALLOWED)
        return cls(int((exact * MILLION).to_integral_value(rounding=ROUND_HALF_EVEN)), currency)

    @property
    def amount(self) -> Decimal:
        """The amount in whole units of the currency, exactly."""
        return Decimal(self.micros) / MILLION

    def __str__(self) -> str:
        """For people: ``$0.45``, ``12.00 SEK``; as many digits as it takes, two at least."""
        sign = "-" if self.micros < 0 else ""
        whole, rest = divmod(abs(self.micros), MILLION)
        digits = f"{whole:,}.{f'{rest:06d}'.rstrip('0'):0<2}"
        mark = _SIGNS.get(self.currency)
        return f"{sign}{mark}{digits}" if mark else f"{sign}{digits} {self.currency}"

    def __add__(self, other: Money) -> Money:
        """The sum.

        Raises:
            ValueError: The currencies differ.
        """
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.micros + self._alike(other), self.currency)

    def __radd__(self, other: object) -> Money:
        # So that sum() needs no start.
        return self if other == 0 else NotImplemented

    def __sub__(self, other: Money) -> Money:
        """The difference; ValueError where the currencies differ."""
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.micros - self._alike(other), self.currency)

    def __mul__(self, count: int) -> Money:
        """So many times as much."""
        if not is_whole(count):
            return NotImplemented
        return Money(self.micros * count, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        return self.micros < self._alike(other)

    def __le__(self, other: Money) -> bool:
        return self.micros <= self._alike(other)

    def __gt__(self, other: Money) -> bool:
        return self.micros > self._alike(other)

    def __ge__(self, other: Money) -> bool:
        return self.micros >= self._alike(other)

    def _alike(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(
                f"{self} and {other} are of different currencies: they have no sum, and none of "
                "them is the larger one"
            )
        return other.micros
