"""Durable writes in groups: in order, off the event loop, all of a group or none of it."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
from contextlib import asynccontextmanager, closing
from functools import partial

import anyio.lowlevel
import pytest
from support.batches import until

from pika_async import JournalError
from pika_async._journal.file import JournalFile, read_only
from pika_async._journal.group_commit import GroupCommit

THREAD = "pika_async-journal"


def unheard(error):
    """Of a group that could not be written, where nobody needs to be told."""


@asynccontextmanager
async def committing(path, *statements, broken=unheard):
    """Writes to a new journal; the statements are run before the first of them."""

    def make():
        file = JournalFile(path, 0.0)
        file.connection.execute("DELETE FROM runs")
        for statement in statements:
            file.connection.execute(statement)
        return file

    commits = GroupCommit(path, broken)
    await commits.open(make)
    try:
        yield commits
    finally:
        await commits.close()


def add(value, connection):
    """A step: one row, whose number it returns."""
    return connection.execute(
        "INSERT INTO runs (started_at, version) VALUES (?, '') RETURNING id", (value,)
    ).fetchone()[0]


def adding(value):
    return partial(add, value)


def fail_as_sqlite_does(connection):
    connection.execute("INSERT INTO nowhere VALUES (1)")


def written(path):
    """What another connection finds on the disk."""
    with closing(read_only(path)) as reader:
        return [value for (value,) in reader.execute("SELECT started_at FROM runs ORDER BY id")]


class Gate:
    """A step that takes as long as a test wants; left, it is open."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open()

    def open(self) -> None:
        self._open.set()

    def step(self, _):
        self.reached.set()
        # So that one that holds up the event loop is a failure, not a standstill.
        assert self._open.wait(10)


class TestWriting:
    async def test_a_write_gives_what_its_step_returns(self, tmp_path):
        async with committing(tmp_path / "journal.db") as commits:
            assert await commits.write(adding(7)) == 1
            assert await asyncio.gather(*(commits.write(adding(n)) for n in range(3))) == [2, 3, 4]

    async def test_what_is_awaited_is_on_the_disk(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path) as commits:
            for number in range(3):
                await commits.write(adding(number))
                assert written(path) == list(range(number + 1))

    async def test_what_is_not_awaited_is_written_as_well(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path) as commits:
            commits.write(adding(1))
            commits.write(adding(2))
        assert written(path) == [1, 2]

    async def test_writes_keep_their_order(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path) as commits:
            ended = []
            for number in range(200):
                write = commits.write(adding(number))
                write.add_done_callback(lambda _, number=number: ended.append(number))
                if number % 7 == 0:
                    await anyio.lowlevel.checkpoint()
            await write
            await until(lambda: len(ended) == 200)
        assert written(path) == list(range(200)) == ended

    async def test_all_steps_run_in_one_thread_that_is_not_the_event_loops(self, tmp_path):
        async with committing(tmp_path / "journal.db") as commits:
            threads = {
                await commits.write(lambda _: threading.current_thread().name) for _ in range(5)
            }
        assert len(threads) == 1
        assert threads.pop().startswith(THREAD)


class TestGroups:
    async def test_what_comes_during_a_commit_goes_into_one_transaction(self, tmp_path):
        statements = []
        async with committing(tmp_path / "journal.db") as commits:
            await commits.write(lambda it: it.set_trace_callback(statements.append))
            statements.clear()
            with Gate() as gate:
                first = commits.write(gate.step)
                await until(gate.reached.is_set)
                rest = [commits.write(adding(number)) for number in range(50)]
                gate.open()
                await asyncio.gather(first, *rest)
            await commits.write(lambda it: it.set_trace_callback(None))
        begun = [place for place, text in enumerate(statements) if text.startswith("BEGIN")]
        ended = [place for place, text in enumerate(statements) if text == "COMMIT"]
        # The third is the one that ends the tracing.
        assert (len(begun), len(ended)) == (3, 2)
        inside = statements[begun[1] + 1 : ended[1]]
        assert len([text for text in inside if text.startswith("INSERT")]) == 50

    async def test_a_write_with_nothing_under_way_does_not_wait_for_others(self, tmp_path):
        async with committing(tmp_path / "journal.db") as commits:
            with anyio.fail_after(10):
                await commits.write(adding(1))

    async def test_no_write_of_a_group_is_done_before_the_group_is(self, tmp_path):
        async with committing(tmp_path / "journal.db") as commits:
            with Gate() as first, Gate() as last:
                begin = commits.write(first.step)
                await until(first.reached.is_set)
                early = commits.write(adding(1))
                late = commits.write(last.step)
                first.open()
                await until(last.reached.is_set)
                await begin
                assert not early.done()
                last.open()
                await asyncio.gather(early, late)

    async def test_a_slow_commit_does_not_hold_up_the_event_loop(self, tmp_path):
        async with committing(tmp_path / "journal.db") as commits:
            with Gate() as gate:
                slow = commits.write(gate.step)
                await until(gate.reached.is_set)
                for _ in range(1000):
                    await anyio.lowlevel.checkpoint()
                assert not slow.done()
            await slow


class TestCancelling:
    async def test_a_write_whose_wait_is_cancelled_is_written(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path) as commits:
            with Gate() as gate:
                commits.write(gate.step)
                await until(gate.reached.is_set)

                async def wait():
                    await commits.write(adding(1))

                task = asyncio.create_task(wait())
                await anyio.lowlevel.checkpoint()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert await commits.write(adding(2)) == 2
        assert written(path) == [1, 2]

    async def test_a_write_that_is_cancelled_while_it_is_committed_is_written(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path) as commits:
            with Gate() as gate:
                begun = commits.write(gate.step)
                late = commits.write(adding(1))
                await until(gate.reached.is_set)
                begun.cancel()
                late.cancel()
            assert await commits.write(adding(2)) == 2
        assert written(path) == [1, 2]

    async def test_a_cancelled_wait_does_not_disturb_others_of_its_group(self, tmp_path):
        async with committing(tmp_path / "journal.db") as commits:
            with Gate() as gate:
                commits.write(gate.step)
                await until(gate.reached.is_set)
                one, two, three = (commits.write(adding(number)) for number in range(3))
                two.cancel()
            assert (await one, await three) == (1, 3)


class TestFailing:
    async def test_an_error_fails_the_whole_group_and_undoes_it(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path) as commits:
            with Gate() as gate:
                before = commits.write(gate.step)
                await until(gate.reached.is_set)
                steps = [adding(1), fail_as_sqlite_does, adding(2)]
                group = [commits.write(step) for step in steps]
            await before
            for write in group:
                with pytest.raises(JournalError, match=r"journal\.db' could not be written: no "):
                    await write
        assert written(path) == []

    async def test_after_an_error_the_journal_is_usable(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path) as commits:
            with pytest.raises(JournalError):
                await commits.write(fail_as_sqlite_does)
            await commits.write(adding(1))
        assert written(path) == [1]

    async def test_the_next_group_is_written_though_the_one_before_it_failed(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path) as commits:
            with Gate() as gate:

                def fail_late(connection):
                    gate.step(connection)
                    fail_as_sqlite_does(connection)

                bad = commits.write(fail_late)
                await until(gate.reached.is_set)
                good = commits.write(adding(1))
            with pytest.raises(JournalError):
                await bad
            await good
        assert written(path) == [1]

    async def test_each_that_waits_gets_an_error_of_its_own_with_the_cause(self, tmp_path):
        async with committing(tmp_path / "journal.db") as commits:
            with Gate() as gate:
                commits.write(gate.step)
                await until(gate.reached.is_set)
                group = [commits.write(fail_as_sqlite_does), commits.write(adding(1))]
            one, other = await asyncio.gather(*group, return_exceptions=True)
        assert one is not other
        assert isinstance(one.__cause__, sqlite3.OperationalError)
        assert other.__cause__ is one.__cause__

    async def test_a_full_disk_is_a_journal_error_and_undone(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path) as commits:
            await commits.write(adding(1))

            def limit(connection):
                (pages,) = connection.execute("PRAGMA page_count").fetchone()
                connection.execute(f"PRAGMA max_page_count = {pages}")

            await commits.write(limit)
            with Gate() as gate:
                commits.write(gate.step)
                await until(gate.reached.is_set)
                small, large = commits.write(adding(2)), commits.write(adding("x" * 100_000))
            with pytest.raises(JournalError, match="full") as caught:
                await large
            assert caught.value.__cause__.sqlite_errorcode == sqlite3.SQLITE_FULL
            with pytest.raises(JournalError, match="full"):
                await small
            await commits.write(lambda it: it.execute("PRAGMA max_page_count = 100000").fetchone())
            await commits.write(adding(3))
        assert written(path) == [1, 3]

    async def test_a_commit_that_fails_is_a_journal_error_and_undone(self, tmp_path):
        path = tmp_path / "journal.db"

        def point_nowhere(connection):
            connection.execute("PRAGMA defer_foreign_keys = ON")
            connection.execute(
                "INSERT INTO attempts (request, status, service) VALUES (9, 'failed', '')"
            )
            return add(1, connection)

        async with committing(path, "PRAGMA foreign_keys = ON") as commits:
            with pytest.raises(JournalError, match="FOREIGN KEY"):
                await commits.write(point_nowhere)
            await commits.write(adding(2))
        assert written(path) == [2]

    async def test_a_transaction_that_sqlite_has_undone_by_itself_is_a_journal_error(
        self, tmp_path
    ):
        path = tmp_path / "journal.db"

        def undone(connection):
            number = add(1, connection)
            connection.execute(
                "INSERT OR ROLLBACK INTO runs (id, started_at, version) VALUES (?, 0, '')",
                (number,),
            )

        async with committing(path) as commits:
            with pytest.raises(JournalError, match="UNIQUE"):
                await commits.write(undone)
            await commits.write(adding(2))
        assert written(path) == [2]

    async def test_a_journal_that_another_program_writes_to_is_a_journal_error(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path, "PRAGMA busy_timeout = 0") as commits:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(JournalError, match="locked"):
                    await commits.write(adding(1))
                other.execute("ROLLBACK")
            await commits.write(adding(2))
        assert written(path) == [2]

    async def test_a_bug_in_a_step_is_raised_as_it_is_and_undone(self, tmp_path):
        path, told = tmp_path / "journal.db", []

        def stumble(connection):
            add(1, connection)
            raise LookupError("a bug")

        async with committing(path, broken=told.append) as commits:
            with pytest.raises(LookupError, match="a bug"):
                await commits.write(stumble)
            await commits.write(adding(2))
        assert written(path) == [2]
        assert told == []

    async def test_a_bug_in_a_step_is_that_step_s_alone(self, tmp_path):
        path = tmp_path / "journal.db"

        def stumble(connection):
            add(7, connection)
            raise LookupError("a bug")

        async with committing(path) as commits:
            with Gate() as gate:
                commits.write(gate.step)
                await until(gate.reached.is_set)
                group = [commits.write(adding(1)), *(commits.write(stumble) for _ in range(2))]
                group.append(commits.write(adding(2)))
            results = await asyncio.gather(*group, return_exceptions=True)
        assert [type(result) for result in results[1:3]] == [LookupError, LookupError]
        assert not isinstance(results[0], Exception)
        assert written(path) == [1, 2]

    async def test_a_group_that_could_not_be_written_is_told_once(self, tmp_path):
        told = []
        async with committing(tmp_path / "journal.db", broken=told.append) as commits:
            with Gate() as gate:
                commits.write(gate.step)
                await until(gate.reached.is_set)
                group = [commits.write(fail_as_sqlite_does) for _ in range(5)]
            await asyncio.wait(group)
        (error,) = told
        assert isinstance(error, JournalError)
        assert "journal.db' could not be written: no such table" in str(error)

    async def test_an_error_that_nobody_waits_for_makes_no_noise(self, tmp_path):
        noises = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: noises.append(context))
        async with committing(tmp_path / "journal.db") as commits:
            commits.write(fail_as_sqlite_does)
        gc.collect()
        assert noises == []


class TestClosing:
    async def test_closing_waits_for_all_that_was_written(self, tmp_path):
        path = tmp_path / "journal.db"
        commits = GroupCommit(path, unheard)
        await commits.open(partial(JournalFile, path, 0.0))
        with Gate() as gate:
            commits.write(gate.step)
            await until(gate.reached.is_set)
            for number in range(1, 20):
                commits.write(adding(number))
            closed = asyncio.create_task(commits.close())
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            assert not closed.done()
            gate.open()
            await closed
        assert written(path) == list(range(20))

    async def test_closing_waits_for_what_is_written_meanwhile(self, tmp_path):
        path = tmp_path / "journal.db"
        commits = GroupCommit(path, unheard)
        await commits.open(partial(JournalFile, path, 0.0))
        with Gate() as first, Gate() as second:
            commits.write(first.step)
            await until(first.reached.is_set)
            closed = asyncio.create_task(commits.close())
            await anyio.lowlevel.checkpoint()
            commits.write(second.step)
            first.open()
            await until(second.reached.is_set)
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            late = commits.write(adding(1))
            second.open()
            await closed
        await late
        assert written(path) == [0, 1]

    async def test_closing_goes_on_after_a_write_that_failed(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path) as commits:
            commits.write(fail_as_sqlite_does)
        JournalFile(path, 0.0).close()

    async def test_closed_the_file_is_free_and_the_thread_is_gone(self, tmp_path):
        path = tmp_path / "journal.db"
        async with committing(path) as commits:
            await commits.write(adding(1))
        JournalFile(path, 0.0).close()
        await until(no_thread_is_left)

    async def test_what_was_never_opened_can_be_closed(self, tmp_path):
        await GroupCommit(tmp_path / "journal.db", unheard).close()
        assert list(tmp_path.iterdir()) == []


def no_thread_is_left():
    return not any(thread.name.startswith(THREAD) for thread in threading.enumerate())


class OpenFile:
    """Takes note of who closes it, and in which thread."""

    def __init__(self) -> None:
        self.opened_in = threading.current_thread()
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed_in = threading.current_thread()
        self.closed.set()


class TestOpening:
    async def test_it_gives_the_open_file(self, tmp_path):
        path = tmp_path / "journal.db"
        commits = GroupCommit(path, unheard)
        file = await commits.open(partial(JournalFile, path, 0.0))
        assert file.run == 1
        await commits.close()

    async def test_a_slow_opening_does_not_hold_up_the_event_loop(self, tmp_path):
        with Gate() as gate:
            commits = GroupCommit(tmp_path / "journal.db", unheard)

            def make():
                gate.step(None)
                return OpenFile()

            opening = asyncio.create_task(commits.open(make))
            await until(gate.reached.is_set)
            assert not opening.done()
            gate.open()
            file = await opening
        await commits.close()
        assert file.closed.is_set()
        assert file.closed_in is file.opened_in

    async def test_what_it_raises_is_raised_and_leaves_no_thread(self, tmp_path):
        def make():
            raise JournalError("in use")

        commits = GroupCommit(tmp_path / "journal.db", unheard)
        with pytest.raises(JournalError, match="in use"):
            await commits.open(make)
        await until(no_thread_is_left)

    async def test_a_cancelled_opening_closes_the_file_once_it_is_open(self, tmp_path):
        files = []
        with Gate() as gate:
            commits = GroupCommit(tmp_path / "journal.db", unheard)

            def make():
                gate.step(None)
                files.append(OpenFile())
                return files[0]

            opening = asyncio.create_task(commits.open(make))
            await until(gate.reached.is_set)
            opening.cancel()
            gate.open()
            # Not before: whoever opens it again at once must not find it in use.
            with pytest.raises(asyncio.CancelledError):
                await opening
        assert files[0].closed.is_set()
        assert files[0].closed_in is files[0].opened_in
        await until(no_thread_is_left)

    async def test_a_cancelled_opening_that_fails_makes_no_noise(self, tmp_path):
        noises = []
        asyncio.get_running_loop().set_exception_handler(lambda _, one: noises.append(one))
        with Gate() as gate:
            commits = GroupCommit(tmp_path / "journal.db", unheard)

            def make():
                gate.step(None)
                raise JournalError("in use")

            opening = asyncio.create_task(commits.open(make))
            await until(gate.reached.is_set)
            opening.cancel()
            gate.open()
            with pytest.raises(asyncio.CancelledError):
                await opening
        await until(no_thread_is_left)
        gc.collect()
        assert noises == []


async def test_without_a_thread_to_write_it_in_nothing_is_sent(tmp_path, monkeypatch):
    """A container that allows no more threads is told as what it is, before anything is sent."""

    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(JournalError, match="starts none.*Nothing was sent.*ulimit -u"):
        async with committing(tmp_path / "j"):
            pass
