"""The journal as a file: opened for one batch, or to be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from attrs import frozen

from pika_async._journal import occurrences, refusals
from pika_async._journal.hold import Hold
from pika_async._journal.inspection import (
    connected,
    identified,
    is_alone,
    is_writable,
    real_path,
    to_look_into,
)
from pika_async._journal.lock import NoLocksError, TakenError
from pika_async._journal.log import Checkpoints, log_of
from pika_async._journal.mark import KnownJob, Mark
from pika_async._journal.records import folder_record
from pika_async._journal.schema import APPLICATION_ID, SCHEMA_VERSION, make, step_up, version_of
from pika_async._journal.spellings import gather
from pika_async._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


# What a row of an older format raises that no batch has written; cattrs is among these.
_NO_SUCH_ROW: Final = (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError)

_KNOWS: Final = "SELECT count(*) FROM attempts WHERE job_id = ?"

# Bytes of the log at which it is copied into the main file; SQLite itself does so at a thousand
# pages. Where somebody is reading it cannot end, and is tried again a little later.
_LONG_LOG: Final = 4_000_000
_A_LITTLE: Final = 250_000


class JournalFile:
    """An open journal that no one else can open for writing. For one thread."""

    def __init__(self, path: Path, started_at: float, output_dir: Path | None = None) -> None:
        """Open it, or make it; one of an older format is brought to this one.

        Args:
            path: The file; missing folders are made.
            started_at: When this run began.
            output_dir: Where this run saves videos; None: nowhere.

        Raises:
            JournalError: It is in use, not a journal, damaged, of a newer version, without its
                log, older than the last batch on it, has a second name, or cannot be written.
        """
        path = real_path(path)
        # Before it is locked: a file that is refused is left as it is.
        known = identified(path)
        if known is not None:
            known.close()
        self._hold = _held(path)
        self._log = path.with_name(f"{path.name}-wal")
        self._checkpoint_at = 0
        connection: sqlite3.Connection | None = None
        try:
            opened = _opened(path, self._hold.mark, started_at, output_dir)
            connection = self.connection = opened.connection
            self.run, self.respelled = opened.run, opened.respelled
            self._journal, self._checkpoints = opened.journal, opened.checkpoints
            self._hold.share()
            self.committed()
        except BaseException:
            self._hold.release(connection)
            raise

    def committed(self, outcomes: Iterable[object] = ()) -> None:
        """What follows each transaction that is on the disk. Raises nothing: it stays there.

        Args:
            outcomes: What its steps have returned.
        """
        known = [one.job_id for one in outcomes if isinstance(one, KnownJob)]
        with suppress(OSError):
            if known:
                self._hold.keep(Mark(self._journal, known[-1]))
        with suppress(OSError, sqlite3.Error):
            size = self._log.stat().st_size
            if size >= self._checkpoint_at:
                done = self._checkpoints.make()
                self._checkpoint_at = _LONG_LOG if done else size + _A_LITTLE

    def close(self) -> None:
        """Close it; what is committed stays."""
        self._hold.release(self.connection)


def read_only(path: Path) -> sqlite3.Connection:
    """A journal to read, also while a batch writes to it. What is beside it stays as it is.

    One of an older format stays of that format: what is read is a copy in memory.

    Raises:
        JournalError: It is not there, empty, not a journal, damaged, of a newer version, without
            its log, or has a second name.
    """
    path = real_path(path)
    connection = _to_read(path)
    if version_of(connection) == SCHEMA_VERSION:
        return connection
    try:
        with closing(connection):
            return _stepped_up_in_memory(connection)
    except _NO_SUCH_ROW as error:
        raise refusals.unusable(path, error) from error


def _stepped_up_in_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
    """A copy of the present format; the journal itself stays of its own."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.backup(copy)
        step_up(copy)
        copy.execute("PRAGMA query_only = ON")
    except BaseException:
        copy.close()
        raise
    return copy


def _to_read(path: Path) -> sqlite3.Connection:
    """A connection that reads, and leaves no log beside a journal that had none."""
    known = identified(path)
    if known is None:
        raise refusals.missing(path)
    alone = is_alone(path)
    if alone and not is_writable(path):
        # A log that this user makes would be in the way of one who may write the journal.
        return known
    # Reading makes a log, and only a connection that may write takes it away again. A log that is
    # there belongs to a batch, or holds what a batch committed before it was killed: it stays.
    connection = connected(path, "mode=rw" if alone else "mode=ro")
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        # In a folder that cannot be written to no batch begins, so what was found stays true.
        connection.close()
        return known
    known.close()
    return connection


def _held(path: Path) -> Hold:
    """Locks that the system lifts when this process ends, however it ends."""
    try:
        return Hold(path)
    except TakenError as error:
        raise refusals.in_use(path) from error
    except NoLocksError as error:
        raise refusals.without_locks(path, error.reason) from error
    except OSError as error:
        raise refusals.unwritable(path, error) from error


@frozen
class _Opened:
    connection: sqlite3.Connection
    run: int
    journal: str
    """The journal's own name."""
    checkpoints: Checkpoints
    respelled: bool


def _opened(path: Path, mark: Mark | None, started_at: float, output_dir: Path | None) -> _Opened:
    try:
        # First with a connection that leaves the log alone: the other one copies it into the file
        # when it is closed, also where the journal is refused.
        with suppress(sqlite3.Error), closing(to_look_into(path, alone=is_alone(path))) as before:
            _check_mark(before, path, mark)
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            return _begin_run(connection, path, mark, started_at, output_dir)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise refusals.unwritable(path, error) from error
    except _NO_SUCH_ROW as error:
        raise refusals.unusable(path, error) from error


def _begin_run(
    connection: sqlite3.Connection,
    path: Path,
    mark: Mark | None,
    started_at: float,
    output_dir: Path | None,
) -> _Opened:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != APPLICATION_ID:
        # A look could not tell: another program was killed while it wrote, and is rolled back now.
        raise refusals.foreign(path)
    _check_mark(connection, path, mark)
    _make_durable(connection)
    if not tables:
        make(connection)
    elif version_of(connection) < SCHEMA_VERSION:
        step_up(connection)
    checkpoints = Checkpoints(connection)
    checkpoints.begin()
    connection.execute(occurrences.TABLE)
    (run,) = connection.execute(
        "INSERT INTO runs (started_at, version, output_dir) VALUES (?, ?, ?) RETURNING id",
        (started_at, __version__, folder_record(output_dir, path)),
    ).fetchone()
    return _Opened(
        connection, int(run), log_of(connection).journal, checkpoints, gather(connection)
    )


def _make_durable(connection: sqlite3.Connection) -> None:
    """Let each commit wait until it is on the disk."""
    connection.execute("PRAGMA journal_mode = WAL")
    # By default only checkpoints wait in this mode.
    connection.execute("PRAGMA synchronous = FULL")
    # On macOS a disk may still keep it in a memory of its own, and lose it with the power.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")


def _check_mark(connection: sqlite3.Connection, path: Path, mark: Mark | None) -> None:
    """Make sure that the journal knows the job that was written down in it last."""
    if mark is None or mark.journal != log_of(connection).journal:
        return
    (found,) = connection.execute(_KNOWS, (mark.job_id,)).fetchone()
    if not found:
        raise refusals.behind(path, mark.job_id)
