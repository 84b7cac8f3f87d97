"""Which line a job belongs to, as the store has it."""

from __future__ import annotations

import pytest
from attrs import evolve

from pika_async import GenerationRequest
from pika_async.temporal import CampaignError, Declined, Finished, StoreError, Uncertain, Why
from pika_async.temporal._contents.files import read_manifest, seal, write_pages
from pika_async.temporal._contents.formats import job_name
from pika_async.temporal._repairs.owners import (
    ADOPTED,
    SUBMITTED,
    Note,
    lines_in_pages,
    note_of,
    take_note,
)
from pika_async.temporal._repairs.resolving import Resolving
from pika_async.temporal._store.store import open_store

NOTE = Note(index=7, how=ADOPTED, repair=1, tries=1)
JOBS = ["66e0818e", "a/b ü\n", "x" * 5000, ""]


@pytest.mark.parametrize("job_id", JOBS)
async def test_a_note_is_read_as_it_was_taken(tmp_path, job_id):
    """Ids may hold anything, and names of files may not."""
    store = open_store(tmp_path)
    assert await note_of(store, job_id) is None
    assert await take_note(store, job_id, NOTE)
    assert (await note_of(store, job_id)).note == NOTE


async def test_of_two_notes_at_the_same_moment_one_is_taken(tmp_path):
    """Both have seen that there is none."""
    store = open_store(tmp_path)
    assert await take_note(store, "66e0818e", NOTE)
    assert not await take_note(store, "66e0818e", evolve(NOTE, index=8))
    assert (await note_of(store, "66e0818e")).note == NOTE


async def test_the_last_note_holds(tmp_path):
    """A job that one line has given up may be another's."""
    store = open_store(tmp_path)
    await take_note(store, "66e0818e", NOTE)
    other = Note(index=8, how=SUBMITTED, repair=3, tries=2)
    assert await take_note(store, "66e0818e", other, after=await note_of(store, "66e0818e"))
    found = await note_of(store, "66e0818e")
    assert (found.note, found.number) == (other, 2)


async def test_a_damaged_note_is_an_error(tmp_path):
    """It is not taken for none: a job would be counted twice."""
    store = open_store(tmp_path)
    await store.create(job_name("66e0818e", 1), b"seven adopted")
    with pytest.raises(StoreError, match="it names no line"):
        await note_of(store, "66e0818e")


async def test_whoever_comes_second_by_a_moment_is_told(tmp_path):
    """His look at the store showed no note."""
    store = open_store(tmp_path)
    await write_pages(store, [GenerationRequest("a red panda")] * 9)
    await take_note(store, "66e0818e", NOTE)

    class Late:
        place = store.place

        async def read(self, name):
            return None if name.startswith("jobs/") else await store.read(name)

        async def create(self, name, content):
            return await store.create(name, content)

    resolving = Resolving(None, "x", Late(), "q")
    with pytest.raises(CampaignError, match="somebody else settles prompt 3"):
        await resolving._take("66e0818e", evolve(NOTE, index=2))
    assert (await note_of(store, "66e0818e")).note == NOTE


async def test_pages_tell_which_lines_have_a_job(tmp_path):
    """Also a failed one: it may end well yet."""
    store = open_store(tmp_path)
    await write_pages(store, [GenerationRequest("a red panda")] * 6, page_size=3)
    unsure = Uncertain(fingerprint="66e0818e", sent_at=None, why=Why.UNKNOWN)
    done = Finished(job_id="one", videos=(), files=("videos/66e0818e.mp4",))
    late = Declined(job_id="66e0818e", reason="late", code="timeout")
    await seal(store, 0, [unsure, done, unsure])
    await seal(store, 1, [done, unsure, late])
    found = await lines_in_pages(None, store, await read_manifest(store), ["66e0818e", "two"])
    assert found == {"66e0818e": {5}, "two": set()}
