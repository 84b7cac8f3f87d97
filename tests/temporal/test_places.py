"""Repairs get places of an account one by one, beside its campaigns. Needs no engine."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async.temporal._limits.places import Places

PARTS = {
    # The limit, what repairs and campaigns want, and what is for repairs.
    "one repair beside a campaign": (100, 1, {"a": 10_000}, 1),
    "many repairs are as one campaign": (100, 300, {"a": 10_000}, 50),
    "many repairs beside two campaigns": (99, 300, {"a": 10_000, "b": 10_000}, 33),
    "what campaigns do not want is theirs": (100, 300, {"a": 10}, 90),
    "alone": (100, 300, {}, 100),
    "fewer places than campaigns: repairs come first": (1, 5, {"a": 9, "b": 9}, 1),
    "no place at all": (0, 5, {"a": 9}, 0),
    "no repair": (100, 0, {"a": 10_000}, 0),
}


def asked(count):
    places = Places()
    for number in range(count):
        places.ask(str(number))
    return places


@every_row("name", PARTS)
def test_all_repairs_together_share_as_one_campaign(name):
    limit, repairs, wants, part = PARTS[name]
    assert asked(repairs).part(limit, wants) == part


def test_who_asks_first_is_placed_first_and_told_once():
    places = asked(3)
    assert places.hand_out(2) == {"0": True, "1": True}
    assert places.hand_out(2) == {}
    places.leave("0")
    assert places.hand_out(2) == {"2": True}
    assert (places.placed, places.asking) == (("1", "2"), ())


def test_who_asks_again_is_told_again_and_has_one_place():
    """It was reset, and does not know that it has one."""
    places = asked(1)
    places.hand_out(1)
    places.ask("0")
    assert places.hand_out(1) == {"0": False}
    assert places.placed == ("0",)


def test_a_job_that_is_in_flight_takes_its_place_be_it_free_or_not():
    """Then it is missing to others, and nobody is told of a place until it is made up for."""
    places = asked(2)
    places.hand_out(1)
    places.take("adopted")
    assert places.part(1, {"a": 5}) == 2
    assert places.hand_out(1) == {}
    places.leave("0")
    assert places.hand_out(1) == {}
    places.leave("adopted")
    assert places.hand_out(1) == {"1": True}


def test_whoever_has_a_place_or_waits_for_one_is_known():
    """As long as somebody is, the account goes on."""
    places = asked(2)
    places.hand_out(1)
    assert ("0" in places, "1" in places, "2" in places) == (True, True, False)
    places.leave("1")
    assert places
    places.leave("0")
    places.ask("2")
    assert places
    places.leave("2")
    assert not places


def test_an_account_that_goes_on_from_another_knows_who_had_a_place_and_who_waited():
    """But whoever has spoken since knows better."""
    places = asked(1)
    places.take("adopted")
    places.begin(placed=["0", "1"], asking=["adopted", "2"])
    assert places.placed == ("adopted", "1")
    assert places.asking == ("0", "2")


def test_ten_at_once_one_after_the_other_change_what_is_told_to_campaigns_a_few_times():
    """Of 300: each change costs campaigns and their pages a word, which costs as much as a job."""
    places, parts = Places(), []
    for number in range(300 + 10):
        if number < 300:
            places.ask(str(number))
        if number >= 10:
            places.leave(str(number - 10))
        places.hand_out(10)
        parts.append(places.part(100, {"a": 10_000}))
    changes = [now for before, now in pairwise(parts) if now != before]
    assert changes == [*range(2, 12), 5, 2, 1, 0]


@given(
    st.integers(0, 9),
    st.lists(st.tuples(st.sampled_from(["ask", "take", "leave", "hand"]), st.integers(0, 12))),
)
def test_no_more_are_placed_than_there_are_places(limit, steps):
    """But for jobs that were in flight before; and nobody is both placed and waiting."""
    places, taken = Places(), set()
    for step, number in steps:
        name = str(number)
        match step:
            case "ask":
                places.ask(name)
            case "take":
                places.take(name)
                taken.add(name)
            case "leave":
                places.leave(name)
                taken.discard(name)
            case _:
                before = set(places.placed)
                new = set(places.hand_out(places.part(limit, {"a": 99}))) - before
                assert not new or len(places.placed) <= limit
        assert not set(places.placed) & set(places.asking)
        assert len(places.placed) <= max(limit, 0) + len(taken)
