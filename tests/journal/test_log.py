"""Whether the file and its log are both there: what each checkpoint leaves in the main file."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from pika_async import JournalError, read_journal
from pika_async._journal import file as file_module
from pika_async._journal.file import JournalFile, read_only
from pika_async._journal.log import SHORTEST_LOG, Log, log_of

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = 1_750_000_000.0

ADD = """
INSERT INTO requests (fingerprint, occurrence, number, position, run, request)
VALUES (?, 1, 1, 1, 1, '{"prompt": "a red panda"}')
"""


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "run.journal"


@contextmanager
def opened(path: Path):
    with closing(JournalFile(path, MOMENT)) as file:
        yield file


def add(file: JournalFile, name: str, size: int = 0) -> None:
    """A transaction, and what follows one."""
    file.connection.execute(ADD, (name + "x" * size,))
    file.committed()


def main_of(path: Path) -> Log:
    """What the main file says of itself, as one who has only this."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        return log_of(connection)


def whole_of(path: Path) -> Log:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return log_of(connection)


def count(path: Path) -> int:
    return len(list(read_journal(path)))


class TestTheMainFile:
    def test_it_is_incomplete_without_its_log_from_the_opening_on(self, path):
        with opened(path):
            assert not main_of(path).complete
            assert whole_of(path).complete

    def test_it_is_so_again_in_each_run(self, path):
        for _ in range(3):
            with opened(path):
                assert not main_of(path).complete
            assert main_of(path).complete

    def test_it_stays_so_after_each_checkpoint(self, path, monkeypatch):
        monkeypatch.setattr(file_module, "_LONG_LOG", 50_000)
        seen = set()
        with opened(path) as file:
            for number in range(100):
                add(file, f"{number:03}", 3000)
                assert not main_of(path).complete
                assert whole_of(path).complete
                seen.add(main_of(path).checkpoint)
        assert len(seen) > 3
        assert count(path) == 100

    def test_a_copy_of_it_is_refused_at_each_of_them(self, path, tmp_path, monkeypatch):
        monkeypatch.setattr(file_module, "_LONG_LOG", 50_000)
        with opened(path) as file:
            for number in range(40):
                add(file, f"{number:03}", 3000)
                copy = shutil.copy(path, tmp_path / f"{number}.journal")
                for opening in (lambda copy: JournalFile(copy, MOMENT), read_only):
                    with pytest.raises(JournalError, match="its log"):
                        opening(copy)

    @pytest.mark.parametrize("log", [b"", b"cut off"])
    def test_a_log_with_nothing_in_it_is_no_log(self, path, tmp_path, log):
        """As a disk leaves it that was full when the log was copied."""
        with opened(path) as file:
            add(file, "first")
            copy = shutil.copy(path, tmp_path / "copy.journal")
        copy.with_name("copy.journal-wal").write_bytes(log)
        for opening in (lambda copy: JournalFile(copy, MOMENT), read_only):
            with pytest.raises(JournalError, match="its log"):
                opening(copy)

    def test_the_log_is_never_empty_while_a_batch_has_it(self, path, monkeypatch):
        monkeypatch.setattr(file_module, "_LONG_LOG", 30_000)
        log = path.with_name("run.journal-wal")
        sizes = []
        with opened(path) as file:
            file.connection.set_trace_callback(lambda _: sizes.append(log.stat().st_size))
            for number in range(50):
                add(file, f"{number:03}", 3000)
        assert min(sizes) >= SHORTEST_LOG
        assert max(sizes) < 100_000

    def test_the_log_does_not_grow_for_ever(self, path):
        log = path.with_name("run.journal-wal")
        largest = 0
        with opened(path) as file:
            for number in range(200):
                add(file, f"{number:03}", 100_000)
                largest = max(largest, log.stat().st_size)
        assert largest < 6_000_000


class TestWhileSomebodyReads:
    """A checkpoint cannot come to its end."""

    @pytest.mark.parametrize("since", ["before the run", "in the run"])
    def test_it_is_made_once_nobody_reads(self, path, monkeypatch, since):
        monkeypatch.setattr(file_module, "_LONG_LOG", 50_000)
        monkeypatch.setattr(file_module, "_A_LITTLE", 20_000)
        with opened(path) as file:
            add(file, "first")
        reader = None
        if since == "before the run":
            reader = held(path)
        with opened(path) as file:
            if reader is None:
                add(file, "second")
                reader = held(path)
            before = main_of(path).checkpoint
            for number in range(50):
                add(file, f"{number:03}", 3000)
                # With its log it is whole, whatever is in the main file by now.
                assert whole_of(path).complete
                assert whole_of(path).goes_with(main_of(path))
            reader.close()
            for number in range(50, 70):
                add(file, f"{number:03}", 3000)
            assert main_of(path).checkpoint != before
            assert not main_of(path).complete
        assert count(path) > 70

    def test_the_batch_does_not_wait_for_the_reader(self, path, monkeypatch):
        monkeypatch.setattr(file_module, "_LONG_LOG", 0)
        with opened(path) as file, closing(held(path)):
            waits = []
            # SQLite calls it where it waits for somebody.
            file.connection.set_progress_handler(lambda: waits.append(1), 1_000_000)
            for number in range(20):
                add(file, f"{number:03}")
            assert waits == []
            (patience,) = file.connection.execute("PRAGMA busy_timeout").fetchone()
            assert patience > 0

    def test_a_copy_with_the_log_goes_on(self, path, tmp_path, monkeypatch):
        monkeypatch.setattr(file_module, "_LONG_LOG", 30_000)
        copy = tmp_path / "copy.journal"
        with opened(path) as file, closing(held(path)):
            for number in range(30):
                add(file, f"{number:03}", 3000)
                for ending in ("", "-wal"):
                    shutil.copy(f"{path}{ending}", f"{copy}{ending}")
                with opened(copy) as other:
                    (found,) = other.connection.execute("SELECT count(*) FROM requests").fetchone()
                    assert found == number + 1


def held(path: Path) -> sqlite3.Connection:
    """Somebody reads, and does not come to an end."""
    reader = read_only(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM requests").fetchone()
    return reader


# Of each line it makes a process, which ends at the statement of that number.
MORTALS = f"""
import os, sqlite3, sys, traceback
from pathlib import Path
from pika_async._journal import file

def live(path, statement):
    file._LONG_LOG = 0
    connect, left = sqlite3.connect, [statement]
    def watched(name, *arguments, **options):
        connection = connect(name, *arguments, **options)
        def count(text):
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)
        connection.set_trace_callback(count)
        return connection
    sqlite3.connect = watched
    journal = file.JournalFile(path, {MOMENT})
    for name in ("one", "two"):
        journal.connection.execute({ADD!r}, (f"{{name}} {{statement}}",))
        print(name, statement, flush=True)
        journal.committed()
    journal.close()

for line in sys.stdin:
    if not os.fork():
        try:
            live(Path(sys.argv[1]), int(line))
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            os._exit(1)
        os._exit(0)
    print("ended", os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


@contextmanager
def mortals(path):
    """Let a process live on the journal: what it has told, and how it has ended."""
    with subprocess.Popen(
        [sys.executable, "-c", MORTALS, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def live(statement):
            process.stdin.write(f"{statement}\n")
            process.stdin.flush()
            told = []
            while not (line := process.stdout.readline()).startswith("ended "):
                assert line, told
                told.append(line.strip())
            return told, int(line.split()[1])

        yield live


@pytest.mark.slow
@pytest.mark.parametrize("start", ["a new one", "one at rest", "a copy that SQLite made"])
def test_killed_at_any_statement_it_is_neither_refused_nor_does_it_forget(path, start):
    """That of the opening, of each transaction, and of each checkpoint."""
    with mortals(path) as live:
        assert lives(path, start, live) > 30


def lives(path, start, live):
    """How many processes were ended before one came to its own end."""
    known: set[str] = set()
    for life in range(1, 200):
        if start == "a new one":
            shutil.rmtree(path.parent)
            path.parent.mkdir()
            known = set()
        elif not path.exists():
            JournalFile(path, MOMENT).close()
        elif start == "a copy that SQLite made":
            source = path.replace(path.with_name("source"))
            for ending in ("-wal", "-shm"):
                if (log := path.with_name(path.name + ending)).exists():
                    log.replace(f"{source}{ending}")
            with closing(sqlite3.connect(source)) as connection:
                connection.execute("VACUUM INTO ?", (str(path),))
            source.unlink()
        told, code = live(life)
        known |= {*told}
        if code == 0:
            return life
        assert code == 9, told
        JournalFile(path, MOMENT).close()
        assert known <= {entry.fingerprint for entry in read_journal(path)}
    raise AssertionError("without an end")


def test_where_there_is_no_such_log_the_file_is_always_complete(path, monkeypatch, tmp_path):
    connect = sqlite3.connect

    def without(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_authorizer(
            lambda action, name, *_: (
                sqlite3.SQLITE_IGNORE
                if action == sqlite3.SQLITE_PRAGMA and name == "journal_mode"
                else sqlite3.SQLITE_OK
            )
        )
        return connection

    # As on a file system without shared memory, where SQLite keeps its older way.
    monkeypatch.setattr(file_module.sqlite3, "connect", without)
    for run in range(2):
        with opened(path) as file:
            assert file.connection.execute("PRAGMA journal_mode").fetchone() is None
            add(file, f"{run}")
            assert not path.with_name("run.journal-wal").exists()
            copy = shutil.copy(path, tmp_path / f"{run}.journal")
            with opened(copy) as other:
                (found,) = other.connection.execute("SELECT count(*) FROM requests").fetchone()
            assert found == run + 1
