"""What another campaign may start of a store where one has ended."""

from __future__ import annotations

import pytest

from pika_async import GenerationRequest
from pika_async.temporal import CampaignError, Refused
from pika_async.temporal._contents.files import read_manifest, seal, write_pages
from pika_async.temporal._owner.carrying import check_left
from pika_async.temporal._store.store import open_store

UNSENT = Refused(error="NotSubmittedError", meaning="stopped")


@pytest.fixture
async def store(tmp_path):
    """Two pages, of which the first has ended, of a campaign that was stopped."""
    opened = open_store(tmp_path)
    await write_pages(opened, [GenerationRequest("a red panda")] * 2, page_size=1)
    await opened.create("started.txt", b"foxes")
    await seal(opened, 0, [UNSENT])
    return opened


async def test_pages_that_have_not_ended_may_be_carried_on(store):
    await check_left(store, await read_manifest(store), "owls")


async def test_where_every_page_has_ended_nothing_is_started_and_the_way_is_told(store):
    """It would end at once, and the prompts that were never sent would stay so for ever."""
    await seal(store, 1, [UNSENT])
    with pytest.raises(CampaignError) as caught:
        await check_left(store, await read_manifest(store), "owls")
    assert "nothing was started now" in str(caught.value)
    assert "pika-async campaign resolve foxes --all submit" in str(caught.value)
    # Whoever is not sure whether a start was heard says it again.
    await check_left(store, await read_manifest(store), "foxes")
