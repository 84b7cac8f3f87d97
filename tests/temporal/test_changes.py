"""What the owner of a campaign has decided is counted, whoever counts it, and how often."""

from __future__ import annotations

import pytest
from temporalio.testing import ActivityEnvironment

from pika_async import GenerationRequest, Money
from pika_async.temporal import Declined, Dropped, Finished, StoreError, Uncertain, Why
from pika_async.temporal._contents.allowances import Reserved, reserve
from pika_async.temporal._contents.claims import claim
from pika_async.temporal._contents.files import read_manifest, seal, write_pages
from pika_async.temporal._contents.repairs import add_repair
from pika_async.temporal._contents.shelf import Shelf
from pika_async.temporal._messages.campaigns import Counting, Decided
from pika_async.temporal._repairs.activities import RepairActivities
from pika_async.temporal._repairs.changes import Changes
from pika_async.temporal._repairs.owners import SUBMITTED, Note, take_note
from pika_async.temporal._store.store import open_store

UNSURE = Uncertain(fingerprint=None, sent_at=None, why=Why.NO_ANSWER)
FINISHED = Finished(job_id="one", videos=())
FAILED = Declined(job_id="two", reason="no")


@pytest.fixture
async def store(tmp_path):
    """Four lines in two pages; the second page has not ended."""
    opened = open_store(tmp_path)
    await write_pages(opened, [GenerationRequest("a red panda")] * 4, page_size=2)
    await seal(opened, 0, [UNSURE, FAILED])
    await claim(None, opened, "foxes", 2, carry_on=False)
    return opened


@pytest.mark.parametrize(
    ("repairs", "counts"),
    [
        ([], (0, 0)),
        ([(0, FINISHED)], (-1, 0)),
        ([(0, Dropped())], (-1, 0)),
        ([(0, FAILED)], (-1, 1)),
        ([(0, UNSURE)], (0, 0)),
        ([(1, FINISHED)], (0, -1)),
        ([(1, UNSURE)], (1, -1)),
        ([(0, UNSURE), (0, FAILED), (0, FINISHED), (1, Dropped())], (-1, -1)),
    ],
)
async def test_the_last_word_about_each_line_counts(store, repairs, counts):
    numbers = {}
    for index, outcome in repairs:
        numbers[index] = numbers.get(index, 0) + 1
        await add_repair(store, index, numbers[index], outcome)
    changes = Changes(store)
    for _ in range(2):
        assert await changes.decided(()) == Decided(uncertain=counts[0], failed=counts[1])


async def test_a_page_that_was_stranded_counts_as_it_is_sealed_now(store):
    """All of its lines were uncertain, as far as its campaign knew; one has been settled since."""
    stranded = (0, 1)
    assert await Changes(store).decided(stranded) == Decided(uncertain=-1, failed=1)
    await seal(store, 1, [FINISHED, UNSURE])
    await add_repair(store, 3, 1, FINISHED)
    assert await Changes(store).decided(stranded) == Decided(uncertain=-3, failed=1)


async def test_a_worker_reads_each_repair_once(store, monkeypatch):
    """A night has hundreds of them, and each is told to the campaign."""
    counting = Counting(
        store=store.place, digest=(await read_manifest(store)).proof("foxes"), stranded=()
    )
    shelf, reads = Shelf(), []
    activities = RepairActivities(shelf)
    kind = type(shelf.store(store.place))
    does = kind.read

    async def read(self, name):
        reads.append(name)
        return await does(self, name)

    monkeypatch.setattr(kind, "read", read)
    for number, outcome in enumerate((UNSURE, FAILED, FINISHED), 1):
        await add_repair(store, 0, number, outcome)
        decided = await ActivityEnvironment().run(activities.decided, counting)
    assert decided == Decided(uncertain=-1, failed=0)
    assert len([name for name in reads if name.startswith("repairs/")]) == 3


async def test_a_worker_that_sees_another_folder_counts_nothing(store):
    """It would tell the counts of another campaign."""
    counting = Counting(store=store.place, digest="of another", stranded=())
    with pytest.raises(StoreError, match="another folder of that name"):
        await ActivityEnvironment().run(RepairActivities(Shelf()).decided, counting)


@pytest.mark.parametrize(("price", "cost"), [(Money(5), 5 + 7), (None, 9 + 7)])
async def test_a_worker_tells_a_campaign_what_repairs_have_cost_and_may_cost(store, price, cost):
    """One has ended, without a charge; one is under way, and one was taken back.

    Where the campaign has no price, that of the repairs counts.
    """
    counting = Counting(
        store=store.place, digest=(await read_manifest(store)).proof("foxes"), price=price
    )
    activities = RepairActivities(Shelf())
    told = [await ActivityEnvironment().run(activities.repairs_cost, counting)]
    for number, (index, amount) in enumerate([(0, 9), (1, 7), (2, 3), (2, 0)], 1):
        await reserve(store, number, Reserved(index=index, repair=1, price=Money(amount)))
    await take_note(store, "one", Note(index=0, how=SUBMITTED, repair=1, tries=1))
    await add_repair(store, 0, 1, FINISHED)
    told.append(await ActivityEnvironment().run(activities.repairs_cost, counting))
    assert told == [0, cost]
