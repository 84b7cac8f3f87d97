"""Which of several equal requests of a journal one is: by its metadata, else in order.

Equal requests are one purchase each, and metadata are what tells the rows of somebody's database
apart: they may come in another order, or some of them be left out. A request whose metadata no row
has is the first that this run has not met, whatever metadata that has. So new metadata, a date say,
buy nothing again; the price is that a new request stands for an equal one that was left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from attrs import define, field

from pika_async._json import compact

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Container

# Runs are numbered from 1.
_NO_RUN: Final = 0
# For each fingerprint that this run has met more than once: the rows before this one are met, so
# that ten thousand equal requests are not gone through for each of them. On disk, so that memory
# does not grow with it.
TABLE: Final = """
CREATE TEMP TABLE occurrences (fingerprint TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID
"""
_FIRST: Final = "SELECT run FROM requests WHERE fingerprint = ? AND occurrence = 1"
_SINCE: Final = "SELECT since FROM occurrences WHERE fingerprint = ?"
_REMEMBER: Final = """
INSERT INTO occurrences VALUES (?, ?) ON CONFLICT (fingerprint) DO UPDATE SET since = excluded.since
"""
_LAST: Final = "SELECT max(occurrence) FROM requests WHERE fingerprint = ?"
_NOT_MET: Final = """
SELECT occurrence, request FROM requests
WHERE fingerprint = ? AND occurrence >= ? AND run <> ? ORDER BY occurrence
"""
# Text that is looked for in C: quotes within a text of JSON have a backslash in front of them, so
# this is the metadata, or those of ``extra``.
_PERHAPS: Final = """
SELECT occurrence, request FROM requests
WHERE fingerprint = ? AND occurrence > ? AND run <> ? AND instr(request, ?) ORDER BY occurrence
"""


def claimed(run: int, fingerprint: str, record: str, connection: sqlite3.Connection) -> int:
    """The occurrence that a request is which ``run`` has come to; its fingerprint has rows.

    Args:
        run: The run; rows that it has met already are its own.
        fingerprint: Of the request.
        record: The request, as it is written down.
        connection: With the ``TABLE``.
    """
    (first_met_in,) = connection.execute(_FIRST, (fingerprint,)).fetchone()
    since = 1
    if first_met_in == run:
        remembered = connection.execute(_SINCE, (fingerprint,)).fetchone()
        since = 2 if remembered is None else remembered[0]
    found = _not_met(run, fingerprint, record, connection, since=since)
    if found is None:
        (last,) = connection.execute(_LAST, (fingerprint,)).fetchone()
        found = last + 1, last + 1
    occurrence, nearest = found
    if nearest > since:
        connection.execute(_REMEMBER, (fingerprint, nearest))
    return occurrence


@define
class Met:
    """Equal requests that were asked about, of a journal that is only read."""

    _since: int = 1
    _met: set[int] = field(factory=set)

    def next(self, fingerprint: str, record: str, connection: sqlite3.Connection) -> int | None:
        """The occurrence that one more would be for a run that begins now; None: a new one."""
        found = _not_met(_NO_RUN, fingerprint, record, connection, since=self._since, met=self._met)
        if found is None:
            return None
        occurrence, self._since = found
        self._met.add(occurrence)
        return occurrence


def _not_met(
    run: int,
    fingerprint: str,
    record: str,
    connection: sqlite3.Connection,
    *,
    since: int = 1,
    met: Container[int] = (),
) -> tuple[int, int] | None:
    """The occurrence that a request is, and the first that is not met yet; None: all are.

    Args:
        run: Rows of this run are met.
        fingerprint: Of the request.
        record: The request, as it is written down.
        connection: To the journal; it is only read.
        since: The occurrences before this one are met.
        met: These are met, too.
    """
    unmet = connection.execute(_NOT_MET, (fingerprint, since, run))
    while (row := unmet.fetchone()) is not None and row[0] in met:
        pass
    unmet.close()
    if row is None:
        return None
    nearest, kept = row
    if kept == record:
        return nearest, nearest
    metadata = _metadata(record)
    if metadata and metadata != _metadata(kept):
        part = f'"metadata":{compact(metadata)}'
        perhaps = connection.execute(_PERHAPS, (fingerprint, nearest, run, part))
        for occurrence, other in perhaps.fetchall():
            if occurrence not in met and _metadata(other) == metadata:
                return occurrence, nearest
    return nearest, nearest


def _metadata(record: str) -> object:
    return json.loads(record).get("metadata")
