"""The journal as a file: who may open it, and what is refused."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from attrs import frozen

from pika_async._journal import occurrences, refusals
from pika_async._journal.hold import Hold
from pika_async._journal.lock import NoLocksError, TakenError
from pika_async._journal.log import SHORTEST_LOG, Checkpoints, last_known, log_of
from pika_async._journal.mark import KnownJob, Mark
from pika_async._journal.records import folder_record
from pika_async._journal.schema import APPLICATION_ID, SCHEMA_VERSION, make, step_up, version_of
from pika_async._journal.spellings import gather
from pika_async._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pika_async._errors import JournalError

# What a row of an older format raises that no batch has written; cattrs is among these.
_NO_SUCH_ROW: Final = (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError)

_KNOWS: Final = "SELECT count(*) FROM attempts WHERE job_id = ?"

# Bytes of the log at which it is brought into the main file; SQLite itself does so at a thousand
# pages. Where somebody's reading keeps it from that, it is tried again a little later.
_LONG_LOG: Final = 4_000_000
_A_LITTLE: Final = 250_000

# A batch may begin or end, or bring its log into the main file, while the two are looked at.
_LOOKS: Final = 3


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
        path = _real(path)
        # What is refused is not even locked.
        known = _identified(path)
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
    path = _real(path)
    connection = _to_read(path)
    if version_of(connection) == SCHEMA_VERSION:
        return connection
    try:
        with closing(connection):
            return _stepped_up_in_memory(connection)
    except _NO_SUCH_ROW as error:
        raise refusals.unusable(path, error) from error


def _stepped_up_in_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
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
    known = _identified(path)
    if known is None:
        raise refusals.missing(path)
    alone = _is_alone(path)
    if alone and not _is_writable(path):
        # Logs made by a user who may not write it would be in the way of one who may.
        return known
    # Reading makes logs, and only who may write takes them away again. Logs that are there belong
    # to a batch, or hold what a batch committed before it was killed: a reader leaves them.
    connection = _connected(path, "mode=rw" if alone else "mode=ro")
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        # In a folder that cannot be written to no batch begins, so what was found stays true.
        connection.close()
        return known
    known.close()
    return connection


def _real(path: Path) -> Path:
    """Where the file is: under another name or link it must not pass for another journal."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        raise refusals.unusable(path, error) from error


def _connected(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(os.fsencode(path))}?{how}", uri=True, isolation_level=None)


def _is_alone(path: Path) -> bool:
    """Whether no log lies beside it: then nobody has it open."""
    logs = [path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-journal")]
    return not any(log.exists() for log in logs)


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _identified(path: Path) -> sqlite3.Connection | None:
    """An existing journal, to look into now; None where there is no file or nothing in it."""
    try:
        if not path.exists():
            return None
        if path.is_dir():
            raise refusals.folder(path)
        names = path.stat().st_nlink
        if names > 1:
            raise refusals.twice_named(path, names)
        for look in range(1, _LOOKS + 1):
            try:
                return _looked_into(path)
            except _NotWholeError as finding:
                if look == _LOOKS:
                    raise finding.refusal from None
    except (OSError, ValueError, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK:
            # Whoever made it was killed half way: there is nothing in it, and only a writer may
            # say so.
            return None
        raise refusals.unusable(path, error) from error
    return None


def _looked_into(path: Path) -> sqlite3.Connection | None:
    """None where there is nothing in it."""
    alone = _is_alone(path)
    connection = _to_look_into(path, alone=alone)
    try:
        if _is_ours(connection, path, alone=alone):
            return connection
    except sqlite3.DatabaseError as error:
        connection.close()
        if not alone and _is_broken(error) and _is_whole(path):
            raise _NotWholeError(refusals.of_two_moments(path)) from error
        raise
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def _length(path: Path) -> int:
    """Bytes; 0 where there is no such file."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_broken(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CORRUPT


def _is_whole(path: Path) -> bool:
    """Whether nothing is wrong with the file as it is without its log."""
    with closing(_connected(path, "mode=ro&immutable=1")) as main:
        try:
            return bool(main.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
        except sqlite3.Error:
            return False


def _to_look_into(path: Path, *, alone: bool | None = None) -> sqlite3.Connection:
    """A look that relies on nobody writing leaves nothing beside it."""
    alone = _is_alone(path) if alone is None else alone
    return _connected(path, "mode=ro&immutable=1" if alone else "mode=ro")


class _NotWholeError(Exception):
    """A part is missing, unless a batch was just about to change that."""

    def __init__(self, refusal: JournalError) -> None:
        super().__init__(refusal)
        self.refusal = refusal


def _is_ours(connection: sqlite3.Connection, path: Path, *, alone: bool) -> bool:
    """False for an empty file.

    Raises:
        JournalError: It is another program's, a newer version's, or damaged.
        _NotWholeError: It is without its log, or with another one.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    version = version_of(connection)
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application == 0 and version == 0 and tables == 0:
        return False
    if application != APPLICATION_ID:
        raise refusals.foreign(path)
    if version > SCHEMA_VERSION:
        raise refusals.newer(path, version)
    # What is copied in pieces may look damaged, too.
    _check_log(connection, path, alone=alone)
    # quick_check would not notice a broken index, in which a paid request is not found again.
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok" and not alone and _is_whole(path):
        raise _NotWholeError(refusals.of_two_moments(path))
    if verdict != "ok":
        raise refusals.damaged(path, verdict)
    return True


def _check_log(connection: sqlite3.Connection, path: Path, *, alone: bool) -> None:
    log = log_of(connection)
    if alone or _length(path.with_name(f"{path.name}-wal")) < SHORTEST_LOG:
        if not log.complete:
            raise _NotWholeError(refusals.without_log(path, last_known(connection)))
        # There is nothing that could be of another moment.
        return
    with closing(_connected(path, "mode=ro&immutable=1")) as main, suppress(sqlite3.Error):
        if not log.goes_with(log_of(main)):
            raise _NotWholeError(refusals.of_two_moments(path))


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
        # Before there is a connection that would bring the log into the file when it is closed.
        with suppress(sqlite3.Error), closing(_to_look_into(path)) as before:
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
        # It could not be read before: another program was killed while it wrote.
        raise refusals.foreign(path)
    _check_mark(connection, path, mark)
    # Each commit waits until it is on the disk, not only the next checkpoint.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # On macOS a disk may keep it in its own memory still, and lose it with the power.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
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


def _check_mark(connection: sqlite3.Connection, path: Path, mark: Mark | None) -> None:
    """Make sure that the journal knows the job that was written down in it last."""
    if mark is None or mark.journal != log_of(connection).journal:
        return
    (found,) = connection.execute(_KNOWS, (mark.job_id,)).fetchone()
    if not found:
        raise refusals.behind(path, mark.job_id)
