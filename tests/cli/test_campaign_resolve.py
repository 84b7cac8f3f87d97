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
from pika_async.temporal import Dropped


class Foxes:
    """A campaign that notes what is decided."""

    def __init__(self, price):
        self.decided = []
        self._price = price

    async def price(self):
        return self._price

    async def resolve(self, index, **decision):
        self.decided.append(index)
        return Dropped()


class Typed(io.StringIO):
    def isatty(self):
        return True


async def resolved(monkeypatch, *, answer=None, asks=True, price=None, **decision):
    """What was decided, and what was asked."""
    foxes, asked = Foxes(price), Typed()

    @asynccontextmanager
    async def campaign_of(*_):
        yield foxes

    monkeypatch.setattr(resolve, "campaign_of", campaign_of)
    monkeypatch.setattr(sys, "stderr", asked)
    monkeypatch.setattr(sys, "stdin", io.StringIO() if answer is None else Typed(f"{answer}\n"))
    trail = CampaignTrail(campaign="foxes")
    decision = {"adopt": None, "resubmit": False, "drop": False} | decision
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
