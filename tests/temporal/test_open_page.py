"""What a worker says of a page before its first line is submitted, and of a repair at its end."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from attrs import evolve
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from pika_async import GenerationRequest, PikaClient, RetryPolicy
from pika_async.simulator import Simulator
from pika_async.temporal import Dropped, Finished
from pika_async.temporal._campaign.activities import CampaignActivities
from pika_async.temporal._contents.files import write_pages
from pika_async.temporal._contents.repairs import add_repair, repairs
from pika_async.temporal._contents.shelf import Shelf
from pika_async.temporal._messages.pages import PageOrder
from pika_async.temporal._messages.repairs import Repaired, RepairOrder
from pika_async.temporal._repairs.activities import RepairActivities
from pika_async.temporal._store.store import open_store

LINES = [GenerationRequest(f"a red panda {number}") for number in range(3)]


@asynccontextmanager
async def opening(folder, lines, *, service="pika", key="a-secret-key"):
    """Opens the page of these lines, which may spend only what it is granted."""
    digest = (await write_pages(open_store(folder), lines)).digest
    order = PageOrder(store=str(folder), digest=digest, page=0, first=0, width=1, budgeted=True)
    async with Simulator(service=service, api_key="a-secret-key") as sim:
        async with PikaClient(
            key,
            base_url=sim.url,
            dialect=sim.dialect,
            retry=RetryPolicy(attempts=1, outage_budget=0.0),
        ) as client:
            ours = CampaignActivities(client, Shelf())
            yield lambda: ActivityEnvironment().run(ours.open_page, order)


async def test_what_a_repair_came_to_is_written_down_also_where_its_line_was_dropped(tmp_path):
    """It may have been paid for meanwhile."""
    store = open_store(tmp_path)
    digest = (await write_pages(store, LINES)).digest
    order = RepairOrder(store=str(tmp_path), digest=digest, index=1, page=0, place=1, number=1)
    assert await add_repair(store, 1, 1, Dropped())
    saved = Finished(job_id="66e0818e", videos=(), files=())
    ours = RepairActivities(Shelf())
    for _ in range(2):
        repaired = Repaired(order=order, outcome=saved)
        await ActivityEnvironment().run(ours.seal_repair, repaired)
    assert await repairs(store) == {1: [Dropped(), saved]}


@pytest.mark.parametrize("service", ["pika", "fal"])
async def test_a_line_that_the_service_refuses_has_a_price_all_the_same(tmp_path, service):
    """Else the campaign would wait for ever for somebody to say one."""
    wrong = evolve(LINES[1], motion=2)
    async with opening(tmp_path, [LINES[0], wrong, LINES[2]], service=service) as open_page:
        quotes = (await open_page()).quotes
    assert quotes[0] > 0
    assert quotes[1] == max(quotes[0], quotes[2])


async def test_a_page_of_which_the_service_refuses_every_line_is_opened(tmp_path):
    """Each of them says at its submit what is wrong with it."""
    wrong = [evolve(line, motion=2) for line in LINES]
    async with opening(tmp_path, wrong) as open_page:
        assert (await open_page()).quotes == (0, 0, 0)


async def test_a_service_that_cannot_be_asked_is_told_of_in_its_own_words(tmp_path):
    """Whoever looks at the progress reads them there."""
    async with opening(tmp_path, LINES, service="fal", key="another-key") as open_page:
        with pytest.raises(ApplicationError) as caught:
            await open_page()
    assert caught.value.type == "AuthenticationError"
    assert "key" in str(caught.value)
