"""A journal that was copied or put back: what is missing is noticed before money is spent."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from crashes.nursery import Order
from crashes.nursery import prompts as prompts_of
from support.batches import client_for, prompts, until

from pika_async import Batch, JournalError, PikaClient, read_journal, run_batch
from pika_async.simulator import Polls, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

TESTS = Path(__file__).parents[1]
ENDLESS = Polls(1_000_000)
ALL = prompts(5)


@pytest.fixture
def journal(tmp_path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder / "run.journal"


@pytest.fixture
def elsewhere(tmp_path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder / "copy.journal"


def alone(journal: Path, copy: Path) -> None:
    shutil.copy(journal, copy)


def with_its_log(journal: Path, copy: Path) -> None:
    shutil.copy(journal, copy)
    shutil.copy(f"{journal}-wal", f"{copy}-wal")


def with_all_files(journal: Path, copy: Path) -> None:
    for file in journal.parent.iterdir():
        shutil.copy(file, copy.parent / file.name.replace(journal.name, copy.name))


def by_vacuum(journal: Path, copy: Path) -> None:
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))


def by_backup(journal: Path, copy: Path) -> None:
    with closing(sqlite3.connect(journal)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def looked_at(journal: Path) -> None:
    """With another program, which brings the log into the file, and takes it away."""
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("SELECT count(*) FROM requests").fetchone()
    assert not journal.with_name(f"{journal.name}-wal").exists()


COPIES = [with_its_log, with_all_files, by_vacuum, by_backup]
every_good_copy = pytest.mark.parametrize("copied", COPIES)


@asynccontextmanager
async def running(
    sim: Simulator, client: PikaClient, journal: Path, requests: list[str] = ALL
) -> AsyncIterator[Batch]:
    """A batch whose jobs are all in flight."""
    wanted = len(sim.submissions) + len(requests)
    async with Batch(client, requests, journal=journal) as batch:
        await until(lambda: len(sim.submissions) == wanted)
        await until(lambda: len(batch.in_flight) == len(requests))
        # The ids are written down.
        await until(lambda: all(entry.attempt.job_id for entry in read_journal(journal)))
        yield batch


@pytest.fixture(scope="module")
def nursery() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has loaded the package, and is forked into each that is to be killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "crashes.nursery"],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield process
        process.kill()


@pytest.fixture
def killed(nursery: subprocess.Popen[bytes]) -> Callable[..., Awaitable[None]]:
    """What ``kill -9`` leaves of a batch of all prompts, with all jobs in flight.

    So many of them are ``known`` to the journal before.
    """

    def word() -> dict[str, Any]:
        assert nursery.stdout is not None
        return json.loads(nursery.stdout.readline())

    async def killed(sim: Simulator, journal: Path, *, known: int = 0) -> None:
        order = Order(url=sim.url, journal=str(journal), name="prompt", prompts=len(ALL))
        assert prompts_of(order) == ALL
        assert nursery.stdin is not None
        nursery.stdin.write(json.dumps(attrs.asdict(order)).encode() + b"\n")
        nursery.stdin.flush()
        process = word()["process"]
        try:
            wanted = len(sim.submissions) + len(ALL) - known
            await until(lambda: len({poll.job_id for poll in sim.polls}) >= wanted)
        finally:
            os.kill(process, signal.SIGKILL)
            while (ended := word().get("ended")) is None:
                pass
        assert ended == -signal.SIGKILL

    return killed


async def resumes(sim: Simulator, client: PikaClient, journal: Path) -> None:
    """A batch on it buys nothing."""
    before = len(sim.submissions)
    sim.duration = Polls(1)
    results = await run_batch(client, ALL, journal=journal, timeout=0)
    assert len(sim.submissions) == before
    assert all(result.resumed for result in results)


async def refuses(sim: Simulator, client: PikaClient, journal: Path) -> str:
    before = len(sim.submissions)
    files = {file.name: file.read_bytes() for file in journal.parent.iterdir()}
    with pytest.raises(JournalError) as refusal:
        await run_batch(client, ALL, journal=journal, timeout=0)
    assert len(sim.submissions) == before
    # What is refused is left as it is, and nothing is put beside it but a lock.
    after = {file.name: file.read_bytes() for file in journal.parent.iterdir()}
    assert {name: after[name] for name in files if not name.endswith("-shm")} == {
        name: files[name] for name in files if not name.endswith("-shm")
    }
    return str(refusal.value)


class TestWithoutItsLog:
    async def test_a_copy_made_while_a_batch_runs_is_refused_before_anything_is_sent(
        self, journal, elsewhere
    ):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            async with running(sim, client, journal):
                alone(journal, elsewhere)
                said = await refuses(sim, client, elsewhere)
        assert "its log" in said
        assert f"{elsewhere}-wal" in said
        assert "Copy the log too" in said

    async def test_so_is_one_made_after_a_kill(self, killed, journal, elsewhere):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            await killed(sim, journal)
            alone(journal, elsewhere)
            assert "its log" in await refuses(sim, client, elsewhere)
            await resumes(sim, client, journal)

    async def test_so_is_a_journal_whose_log_was_deleted_after_a_kill(self, killed, journal):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            await killed(sim, journal)
            journal.with_name("run.journal-wal").unlink()
            assert "its log" in await refuses(sim, client, journal)

    async def test_so_is_one_of_a_later_run_which_would_pass_for_the_one_before(
        self, journal, elsewhere
    ):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, ALL[:2], journal=journal)
            sim.duration = ENDLESS
            async with running(sim, client, journal, ALL[2:]):
                alone(journal, elsewhere)
                said = await refuses(sim, client, elsewhere)
        assert "It knows nothing that happened after" in said

    async def test_nor_is_it_read_as_a_whole_one(self, journal, elsewhere):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            async with running(sim, client, journal):
                alone(journal, elsewhere)
                with pytest.raises(JournalError, match="its log"):
                    list(read_journal(elsewhere))
        assert list(elsewhere.parent.iterdir()) == [elsewhere]

    async def test_whoever_has_nothing_else_goes_on_by_the_step_that_is_told(
        self, journal, elsewhere
    ):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, ALL[:2], journal=journal)
            async with running(sim, client, journal, ["another"]):
                alone(journal, elsewhere)
            step = "UPDATE log SET complete = 1"
            assert step in await refuses(sim, client, elsewhere)
            with closing(sqlite3.connect(elsewhere)) as connection, connection:
                connection.execute(step)
            results = await run_batch(client, ALL, journal=elsewhere)
        assert [result.resumed for result in results] == [True, True, False, False, False]

    async def test_a_file_that_a_batch_ended_with_is_whole_alone(self, journal, elsewhere):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, ALL, journal=journal)
            alone(journal, elsewhere)
            await resumes(sim, client, elsewhere)


class TestGoodCopies:
    @every_good_copy
    async def test_one_made_while_a_batch_runs_goes_on(self, copied, journal, elsewhere):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            async with running(sim, client, journal):
                copied(journal, elsewhere)
                assert len(list(read_journal(elsewhere))) == len(ALL)
                await resumes(sim, client, elsewhere)

    async def test_one_made_after_a_kill_goes_on(self, killed, journal, tmp_path):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            await killed(sim, journal)
            for copied in COPIES:
                # As the kill left it: some ways to copy bring the log into the file.
                left = tmp_path / f"left for {copied.__name__}"
                shutil.copytree(journal.parent, left)
                folder = tmp_path / copied.__name__
                folder.mkdir()
                copied(left / journal.name, folder / "copy.journal")
                await resumes(sim, client, folder / "copy.journal")

    @pytest.mark.parametrize("copied", [by_vacuum, by_backup])
    async def test_a_copy_of_a_copy_goes_on(self, copied, journal, elsewhere, tmp_path):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            async with running(sim, client, journal):
                copied(journal, elsewhere)
            async with Batch(client, ALL, journal=elsewhere) as batch:
                await until(lambda: len(batch.in_flight) == len(ALL))
                copied(elsewhere, tmp_path / "third.journal")
            await resumes(sim, client, tmp_path / "third.journal")

    async def test_a_journal_that_another_program_looked_at_after_a_kill_goes_on(
        self, killed, journal
    ):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            await killed(sim, journal)
            looked_at(journal)
            await resumes(sim, client, journal)


class TestFilesOfTwoMoments:
    async def pieces(self, sim: Simulator, client: PikaClient, journal: Path) -> list[Path]:
        """The files of one journal at two moments, with a checkpoint between them."""
        folders = []
        for name in ("early", "late"):
            async with running(sim, client, journal, [name]):
                folder = journal.parent.with_name(name)
                shutil.copytree(journal.parent, folder)
                folders.append(folder)
        return folders

    @pytest.mark.parametrize("order", ["an older log", "an older file"])
    async def test_a_file_and_a_log_that_do_not_belong_together_are_refused(
        self, order, journal, elsewhere
    ):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            early, late = await self.pieces(sim, client, journal)
            file, log = (late, early) if order == "an older log" else (early, late)
            shutil.copy(file / journal.name, elsewhere)
            shutil.copy(log / f"{journal.name}-wal", f"{elsewhere}-wal")
            assert "do not belong together" in await refuses(sim, client, elsewhere)
            with pytest.raises(JournalError, match="do not belong together"):
                list(read_journal(elsewhere))

    @pytest.mark.parametrize("copied", [alone, by_vacuum, by_backup])
    async def test_a_copy_of_the_end_of_a_run_is_not_put_under_the_log_of_a_later_one(
        self, killed, copied, journal, elsewhere
    ):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, ["early"], journal=journal)
            copied(journal, elsewhere)
            sim.duration = ENDLESS
            await killed(sim, journal)
            shutil.copy(elsewhere, journal)
            assert "do not belong together" in await refuses(sim, client, journal)

    @pytest.mark.parametrize("copied", [by_vacuum, by_backup])
    async def test_a_copy_that_sqlite_made_is_not_put_under_the_log_of_its_source(
        self, killed, copied, journal, elsewhere
    ):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            await killed(sim, journal)
            # Whoever makes it looks at the journal, and leaves no log: at another one, here.
            kept = elsewhere.with_name("kept.journal")
            with_its_log(journal, kept)
            copied(kept, elsewhere)
            shutil.copy(elsewhere, journal)
            assert "do not belong together" in await refuses(sim, client, journal)


class TestAnOlderOnePutBack:
    async def put_back(
        self, sim: Simulator, client: PikaClient, journal: Path, copy: Path
    ) -> list[str]:
        """A copy of the first run, in the place of the journal of the second."""
        await run_batch(client, ALL[:2], journal=journal)
        shutil.copy(journal, copy)
        results = await run_batch(client, ALL, journal=journal)
        shutil.copy(copy, journal)
        return [result.job_id for result in results]

    async def test_a_job_that_it_does_not_know_is_named_before_anything_is_sent(
        self, journal, elsewhere
    ):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            job_ids = await self.put_back(sim, client, journal, elsewhere)
            said = await refuses(sim, client, journal)
        assert "is older than the last batch that ran on it" in said
        assert any(job_id in said for job_id in job_ids[2:])
        assert "Put the newer journal back" in said

    async def test_the_error_carries_the_job(self, journal, elsewhere):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            job_ids = await self.put_back(sim, client, journal, elsewhere)
            with pytest.raises(JournalError) as refusal:
                await run_batch(client, ALL, journal=journal)
        assert refusal.value.job_id in job_ids[2:]

    @pytest.mark.parametrize("copied", [with_its_log, by_vacuum, by_backup])
    async def test_so_is_one_copied_while_a_run_went_on_that_was_killed_later(
        self, killed, copied, journal, elsewhere
    ):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            async with running(sim, client, journal, ALL[:2]):
                copied(journal, elsewhere)
            await killed(sim, journal, known=2)
            journal.with_name("run.journal-wal").unlink()
            for ending in ("", "-wal"):
                if elsewhere.with_name(f"copy.journal{ending}").exists():
                    shutil.copy(f"{elsewhere}{ending}", f"{journal}{ending}")
            assert "is older than the last batch" in await refuses(sim, client, journal)

    async def test_whoever_has_nothing_else_goes_on_by_the_step_that_is_told(
        self, journal, elsewhere
    ):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await self.put_back(sim, client, journal, elsewhere)
            lock = journal.with_name("run.journal-lock")
            assert f"delete {str(lock)!r}" in await refuses(sim, client, journal)
            lock.unlink()
            results = await run_batch(client, ALL, journal=journal)
        assert [result.resumed for result in results] == [True, True, False, False, False]

    async def test_the_newer_one_put_back_again_goes_on(self, journal, elsewhere):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, ALL[:2], journal=journal)
            shutil.copy(journal, elsewhere)
            await run_batch(client, ALL, journal=journal)
            newer = shutil.copy(journal, journal.with_name("newer"))
            shutil.copy(elsewhere, journal)
            await refuses(sim, client, journal)
            shutil.copy(newer, journal)
            await resumes(sim, client, journal)


class TestNoFalseAlarm:
    @pytest.mark.parametrize("begun_anew", ["deleted", "emptied", "another one"])
    async def test_a_new_journal_in_the_place_of_one_that_was_deleted(
        self, begun_anew, journal, elsewhere
    ):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, ALL, journal=journal)
            if begun_anew == "another one":
                await run_batch(client, ["other"], journal=elsewhere)
                elsewhere.replace(journal)
            else:
                journal.unlink()
                if begun_anew == "emptied":
                    journal.touch()
            results = await run_batch(client, ALL, journal=journal)
        assert not any(result.resumed for result in results)

    async def test_a_copy_that_was_gone_on_with_is_newer_than_where_it_came_from(
        self, journal, elsewhere
    ):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, ALL[:2], journal=journal)
            shutil.copy(journal, elsewhere)
            await run_batch(client, ALL, journal=elsewhere)
            shutil.copy(elsewhere, journal)
            await resumes(sim, client, journal)

    async def test_jobs_that_failed_or_were_bought_anew_are_known(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            for failure in ("it did not work", None):
                sim.failure = failure
                await run_batch(client, ALL, journal=journal, retry_failed=True)
            results = await run_batch(client, ALL, journal=journal)
        assert all(result.ok and result.resumed for result in results)
        assert len(sim.jobs) == 2 * len(ALL)

    @pytest.mark.parametrize(
        "mark", [b"", b"\0" * 512, b'{"pika_async_journal":"ab', b'{"pika_async_journal":7}\n']
    )
    async def test_a_mark_that_a_crash_of_the_machine_cut_off(self, mark, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, ALL, journal=journal)
            journal.with_name("run.journal-lock").write_bytes(mark)
            await resumes(sim, client, journal)
