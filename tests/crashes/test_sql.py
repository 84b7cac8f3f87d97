"""A journalled batch that is killed at chosen moments: paid for once, and nothing lost."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import attrs
import pytest

from benchmarks.books import (
    MUST_BE_NONE,
    Books,
    digest_of_video,
    journal_rows,
    once_more,
    to_its_end,
)
from benchmarks.crashing import Order, nursery
from pika_async import Batch, PikaClient
from pika_async.simulator import Fault, Polls, Simulator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as on POSIX")

PROMPTS = 12


@asynccontextmanager
async def scene(folder, **order):
    """A service, a batch that is going to be killed, and the books on both."""
    order = {"prompts": PROMPTS, "max_in_flight": 4, "polling": 0.01} | order
    simulator = Simulator(duration=Polls(2), now=time.time)
    async with simulator as sim, nursery() as nurse:
        digest = await digest_of_video(sim)
        journal, videos = folder / "journal", folder / "videos"
        order = Order(
            url=sim.url, journal=str(journal), output_dir=str(videos), name="a red panda", **order
        )
        yield sim, Scene(nurse, Books(sim, order), digest)


@attrs.define
class Scene:
    nurse: object
    books: Books
    digest: str

    async def kill_when(self, happened):
        """Kill it at an event, however long that takes on this machine."""

        async def wait(life):
            # Some events are in files, which set no flag.
            while not happened(life):  # noqa: ASYNC110
                await anyio.sleep(0.001)

        self.books.begin_life()
        life = await self.nurse.live(self.books.order, wait)
        self.books.close_life(life)
        assert life.killed

    async def end(self):
        await to_its_end(self.nurse, self.books, self.digest)
        self.check()
        return self.books.found

    def check(self):
        """What must not be in the books is not there."""
        wrong = {what: self.books.found[what] for what in MUST_BE_NONE if self.books.found[what]}
        assert wrong == {}, self.books.examples

    @property
    def statuses(self):
        rows = journal_rows(Path(self.books.order.journal))
        return [row["status"] for row in rows.values()]


async def test_only_the_submit_whose_answer_was_on_its_way_is_uncertain(tmp_path):
    async with scene(tmp_path) as (sim, batch):
        sim.faults.append(Fault("slow-headers", after=5, seconds=600))
        await batch.kill_when(lambda life: len(life.told) == PROMPTS - 1)
        found = await batch.end()
    assert found["uncertain"] == found["uncertain, and the service had it"] == 1


async def test_jobs_in_flight_are_waited_for_by_their_ids(tmp_path):
    async with scene(tmp_path, max_in_flight=PROMPTS) as (sim, batch):
        sim.duration = Polls(1_000_000)
        await batch.kill_when(lambda _: len({poll.job_id for poll in sim.polls}) == PROMPTS)
        for job in sim.jobs.values():
            job.duration = Polls(1)
        found = await batch.end()
    assert (found["jobs re-attached"], found["uncertain"]) == (PROMPTS, 0)


async def test_a_prompt_that_waits_to_be_sent_again_is_not_uncertain(tmp_path):
    async with scene(tmp_path) as (sim, batch):
        refusal = Fault("429-openai", after=3, times=None, retry_after=600)
        sim.faults.append(refusal)

        def all_wait(life):
            refused = sim.submissions[-1:] and sim.submissions[-1].fault is refusal
            return refused and len(life.told) == 3 and "submitting" not in batch.statuses

        await batch.kill_when(all_wait)
        sim.faults.clear()
        found = await batch.end()
    assert (found["uncertain"], found["jobs paid for"]) == (0, PROMPTS)


async def test_a_download_is_begun_again_and_whole_files_are_left_alone(tmp_path):
    async with scene(tmp_path) as (sim, batch):
        sim.faults.append(Fault("stalled", on="download", after=5, seconds=600))
        await batch.kill_when(lambda life: len(life.told) == PROMPTS - 1)
        found = await batch.end()
        await once_more(batch.nurse, batch.books)
        batch.check()
    assert found["videos asked for again after a kill on the way"] == 1
    assert found["parts left behind"] == 0


async def test_one_journal_outlives_many_kills(tmp_path):
    async with scene(tmp_path, prompts=30) as (sim, batch):
        for posts in (1, 2, 5, 9):
            await batch.kill_when(lambda _, posts=posts: len(sim.submissions) >= posts)
        found = await batch.end()
    assert found["kills"] == 4


@pytest.mark.parametrize("files", [True, False])
async def test_killed_in_any_statement_of_the_journal_nothing_is_lost(files, tmp_path):
    """From the first statement of an empty file to the last of a finished batch."""
    async with scene(tmp_path, prompts=1) as (sim, batch):
        order = batch.books.order
        for statement in itertools.count(1):
            folder = tmp_path / str(statement)
            folder.mkdir()
            batch.books = Books(
                sim,
                attrs.evolve(
                    order,
                    journal=str(folder / "journal"),
                    output_dir=str(folder / "videos") if files else None,
                    name=f"panda {statement}",
                ),
            )
            life = await batch.nurse.live(attrs.evolve(batch.books.order, dies_at=statement))
            batch.books.close_life(life)
            await batch.end()
            if not life.killed:
                break
    assert statement > 15


def half_made(journal: Path) -> None:
    """What a kill leaves that comes while the first page is being written."""
    source = journal.with_name("source")
    connection = sqlite3.connect(source, isolation_level=None)
    # Pages go to the file before the end of the transaction, as in the midst of a commit.
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE runs (id)")
    connection.executemany("INSERT INTO runs VALUES (?)", [("x" * 4000,)] * 50)
    for ending in ("", "-journal"):
        shutil.copy(f"{source}{ending}", f"{journal}{ending}")
    connection.close()


async def test_a_journal_that_was_being_made_is_made_anew(tmp_path):
    half_made(tmp_path / "journal")
    async with Simulator(duration=Polls(1)) as sim, PikaClient("key", base_url=sim.url) as client:
        async with Batch(client, ["a red panda"], journal=tmp_path / "journal") as batch:
            results = [result async for result in batch]
    assert [result.ok for result in results] == [True]
