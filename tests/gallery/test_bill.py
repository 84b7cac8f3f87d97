"""What submits cost, added up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.entries import attempt, entry, run

from pika_async import Money
from pika_async._gallery.bill import added
from pika_async._gallery.totals import totals_of
from pika_async._gallery.values import Standing

HALF = Money(500_000)
PRICE = Money(200_000)


def bill(*attempts, price=None):
    return totals_of([entry(*attempts)], [], price).bill


def test_what_the_service_says_counts_before_what_was_estimated():
    assert bill(attempt(charged=HALF, quoted=PRICE)).charged == (HALF,)
    assert bill(attempt(charged=HALF, quoted=PRICE)).estimated == ()


def test_what_it_has_not_said_is_estimated_by_its_quote():
    found = bill(attempt(quoted=HALF), price=PRICE)
    assert (found.charged, found.estimated) == ((), (HALF,))


def test_without_a_quote_it_is_the_price_that_was_given():
    assert bill(attempt(), price=PRICE).estimated == (PRICE,)


def test_without_either_it_is_counted_as_unknown_and_never_guessed():
    found = bill(attempt(), attempt(quoted=HALF))
    assert (found.unknown, found.sums) == (1, (HALF,))


def test_what_was_charged_nothing_is_known_to_be_nothing():
    found = bill(attempt(Standing.FAILED, charged=Money(0), quoted=HALF))
    assert (found.charged, found.estimated, found.unknown) == ((Money(0),), (), 0)


def test_a_request_that_was_refused_has_cost_nothing():
    refused = attempt(Standing.FAILED, job_id=None)
    assert bill(refused, price=PRICE).submits == 0


def test_currencies_are_never_added_to_each_other():
    found = bill(attempt(charged=Money(1, "EUR")), attempt(charged=HALF), attempt(charged=HALF))
    assert found.charged == (Money(1, "EUR"), Money(1_000_000))


def test_submits_are_added_up_by_what_became_of_them():
    lost = attempt(Standing.UNCERTAIN, quoted=HALF)
    fell = attempt(Standing.FAILED, 1.0, charged=Money(0))
    found = totals_of([entry(lost, fell, attempt(charged=HALF))], [])
    assert {standing: (one.charged, one.estimated) for standing, one in found.outcomes.items()} == {
        Standing.SUCCEEDED: ((HALF,), ()),
        Standing.FAILED: ((Money(0),), ()),
        Standing.UNCERTAIN: ((), (HALF,)),
    }
    assert found.certain.sums == found.uncertain.sums == (HALF,)


def test_submits_are_added_up_by_the_run_that_sent_them():
    first = attempt(Standing.FAILED, 1.0, run=1, charged=HALF)
    second = attempt(run=2, charged=PRICE)
    found = totals_of([entry(first, second)], [run(0, 9), run(100, 109, number=2)]).run_bills
    assert {number: one.bill.charged for number, one in found.items()} == {
        1: (HALF,),
        2: (PRICE,),
    }
    assert [one.outcomes for one in found.values()] == [
        {Standing.FAILED: 1},
        {Standing.SUCCEEDED: 1},
    ]


@given(st.lists(st.tuples(st.integers(), st.sampled_from(["USD", "EUR", "SEK"]))))
def test_no_millionth_is_lost(amounts):
    sums = {one.currency: one.micros for one in added(Money(*amount) for amount in amounts)}
    for currency in {currency for _, currency in amounts}:
        assert sums[currency] == sum(micros for micros, one in amounts if one == currency)


def test_submits_are_counted_by_where_they_went():
    here, there = "http://127.0.0.1:8700", "https://api.test"
    found = totals_of(
        [
            entry(attempt(service="pika", base_url=there)),
            entry(attempt(service="fal", base_url=here), attempt(service="fal", base_url=here)),
        ],
        [],
    )
    places = [(one.service, one.base_url, one.submits, one.is_local) for one in found.places]
    assert places == [("fal", here, 2, True), ("pika", there, 1, False)]
    assert found.local_submits == 2
