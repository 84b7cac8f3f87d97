"""What ``campaign start`` says of the limit that it changes for others."""

from __future__ import annotations

from contextlib import asynccontextmanager

import anyio
import pytest

from pika_async import ConfigurationError
from pika_async.cli._campaign import start
from pika_async.cli._campaign.engine import CampaignTrail
from pika_async.temporal import AccountLimit, Campaign
from pika_async.temporal._messages.accounts import AccountOrder
from pika_async.temporal._owner.accounts import limit_of_account


class Engine:
    """One where an account is in use by campaigns."""

    def __init__(self, order):
        self.order = order

    def get_workflow_handle_for(self, _, name):
        assert name == "pika-account-default"
        return self

    async def query(self, _, *, rpc_timeout):
        assert rpc_timeout.total_seconds() <= 5
        return self.order


SUMMER = AccountOrder(limit=8, wants={"summer": 3})


async def said_at_start(monkeypatch, order, limit):
    @asynccontextmanager
    async def engine_of(_):
        yield Engine(order)

    async def started(*_, **__):
        return None

    monkeypatch.setattr(start, "engine_of", engine_of)
    monkeypatch.setattr(Campaign, "start", started)
    said = []
    settings = {"max_in_flight": limit, "account": "default"}
    trail = CampaignTrail(campaign="autumn")
    show = lambda note: said.append(note.text)  # noqa: E731
    with anyio.CancelScope() as scope:
        await start._start("autumn", settings, False, [], show, trail, False, scope)
    return said


async def test_a_limit_that_is_changed_for_others_is_told_with_both_numbers(monkeypatch):
    """The campaign that runs has half as many jobs at once from now on."""
    said = await said_at_start(monkeypatch, SUMMER, 4)
    assert "the limit of the account default was 8 and is 4 now, for all campaigns on it" in said


@pytest.mark.parametrize(
    ("order", "limit"), [(SUMMER, 8), (SUMMER, None), (AccountOrder(limit=100), 4)]
)
async def test_where_nothing_is_changed_for_others_nothing_is_told(monkeypatch, order, limit):
    said = await said_at_start(monkeypatch, order, limit)
    assert not any("limit of the account" in line for line in said)


async def test_a_campaign_that_has_ended_without_a_word_shares_nothing():
    gone = AccountOrder(limit=8, wants={"summer": 0}, gone=("summer",))
    assert await Campaign.limit_of(Engine(gone)) is None
    assert await Campaign.limit_of(Engine(SUMMER)) == 8
    both = AccountOrder(limit=8, wants={"summer": 3, "autumn": 0, "gone": 1}, gone=("gone",))
    shared = AccountLimit(account="default", jobs=8, campaigns=("autumn", "summer"))
    assert await limit_of_account(Engine(both), "default") == shared


def test_the_line_that_goes_on_watching_says_where_the_campaign_lies(pika, monkeypatch):
    """Once the server has forgotten it, its store alone can tell."""
    made = []
    monkeypatch.setattr(start, "run", lambda _, trail: made.append(trail))
    pika("campaign", "start", "summer", "--store", "my store", "--json", "--server", "h:1")
    made[0].watched = True
    assert made[0].resume() == (
        "pika-async campaign status summer --watch --json --store 'my store' --server h:1"
    )


class TestABudget:
    """It needs a price where the service says none: else the campaign would be paused at once."""

    @pytest.fixture
    def asked(self, monkeypatch):
        """The engines that were asked; none of them is there."""
        asked = []

        @asynccontextmanager
        async def engine_of(trail):
            asked.append(trail.server)
            raise ConfigurationError(f"no Temporal server answers at {trail.server}")
            yield

        monkeypatch.setattr(start, "engine_of", engine_of)
        return asked

    @pytest.fixture
    def begin(self, pika, here):
        def begin(service, *options):
            (here / "p.txt").write_text("a\nb\n")
            bound = ("--service", service) if service else ()
            done = pika("campaign", "prepare", "p.txt", "--store", "summer", *bound)
            assert done.code == 0, done.err
            way = ("--store", "summer", "--server", "127.0.0.1:9")
            return pika("campaign", "start", "summer", *way, *options)

        return begin

    @pytest.mark.parametrize(
        ("service", "why"),
        [
            ("gateway", "the service 'gateway' does not say what a video costs."),
            ("", "the prompts are not bound to a service"),
        ],
    )
    def test_it_is_refused_before_the_engine_is_asked(self, begin, asked, service, why):
        done = begin(service, "--budget", "20")
        assert done.code == 2
        assert done.err.startswith(f"error: --budget needs --price here: {why}")
        assert done.err.endswith("Nothing was started.\n")
        assert asked == []

    @pytest.mark.parametrize(
        ("service", "options"),
        [
            ("pika", ("--budget", "20")),
            ("fal", ("--budget", "20")),
            ("gateway", ("--budget", "20", "--price", "0.45")),
            ("", ("--budget", "20", "--price", "0.45")),
            ("gateway", ()),
        ],
        ids=str,
    )
    def test_where_a_price_is_known_or_there_is_no_budget_the_engine_is_asked(
        self, begin, asked, service, options
    ):
        done = begin(service, *options)
        assert "needs --price" not in done.err
        assert asked == ["127.0.0.1:9"]

    def test_where_nothing_is_prepared_that_is_said(self, pika):
        done = pika("campaign", "start", "x", "--store", "nowhere", "--budget", "1")
        assert done.code == 2
        assert "no campaign is prepared in" in done.err
