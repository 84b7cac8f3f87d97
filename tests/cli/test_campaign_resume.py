"""What ``campaign resume -n`` says of the limit that it changes for a whole account."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from pika_async.cli._campaign import steering
from pika_async.temporal import AccountLimit


class Foxes:
    """A campaign that notes what it is told, in an account of this limit."""

    def __init__(self, limit):
        self.told, self._limit = [], limit

    async def account_limit(self):
        return self._limit

    async def set_max_in_flight(self, jobs):
        self.told.append(jobs)
        if self._limit is not None:
            self._limit = AccountLimit(
                account=self._limit.account, jobs=jobs, campaigns=self._limit.campaigns
            )

    async def resume(self, *, refuse_unknown=False, **_):
        self.told.append("resume, and refuse unknown" if refuse_unknown else "resume")


@pytest.fixture
def resumed(pika, monkeypatch):
    def resume(limit, *words):
        foxes = Foxes(limit)

        @asynccontextmanager
        async def campaign_of(*_):
            yield foxes

        monkeypatch.setattr(steering, "campaign_of", campaign_of)
        return foxes, pika("campaign", "resume", "foxes", *words)

    return resume


SHARED = AccountLimit(account="studio", jobs=100, campaigns=("foxes", "owls"))
ALONE = AccountLimit(account="default", jobs=100, campaigns=("foxes",))


@pytest.mark.parametrize(
    ("limit", "account", "was", "who"),
    [
        (
            SHARED,
            "the account studio",
            ", where it had 100; ",
            "the campaigns foxes and owls share",
        ),
        (ALONE, "the account default", ", where it had 100; ", "no other campaign shares them"),
        (None, "its account", ", ", "for all campaigns that share it"),
    ],
)
def test_the_new_limit_is_told_and_who_shares_it(resumed, limit, account, was, who):
    """Whoever wanted to slow one campaign down slowed down all, without a word."""
    foxes, done = resumed(limit, "-n", "50")
    assert (done.code, foxes.told) == (0, [50, "resume"])
    assert f"{account} has at most 50 jobs in flight now{was}{who}" in done.err


def test_a_limit_that_stays_is_told_without_the_one_before(resumed):
    _, done = resumed(ALONE, "-n", "100")
    assert "has at most 100 jobs in flight now; no other campaign shares them" in done.err


def test_of_many_campaigns_the_first_are_named(resumed):
    many = AccountLimit(account="studio", jobs=9, campaigns=tuple(f"c{n:02}" for n in range(30)))
    _, done = resumed(many, "-n", "50")
    assert "the campaigns c00, c01, c02, c03, c04 and 25 more share them" in done.err


def test_a_program_is_told_the_same(resumed):
    _, done = resumed(SHARED, "-n", "50", "--json")
    (event,) = done.events
    told = {name: event[name] for name in ("account", "max_in_flight", "campaigns")}
    assert told == {"account": "studio", "max_in_flight": 50, "campaigns": ["foxes", "owls"]}


def test_without_a_new_limit_nothing_is_told_of_it(resumed):
    foxes, done = resumed(SHARED)
    assert foxes.told == ["resume"]
    assert "account" not in done.err


def test_that_prompts_are_refused_which_the_service_does_not_know_is_said_by_an_option(resumed):
    foxes, done = resumed(SHARED, "--refuse-unknown")
    assert foxes.told == ["resume, and refuse unknown"]
    assert "prompts that the service knows nothing of are refused" in done.err
