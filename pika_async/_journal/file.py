"""The journal as a file: who may open it, and what is refused."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pika_async._errors import JournalError
from pika_async._journal.schema import APPLICATION_ID, SCHEMA_VERSION, make, step_up, version_of
from pika_async._journal.spellings import gather
from pika_async._version import __version__

try:
    import fcntl
except ImportError:  # Windows, whose files can always be locked
    fcntl = None  # type: ignore[assignment]

# What file systems answer that know no locks, or do not reach whoever keeps them.
_NO_LOCKS: Final = frozenset(
    {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL, errno.EIO}
)

# How often each fingerprint was met in this run, if more than once; on disk, so that memory does
# not grow with it.
_OCCURRENCES: Final = """
CREATE TEMP TABLE occurrences (fingerprint TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID
"""

# What a row of an older format raises that no batch has written; cattrs is among these.
_NO_SUCH_ROW: Final = (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError)

_UNTOUCHED: Final = "The file was left as it is and nothing was sent."


class JournalFile:
    """An open journal that no one else can open for writing. For one thread."""

    def __init__(self, path: Path, started_at: float) -> None:
        """Open it, or make it; one of an older format is brought to this one.

        Args:
            path: The file; missing folders are made.
            started_at: When this run began.

        Raises:
            JournalError: It is in use, not a journal, damaged, of a newer version, has a second
                name, or cannot be written.
        """
        path = _real(path)
        # What is refused is not even locked.
        known = _identified(path)
        if known is not None:
            known.close()
        self._lock = _locked(path)
        try:
            self.connection, self.run, self.respelled = _opened(path, started_at)
        except BaseException:
            self._lock.close()
            raise

    def close(self) -> None:
        """Close it; what is committed stays."""
        try:
            self.connection.close()
        finally:
            self._lock.close()


def read_only(path: Path) -> sqlite3.Connection:
    """A journal to read, also while a batch writes to it. What is beside it stays as it is.

    One of an older format stays of that format: what is read is a copy in memory.

    Raises:
        JournalError: It is not there, empty, not a journal, damaged, of a newer version, or has a
            second name.
    """
    path = _real(path)
    connection = _to_read(path)
    if version_of(connection) == SCHEMA_VERSION:
        return connection
    try:
        with closing(connection):
            return _stepped_up_in_memory(connection)
    except _NO_SUCH_ROW as error:
        raise _unusable(path, error) from error


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
        raise JournalError(f"there is no journal {str(path)!r}, or nothing in it yet.")
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
        raise _unusable(path, error) from error


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
            raise JournalError(
                f"the journal {str(path)!r} is a folder; give it the name of a file. Nothing was "
                "sent."
            )
        names = path.stat().st_nlink
        if names > 1:
            raise _twice_named(path, names)
        # A look that relies on nobody writing leaves nothing beside it.
        connection = _connected(path, "mode=ro&immutable=1" if _is_alone(path) else "mode=ro")
        try:
            if _is_ours(connection, path):
                return connection
        except BaseException:
            connection.close()
            raise
    except (OSError, ValueError, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK:
            # Whoever made it was killed half way: there is nothing in it, and only a writer may
            # say so.
            return None
        raise _unusable(path, error) from error
    connection.close()
    return None


def _is_ours(connection: sqlite3.Connection, path: Path) -> bool:
    """False for an empty file.

    Raises:
        JournalError: It is another program's, a newer version's, or damaged.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    version = version_of(connection)
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application == 0 and version == 0 and tables == 0:
        return False
    if application != APPLICATION_ID:
        raise _foreign(path)
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"the journal {str(path)!r} was written by a newer version of pika_async (format "
            f"{version}; this is {__version__}, which knows format {SCHEMA_VERSION}). "
            f"{_UNTOUCHED} Upgrade pika-async."
        )
    # quick_check would not notice a broken index, in which a paid request is not found again.
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise _damaged(path, verdict)
    return True


def _locked(path: Path) -> sqlite3.Connection:
    """A lock that the system lifts when this process ends, however it ends.

    It is a database of its own beside the journal, so that the journal itself stays readable.
    """
    beside = path.with_name(f"{path.name}-lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = sqlite3.connect(beside, timeout=0, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise _unwritable(path, error) from error
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        # SQLite says of a file system without locks that the file is in use, or broken.
        if (problem := _lock_problem(path.parent)) is not None:
            raise _without_locks(path, problem) from error
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise _unwritable(path, error) from error
        raise JournalError(
            f"the journal {str(path)!r} is in use by another batch, here or in another process. "
            "Two on one journal could pay twice, so nothing was sent: wait for the other to end, "
            "or give this one another journal."
        ) from error
    return lock


def _lock_problem(folder: Path) -> OSError | None:
    """Why no file in ``folder`` can be locked, where none can."""
    if fcntl is None:
        return None
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error if error.errno in _NO_LOCKS else None
    return None


def _opened(path: Path, started_at: float) -> tuple[sqlite3.Connection, int, bool]:
    """The connection, the number of this run, and whether texts in it were spelled otherwise."""
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            run = _begin_run(connection, path, started_at)
            return connection, run, gather(connection)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise _unwritable(path, error) from error
    except _NO_SUCH_ROW as error:
        raise _unusable(path, error) from error


def _begin_run(connection: sqlite3.Connection, path: Path, started_at: float) -> int:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != APPLICATION_ID:
        # It could not be read before: another program was killed while it wrote.
        raise _foreign(path)
    # Each commit waits until it is on the disk, not only the next checkpoint.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if not tables:
        make(connection)
    elif version_of(connection) < SCHEMA_VERSION:
        step_up(connection)
    connection.execute(_OCCURRENCES)
    (run,) = connection.execute(
        "INSERT INTO runs (started_at, version) VALUES (?, ?) RETURNING id",
        (started_at, __version__),
    ).fetchone()
    return int(run)


def _foreign(path: Path) -> JournalError:
    return JournalError(
        f"{str(path)!r} is a database of another program. {_UNTOUCHED} Give the journal "
        "another path."
    )


def _twice_named(path: Path, names: int) -> JournalError:
    # The logs and the lock lie beside the name that was given, and are not found under another:
    # https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file
    return JournalError(
        f"the file of the journal {str(path)!r} has {names} names (hard links). A batch that uses "
        "another of them would not be noticed here, nor what one wrote there before it was "
        f"killed. {_UNTOUCHED} Remove all names but the one that batches were run with; for a "
        "backup copy the file."
    )


def _unusable(path: Path, error: Exception) -> JournalError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return JournalError(
            f"{str(path)!r} is not a journal, nor any SQLite database. {_UNTOUCHED} Give the "
            "journal another path."
        )
    # SQLite quotes what is broken, and Python cannot always read it.
    if code == sqlite3.SQLITE_CORRUPT or isinstance(error, UnicodeDecodeError):
        return _damaged(path, str(error))
    return JournalError(
        f"the journal {str(path)!r} cannot be opened: {error}. {_UNTOUCHED} Look at what is "
        "there, and at the permissions of it and its folder."
    )


def _unwritable(path: Path, error: OSError | sqlite3.Error) -> JournalError:
    return JournalError(
        f"the journal {str(path)!r} cannot be written: {error}. Nothing was sent. Look at the "
        "permissions of its folder and the space on its disk."
    )


def _without_locks(path: Path, problem: OSError) -> JournalError:
    return JournalError(
        f"the file system of the journal {str(path)!r} cannot lock files ({problem.strerror}), so "
        "two batches on it would not notice each other, and could pay twice. Nothing was sent. Put "
        "the journal on a disk of this machine; the videos may stay where they are."
    )


def _damaged(path: Path, finding: str) -> JournalError:
    return JournalError(
        f"the journal {str(path)!r} is damaged ({finding}). {_UNTOUCHED} It may name jobs that "
        "are paid for: keep it, restore a copy or try `sqlite3 FILE .recover`, and do not run the "
        "batch with a new journal before you know which prompts were submitted."
    )
