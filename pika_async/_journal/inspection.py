"""A look into a journal before anything is done with it: whose it is, and whether it is whole.

A look changes nothing, and leaves nothing beside the file: whoever reads a copy, or the file of
another program, makes no log there.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from pika_async._journal import refusals
from pika_async._journal.log import SHORTEST_LOG, last_known, log_of
from pika_async._journal.schema import APPLICATION_ID, SCHEMA_VERSION, version_of

if TYPE_CHECKING:
    from pika_async._errors import JournalError

# A batch may begin, end or make a checkpoint while the two files are looked at.
_LOOKS: Final = 3


def real_path(path: Path) -> Path:
    """Where the file is: under another name or link it must not pass for another journal."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        raise refusals.unusable(path, error) from error


def connected(path: Path, how: str) -> sqlite3.Connection:
    """A connection; ``how``: the parameters of SQLite's URI, such as ``mode=ro``."""
    return sqlite3.connect(f"file:{quote(os.fsencode(path))}?{how}", uri=True, isolation_level=None)


def is_alone(path: Path) -> bool:
    """Whether no log lies beside it: then nobody has it open."""
    logs = [path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-journal")]
    return not any(log.exists() for log in logs)


def is_writable(path: Path) -> bool:
    """Whether this process may write the file."""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def identified(path: Path) -> sqlite3.Connection | None:
    """A connection to an existing journal; None where there is no file or nothing in it.

    Raises:
        JournalError: It is no journal that can be used; the error says why.
    """
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
            # Its maker was killed half way, so there is nothing in it. Only a writer may roll back
            # what is half written.
            return None
        raise refusals.unusable(path, error) from error
    return None


def _looked_into(path: Path) -> sqlite3.Connection | None:
    """As ``identified``, of a file that is there; it is looked into once.

    Raises:
        _NotWholeError: It may be whole at another look.
    """
    alone = is_alone(path)
    connection = to_look_into(path, alone=alone)
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
    """Whether SQLite finds nothing wrong with the file without its log."""
    with closing(_at_rest(path)) as main:
        try:
            return bool(main.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
        except sqlite3.Error:
            return False


def to_look_into(path: Path, *, alone: bool) -> sqlite3.Connection:
    """A connection that makes no log beside the file; ``alone``: as :func:`is_alone` has it."""
    return _at_rest(path) if alone else connected(path, "mode=ro")


def _at_rest(path: Path) -> sqlite3.Connection:
    """A connection to the file alone: SQLite takes it that nobody writes, and reads no log."""
    return connected(path, "mode=ro&immutable=1")


class _NotWholeError(Exception):
    """A part is missing; or a batch was about to write it, and another look finds it."""

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
    # First, since files that were copied at different moments may look damaged, too.
    _check_log(connection, path, alone=alone)
    # quick_check would not notice a broken index, in which a paid request is not found again.
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok" and not alone and _is_whole(path):
        raise _NotWholeError(refusals.of_two_moments(path))
    if verdict != "ok":
        raise refusals.damaged(path, verdict)
    return True


def _check_log(connection: sqlite3.Connection, path: Path, *, alone: bool) -> None:
    """Make sure that the file and its log are both there, and of one moment; see ``log``.

    Raises:
        _NotWholeError: They are not.
    """
    log = log_of(connection)
    if alone or _length(path.with_name(f"{path.name}-wal")) < SHORTEST_LOG:
        if not log.complete:
            raise _NotWholeError(refusals.without_log(path, last_known(connection)))
        # There is nothing that could be of another moment.
        return
    with closing(_at_rest(path)) as main, suppress(sqlite3.Error):
        if not log.goes_with(log_of(main)):
            raise _NotWholeError(refusals.of_two_moments(path))
