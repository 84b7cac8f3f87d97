"""Whether a journal and the log beside it (``-wal``) are both there, and of one moment.

SQLite writes to the log first, and from time to time brings what is in it into the main file: that
is a checkpoint. The main file alone is then an older journal, and nothing in it says so. Therefore
one row says it. Each checkpoint leaves a main file that calls itself incomplete; the first thing
that is written to the log afterwards is that it is complete. Who reads both finds it complete, and
so is every copy that SQLite makes. Who has the main file alone finds it incomplete.

Each checkpoint has a random number as well, in the main file and in the log. Files that were copied
or put back at different moments do not go together, and tell it by that number. A checkpoint that
somebody's reading keeps from its end leaves a main file with the number before it, or with its own.

A copy that SQLite makes has the number of its source, and its pages may lie elsewhere. A log of the
source must not come to it. It is told by SQLite's count of changes to the tables, which such a copy
alone has another value of than its source wrote down: https://www.sqlite.org/fileformat2.html
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    import sqlite3

_TABLE: Final = """
CREATE TABLE log (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    journal TEXT NOT NULL,
    checkpoint INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    tables INTEGER NOT NULL
)
"""
_FIRST: Final = "INSERT INTO log VALUES (1, ?, 0, 0, 1, 0)"
_TABLES: Final = "UPDATE log SET tables = ?"
_LOOK: Final = "SELECT journal, checkpoint, previous, complete, tables FROM log"
_IS_THERE: Final = "SELECT count(*) FROM sqlite_schema WHERE name = 'log'"
_BEGIN: Final = "UPDATE log SET previous = checkpoint, checkpoint = ?, tables = ?"
_INCOMPLETE: Final = "UPDATE log SET complete = 0"
_DONE: Final = "UPDATE log SET previous = checkpoint, complete = 1"
_NOT_DONE: Final = "UPDATE log SET complete = 1"
# One that leaves the log as long as it was: an empty one is then never all that there was of it.
_CHECKPOINT: Final = "PRAGMA wal_checkpoint(RESTART)"
# Bytes without which there is nothing in a log: its header, and one page with a header of its own.
SHORTEST_LOG: Final = 32 + 24 + 512
_LAST_KNOWN: Final = """
SELECT max(max(coalesce(sent_at, 0), coalesce(accepted_at, 0), coalesce(ended_at, 0)))
FROM attempts
"""


@frozen
class Log:
    """What a journal says of its log."""

    journal: str = ""
    """The journal's own name, which all its copies have."""
    checkpoint: int = 0
    previous: int = 0
    complete: bool = True
    is_copy: bool = False
    """SQLite made it out of another file, and no batch has opened it since."""

    def goes_with(self, main: Log) -> bool:
        """Whether the ``main`` file is of the moment of this, which was read with the log."""
        if main.checkpoint == self.checkpoint:
            return not main.is_copy
        return main.checkpoint == self.previous


def make_log(connection: sqlite3.Connection) -> None:
    """The table, in a journal that has none."""
    connection.execute(_TABLE)
    connection.execute(_FIRST, (secrets.token_hex(8),))


def note_tables(connection: sqlite3.Connection) -> None:
    """The tables are as they are to be: this file is no copy that another one is the source of."""
    connection.execute(_TABLES, (_changes_to_tables(connection),))


def log_of(connection: sqlite3.Connection) -> Log:
    """What is said; where there is nothing yet, that of a new journal."""
    (tables,) = connection.execute(_IS_THERE).fetchone()
    row = connection.execute(_LOOK).fetchone() if tables else None
    if row is None:
        return Log()
    journal, checkpoint, previous, complete, noted = row
    is_copy = noted != _changes_to_tables(connection)
    return Log(journal, checkpoint, previous, bool(complete), is_copy)


def last_known(connection: sqlite3.Connection) -> float:
    """When the last thing happened that is known, in seconds since 1970; 0.0: nothing is."""
    (at,) = connection.execute(_LAST_KNOWN).fetchone()
    return float(at or 0.0)


def _changes_to_tables(connection: sqlite3.Connection) -> int:
    (changes,) = connection.execute("PRAGMA schema_version").fetchone()
    return int(changes)


class Checkpoints:
    """Makes the checkpoints of a connection that is in WAL mode."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """``connection``: of a journal that has its tables."""
        self._connection = connection
        said = log_of(connection)
        # One that an earlier process did not see the end of, too.
        self._is_under_way = said.checkpoint != said.previous
        # SQLite's own would bring into the main file that it is complete.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        # The first that is written after one makes the log short again.
        connection.execute("PRAGMA journal_size_limit = 0")

    def begin(self) -> None:
        """Before anything else is written: a new number, which a log has that belongs to this file.

        Raises:
            sqlite3.Error: It cannot be written.
        """
        if not self._is_under_way:
            tables = _changes_to_tables(self._connection)
            self._connection.execute(_BEGIN, (secrets.randbits(62), tables))
            self._is_under_way = True

    def make(self) -> bool:
        """Bring the log into the main file; false where somebody's reading keeps it from that.

        Raises:
            sqlite3.Error: It cannot be written.
        """
        connection = self._connection
        self.begin()
        connection.execute(_INCOMPLETE)
        (waits,) = connection.execute("PRAGMA busy_timeout").fetchone()
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            busy, *_ = connection.execute(_CHECKPOINT).fetchone()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(waits)}")
        connection.execute(_NOT_DONE if busy else _DONE)
        self._is_under_way = bool(busy)
        return not busy
