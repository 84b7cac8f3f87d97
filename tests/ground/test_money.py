"""Money: exact, of one currency, and readable."""

from __future__ import annotations

import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import FieldError, Money

amounts = st.builds(Money, st.integers())


@every_row(
    ("given_", "micros"),
    [
        (20, 20_000_000),
        (0.1, 100_000),
        ("0.45", 450_000),
        (Decimal("0.0125"), 12_500),
        (0.0000004, 0),
        (1e-6, 1),
        ("1e-999999", 0),
        (Money(7), 7),
    ],
)
def test_an_amount_as_people_write_it_becomes_whole_millionths(given_, micros):
    assert Money.of(given_).micros == micros


@every_row(
    "given_",
    [
        "",
        "twenty",
        "$20",
        float("nan"),
        float("inf"),
        True,
        None,
        [],
        "1e31",
        "1e990990",
        "1e999999",
    ],
)
def test_what_is_no_amount_is_refused_with_what_is_allowed(given_):
    with pytest.raises(FieldError, match=r"amount: .* is not allowed; allowed is an amount"):
        Money.of(given_)


@every_row("micros", [0.5, "7", None, True])
def test_millionths_are_whole_numbers(micros):
    with pytest.raises(FieldError, match="micros"):
        Money(micros)


@every_row("currency", ["", "usd", None, "$", "€UR"])
def test_a_currency_is_a_code_in_capitals(currency):
    with pytest.raises(FieldError, match="currency"):
        Money(1, currency)


@every_row(
    ("money", "text"),
    [
        (Money(450_000), "$0.45"),
        (Money(12_500), "$0.0125"),
        (Money(1), "$0.000001"),
        (Money(0), "$0.00"),
        (Money(1_234_500_000), "$1,234.50"),
        (Money(-450_000), "-$0.45"),
        (Money(2_000_000, "EUR"), "€2.00"),
        (Money(2_000_000, "SEK"), "2.00 SEK"),
        (Money(-2_000_000, "SEK"), "-2.00 SEK"),
    ],
)
def test_it_is_written_for_people(money, text):
    assert str(money) == text


@given(amounts, amounts)
def test_sums_and_differences_are_exact(one, other):
    assert (one + other).micros == one.micros + other.micros
    assert (one + other) - other == one
    assert (one < other) == (one.amount < other.amount)
    assert sum([one, other]) == one + other


def test_so_many_times_a_price_is_exact():
    assert 3 * Money(450_000) == Money(450_000) * 3 == Money(1_350_000)


@every_row("step", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_currencies_are_never_mixed(step):
    with pytest.raises(ValueError, match="different currencies"):
        getattr(Money(1), step)(Money(1, "EUR"))


def test_money_and_a_number_have_no_sum():
    with pytest.raises(TypeError):
        Money(1) + 1
    with pytest.raises(TypeError):
        1.5 * Money(1)


def test_the_same_amount_is_the_same_value_and_survives_a_pickle():
    assert Money(5) == pickle.loads(pickle.dumps(Money(5)))  # noqa: S301 - its own
    assert len({Money(5), Money(5), Money(5, "EUR")}) == 2
