"""A campaign is started whole or not at all: whoever sees an error knows that nothing runs."""

from __future__ import annotations

import pytest
from temporalio.service import RPCError, RPCStatusCode

from pika_async import GenerationRequest, Money
from pika_async.temporal import Campaign, NoAnswerError, StoreError
from pika_async.temporal._contents.allowances import Allowed, allowed_of
from pika_async.temporal._converter import PIKA_DATA_CONVERTER
from pika_async.temporal._owner import client as starting
from pika_async.temporal._store.store import open_store


class Engine:
    """Knows no campaign, and notes what it is asked to start, and what the store has by then."""

    data_converter = PIKA_DATA_CONVERTER

    def __init__(self, store):
        self.begun = []
        self._store = store

    async def start_workflow(self, _, order, *, id, **__):  # noqa: A002 - its name there
        self.begun.append((id, order.budget, await allowed_of(self._store, id)))


@pytest.fixture
async def engine(tmp_path, monkeypatch):
    async def nobody(*_, **__):
        return None

    for name in ("is_known", "limit_submits"):
        monkeypatch.setattr(starting, name, nobody)
    monkeypatch.setattr(starting.search, "is_searchable", nobody)
    await Campaign.prepare([GenerationRequest("a red panda")], tmp_path)
    return Engine(open_store(tmp_path))


async def test_what_it_may_spend_is_noted_down_before_it_begins(engine, tmp_path):
    """Afterwards nothing is left that could go wrong."""
    await Campaign.start(engine, "foxes", tmp_path, budget=2, price="0.2")
    noted = Allowed(campaign="foxes", budget=Money(2_000_000), price=Money(200_000))
    assert engine.begun == [("foxes", noted.budget, noted)]


async def test_where_the_store_takes_no_more_nothing_is_begun(engine, tmp_path):
    """It was begun, and an error was raised: whoever saw it started another one."""
    (tmp_path / "allowed").write_text("in the way")
    with pytest.raises(StoreError):
        await Campaign.start(engine, "foxes", tmp_path, budget=2, price="0.2")
    assert engine.begun == []
    (tmp_path / "allowed").unlink()
    await Campaign.start(engine, "foxes", tmp_path, budget=2, price="0.2")
    assert len(engine.begun) == 1


@pytest.mark.parametrize("status", [RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED])
async def test_where_the_engine_does_not_answer_it_is_said_that_it_may_have_begun(
    engine, tmp_path, monkeypatch, status
):
    """The request may have arrived."""

    async def silent(*_, **__):
        raise RPCError("connection closed", status, b"")

    monkeypatch.setattr(engine, "start_workflow", silent)
    with pytest.raises(
        NoAnswerError, match="not known whether the campaign foxes was started"
    ) as c:
        await Campaign.start(engine, "foxes", tmp_path)
    assert "it is never started twice" in str(c.value)
