"""Whether a journal and the log beside it (``-wal``) are both there, and of one moment.

SQLite writes to the log first. From time to time it copies the log into the main file: that is a
checkpoint. Between two checkpoints the main file alone is an older journal, and SQLite does not
notice. So one row of the journal says it. Each checkpoint leaves a main file that calls itself
incomplete, and the first thing that is written to the log afterwards is that it is complete. A
reader of both files finds a complete journal, and every copy that SQLite makes is complete. A
reader of the main file alone finds it incomplete.

Each checkpoint also has a random number, which stands in the main file and in the log. Files that
were copied or put back at different moments have different numbers. A checkpoint that could not
end, since somebody was reading, leaves a main file with its own number or with the one before it.

A copy that SQLite makes has the number of its source, but its pages may lie in other places. So the
log of the source must not be applied to it. Such a copy is recognized by SQLite's count of changes
to the tables, which differs from the count that the source wrote down:
https://www.sqlite.org/fileformat2.html
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
# This kind leaves the log as long as it was. So an empty log is never the rest of a longer one.
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
        """Whether the ``main`` file, read alone, belongs to this, which was read with the log."""
        if main.checkpoint == self.checkpoint:
            return not main.is_copy
        return main.checkpoint == self.previous


def make_log(connection: sqlite3.Connection) -> None:
    """The table, in a journal that has none."""
    connection.execute(_TABLE)
    connection.execute(_FIRST, (secrets.token_hex(8),))


def note_tables(connection: sqlite3.Connection) -> None:
    """Note the count of changes to the tables, once they are made: this file is not a copy."""
    connection.execute(_TABLES, (_changes_to_tables(connection),))


def log_of(connection: sqlite3.Connection) -> Log:
    """What the journal says of its log; a journal that is too old to say it counts as whole."""
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
        # Also a checkpoint that an earlier process began and did not end.
        self._is_under_way = said.checkpoint != said.previous
        # A checkpoint of SQLite's own would leave a main file that calls itself complete.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        # The first write after a checkpoint makes the log short again.
        connection.execute("PRAGMA journal_size_limit = 0")

    def begin(self) -> None:
        """Write a new number, before anything else: the log that belongs to this file has it.

        Raises:
            sqlite3.Error: It cannot be written.
        """
        if not self._is_under_way:
            tables = _changes_to_tables(self._connection)
            self._connection.execute(_BEGIN, (secrets.randbits(62), tables))
            self._is_under_way = True

    def make(self) -> bool:
        """Copy the log into the main file; False where somebody is reading, so that it waits.

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
