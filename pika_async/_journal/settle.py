"""What a person decides about submits whose end nobody knows.

A submit that was left uncertain may have started a job. Only the owner of the account can tell.
There are three decisions: this is its job; there is no job, so submit the request again; drop it.
Whatever is decided, the attempt stays in the journal, and what it was taken to cost counts as
spent, since it may have been billed all the same. Only a job that is named can tell its real cost.

An attempt that was dropped, or that another submit is to follow, stands in the journal as failed
without an end of a job. Its problem tells which of the two it is, so no further status is needed.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pika_async._checks import FieldError, checked_job_id, is_whole
from pika_async._journal import refusals
from pika_async._journal.file import JournalFile
from pika_async._journal.history import Status
from pika_async._journal.reader import read_journal
from pika_async._journal.records import DROPPED, SENT_AGAIN, kind_of, settled_record

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterator, Mapping

    from pika_async._journal.history import JournalEntry

_STANDING: Final = """
SELECT attempts.id, requests.number, attempts.status, attempts.problem FROM requests
JOIN attempts ON attempts.id = (SELECT max(id) FROM attempts WHERE request = requests.id)
WHERE attempts.status IN ('submitting', 'uncertain')
OR attempts.status = 'submitted' AND attempts.accepted_at = attempts.sent_at
OR attempts.status = 'failed' AND attempts.state IS NULL AND attempts.problem IS NOT NULL
"""
_OF_ANOTHER: Final = """
SELECT 1 FROM attempts
WHERE job_id = ? AND id != ? AND status NOT IN ('submitting', 'uncertain')
"""
_IS_JOB: Final = """
UPDATE attempts SET status = 'submitted', job_id = ?, accepted_at = sent_at, problem = NULL
WHERE id = ?
"""
# If a job was named by hand before, that decision is undone.
_IS_OVER: Final = """
UPDATE attempts SET status = 'failed', problem = ?,
    job_id = iif(status = 'submitted', NULL, job_id), accepted_at = NULL
WHERE id = ?
"""
_UNFINISHED: Final = """
SELECT id, base_url FROM attempts WHERE status IN ('submitting', 'uncertain', 'submitted')
"""
# Its job stays named: by that of the last one a journal is told from an older copy.
_NEVER_WAS: Final = """
UPDATE attempts SET status = 'failed', problem = ?, quoted = iif(quoted IS NULL, NULL, 0)
WHERE id = ?
"""
# Opening the journal has begun a run. But nothing is submitted here, so it does not count as one.
_NO_RUN: Final = "DELETE FROM runs WHERE id = ?"

_GONE: Final = "its job ended with the service, and the request is submitted again"
_SENTENCES: Final = {
    SENT_AGAIN: "its end was not known, and it was decided to submit the request again",
    DROPPED: "a submit of it was left uncertain, and has been given up",
}


def uncertain_in(path: str | os.PathLike[str]) -> list[JournalEntry]:
    """The requests of a journal whose last submit may have started a job that nobody knows.

    Args:
        path: The file that was given to the batch as its ``journal``.

    Raises:
        JournalError: As for :func:`read_journal`.
    """
    return [
        entry
        for entry in read_journal(path)
        if entry.status in (Status.SUBMITTING, Status.UNCERTAIN)
    ]


def settle_journal(
    path: str | os.PathLike[str],
    *,
    jobs: Mapping[int, str] | None = None,
    resubmit: Collection[int] = (),
    drop: Collection[int] = (),
) -> list[JournalEntry]:
    """Decide what became of uncertain submits; all of it is written down, or nothing.

    Requests are named by their ``number``, as files and ``uncertain_in`` name them. Nothing is
    sent. What a submit was taken to cost stays counted as spent, whatever is decided. Until a run
    has submitted such a request again, or seen the end of its job, another decision replaces it.

    Args:
        path: The journal; no batch may run on it.
        jobs: The jobs that were started, by number: the next run waits for them.
        resubmit: Those to submit again in the next run.
        drop: Those to leave be: the next run neither submits them nor calls them uncertain, and
            ``retry_failed`` submits them again.

    Returns:
        The requests that are still uncertain.

    Raises:
        FieldError: A number is not that of an uncertain request, or is named twice; or a job
            belongs to another request. Nothing was changed.
        JournalError: The journal is in use, or cannot be read or written.
    """
    path = Path(path)
    jobs = {} if jobs is None else jobs
    _check_once([*jobs, *resubmit, *drop])
    for job_id in jobs.values():
        checked_job_id(job_id)
    # Raises where there is no journal; opening it for writing would make one.
    uncertain_in(path)
    # No mark is written for a job that was named by hand. The decision may be undone; and to an
    # older copy of the journal the submit is uncertain, so it is not bought again by itself.
    with _changing(path) as connection:
        # Read once for all numbers: there may be ten thousand.
        standing = _standing(connection)
        for number, job_id in jobs.items():
            attempt = _attempt(standing, "jobs", number)
            _check_free(connection, job_id, attempt)
            connection.execute(_IS_JOB, (job_id, attempt))
        for name, kind, numbers in (
            ("resubmit", SENT_AGAIN, resubmit),
            ("drop", DROPPED, drop),
        ):
            record = settled_record(kind, _SENTENCES[kind])
            for number in numbers:
                attempt = _attempt(standing, name, number)
                connection.execute(_IS_OVER, (record, attempt))
    return uncertain_in(path)


def begin_anew(path: str | os.PathLike[str], has_gone: Callable[[str | None], bool]) -> int:
    """Have the next run submit again whatever was under way at a service that is no more.

    Only for services that end with a run, and take their jobs with them: simulated ones. What such
    a submit was taken to cost counts no more.

    Args:
        path: The journal; no batch may run on it.
        has_gone: Whether the service at this address is no more; None: a journal does not tell.

    Returns:
        How many requests that are.

    Raises:
        JournalError: The journal is in use, or cannot be read or written.
    """
    path = Path(path)
    under_way = (Status.SUBMITTING, Status.UNCERTAIN, Status.SUBMITTED)
    if not any(
        attempt.status in under_way and has_gone(attempt.base_url)
        for entry in read_journal(path)
        for attempt in entry.attempts
    ):
        return 0
    with _changing(path) as connection:
        record = settled_record(SENT_AGAIN, _GONE)
        gone = [
            (record, attempt)
            for attempt, base_url in connection.execute(_UNFINISHED).fetchall()
            if has_gone(base_url)
        ]
        connection.executemany(_NEVER_WAS, gone)
    return len(gone)


@contextmanager
def _changing(path: Path) -> Iterator[sqlite3.Connection]:
    """A journal that is changed as a whole, or not at all."""
    file = JournalFile(path, time.time())
    connection = file.connection
    try:
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        finally:
            connection.execute(_NO_RUN, (file.run,))
    except sqlite3.Error as error:
        raise refusals.unusable(path, error) from error
    finally:
        file.close()


def _check_free(connection: sqlite3.Connection, job_id: str, attempt: int) -> None:
    # The attempt itself may name this job already, as one that it has perhaps started.
    if connection.execute(_OF_ANOTHER, (job_id, attempt)).fetchone() is not None:
        raise FieldError("jobs", job_id, "a job that the journal does not know of another request")


def _standing(connection: sqlite3.Connection) -> dict[int, list[int]]:
    """The attempts that may be decided about, by the numbers of their requests."""
    found: dict[int, list[int]] = {}
    for attempt, number, status, problem in connection.execute(_STANDING):
        # A decision may be replaced as long as nothing was sent. A refusal of the service may not.
        if status != "failed" or kind_of(problem) in _SENTENCES:
            found.setdefault(number, []).append(attempt)
    return found


def _attempt(standing: Mapping[int, list[int]], name: str, number: int) -> int:
    found = standing.get(number, ())
    if len(found) > 1:
        # Journals of older versions gave a number to more than one.
        problem = f"{len(found)} uncertain requests have this number"
        raise FieldError(name, number, "the number of one uncertain request", problem=problem)
    if not standing:
        allowed = "the number of an uncertain request, and this journal has none"
        raise FieldError(name, number, allowed)
    if not found:
        numbers = ", ".join(map(str, sorted(standing)))
        raise FieldError(name, number, f"the numbers of uncertain requests: {numbers}", verb="are")
    return found[0]


def _check_once(numbers: list[int]) -> None:
    seen: set[int] = set()
    for number in numbers:
        if not is_whole(number):
            raise FieldError("number", number, "whole numbers of requests")
        if number in seen:
            raise FieldError(
                "number", number, "each number once", problem="it is named more than once"
            )
        seen.add(number)
