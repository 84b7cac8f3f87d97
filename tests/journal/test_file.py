"""The journal as a file: what is made, what is refused, and that one batch at a time has it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pika_async import JournalError
from pika_async._journal.file import JournalFile, read_only
from pika_async._journal.schema import APPLICATION_ID, SCHEMA_VERSION
from pika_async._version import __version__

MOMENT = 1_750_000_000.0
PAGE = 4096

ADD = """
INSERT INTO requests (fingerprint, occurrence, number, position, run, request)
VALUES (?, 1, 1, 1, 1, '{}')
"""


def opened(path: Path):
    return closing(JournalFile(path, MOMENT))


def journal(path: Path, items: int = 0, *statements: str) -> Path:
    """A journal that nobody has open."""
    with opened(path) as file:
        file.connection.execute("BEGIN")
        file.connection.executemany(ADD, [(f"{number:064}",) for number in range(items)])
        file.connection.execute("COMMIT")
        for statement in statements:
            file.connection.execute(statement)
    return path


def database(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


def fingerprints(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT fingerprint FROM requests")]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


class TestMaking:
    def test_a_journal_is_made_with_the_folders_that_are_missing(self, tmp_path):
        path = tmp_path / "a" / "b" / "journal.db"
        with opened(path) as file:
            assert fingerprints(file.connection) == []
        assert path.is_file()

    def test_its_header_tells_other_programs_whose_it_is_and_of_which_version(self, tmp_path):
        head = journal(tmp_path / "journal.db").read_bytes()[:100]
        assert head[68:72] == b"PIKA" == APPLICATION_ID.to_bytes(4, "big")
        assert head[60:64] == SCHEMA_VERSION.to_bytes(4, "big")

    def test_each_commit_waits_for_the_disk(self, tmp_path):
        full = 2
        with opened(tmp_path / "journal.db") as file:
            assert file.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert file.connection.execute("PRAGMA synchronous").fetchone() == (full,)

    def test_on_a_mac_each_commit_waits_for_what_the_disk_holds_in_its_memory(self, tmp_path):
        """A Mac that loses its power forgets no job id; other systems do not heed this."""
        with opened(tmp_path / "journal.db") as file:
            for name in ("fullfsync", "checkpoint_fullfsync"):
                assert file.connection.execute(f"PRAGMA {name}").fetchone() == (1,)

    def test_a_journal_that_is_opened_again_waits_for_the_disk_as_well(self, tmp_path):
        full = 2
        with opened(journal(tmp_path / "journal.db")) as file:
            assert file.connection.execute("PRAGMA synchronous").fetchone() == (full,)

    def test_an_empty_file_is_taken_for_a_new_journal(self, tmp_path):
        path = tmp_path / "journal.db"
        path.touch()
        journal(path, 3)
        with closing(read_only(path)) as connection:
            assert len(fingerprints(connection)) == 3

    def test_a_database_with_nothing_in_it_is_taken_for_a_new_journal(self, tmp_path):
        path = database(tmp_path / "journal.db", "CREATE TABLE t (x)", "DROP TABLE t")
        assert path.stat().st_size > 0
        with closing(read_only(journal(path, 3))) as connection:
            assert len(fingerprints(connection)) == 3

    def test_what_was_committed_is_there_when_it_is_opened_again(self, tmp_path):
        with opened(journal(tmp_path / "journal.db", 3)) as file:
            assert len(fingerprints(file.connection)) == 3

    def test_each_opening_is_a_run_of_its_own(self, tmp_path):
        path = tmp_path / "journal.db"
        with opened(path) as one:
            assert one.run == 1
        with closing(JournalFile(path, MOMENT + 60)) as other:
            assert other.run == 2
            rows = other.connection.execute("SELECT id, started_at, version FROM runs").fetchall()
        assert rows == [(1, MOMENT, __version__), (2, MOMENT + 60, __version__)]

    def test_closed_it_leaves_nothing_but_itself_and_its_lock(self, tmp_path):
        journal(tmp_path / "journal.db", 3)
        assert set(contents(tmp_path)) == {"journal.db", "journal.db-lock"}

    @pytest.mark.parametrize(
        "name",
        [
            "a journal",
            "a?mode=memory",
            "a#b",
            "a%41",
            "file:a",
            ":memory:",
            "Tagebuch für Größe",
            "a\udcffb",
        ],
        ids=ascii,
    )
    def test_any_name_names_one_file(self, name, tmp_path, monkeypatch):
        # Alone, without a folder, some names mean more to SQLite.
        monkeypatch.chdir(tmp_path)
        path = journal(Path(name), 3)
        assert set(contents(tmp_path)) == {name, f"{name}-lock"}
        with opened(path) as file:
            assert len(fingerprints(file.connection)) == 3

    def test_its_path_may_be_relative(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with opened(journal(Path("journal.db"), 3)) as file:
            assert len(fingerprints(file.connection)) == 3
        assert (tmp_path / "journal.db").is_file()


def a_text(path):
    path.write_text("a red panda surfing\n" * 1000)


def a_short_text(path):
    path.write_text("hello")


def an_image(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))


def of_another_program(path):
    database(path, "CREATE TABLE contacts (name TEXT)", "INSERT INTO contacts VALUES ('Ada')")


def of_another_program_with_an_id(path):
    database(
        path,
        "PRAGMA application_id = 252006673",
        f"PRAGMA user_version = {SCHEMA_VERSION}",
        "CREATE TABLE contacts (name TEXT)",
    )


def of_another_program_with_only_an_id(path):
    database(path, "PRAGMA application_id = 252006673")


def of_another_program_with_only_a_version(path):
    database(path, "PRAGMA user_version = 1")


def of_another_program_in_wal_mode(path):
    database(path, "PRAGMA journal_mode = WAL", "CREATE TABLE contacts (name TEXT)")


def of_a_newer_version(path):
    journal(path, 3, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def cut_in_half(path):
    whole = journal(path, 100).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def cut_within_its_first_page(path):
    path.write_bytes(journal(path, 100).read_bytes()[:1000])


def with_a_schema_that_is_no_text(path):
    whole = bytearray(journal(path, 100).read_bytes())
    at = whole.index(b"CREATE TABLE attempts")
    whole[at + 3 : at + 8] = b"\xff" * 5
    path.write_bytes(whole)


def with_a_page_of_nulls(path):
    whole = bytearray(journal(path, 100).read_bytes())
    whole[-PAGE:] = bytes(PAGE)
    path.write_bytes(whole)


ANOTHER_PATH = "nothing was sent. Give the journal another path."
KEEP_IT = "may name jobs that are paid for: keep it, restore a copy"
REFUSED = [
    (a_text, "is not a journal, nor any SQLite database", ANOTHER_PATH),
    (a_short_text, "is not a journal, nor any SQLite database", ANOTHER_PATH),
    (an_image, "is not a journal, nor any SQLite database", ANOTHER_PATH),
    (of_another_program, "is a database of another program", ANOTHER_PATH),
    (of_another_program_with_an_id, "is a database of another program", ANOTHER_PATH),
    (of_another_program_with_only_an_id, "is a database of another program", ANOTHER_PATH),
    (of_another_program_with_only_a_version, "is a database of another program", ANOTHER_PATH),
    (of_another_program_in_wal_mode, "is a database of another program", ANOTHER_PATH),
    (
        of_a_newer_version,
        f"by a newer version of pika_async (format {SCHEMA_VERSION + 1}; this is",
        "Upgrade",
    ),
    (cut_in_half, "is damaged (", KEEP_IT),
    (cut_within_its_first_page, "is damaged (", KEEP_IT),
    (with_a_schema_that_is_no_text, "is damaged (", KEEP_IT),
    (with_a_page_of_nulls, "is damaged (", KEEP_IT),
]
every_refused_file = pytest.mark.parametrize(
    ("make", "finding", "advice"), REFUSED, ids=[make.__name__ for make, _, _ in REFUSED]
)


LOOK_THERE = "Look at what is there, and at the permissions"


class TestRefusing:
    @every_refused_file
    @pytest.mark.parametrize("opening", [opened, read_only], ids=["to write", "to read"])
    def test_what_is_no_journal_of_ours_is_refused_with_what_to_do(
        self, make, finding, advice, opening, tmp_path
    ):
        path = tmp_path / "journal.db"
        make(path)
        with pytest.raises(JournalError) as caught:
            opening(path)
        assert f"{str(path)!r}" in str(caught.value)
        assert finding in str(caught.value)
        assert "The file was left as it is and nothing was sent." in str(caught.value)
        assert advice in str(caught.value)

    @every_refused_file
    def test_a_refused_file_stays_as_it_is_byte_for_byte(self, make, finding, advice, tmp_path):
        path = tmp_path / "journal.db"
        make(path)
        before = path.read_bytes()
        with pytest.raises(JournalError):
            JournalFile(path, MOMENT)
        assert path.read_bytes() == before

    @every_refused_file
    @pytest.mark.parametrize("opening", [opened, read_only], ids=["to write", "to read"])
    def test_no_file_is_left_beside_a_refused_one(self, make, finding, advice, opening, tmp_path):
        path = tmp_path / "journal.db"
        make(path)
        before = contents(tmp_path)
        with pytest.raises(JournalError):
            opening(path)
        assert contents(tmp_path) == before

    def test_a_refused_file_is_not_even_locked(self, tmp_path):
        path = tmp_path / "letters.db"
        of_another_program(path)
        with closing(sqlite3.connect(path, timeout=0)) as theirs:
            theirs.execute("BEGIN IMMEDIATE")
            theirs.execute("INSERT INTO contacts VALUES ('Grace')")
            with pytest.raises(JournalError, match="another program"):
                JournalFile(path, MOMENT)
            theirs.commit()

    def test_a_folder_is_refused(self, tmp_path):
        with pytest.raises(JournalError, match="is a folder; give it the name of a file"):
            JournalFile(tmp_path, MOMENT)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["x" * 300, "a\0b"], ids=["too long", "with a null"])
    @pytest.mark.parametrize("opening", [opened, read_only], ids=["to write", "to read"])
    def test_what_no_file_can_be_called_is_a_journal_error(self, name, opening, tmp_path):
        with pytest.raises(JournalError, match=r"cannot be|there is no journal"):
            opening(tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    def test_one_wrong_bit_by_which_a_request_would_not_be_found_is_noticed(self, tmp_path):
        path = journal(tmp_path / "journal.db", 100)
        whole = path.read_bytes()
        name = f"{7:064}".encode()
        places = [at for at in range(len(whole)) if whole.startswith(name, at)]
        # In the table and in its index.
        assert len(places) == 2
        for place in places:
            broken = bytearray(whole)
            broken[place + 63] ^= 1
            path.write_bytes(broken)
            with pytest.raises(JournalError, match="is damaged"):
                JournalFile(path, MOMENT)

    def test_every_page_whose_structure_is_broken_is_noticed(self, tmp_path):
        # A page begins with its kind, where its free space begins and how many cells it has.
        whole = journal(tmp_path / "whole.db", 100).read_bytes()
        used = [page for page in range(len(whole) // PAGE) if page != 0]
        assert len(used) > 5
        path = tmp_path / "journal.db"
        unnoticed = []
        for page in used:
            broken = bytearray(whole)
            for place in range(page * PAGE, page * PAGE + 8):
                broken[place] ^= 0xFF
            path.write_bytes(broken)
            try:
                JournalFile(path, MOMENT).close()
            except JournalError as error:
                assert "is damaged" in str(error)  # noqa: PT017 - each page is to be noticed
            else:
                unnoticed.append(page)
        assert unnoticed == []


HOLDER = f"""
import sys
from pathlib import Path
from pika_async._journal.file import JournalFile
file = JournalFile(Path(sys.argv[1]), {MOMENT})
file.connection.execute({ADD!r}, ("held",))
print("open", flush=True)
sys.stdin.read()
file.close()
"""

CALLER = f"""
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


@contextmanager
def held_elsewhere(path: Path):
    """The journal is open in another process, which has added an item to it."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


def told_elsewhere(path: Path) -> str:
    """What another process is told that opens the journal."""
    answer = subprocess.run(
        [sys.executable, "-c", CALLER, path], capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()


IN_USE = (
    r"is in use by another batch, here or in another process\. Two on one journal could pay "
    r"twice, so nothing was sent: wait for the other to end, or give this one another journal\."
)
TWO_NAMES = (
    r"has 2 names \(hard links\)\. A batch that uses another of them would not be noticed .* "
    r"nothing was sent\. Remove all names but the one that batches were run with"
)


class TestOneAtATime:
    def test_a_second_in_the_same_process_is_refused(self, tmp_path):
        path = tmp_path / "journal.db"
        with opened(path):
            with pytest.raises(JournalError, match=IN_USE):
                JournalFile(path, MOMENT)

    def test_a_second_in_another_process_is_refused(self, tmp_path):
        path = tmp_path / "journal.db"
        with opened(path):
            assert re.search(IN_USE, told_elsewhere(path))

    def test_what_another_process_has_open_is_refused(self, tmp_path):
        path = tmp_path / "journal.db"
        with held_elsewhere(path):
            with pytest.raises(JournalError, match=IN_USE):
                JournalFile(path, MOMENT)

    @pytest.mark.parametrize("code", ["ENOLCK", "ENOSYS", "EOPNOTSUPP", "EBADF", "EINVAL", "EIO"])
    def test_where_no_file_can_be_locked_that_is_said_and_where_a_journal_may_lie(
        self, tmp_path, monkeypatch, code
    ):
        fcntl = pytest.importorskip("fcntl", reason="files can always be locked here")

        def refuse(*_):
            number = getattr(errno, code)
            raise OSError(number, os.strerror(number))

        path = tmp_path / "journal.db"
        with opened(path):
            for kind in ("fcntl", "lockf", "flock"):
                monkeypatch.setattr(fcntl, kind, refuse)
            with pytest.raises(JournalError, match="cannot lock files .* Nothing was sent") as met:
                JournalFile(path, MOMENT)
        assert os.strerror(getattr(errno, code)) in str(met.value)

    def test_the_one_that_is_refused_does_not_lift_the_lock_of_the_other(self, tmp_path):
        # A POSIX lock goes when its process closes any handle of the file.
        path = tmp_path / "journal.db"
        with opened(path) as file:
            with pytest.raises(JournalError, match="in use"):
                JournalFile(path, MOMENT)
            read_only(path).close()
            assert re.search(IN_USE, told_elsewhere(path))
            file.connection.execute(ADD, ("mine",))
        with closing(read_only(path)) as connection:
            assert fingerprints(connection) == ["mine"]

    def test_a_link_to_a_journal_in_use_is_refused(self, tmp_path):
        path = tmp_path / "journal.db"
        link = tmp_path / "elsewhere" / "link.db"
        link.parent.mkdir()
        link.symlink_to(path)
        with opened(path):
            with pytest.raises(JournalError, match=IN_USE):
                JournalFile(link, MOMENT)
        with opened(link):
            with pytest.raises(JournalError, match=IN_USE):
                JournalFile(path, MOMENT)
        assert set(contents(link.parent)) <= {"link.db"}

    def test_a_link_to_a_journal_in_use_elsewhere_is_refused(self, tmp_path):
        link = tmp_path / "link.db"
        link.symlink_to(tmp_path / "journal.db")
        with held_elsewhere(link):
            with pytest.raises(JournalError, match=IN_USE):
                JournalFile(tmp_path / "journal.db", MOMENT)

    def test_a_second_name_of_a_journal_in_use_is_refused(self, tmp_path):
        path, second = tmp_path / "journal.db", tmp_path / "second.db"
        with opened(path) as file:
            second.hardlink_to(path)
            with pytest.raises(JournalError, match=TWO_NAMES):
                JournalFile(second, MOMENT)
            assert re.search(TWO_NAMES, told_elsewhere(second))
            file.connection.execute(ADD, ("mine",))
        second.unlink()
        with closing(read_only(path)) as connection:
            assert fingerprints(connection) == ["mine"]

    def test_a_journal_with_two_names_is_refused_under_both_and_left_as_it_is(self, tmp_path):
        path, second = journal(tmp_path / "journal.db", 3), tmp_path / "second.db"
        second.hardlink_to(path)
        before = contents(tmp_path)
        for name in (path, second):
            with pytest.raises(JournalError, match=TWO_NAMES):
                JournalFile(name, MOMENT)
        assert contents(tmp_path) == before

    def test_an_empty_file_with_two_names_is_refused(self, tmp_path):
        path = tmp_path / "journal.db"
        path.touch()
        (tmp_path / "second.db").hardlink_to(path)
        with pytest.raises(JournalError, match=TWO_NAMES):
            JournalFile(path, MOMENT)

    def test_a_journal_whose_second_name_was_removed_is_opened(self, tmp_path):
        path, second = journal(tmp_path / "journal.db", 3), tmp_path / "second.db"
        second.hardlink_to(path)
        second.unlink()
        with opened(path) as file:
            assert len(fingerprints(file.connection)) == 3

    def test_the_lock_is_lifted_when_the_journal_is_closed(self, tmp_path):
        path = tmp_path / "journal.db"
        journal(path)
        assert told_elsewhere(path) == "opened"
        journal(path)

    def test_a_process_that_ends_by_itself_leaves_the_journal_free(self, tmp_path):
        path = tmp_path / "journal.db"
        with held_elsewhere(path) as process:
            process.communicate()
            assert process.returncode == 0
            journal(path)

    @pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
    def test_a_process_that_is_killed_leaves_the_journal_free_and_whole(self, tmp_path):
        path = tmp_path / "journal.db"
        with held_elsewhere(path) as process:
            process.send_signal(signal.SIGKILL)
            process.wait()
            with opened(path) as file:
                assert fingerprints(file.connection) == ["held"]

    def test_an_opening_that_fails_leaves_the_journal_free(self, tmp_path):
        path = tmp_path / "journal.db"
        hindrance = tmp_path / "journal.db-wal"
        hindrance.mkdir()
        with pytest.raises(JournalError, match="cannot be written"):
            JournalFile(path, MOMENT)
        hindrance.rmdir()
        journal(path)


class TestReading:
    def test_a_journal_is_read_while_a_batch_writes_to_it(self, tmp_path):
        path = tmp_path / "journal.db"
        with opened(path) as file, closing(read_only(path)) as reader:
            file.connection.execute(ADD, ("one",))
            file.connection.execute("BEGIN IMMEDIATE")
            file.connection.execute(ADD, ("two",))
            assert fingerprints(reader) == ["one"]
            file.connection.execute("COMMIT")
            assert fingerprints(reader) == ["one", "two"]

    def test_a_journal_is_read_while_another_process_writes_to_it(self, tmp_path):
        path = tmp_path / "journal.db"
        with held_elsewhere(path), closing(read_only(path)) as reader:
            assert fingerprints(reader) == ["held"]

    def test_a_batch_may_open_a_journal_that_is_being_read(self, tmp_path):
        path = journal(tmp_path / "journal.db", 3)
        with closing(read_only(path)) as reader, opened(path) as file:
            file.connection.execute(ADD, ("new",))
            assert "new" in fingerprints(reader)

    def test_a_reader_cannot_write(self, tmp_path):
        with closing(read_only(journal(tmp_path / "journal.db"))) as reader:
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader.execute(ADD, ("one",))

    def test_a_reader_leaves_nothing_beside_a_journal_at_rest(self, tmp_path):
        path = journal(tmp_path / "journal.db", 3)
        before = contents(tmp_path)
        with closing(read_only(path)) as reader:
            assert len(fingerprints(reader)) == 3
        assert contents(tmp_path) == before

    @pytest.mark.parametrize("ends_last", ["batch", "reader"])
    def test_a_batch_that_runs_while_a_journal_is_read_leaves_it_at_rest_as_well(
        self, ends_last, tmp_path
    ):
        path = journal(tmp_path / "journal.db", 3)
        reader = read_only(path)
        file = JournalFile(path, MOMENT)
        file.connection.execute(ADD, ("new",))
        for connection in (reader, file) if ends_last == "batch" else (file, reader):
            connection.close()
        assert set(contents(tmp_path)) == {"journal.db", "journal.db-lock"}
        with opened(path) as again:
            assert "new" in fingerprints(again.connection)

    @pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
    def test_what_a_killed_batch_left_is_read_and_left_to_the_next_batch(self, tmp_path):
        path = tmp_path / "journal.db"
        with held_elsewhere(path) as process:
            process.send_signal(signal.SIGKILL)
            process.wait()
        before = contents(tmp_path)
        assert before["journal.db-wal"]
        with closing(read_only(path)) as reader:
            assert fingerprints(reader) == ["held"]
        after = contents(tmp_path)
        # The index of the log is shared memory, in which readers leave their marks.
        assert before.keys() == after.keys()
        assert [before[name] for name in ("journal.db", "journal.db-wal")] == [
            after[name] for name in ("journal.db", "journal.db-wal")
        ]

    def test_a_journal_with_two_names_is_not_read(self, tmp_path):
        path = journal(tmp_path / "journal.db", 3)
        (tmp_path / "second.db").hardlink_to(path)
        with pytest.raises(JournalError, match=TWO_NAMES):
            read_only(path)

    def test_to_read_what_is_not_there_is_an_error_and_makes_nothing(self, tmp_path):
        with pytest.raises(JournalError, match=r"there is no journal .*journal\.db"):
            read_only(tmp_path / "journal.db")
        assert list(tmp_path.iterdir()) == []

    def test_to_read_an_empty_file_is_an_error(self, tmp_path):
        (tmp_path / "journal.db").touch()
        with pytest.raises(JournalError, match="nothing in it yet"):
            read_only(tmp_path / "journal.db")
        assert contents(tmp_path) == {"journal.db": b""}


@pytest.fixture
def public_folder():
    """A folder that everyone can get at; pytest's own are for one user alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
        Path(name).chmod(0o755)


@contextmanager
def as_someone_without_privileges():
    """Permissions do not bind root, so for a while this process is nobody."""
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no POSIX permissions")
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(0)


WHERE_TO_LOOK = r"cannot be written: .* Nothing was sent\. Look at the permissions of its folder"


class TestUnwritable:
    def test_a_folder_that_is_a_file_is_told(self, tmp_path):
        (tmp_path / "folder").touch()
        with pytest.raises(JournalError, match=WHERE_TO_LOOK):
            JournalFile(tmp_path / "folder" / "journal.db", MOMENT)

    def test_a_lock_that_cannot_be_made_is_told(self, tmp_path):
        (tmp_path / "journal.db-lock").mkdir()
        with pytest.raises(JournalError, match=WHERE_TO_LOOK):
            JournalFile(tmp_path / "journal.db", MOMENT)
        assert not (tmp_path / "journal.db").exists()

    def test_something_else_in_the_place_of_the_lock_is_told(self, tmp_path):
        (tmp_path / "journal.db-lock").write_text("mine\n" * 1000)
        with pytest.raises(JournalError, match=WHERE_TO_LOOK):
            JournalFile(tmp_path / "journal.db", MOMENT)
        assert contents(tmp_path) == {"journal.db-lock": b"mine\n" * 1000}

    def test_a_read_only_folder_is_told(self, public_folder):
        public_folder.chmod(0o555)
        with as_someone_without_privileges():
            with pytest.raises(JournalError, match=WHERE_TO_LOOK):
                JournalFile(public_folder / "journal.db", MOMENT)
        assert list(public_folder.iterdir()) == []

    def test_a_journal_in_a_read_only_folder_is_read(self, public_folder):
        path = journal(public_folder / "journal.db", 3)
        path.chmod(0o444)
        public_folder.chmod(0o555)
        with as_someone_without_privileges():
            with closing(read_only(path)) as reader:
                assert len(fingerprints(reader)) == 3

    def test_a_journal_of_an_older_format_in_a_read_only_folder_is_read(self, public_folder):
        path = public_folder / "failed.journal"
        shutil.copy(Path(__file__).parent / "format1" / path.name, path)
        path.chmod(0o444)
        public_folder.chmod(0o555)
        before = path.read_bytes()
        with as_someone_without_privileges():
            with closing(read_only(path)) as reader:
                assert len(fingerprints(reader)) == 1
        assert path.read_bytes() == before

    def test_a_journal_that_may_be_written_in_a_folder_that_may_not_is_read(self, public_folder):
        path = journal(public_folder / "journal.db", 3)
        path.chmod(0o666)
        public_folder.chmod(0o555)
        with as_someone_without_privileges():
            with closing(read_only(path)) as reader:
                assert len(fingerprints(reader)) == 3

    def test_who_may_not_write_a_journal_leaves_no_files_of_theirs_beside_it(self, public_folder):
        path = journal(public_folder / "journal.db", 3)
        path.chmod(0o444)
        public_folder.chmod(0o777)
        before = contents(public_folder)
        with as_someone_without_privileges():
            with closing(read_only(path)) as reader:
                assert len(fingerprints(reader)) == 3
        assert contents(public_folder) == before

    @pytest.mark.parametrize("opening", [opened, read_only], ids=["to write", "to read"])
    def test_a_folder_that_cannot_be_looked_into_is_told(self, opening, public_folder):
        journal(public_folder / "journal.db")
        public_folder.chmod(0o000)
        with as_someone_without_privileges():
            with pytest.raises(JournalError, match=r"cannot be|there is no journal"):
                opening(public_folder / "journal.db")

    def test_a_read_only_file_is_told(self, public_folder):
        path = journal(public_folder / "journal.db", 3)
        before = path.read_bytes()
        path.chmod(0o444)
        public_folder.chmod(0o777)
        path.with_name("journal.db-lock").unlink()
        with as_someone_without_privileges():
            with pytest.raises(JournalError, match=WHERE_TO_LOOK):
                JournalFile(path, MOMENT)
        assert path.read_bytes() == before
