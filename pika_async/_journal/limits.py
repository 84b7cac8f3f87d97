"""The budget of a journal, as its runs were given it: one that goes on has it, too.

It is kept with the run that was given it, or that went on with it. What the runs have spent stands
in their attempts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pika_async._journal.records import limits_of, limits_record

if TYPE_CHECKING:
    import sqlite3

    from pika_async._journal.history import Limits

_LAST: Final = "SELECT limits FROM runs WHERE limits IS NOT NULL ORDER BY id DESC LIMIT 1"
_KEEP: Final = "UPDATE runs SET limits = ? WHERE id = ?"


def last_limits(connection: sqlite3.Connection) -> Limits | None:
    """What was said last; None where no run has had a budget."""
    found = connection.execute(_LAST).fetchone()
    return None if found is None else limits_of(found[0])


def keep_limits(run: int, limits: Limits, connection: sqlite3.Connection) -> None:
    """From this run on they hold."""
    connection.execute(_KEEP, (limits_record(limits), run))
