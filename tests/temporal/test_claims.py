"""Which campaign works on a store, where the engine has forgotten the one that did."""

from __future__ import annotations

import pytest
from support.ledger import pandas

from pika_async.temporal import Campaign, CampaignError, Refused
from pika_async.temporal._contents import claims
from pika_async.temporal._contents.files import begin, seal
from pika_async.temporal._store.store import open_store

pytestmark = pytest.mark.usefixtures("engine")

UNSENT = Refused(error="NotSubmittedError", meaning="stopped")


@pytest.fixture
async def store(tmp_path):
    await Campaign.prepare(pandas(2), tmp_path)
    return open_store(tmp_path)


@pytest.fixture
def engine(monkeypatch):
    """It knows the name "summer" as that of a campaign on another store, which goes on."""
    notes = {"summer": "the proof of another store"}

    async def memo_of(_, name, __):
        return notes.get(name)

    async def is_running(_, name):
        return name == "summer"

    monkeypatch.setattr(claims, "memo_of", memo_of)
    monkeypatch.setattr(claims, "is_running", is_running)


async def claimed(store, name, **options):
    options = {"pages": 1, "carry_on": False} | options
    await claims.claim(None, store, name, **options)


async def test_a_name_under_which_no_page_was_begun_stands_in_nobodys_way(store):
    await claimed(store, "summer")
    await claimed(store, "autumn")
    assert await claims.campaigns_of(store) == ["summer", "autumn"]


@pytest.mark.parametrize(
    ("carry_on", "why"), [(False, "have been started as"), (True, "has not ended yet")]
)
async def test_where_a_page_was_begun_the_name_may_have_been_given_again_since(
    store, carry_on, why
):
    """The engine forgets a campaign in time, and its name is free for other prompts then."""
    await claimed(store, "summer")
    await begin(store, 0, "a run of summer")
    with pytest.raises(CampaignError, match=why):
        await claimed(store, "autumn", carry_on=carry_on)
    assert await claims.campaigns_of(store) == ["summer"]


async def test_pages_that_another_campaign_has_begun_since_are_not_of_such_a_name(store):
    await claimed(store, "summer")
    await claimed(store, "autumn")
    await begin(store, 0, "a run of autumn")
    await claimed(store, "winter", carry_on=True)
    assert await claims.campaigns_of(store) == ["summer", "autumn", "winter"]


async def test_where_every_page_has_ended_nothing_is_started_and_the_way_is_told(tmp_path):
    """It would end at once, and the prompts that were never sent would stay so for ever."""
    await Campaign.prepare(pandas(2), tmp_path, page_size=1)
    store, options = open_store(tmp_path), {"pages": 2, "carry_on": True}
    await claimed(store, "autumn", pages=2)
    await seal(store, 0, [UNSENT])
    await claimed(store, "winter", **options)
    await seal(store, 1, [UNSENT])
    with pytest.raises(CampaignError) as caught:
        await claimed(store, "spring", **options)
    assert "nothing was started now" in str(caught.value)
    assert "pika-async campaign resolve winter --all submit" in str(caught.value)
    # Whoever is not sure whether a start was heard says it again.
    await claimed(store, "winter", **options)
