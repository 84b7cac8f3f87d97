"""A journal, opened to be shown: as it was at one moment, one request after the other."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from attrs import evolve

from pika_async._errors import JournalError
from pika_async._gallery.entries import Reading, Row
from pika_async._gallery.values import Entry, Run
from pika_async._journal.file import read_only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pika_async._gallery.files import Folder

_MOMENTS: Final = """
SELECT sent_at, accepted_at, running_at, ended_at FROM items UNION ALL
SELECT sent_at, accepted_at, running_at, ended_at FROM past
"""
_LAST_RUN: Final = "SELECT * FROM items WHERE run = ? ORDER BY position, id"
_OTHER_RUNS: Final = "SELECT * FROM items WHERE run != ? ORDER BY run DESC, position, id"
# Earlier attempts are few; an index over them would have to be made for each report.
_PAST: Final = "SELECT * FROM past ORDER BY rowid"


class Gallery:
    """What a journal held at one moment. Requests are read anew each time they are asked for."""

    def __init__(
        self, path: Path, runs: Sequence[Run], reading: Reading, connection: sqlite3.Connection
    ) -> None:
        self.path = path
        self.runs = runs
        """In the order of their starts."""
        self.made_at = reading.now
        """Seconds since 1970."""
        self._reading = reading
        self._connection = connection
        self._past: dict[int, list[Row]] = {}
        for row in connection.execute(_PAST):
            self._past.setdefault(row["item"], []).append(row)

    def entries(self) -> Iterator[Entry]:
        """All requests: those of the last run in its order, then the others.

        Raises:
            JournalError: A row cannot be read.
        """
        yield from self.in_last_run()
        yield from self.in_other_runs()

    def in_last_run(self) -> Iterator[Entry]:
        """The requests that the last run has come to, in its order."""
        return self._entries(_LAST_RUN)

    def in_other_runs(self) -> Iterator[Entry]:
        """The requests that only earlier runs have met, those of later runs first."""
        return self._entries(_OTHER_RUNS)

    def count(self) -> int:
        """How many requests there are."""
        (count,) = self._connection.execute("SELECT count(*) FROM items").fetchone()
        return int(count)

    def _entries(self, query: str) -> Iterator[Entry]:
        try:
            for row in self._connection.execute(query, (self._reading.last_run,)):
                yield self._entry(row)
        except sqlite3.Error as error:
            raise _unreadable(self.path, str(error)) from error

    def _entry(self, row: Row) -> Entry:
        try:
            return self._reading.entry(row, self._past.get(row["id"], []))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _unreadable(self.path, f"request {row['id']}: {error}") from error
        except ExceptionGroup as error:
            # How cattrs says where it does not fit.
            raise _unreadable(self.path, f"request {row['id']}: {error.exceptions[0]}") from error


@contextmanager
def opened(
    path: Path,
    *,
    now: float,
    folder: Folder | None = None,
    words: Callable[[str], str] = str,
) -> Iterator[Gallery]:
    """The journal at ``path`` as it is now, whoever writes to it meanwhile.

    Args:
        path: The journal.
        now: Seconds since 1970.
        folder: Where the saved videos are, if that is known.
        words: Puts the library's sentences into those of whoever reads the report.

    Raises:
        JournalError: It is not there, empty, not a journal, damaged, or of a newer version.
    """
    connection = read_only(path)
    try:
        connection.row_factory = sqlite3.Row
        # All that is read from here on is of one moment.
        connection.execute("BEGIN")
        runs = _runs(connection)
        reading = Reading(
            now=now,
            run_starts=sorted(run.started_at for run in runs),
            last_run=max((run.number for run in runs), default=0),
            folder=folder,
            words=words,
        )
        yield Gallery(path, runs, reading, connection)
    except sqlite3.Error as error:
        raise _unreadable(path, str(error)) from error
    finally:
        connection.close()


def _runs(connection: sqlite3.Connection) -> tuple[Run, ...]:
    """In the order of their starts; each ends with the last thing noted before the next."""
    runs = [
        Run(
            number=row["id"],
            started_at=row["started_at"],
            version=row["version"],
            last_at=row["started_at"],
        )
        for row in connection.execute("SELECT * FROM runs ORDER BY started_at, id")
    ]
    starts = [run.started_at for run in runs]
    last = list(starts)
    for moments in connection.execute(_MOMENTS):
        for at in moments:
            if at is not None and (place := bisect_right(starts, at)):
                last[place - 1] = max(last[place - 1], at)
    return tuple(evolve(run, last_at=at) for run, at in zip(runs, last, strict=True))


def _unreadable(path: Path, finding: str) -> JournalError:
    return JournalError(f"the journal {str(path)!r} cannot be read: {finding}.")
