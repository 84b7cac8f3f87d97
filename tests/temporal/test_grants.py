"""What of a budget is granted to the pages of a campaign, and when it is used up."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from pika_async import Money
from pika_async.temporal._campaign.grants import Grants
from pika_async.temporal._limits.purse import Cost
from pika_async.temporal._messages.pages import Short, Tally

BUDGET = Money(100)


def short(page, least=10, most=50):
    return Short(page=page, least=Money(least), most=Money(most))


def test_a_page_that_asks_gets_what_it_could_use_as_far_as_there_is_some():
    grants = Grants()
    grants.ask(short(0))
    assert grants.grant(0, 100, "USD") == Money(50)
    grants.ask(short(1, most=80))
    assert grants.grant(1, 50, "USD") == Money(50)
    assert (grants.sum, grants.short) == (100, {})


def test_too_little_for_one_job_is_not_granted():
    grants = Grants()
    grants.ask(short(0))
    assert grants.grant(0, 9, "USD") is None
    assert 0 in grants.short


def test_a_budget_is_used_up_only_where_every_open_page_has_nothing_to_spend():
    """What one of them holds still may come back."""
    grants = Grants()
    grants.ask(short(0))
    assert grants.used_up(BUDGET, 9, pages=2) is None
    grants.ask(short(1))
    assert grants.used_up(BUDGET, 10, pages=2) is None
    said = grants.used_up(BUDGET, 9, pages=2)
    assert said is not None
    assert str(BUDGET) in said
    assert f"needs {Money(1)} more" in said


def test_a_page_that_ended_has_spent_what_its_jobs_came_to():
    grants = Grants(granted={0: 50})
    assert grants.spent_by(0, Tally(submitted=3, cost=Cost(charged=Money(30))), "USD") == 30


def test_a_page_whose_cost_nobody_knows_has_spent_all_that_it_was_granted():
    grants = Grants(granted={0: 50})
    assert grants.spent_by(0, Tally(uncertain=1), "USD") == 50
    assert grants.spent_by(0, Tally(refused=5), "USD") == 0
    other = Tally(submitted=1, cost=Cost(charged=Money(7, "EUR")))
    assert grants.spent_by(0, other, "USD") == 50


def test_a_page_that_is_run_again_has_spent_no_more_than_it_was_granted():
    """It takes all of its lines for uncertain, and most of them were never submitted."""
    grants = Grants(granted={0: 50})
    all_of_it = Tally(uncertain=500, cost=Cost(estimated=Money(5000)))
    assert grants.spent_by(0, all_of_it, "USD", again=True) == 50
    ended = Tally(submitted=500, cost=Cost(charged=Money(45)))
    assert grants.spent_by(0, ended, "USD", again=True) == 45


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40), st.integers(0, 60))))
def test_grants_never_sum_to_more_than_the_budget(asking):
    grants = Grants()
    for page, least, most in asking:
        grants.ask(short(page, least, most))
        for each in tuple(grants.short):
            grants.grant(each, BUDGET.micros - grants.sum, "USD")
        assert grants.sum <= BUDGET.micros


def test_while_nobody_knows_what_a_page_was_granted_nothing_is_granted():
    """An earlier run of the campaign has granted it; the page says how much, or ends."""
    grants = Grants()
    grants.ask(short(0))
    grants.begin_anew(0)
    assert 0 not in grants.short
    grants.ask(short(1))
    assert grants.grant(1, 100, "USD") is None
    assert grants.used_up(BUDGET, 0, pages=1) is None
    grants.ask(evolve(short(0), granted=Money(60)))
    assert grants.sum == 60
    assert grants.grant(1, 40, "USD") == Money(40)
    grants.begin_anew(2)
    grants.forget(2)
    assert grants.grant(0, 10, "USD") == Money(10)
