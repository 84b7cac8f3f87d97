"""A limit that several share is never passed, and none of it is left lying."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async.temporal._limits.shares import Member, Shares, even

EVEN = {
    "all of it to one": (10, {"a": 100}, {"a": 10}),
    "evenly": (10, {"a": 100, "b": 100}, {"a": 5, "b": 5}),
    "one more to whoever came first": (5, {"a": 9, "b": 9}, {"a": 3, "b": 2}),
    "what one does not want goes to the others": (10, {"a": 2, "b": 100}, {"a": 2, "b": 8}),
    "nobody gets more than it wants": (10, {"a": 2, "b": 3}, {"a": 2, "b": 3}),
    "fewer than there are members": (1, {"a": 5, "b": 5}, {"a": 1, "b": 0}),
    "nothing": (0, {"a": 5}, {"a": 0}),
    "nobody": (5, {}, {}),
}


@every_row("name", EVEN)
def test_a_limit_is_shared_evenly(name):
    """Water that is poured into glasses of different sizes."""
    limit, wants, expected = EVEN[name]
    assert even(limit, wants) == expected


def test_what_is_taken_from_one_is_told_to_another_only_once_it_is_free():
    """Until the first has released it, both would use it."""
    shares = Shares(10)
    shares.want("a", 100)
    assert shares.changes() == {"a": 10}
    shares.want("b", 100)
    assert shares.changes() == {"a": 5}
    assert shares.changes() == {}
    shares.released("a", 7)
    assert shares.changes() == {"b": 3}
    shares.released("a", 5)
    assert shares.changes() == {"b": 5}


def test_what_is_told_again_to_the_one_who_holds_it_still_costs_nobody_anything():
    """It never gave it back."""
    shares = Shares(10)
    shares.want("a", 10)
    shares.changes()
    shares.want("a", 0)
    assert shares.changes() == {"a": 0}
    shares.want("a", 10)
    assert shares.changes() == {"a": 10}
    # The answer to what was told before.
    shares.released("a", 0)
    assert shares.held == 10


def test_one_that_has_made_itself_narrow_is_told_again():
    """What it holds is its own still."""
    shares = Shares(10)
    shares.want("a", 10)
    shares.changes()
    shares.tell("a", 0)
    assert shares.changes() == {"a": 10}


def test_a_lower_limit_takes_away():
    """As soon as possible, and no sooner."""
    shares = Shares(10)
    shares.want("a", 10)
    shares.changes()
    shares.limit = 4
    assert shares.changes() == {"a": 4}


def test_what_one_will_never_use_again_is_free_at_once():
    """It has said so itself, so nobody waits for its word."""
    shares = Shares(10)
    shares.want("a", 10)
    shares.want("b", 10)
    shares.changes()
    shares.content("a", 2)
    assert shares.changes() == {"b": 8}


def test_one_that_leaves_leaves_its_share_to_the_others():
    """It has nothing in flight then."""
    shares = Shares(10)
    shares.want("a", 10)
    shares.want("b", 10)
    shares.changes()
    shares.leave("a")
    assert shares.changes() == {"b": 10}


def test_one_that_joins_with_jobs_in_flight_is_not_told_more_than_there_is():
    """An account that was lost does not know what runs."""
    shares = Shares(10)
    shares.join("a", Member(10, told=8, holds=8))
    shares.want("b", 10)
    assert shares.changes() == {"a": 5, "b": 2}


NAMES = st.sampled_from("abcd")
STEPS = st.one_of(
    st.tuples(st.just("want"), NAMES, st.integers(0, 30)),
    st.tuples(st.just("content"), NAMES, st.integers(0, 12)),
    st.tuples(st.just("leave"), NAMES, st.just(0)),
    st.tuples(st.just("settle"), NAMES, st.just(0)),
    st.tuples(st.just("tell"), NAMES, st.just(0)),
)


class Worker:
    """Uses all that it is told, at once, and lets go late."""

    def __init__(self):
        self.told = self.uses = 0
        self.most = 30

    def hear(self, told):
        self.told = told
        self.uses = max(self.uses, min(told, self.most))

    def content(self, amount):
        """Its work draws to an end: it says so once it has no more than this."""
        self.most = min(self.most, amount)
        self.told, self.uses = min(self.told, self.most), min(self.uses, self.most)


@given(st.integers(0, 25), st.lists(STEPS, max_size=60))
def test_the_sum_of_what_is_used_never_passes_the_limit(limit, steps):
    """Whatever is wanted, whoever leaves, however late what is free is told."""
    shares, workers = Shares(limit), {}
    for what, name, amount in steps:
        match what:
            case "want":
                worker = workers.setdefault(name, Worker())
                shares.want(name, min(amount, worker.most))
            case "content" if name in workers:
                workers[name].content(amount)
                shares.content(name, amount)
            case "leave":
                shares.leave(name)
                workers.pop(name, None)
            case "settle" if name in workers:
                workers[name].uses = workers[name].told
                shares.released(name, workers[name].told)
            case _:
                for told, jobs in shares.changes().items():
                    workers[told].hear(jobs)
        assert sum(worker.uses for worker in workers.values()) <= limit
    # Once everybody has let go of what he was told to, nothing that is wanted is left lying.
    for _ in range(8):
        for told, jobs in shares.changes().items():
            workers[told].hear(jobs)
        for name, worker in workers.items():
            worker.uses = worker.told
            shares.released(name, worker.told)
    wants = {name: member.wants for name, member in shares.members.items()}
    assert {name: member.told for name, member in shares.members.items()} == even(limit, wants)
