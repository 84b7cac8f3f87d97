"""A line that was decided about as often as a store keeps has an end with a sentence."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from pika_async import GenerationRequest
from pika_async.temporal import CampaignError, Decision, Dropped, Finished, Uncertain, Why
from pika_async.temporal._contents.claims import claim
from pika_async.temporal._contents.files import read_manifest, seal, write_pages
from pika_async.temporal._contents.repairs import add_repair, repairs_of
from pika_async.temporal._contents.shelf import Shelf
from pika_async.temporal._failures import NO_ROOM_LEFT
from pika_async.temporal._messages.repairs import Repaired, RepairOrder
from pika_async.temporal._repairs import activities, resolving
from pika_async.temporal._repairs.activities import RepairActivities
from pika_async.temporal._repairs.resolving import Resolving
from pika_async.temporal._store.store import open_store

UNSURE = Uncertain(fingerprint=None, sent_at=None, why=Why.NO_ANSWER)
MOST = 3


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """999 of them take their time."""
    monkeypatch.setattr(activities, "MOST_REPAIRS", MOST)
    monkeypatch.setattr(resolving, "MOST_REPAIRS", MOST)


@pytest.fixture
async def store(tmp_path):
    opened = open_store(tmp_path)
    await write_pages(opened, [GenerationRequest("a red panda")] * 2)
    await seal(opened, 0, [UNSURE] * 2)
    await claim(None, opened, "foxes", 1, carry_on=False)
    return opened


async def test_it_is_said_before_anything_is_begun(store):
    for number in range(1, MOST + 1):
        await add_repair(store, 0, number, UNSURE)
    looking = Resolving(None, "foxes", store, "q")
    for decided in ({"drop": True}, {"resubmit": True}):
        with pytest.raises(CampaignError, match=r"prompt 1 .* 3 times, which is the most.*Nothing"):
            await looking.look([Decision(index=0, **decided)])
    assert await looking.look([Decision(index=1, drop=True)])


async def test_a_repair_that_finds_no_room_ends_and_names_its_job(store):
    """It was tried for ever, with a line in the log of each worker every five minutes."""
    for number in range(1, MOST + 1):
        await add_repair(store, 0, number, Dropped())
    manifest = await read_manifest(store)
    order = RepairOrder(
        store=store.place,
        digest=manifest.proof("foxes"),
        index=0,
        page=0,
        place=0,
        number=MOST,
    )
    outcome = Finished(job_id="66e0818e", videos=(), files=("0",))
    with pytest.raises(ApplicationError, match=r"its job is 66e0818e") as caught:
        await ActivityEnvironment().run(
            RepairActivities(Shelf()).seal_repair, Repaired(order=order, outcome=outcome)
        )
    assert (caught.value.non_retryable, caught.value.type) == (True, NO_ROOM_LEFT)
    assert await repairs_of(store, 0) == [Dropped()] * MOST
