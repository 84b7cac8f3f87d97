"""A campaign tells the truth about lines that its owner has decided about since."""

from __future__ import annotations

import uuid

import pytest
from support.engine import connected
from support.scene import scene

from pika_async import GenerationRequest, Money
from pika_async.temporal import (
    Campaign,
    CampaignError,
    CampaignProgress,
    Declined,
    Dropped,
    Finished,
    Refused,
    Uncertain,
    Why,
)
from pika_async.temporal._contents.allowances import Allowed, allow
from pika_async.temporal._contents.claims import claim
from pika_async.temporal._contents.files import seal, write_pages
from pika_async.temporal._contents.repairs import add_repair
from pika_async.temporal._owner.progress import with_repairs
from pika_async.temporal._repairs.changes import Changes
from pika_async.temporal._repairs.owners import SUBMITTED, Note, take_note
from pika_async.temporal._store.store import open_store

UNSURE = Uncertain(fingerprint=None, sent_at=None, why=Why.NO_ANSWER)
DONE = Finished(job_id="one", videos=(), files=())
FAILED = Declined(job_id="two", reason="no")
REFUSED = Refused(error="E", meaning="no")
UNSENT = Refused(error="NotSubmittedError", meaning="stopped")
CENTS_20 = Money(200_000)


def progress(**counts):
    zero = dict.fromkeys(
        ("taken", "submitted", "in_flight", "succeeded", "failed", "refused", "uncertain"), 0
    )
    return CampaignProgress(prompts=6, **(zero | counts))


@pytest.fixture
async def store(tmp_path):
    opened = open_store(tmp_path)
    await write_pages(opened, [GenerationRequest("a red panda")] * 6, page_size=3)
    await seal(opened, 0, [UNSURE, UNSURE, FAILED])
    await seal(opened, 1, [REFUSED, DONE, UNSURE])
    await claim(None, opened, "foxes", 2, carry_on=False)
    return opened


BEFORE = progress(taken=6, submitted=2, succeeded=1, failed=1, refused=1, uncertain=3)


async def told(store, changes=None, before=BEFORE):
    seen = await (changes or Changes(store)).seen(CENTS_20, before.stranded)
    return with_repairs(before, seen, {})


async def test_each_line_counts_as_what_it_comes_to_now(store):
    """Also one that had failed, or was refused; and each line once, whatever it was before."""
    await add_repair(store, 0, 1, UNSURE)
    await add_repair(store, 0, 2, Finished(job_id="three", videos=(), files=()))
    await add_repair(store, 1, 1, Dropped())
    await add_repair(store, 2, 1, Finished(job_id="four", videos=(), files=()))
    await add_repair(store, 3, 1, UNSURE)
    now = await told(store)
    assert (now.succeeded, now.failed, now.refused, now.uncertain) == (3, 0, 0, 2)
    assert (now.dropped, now.repaired, now.submitted, now.taken) == (1, 4, 3, 6)


async def test_what_was_never_sent_is_so_no_more_once_it_was_decided_about(tmp_path):
    """A count below nothing would come of it, where others of the refused are counted too."""
    opened = open_store(tmp_path)
    await write_pages(opened, [GenerationRequest("a red panda")] * 6, page_size=6)
    await seal(opened, 0, [UNSENT] * 5 + [REFUSED])
    await claim(None, opened, "foxes", 1, carry_on=False)
    await add_repair(opened, 0, 1, DONE)
    await add_repair(opened, 1, 1, Dropped())
    await add_repair(opened, 2, 1, UNSENT)
    now = await told(opened, before=progress(taken=6, refused=6, not_submitted=5))
    assert (now.succeeded, now.dropped, now.refused, now.not_submitted) == (1, 1, 4, 3)


async def test_without_decisions_nothing_is_other(store):
    now = await told(store)
    assert (now.uncertain, now.repaired, now.repairs_cost, now.repairs_known) == (3, 0, None, True)


async def test_it_tells_what_submitting_again_has_cost(store):
    """What was adopted had been paid for before."""
    for index, job, charge in ((0, "three", Money(350_000)), (1, "four", None)):
        await take_note(store, job, Note(index=index, how=SUBMITTED, repair=1, tries=1))
        await add_repair(store, index, 1, Finished(job_id=job, videos=(), charge=charge))
    now = await told(store, before=progress(charged=Money(400_000), uncertain=3))
    assert now.repairs_cost == Money(550_000)
    assert (now.charged, now.cost) == (Money(400_000), Money(950_000))


async def test_what_was_read_once_is_not_read_again(store):
    """A page that is watched is looked at every two seconds, and repairs never change."""
    reads = []

    class Counting:
        place = store.place

        def names(self, prefix):
            return store.names(prefix)

        async def read(self, name):
            reads.append(name.partition("/")[0])
            return await store.read(name)

    changes = Changes(Counting())
    for index in (0, 1, 5):
        await add_repair(store, index, 1, Dropped())
    await changes.seen(CENTS_20)
    assert (reads.count("repairs"), reads.count("results")) == (3, 2)
    reads.clear()
    await changes.seen(CENTS_20)
    assert (reads.count("repairs"), reads.count("results")) == (0, 0)
    await add_repair(store, 5, 2, UNSURE)
    assert (await told(store, changes)).uncertain == 1


async def test_a_page_that_was_written_down_since_is_stranded_no_more(store):
    """Its lines counted as uncertain, all of them."""
    before = progress(taken=6, submitted=0, uncertain=6, stranded=(1, 7))
    now = await told(store, before=before)
    assert now.stranded == (7,)
    assert (now.uncertain, now.succeeded, now.refused, now.submitted) == (4, 1, 1, 1)


@pytest.mark.slow
class TestOnAnEngine:
    async def test_the_progress_of_a_forgotten_campaign_has_it(self, engine, store):
        await allow(store, Allowed(campaign="foxes", budget=Money(2_000_000), price=CENTS_20))
        await add_repair(store, 0, 1, Dropped())
        now = await Campaign(await connected(engine), "foxes", store=store.place).progress()
        assert (now.uncertain, now.dropped, now.repaired, now.budget) == (2, 1, 1, Money(2_000_000))
        assert (now.forgotten, now.ended, now.repairs_known) == (True, True, True)

    async def test_a_store_on_which_nothing_was_started_is_refused_too(self, engine, tmp_path):
        """While the engine knew the campaign it was told as if it lay there."""
        async with scene(engine) as at:
            folders = [tmp_path / name for name in ("foxes", "foxes-2")]
            for folder in folders:
                await Campaign.prepare(["a red panda"], folder)
            name = uuid.uuid4().hex
            await Campaign.start(at.client, name, folders[0], queue=at.queue, account=at.queue)
            async with at.worker():
                await Campaign(at.client, name).result()
            told = await Campaign(at.client, name, store=folders[0]).progress()
            assert (told.succeeded, told.repairs_known) == (1, True)
            with pytest.raises(CampaignError, match="no campaign was ever started on the store"):
                await Campaign(at.client, name, store=folders[1]).progress()

    async def test_the_store_of_another_campaign_is_refused(self, engine, store):
        """It was not even looked at, where the engine knew the campaign."""
        with pytest.raises(CampaignError, match="is of the campaign foxes, not of owls"):
            await Campaign(await connected(engine), "owls", store=store.place).progress()
