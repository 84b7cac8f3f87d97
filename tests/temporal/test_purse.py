"""What a page may spend: reserved before, settled after, and never more than was granted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pika_async import Money
from pika_async.temporal._limits.purse import Cost, Purse


def test_what_fits_lacks_nothing_and_what_does_not_says_by_how_much():
    purse = Purse(Money(100))
    assert purse.lacks(Money(100)) is None
    purse.reserve(0, Money(70))
    assert purse.lacks(Money(50)) == Money(20)


def test_without_a_bound_nothing_is_lacking():
    purse = Purse(None)
    purse.reserve(0, Money(10))
    assert purse.lacks(Money(10**12)) is None


def test_what_started_nothing_comes_back():
    purse = Purse(Money(100))
    purse.reserve(0, Money(100))
    purse.give_back(0)
    assert purse.left == Money(100)


def test_a_charge_counts_in_place_of_the_price_be_it_less_or_more():
    purse = Purse(Money(100))
    for place, charge in enumerate((20, 60)):
        purse.reserve(place, Money(40))
        purse.settle(place, Money(charge))
    assert (purse.left, purse.cost) == (Money(20), Cost(charged=Money(80)))


def test_a_price_counts_where_nobody_says_what_it_has_cost():
    purse = Purse(Money(100))
    purse.reserve(0, Money(40))
    purse.settle(0, None)
    assert purse.cost == Cost(estimated=Money(40))


def test_a_charge_in_another_currency_leaves_the_price_standing():
    """It cannot be taken from what was granted."""
    purse = Purse(Money(100))
    purse.reserve(0, Money(40))
    purse.settle(0, Money(90, "EUR"))
    assert (purse.left, purse.cost) == (Money(60), Cost(estimated=Money(40)))


def test_charges_are_summed_where_no_price_is_known():
    purse = Purse(None)
    purse.settle(0, Money(5))
    purse.settle(1, Money(6))
    assert purse.cost.total == Money(11)


def test_costs_of_two_currencies_have_no_total():
    assert Cost(charged=Money(1), estimated=Money(1, "EUR")).total is None


@given(
    st.integers(0, 300),
    st.lists(st.tuples(st.integers(0, 90), st.sampled_from(["charge", "none", "back"]))),
)
def test_what_is_spent_never_passes_what_was_granted_where_charges_keep_to_prices(granted, lines):
    purse = Purse(Money(granted))
    for place, (price, end) in enumerate(lines):
        if purse.lacks(Money(price)) is not None:
            continue
        purse.reserve(place, Money(price))
        match end:
            case "charge":
                purse.settle(place, Money(price // 2))
            case "none":
                purse.settle(place, None)
            case "back":
                purse.give_back(place)
        total = purse.cost.total
        assert (total.micros if total else 0) <= granted


def test_what_jobs_under_way_may_cost_is_held_until_they_end():
    purse = Purse(None)
    assert purse.held is None
    purse.reserve(0, Money(40))
    purse.reserve(1, None)
    purse.reserve(2, Money(2))
    assert purse.held == Money(42)
    purse.settle(0, Money(30))
    purse.give_back(2)
    assert purse.held is None
