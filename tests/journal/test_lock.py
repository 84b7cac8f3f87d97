"""The locks of a journal: they hold whatever the journal is called and whoever copies it."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pika_async import JournalError, read_journal
from pika_async._journal import lock as lock_module
from pika_async._journal.file import JournalFile, read_only
from pika_async._journal.lock import KNOWS_OPEN_FILE_LOCKS, Lock, NoLocksError, TakenError

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = 1_750_000_000.0
IN_USE = "is in use by another batch, here or in another process"

ADD = """
INSERT INTO requests (fingerprint, occurrence, number, position, run, request)
VALUES (?, 1, 1, 1, 1, '{"prompt": "a red panda"}')
"""

OPENED_ELSEWHERE = f"""
import sys
from pathlib import Path
from pika_async import JournalError
from pika_async._journal.file import JournalFile
try:
    JournalFile(Path(sys.argv[1]), {MOMENT}).close()
except JournalError as error:
    print(error)
else:
    print("opened")
"""
LOOKED_AT_ELSEWHERE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM requests").fetchone()[0])
connection.close()
"""

posix = pytest.mark.skipif(lock_module._fcntl is None, reason="this system has other locks")
open_file_locks = pytest.mark.skipif(
    not KNOWS_OPEN_FILE_LOCKS, reason="this system has no locks that belong to an open file"
)


@pytest.fixture
def path(tmp_path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder / "run.journal"


def elsewhere(code: str, path: Path) -> str:
    """What another process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def copied(path: Path) -> None:
    """As a backup does that the program makes of its own folder."""
    shutil.copytree(path.parent, path.parent.with_name("copy"), dirs_exist_ok=True)


def read_whole(path: Path) -> None:
    for file in path.parent.iterdir():
        file.read_bytes()


def fingerprints(path: Path) -> list[str]:
    return [entry.fingerprint for entry in read_journal(path)]


class TestCopyingByTheSameProcess:
    """The system lifts a POSIX lock when its process closes any handle of the file."""

    @pytest.mark.parametrize("touch", [copied, read_whole])
    def test_a_copy_of_the_folder_leaves_the_journal_in_use(self, path, touch):
        with closing(JournalFile(path, MOMENT)):
            touch(path)
            assert IN_USE in elsewhere(OPENED_ELSEWHERE, path)
            with pytest.raises(JournalError, match=IN_USE):
                JournalFile(path, MOMENT)
            assert IN_USE in elsewhere(OPENED_ELSEWHERE, path)

    @open_file_locks
    @pytest.mark.parametrize("touch", [copied, read_whole])
    def test_another_program_that_looks_then_does_not_take_the_log_away(self, path, touch):
        with closing(JournalFile(path, MOMENT)) as file:
            touch(path)
            file.connection.execute(ADD, ("before",))
            assert elsewhere(LOOKED_AT_ELSEWHERE, path) == "1"
            file.connection.execute(ADD, ("after",))
            assert elsewhere(LOOKED_AT_ELSEWHERE, path) == "2"
        assert fingerprints(path) == ["before", "after"]

    @open_file_locks
    def test_a_second_batch_that_is_refused_does_not_lift_them_either(self, path):
        with closing(JournalFile(path, MOMENT)) as file:
            file.connection.execute(ADD, ("before",))
            with pytest.raises(JournalError, match=IN_USE):
                JournalFile(path, MOMENT)
            assert elsewhere(LOOKED_AT_ELSEWHERE, path) == "1"
            file.connection.execute(ADD, ("after",))
        assert fingerprints(path) == ["before", "after"]

    def test_at_the_end_nothing_is_left_beside_it_and_it_is_free(self, path):
        with closing(JournalFile(path, MOMENT)):
            copied(path)
        assert {file.name for file in path.parent.iterdir()} == {path.name, f"{path.name}-lock"}
        assert elsewhere(OPENED_ELSEWHERE, path) == "opened"


@open_file_locks
class TestRenaming:
    @pytest.mark.parametrize("endings", [("",), ("", "-wal"), ("", "-wal", "-shm")])
    def test_it_stays_in_use_under_another_name(self, path, endings):
        other = path.with_name("other.journal")
        with closing(JournalFile(path, MOMENT)):
            for ending in endings:
                path.with_name(f"run.journal{ending}").rename(f"{other}{ending}")
            with pytest.raises(JournalError) as here:
                JournalFile(other, MOMENT)
            there = elsewhere(OPENED_ELSEWHERE, other)
        for refusal in (str(here.value), there):
            # Without its log it is no whole journal in the first place.
            assert IN_USE in refusal or "its log" in refusal
            assert IN_USE in refusal or endings == ("",)

    def test_it_stays_in_use_when_its_folder_is_renamed(self, path):
        with closing(JournalFile(path, MOMENT)):
            moved = path.parent.rename(path.parent.with_name("moved")) / path.name
            with pytest.raises(JournalError, match=IN_USE):
                JournalFile(moved, MOMENT)
            assert IN_USE in elsewhere(OPENED_ELSEWHERE, moved)

    def test_what_takes_the_place_of_a_journal_in_use_is_in_use(self, path):
        with closing(JournalFile(path, MOMENT)):
            path.rename(path.with_name("other.journal"))
            path.with_name("run.journal-wal").rename(path.with_name("other.journal-wal"))
            with pytest.raises(JournalError, match=IN_USE):
                JournalFile(path, MOMENT)


@posix
class TestOtherVersions:
    """Those before locked the same file as SQLite locks a database."""

    def test_one_that_has_it_keeps_this_one_out(self, path):
        with closing(sqlite3.connect(f"{path}-lock", isolation_level=None)) as theirs:
            theirs.execute("BEGIN EXCLUSIVE")
            with pytest.raises(JournalError, match=IN_USE):
                JournalFile(path, MOMENT)

    @open_file_locks
    def test_this_one_keeps_them_out(self, path):
        with (
            closing(JournalFile(path, MOMENT)),
            closing(sqlite3.connect(f"{path}-lock", isolation_level=None, timeout=0)) as theirs,
        ):
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                theirs.execute("BEGIN EXCLUSIVE")


@posix
class TestForking:
    def test_a_forked_process_that_lives_on_holds_no_lock(self, path):
        read_end, write_end = os.pipe()
        file = JournalFile(path, MOMENT)
        child = os.fork()
        if child == 0:
            os.close(write_end)
            os.read(read_end, 1)
            os._exit(0)
        try:
            # As when this process is killed: nothing lifts the locks but the end of its handles.
            for lock in (file._hold._beside, file._hold._file, file._hold._index):
                if lock is not None:
                    lock.close()
            assert elsewhere(OPENED_ELSEWHERE, path) == "opened"
        finally:
            os.close(write_end)
            os.waitpid(child, 0)
            os.close(read_end)
            file.connection.close()

    def test_the_end_of_a_forked_process_does_not_lift_the_lock(self, path):
        with closing(JournalFile(path, MOMENT)):
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
            assert IN_USE in elsewhere(OPENED_ELSEWHERE, path)


@posix
class TestWhereOpenFilesHaveNoLocks:
    """An older system, or a file system that does not know them."""

    @pytest.fixture(params=["the system", "the file system"])
    def _without(self, request, monkeypatch):
        if request.param == "the system":
            monkeypatch.setattr(lock_module, "KNOWS_OPEN_FILE_LOCKS", False)
            return

        def refuse(*_):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

        monkeypatch.setattr(lock_module._fcntl, "fcntl", refuse)

    @pytest.mark.usefixtures("_without")
    def test_the_file_beside_it_is_locked_in_another_way(self, path):
        code = "import fcntl, pika_async._journal.lock as lock; lock.KNOWS_OPEN_FILE_LOCKS = False"
        with closing(JournalFile(path, MOMENT)):
            copied(path)
            with pytest.raises(JournalError, match=IN_USE):
                JournalFile(path, MOMENT)
            assert IN_USE in elsewhere(f"{code}\n{OPENED_ELSEWHERE}", path)
        JournalFile(path, MOMENT).close()

    def test_a_file_system_without_any_locks_is_told_from_a_lock_that_is_taken(
        self, path, monkeypatch
    ):
        def refuse(*_):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        lock = Lock(path, make=True)
        for kind in ("fcntl", "lockf", "flock"):
            monkeypatch.setattr(lock_module._fcntl, kind, refuse)
        with pytest.raises(NoLocksError):
            lock.exclude()
        monkeypatch.undo()
        lock.exclude()
        with closing(Lock(path)) as second, pytest.raises(TakenError):
            second.exclude()
        lock.release()


def test_a_reader_of_the_same_process_goes_on_after_the_batch(path):
    with closing(JournalFile(path, MOMENT)) as file:
        for number in range(100):
            file.connection.execute(ADD, (f"{number:03}",))
        reader = read_only(path)
        rows = reader.execute("SELECT fingerprint FROM requests")
        rows.fetchone()
    with closing(reader):
        # Another process brings the log into the file, as long as nobody reads.
        assert elsewhere(OPENED_ELSEWHERE, path) == "opened"
        assert len(rows.fetchall()) == 99
    JournalFile(path, MOMENT).close()
    assert {file.name for file in path.parent.iterdir()} == {path.name, f"{path.name}-lock"}
