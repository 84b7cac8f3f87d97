"""A journal as it is read, by people and by programs: every statement that reads one for them."""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_right
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from pika_async._errors import JournalError
from pika_async._journal.attempts import spent, status_of
from pika_async._journal.file import read_only
from pika_async._journal.history import Attempt, JournalEntry, Limits, Run, Status
from pika_async._journal.limits import last_limits
from pika_async._journal.occurrences import Met
from pika_async._journal.records import files_of, folder_of, limits_of, problem_of, state_of
from pika_async._money import Money

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    _Row = Mapping[str, Any]

_RUNS: Final = "SELECT * FROM runs ORDER BY started_at, id"
_OUTPUT_DIRS: Final = """
SELECT output_dir FROM runs WHERE output_dir IS NOT NULL ORDER BY started_at DESC, id DESC
"""
_MOMENTS: Final = """
SELECT sent_at, accepted_at, running_at, ended_at FROM attempts UNION ALL
SELECT refused_at, NULL, NULL, NULL FROM requests WHERE refused_at IS NOT NULL
"""
_COUNT: Final = "SELECT count(*) FROM requests"
_OF_THE_LAST_RUN: Final = "SELECT * FROM requests WHERE run = ? ORDER BY position, id"
_OF_OTHER_RUNS: Final = "SELECT * FROM requests WHERE run != ? ORDER BY run DESC, position, id"
_ATTEMPTS: Final = "SELECT * FROM attempts WHERE request = ? ORDER BY id"
_STANDING: Final = """
SELECT number, refused_at,
    (SELECT max(id) FROM attempts WHERE request = requests.id) AS newest
FROM requests WHERE fingerprint = ? AND occurrence = ?
"""
_NEWEST: Final = """
SELECT status, problem, service, submit_id, quoted, quoted_currency, sent_at
FROM attempts WHERE id = ?
"""
# What a row raises that no batch has written.
_NO_SUCH_ROW: Final = (sqlite3.Error, ValueError, TypeError, KeyError)


@frozen
class Standing:
    """How far a request has come, and no more."""

    number: int
    """Its number, as its files are named by it."""
    status: Status
    service: str | None = None
    """Where the submit that counts went; None where there is none."""
    submit_id: str | None = None
    """The key it was sent with, where that is known."""
    quoted: Money | None = None
    """What it was taken to cost."""
    sent_at: float | None = None
    """When it was first sent, in seconds since 1970."""


def read_journal(path: str | os.PathLike[str]) -> Iterator[JournalEntry]:
    """What became of each request of a batch, with its attempts and files.

    The requests of the last run come first, in its order, then those that only earlier runs have
    met. All is of one moment, also while a batch writes to the journal; the file is only read, and
    held open until the iterator is exhausted or closed.

    A journal is more than one file while a batch runs, and after one was killed. To copy it then,
    let SQLite do it (``sqlite3 run.journal "VACUUM INTO 'copy.journal'"``). After a kill, copying
    ``run.journal`` and ``run.journal-wal`` does as well. When the batch has ended, the one file is
    enough.

    Args:
        path: The file that was given to the batch as its ``journal``.

    Raises:
        JournalError: It is not there, empty, not a journal, damaged, of a newer version, or without
            its log. Raised when the first entry is asked for, or where a row cannot be read.
    """
    with opened(Path(path)) as journal:
        yield from journal.entries()


@contextmanager
def opened(path: Path) -> Iterator[JournalReader]:
    """The journal at ``path`` as it is now, whoever writes to it meanwhile.

    Raises:
        JournalError: As for :func:`read_journal`.
    """
    with closing(read_only(path)) as connection:
        try:
            connection.row_factory = sqlite3.Row
            # All that is read from here on is of one moment.
            connection.execute("BEGIN")
            runs = _runs(connection)
        except _NO_SUCH_ROW as error:
            raise _unreadable(path, str(error)) from error
        yield JournalReader(path, runs, connection)


class JournalReader:
    """What a journal held at one moment. Requests are read anew each time they are asked for."""

    def __init__(self, path: Path, runs: Sequence[Run], connection: sqlite3.Connection) -> None:
        self.path = path
        self.runs = runs
        """In the order of their starts."""
        self.last_run = max((run.number for run in runs), default=0)
        self._run_of = {run.number: run for run in runs}
        self._connection = connection
        self._met: dict[str, Met] = {}
        """Of equal requests, those that were asked about."""

    def output_dirs(self) -> list[Path]:
        """Where its runs saved videos, the last in front; also where each is moved with it.

        Raises:
            JournalError: A row cannot be read.
        """
        try:
            rows = self._connection.execute(_OUTPUT_DIRS).fetchall()
            return list(dict.fromkeys(way for (one,) in rows for way in folder_of(one, self.path)))
        except _NO_SUCH_ROW as error:
            raise _unreadable(self.path, str(error)) from error

    def entries(self) -> Iterator[JournalEntry]:
        """All requests: those of the last run in its order, then the others.

        Raises:
            JournalError: A row cannot be read.
        """
        yield from self.in_last_run()
        yield from self.in_other_runs()

    def in_last_run(self) -> Iterator[JournalEntry]:
        """The requests that the last run has come to, in its order."""
        return self._entries(_OF_THE_LAST_RUN)

    def in_other_runs(self) -> Iterator[JournalEntry]:
        """The requests that only earlier runs have met, those of later runs first."""
        return self._entries(_OF_OTHER_RUNS)

    def count(self) -> int:
        """How many requests there are."""
        try:
            (count,) = self._connection.execute(_COUNT).fetchone()
        except sqlite3.Error as error:
            raise _unreadable(self.path, str(error)) from error
        return int(count)

    def standing(self, fingerprint: str, record: str) -> Standing | None:
        """How far a request has come; None where no run has met it.

        Of equal requests each question is about another one, as in a run.

        Args:
            fingerprint: Of the request.
            record: The request, as it is written down.
        """
        try:
            met = self._met.setdefault(fingerprint, Met())
            occurrence = met.next(fingerprint, record, self._connection)
            found = self._connection.execute(_STANDING, (fingerprint, occurrence)).fetchone()
            if found is None:
                return None
            number, refused_at, newest = found
            if newest is None:
                return Standing(number, Status.WAITING if refused_at is None else Status.FAILED)
            row = self._connection.execute(_NEWEST, (newest,)).fetchone()
        except sqlite3.Error as error:
            raise _unreadable(self.path, str(error)) from error
        return Standing(
            number,
            status_of(row["status"], row["problem"]),
            row["service"],
            row["submit_id"],
            _money(row, "quoted"),
            row["sent_at"],
        )

    def spent(self) -> tuple[list[Money], int]:
        """What all attempts have cost, by charges and else by quotes; one sum for each currency.

        Beside it, how many there are of which nobody has named either.
        """
        try:
            charged, quoted, unpriced = spent(self._connection)
        except sqlite3.Error as error:
            raise _unreadable(self.path, str(error)) from error
        sums: dict[str, Money] = {}
        for one in (*charged, *quoted):
            sums[one.currency] = one + sums.get(one.currency, Money(0, one.currency))
        return list(sums.values()), unpriced

    def limits(self) -> Limits | None:
        """What its runs may spend, as it was said last; None where no run has had a budget."""
        try:
            return last_limits(self._connection)
        except _NO_SUCH_ROW as error:
            raise _unreadable(self.path, str(error)) from error

    def _entries(self, query: str) -> Iterator[JournalEntry]:
        try:
            for row in self._connection.execute(query, (self.last_run,)):
                yield self._entry(row)
        except sqlite3.Error as error:
            raise _unreadable(self.path, str(error)) from error

    def _entry(self, row: _Row) -> JournalEntry:
        # A join would repeat the request for each attempt, and one look into an index is cheap.
        rows = self._connection.execute(_ATTEMPTS, (row["id"],))
        try:
            attempts = tuple(_attempt(attempt) for attempt in rows)
            # What went wrong before the attempt that counts is of the past.
            problem, refused_at = (None, None) if attempts else (row["problem"], row["refused_at"])
            return JournalEntry(
                id=row["id"],
                fingerprint=row["fingerprint"],
                occurrence=row["occurrence"],
                number=row["number"],
                index=row["position"],
                run=self._run_of[row["run"]],
                request=_request(row["request"]),
                attempts=attempts,
                problem=None if problem is None else problem_of(problem),
                refused_at=refused_at,
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _unreadable(self.path, f"request {row['id']}: {error}") from error


def _request(record: str) -> Mapping[str, Any]:
    request = json.loads(record)
    # Whoever shows a request relies on both.
    str(request["prompt"])
    dict(request.get("metadata", {}))
    return dict(request)


def _attempt(row: _Row) -> Attempt:
    return Attempt(
        status=status_of(row["status"], row["problem"]),
        service=row["service"],
        base_url=row["base_url"],
        submit_id=row["submit_id"],
        digest=row["digest"],
        body=row["body"],
        job_id=row["job_id"],
        hints={} if row["hints"] is None else json.loads(row["hints"]),
        sent_at=row["sent_at"],
        accepted_at=row["accepted_at"],
        running_at=row["running_at"],
        ended_at=row["ended_at"],
        end=None if row["state"] is None else state_of(row["state"]),
        problem=None if row["problem"] is None else problem_of(row["problem"]),
        files=() if row["files"] is None else files_of(row["files"]),
        quoted=_money(row, "quoted"),
        charged=_money(row, "charged"),
        origin=row["origin"],
    )


def _money(row: _Row, column: str) -> Money | None:
    micros = row[column]
    return None if micros is None else Money(micros, row[f"{column}_currency"])


def _runs(connection: sqlite3.Connection) -> tuple[Run, ...]:
    """In the order of their starts; each ends with the last thing noted before the next."""
    rows = connection.execute(_RUNS).fetchall()
    starts = [row["started_at"] for row in rows]
    last = list(starts)
    for moments in connection.execute(_MOMENTS):
        for at in moments:
            if at is not None and (place := bisect_right(starts, at)):
                last[place - 1] = max(last[place - 1], at)
    return tuple(
        Run(
            number=row["id"],
            started_at=row["started_at"],
            version=row["version"],
            last_at=at,
            output_dir=_output_dir(row["output_dir"]),
            **_limits(row["limits"]),
        )
        for row, at in zip(rows, last, strict=True)
    )


def _output_dir(record: str | None) -> str | None:
    return None if record is None else str(json.loads(record)["path"])


def _limits(record: str | None) -> dict[str, Money | None]:
    if record is None:
        return {}
    limits = limits_of(record)
    return {"budget": limits.budget, "price": limits.price}


def _unreadable(path: Path, finding: str) -> JournalError:
    return JournalError(f"the journal {str(path)!r} cannot be read: {finding}.")
