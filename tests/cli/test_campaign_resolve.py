"""``campaign resolve N --resubmit`` pays after somebody has heard the price and said yes."""

from __future__ import annotations

import io
import sys
from contextlib import asynccontextmanager

import anyio
import pytest

from pika_async import Money
from pika_async.cli._campaign import resolve
from pika_async.cli._campaign.engine import CampaignTrail
from pika_async.cli._running.exits import UsageError
from pika_async.temporal import CampaignError, Dropped, RepairPlan


class Foxes:
    """A campaign that notes what is decided."""

    def __init__(self, price, left):
        self.decided, self.terms, self.planned = [], {}, []
        self._price, self._left = price, left

    async def plan_repairs(self, decisions, **terms):
        if self._left == Money(0):
            raise CampaignError("1 job comes to $0.20, and of the budget nothing is left")
        self.planned.append(terms)
        return RepairPlan(
            decisions=tuple(decisions),
            settled=0,
            repaired=0,
            resubmits=1,
            price=self._price,
            cost=self._price,
            budget=self._left,
            left=self._left,
        )

    async def resolve(self, index, **decision):
        self.decided.append(index)
        self.terms = {name: decision.get(name) for name in ("budget", "price")}
        return Dropped()


class Typed(io.StringIO):
    def isatty(self):
        return True


async def resolved(monkeypatch, *, answer=None, asks=True, price=None, left=None, **decision):
    """What was decided, and what was asked."""
    foxes, asked = Foxes(price, left), Typed()

    @asynccontextmanager
    async def campaign_of(*_):
        yield foxes

    monkeypatch.setattr(resolve, "campaign_of", campaign_of)
    monkeypatch.setattr(sys, "stderr", asked)
    monkeypatch.setattr(sys, "stdin", io.StringIO() if answer is None else Typed(f"{answer}\n"))
    trail = CampaignTrail(campaign="foxes")
    money = {"budget": None, "price": None}
    decision = {"adopt": None, "resubmit": False, "drop": False, **money} | decision
    try:
        scope = anyio.CancelScope()
        await resolve._resolve(3, decision, asks, None, [], lambda _: None, trail, False, scope)
    except UsageError as error:
        return foxes.decided, asked.getvalue() + str(error)
    return foxes.decided, asked.getvalue()


@pytest.mark.parametrize(
    ("price", "told"), [(Money(200_000), "about $0.20"), (None, "nobody knows what it costs")]
)
async def test_it_tells_the_price_and_asks(monkeypatch, price, told):
    decided, asked = await resolved(monkeypatch, answer="y", price=price, resubmit=True)
    assert f"Submit prompt 3 ({told})? It is paid twice if it has a job already. [y/N]" in asked
    assert decided == [2]


async def test_it_tells_what_is_left_of_the_budget(monkeypatch):
    price = Money(200_000)
    decided, asked = await resolved(
        monkeypatch, answer="y", price=price, left=2 * price, resubmit=True
    )
    assert "(about $0.20; of the budget of $0.40 there are $0.40 left)?" in asked
    assert decided == [2]


@pytest.mark.parametrize("asks", [True, False])
async def test_where_too_little_is_left_nobody_is_asked(monkeypatch, asks):
    """It is wrong usage, told before anything is changed."""
    decided, said = await resolved(monkeypatch, asks=asks, answer="y", left=Money(0), resubmit=True)
    assert decided == []
    assert "of the budget nothing is left" in said
    assert "[y/N]" not in said


async def test_without_a_yes_nothing_is_submitted(monkeypatch):
    decided, said = await resolved(monkeypatch, answer="", resubmit=True)
    assert decided == []
    assert "not confirmed; nothing was changed" in said


async def test_a_program_has_to_say_yes(monkeypatch):
    decided, said = await resolved(monkeypatch, resubmit=True)
    assert decided == []
    assert "nothing was changed; with --yes this is done" in said


async def test_with_yes_nobody_is_asked(monkeypatch):
    assert await resolved(monkeypatch, asks=False, resubmit=True) == ([2], "")


@pytest.mark.parametrize(
    ("words", "asks"),
    [(("--resubmit",), True), (("--resubmit", "--yes"), False), (("--drop",), False)],
)
def test_only_what_may_cost_money_is_asked_about(pika, monkeypatch, words, asks):
    asked = []
    monkeypatch.setattr(resolve, "run", lambda work, _: asked.append(work.args[2]))
    pika("campaign", "resolve", "foxes", "3", *words)
    assert asked == [asks]


def test_one_prompt_takes_a_budget_and_a_price(pika, monkeypatch):
    """As many do: what it may spend is said before, and held to."""
    asked = []
    monkeypatch.setattr(resolve, "run", lambda work, _: asked.append(work.args[1]))
    pika("campaign", "resolve", "foxes", "3", "--resubmit", "--budget", "60", "--price", "0.20")
    (decision,) = asked
    assert (decision["budget"], decision["price"]) == (Money(60_000_000), Money(200_000))


@pytest.mark.parametrize("word", ["--budget", "--price"])
def test_an_amount_is_for_what_is_submitted_again(pika, word):
    told = pika("campaign", "resolve", "foxes", "3", "--drop", word, "60")
    assert told.code == 2
    assert f"{word} goes with --resubmit" in told.err
