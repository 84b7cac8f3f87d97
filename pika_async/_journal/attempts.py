"""Requests and attempts as rows: the statements that a batch writes, and reads back, with.

All run in the one thread that holds the connection; see ``group_commit``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import islice, starmap
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pika_async._http import one_spelling
from pika_async._journal.history import SavedFile, Status, intent_of
from pika_async._journal.mark import KnownJob
from pika_async._journal.occurrences import claimed
from pika_async._journal.records import (
    NOT_BEGUN,
    SENT_AGAIN,
    files_of,
    kind_of,
    state_of,
    with_metadata,
)
from pika_async._journal.spellings import take_over
from pika_async._money import Money

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pika_async._request.record import Intent
    from pika_async._request.request import GenerationRequest
    from pika_async._states import Failed, Succeeded


@frozen(kw_only=True)
class Found:
    """What the journal knows of a request when a run comes to it: of the attempt that counts."""

    request: int
    number: int
    """The request's place in the run that met it first."""
    status: Status
    service: str | None = None
    base_url: str | None = None
    submit_id: str | None = None
    digest: str | None = None
    body: str | None = None
    job_id: str | None = None
    hints: Mapping[str, str] | None = None
    sent_at: float | None = None
    accepted_at: float | None = None
    state: str | None = None
    problem: str | None = None
    files: tuple[SavedFile, ...] = ()
    quoted: Money | None = None
    origin: str | None = None

    def terminal_state(self) -> Succeeded | Failed | None:
        """The end of the job, if it has been seen."""
        return None if self.state is None else state_of(self.state)

    def intent(self) -> Intent | None:
        """What was sent, with its key; None where a journal of format 1 does not tell."""
        return intent_of(self)


class Numbers:
    """Which number a request gets that no run has met: unlike any other in the journal.

    It is the place in the run where that is free. Of requests that are added in front of known
    ones it is not, and they get the next after all.
    """

    def __init__(self) -> None:
        self._at_open = self._highest = -1
        self._lent: set[int] = set()

    def begin(self, connection: sqlite3.Connection) -> None:
        """Look at those that there are."""
        (found,) = connection.execute(_HIGHEST).fetchone()
        if found is not None:
            self._at_open = self._highest = found

    def offer(self, position: int) -> int:
        """The number of a new request at this place."""
        if position > self._at_open and position not in self._lent:
            return position
        return self._highest + 1

    def taken(self, number: int, position: int) -> None:
        """A request at this place has this number."""
        self._highest = max(self._highest, number)
        if number != position and number > self._at_open:
            self._lent.add(number)


# The problems of attempts that another submit is to follow.
_FOLLOWED = (SENT_AGAIN, NOT_BEGUN)
_HIGHEST = "SELECT max(number) FROM requests"
_INSERT = """
INSERT INTO requests (fingerprint, occurrence, number, position, run, request)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (fingerprint, occurrence)
"""
_NEW = f"{_INSERT} DO NOTHING"
_CLAIM = f"""{_INSERT}
DO UPDATE SET run = excluded.run, position = excluded.position
RETURNING id, number, problem, refused_at, request
"""
_SHOWN = "UPDATE requests SET request = ? WHERE id = ?"
_THAT_COUNTS = "SELECT max(id) FROM attempts WHERE request = ?"
_ATTEMPT = f"""
SELECT status, service, base_url, submit_id, digest, body, job_id, hints, sent_at, accepted_at,
    state, problem, files, quoted, quoted_currency, origin
FROM attempts WHERE id = ({_THAT_COUNTS})
"""
# Only of jobs that one run has submitted and seen end: between two runs nobody waited for them.
_DURATIONS = """
SELECT base_url, ended_at - accepted_at FROM (SELECT * FROM attempts ORDER BY id DESC LIMIT ?)
WHERE status = 'succeeded' AND service = ? AND base_url IS NOT NULL AND ended_at > accepted_at
    AND NOT EXISTS (SELECT 1 FROM runs WHERE started_at > accepted_at AND started_at <= ended_at)
ORDER BY id DESC
"""
# A job that a failed answer has named belongs to nobody until it has been found.
_JOB_IDS = "SELECT job_id FROM attempts WHERE job_id IS NOT NULL AND status <> 'uncertain'"
_CHARGED = """
SELECT sum(charged), charged_currency FROM attempts WHERE charged IS NOT NULL
GROUP BY charged_currency
"""
_QUOTED = """
SELECT sum(quoted), quoted_currency FROM attempts WHERE charged IS NULL AND quoted IS NOT NULL
GROUP BY quoted_currency
"""
_UNPRICED = "SELECT count(*) FROM attempts WHERE charged IS NULL AND quoted IS NULL"
# By its key, so that no other attempt is deleted, and only while no answer to it is known.
_TAKE_BACK = """
DELETE FROM attempts WHERE request = ? AND submit_id = ? AND status = 'submitting'
"""
_REFUSED = "UPDATE requests SET problem = ?, refused_at = ? WHERE id = ?"
# The service's refusal stays: the next run is told that, and not what hindered another try.
_HINDERED = "UPDATE requests SET problem = ? WHERE id = ? AND refused_at IS NULL"


def claim(  # noqa: PLR0917 - the columns of a row
    run: int,
    fingerprint: str,
    position: int,
    record: str,
    numbers: Numbers,
    connection: sqlite3.Connection,
) -> Found:
    """What is known of a request, which this ``run`` has come to at that ``position``.

    ``record``: the request, as it is written down.
    """
    # Most requests are new, and for them one insert costs a third of what follows.
    number = numbers.offer(position)
    rest = (number, position, run, record)
    new = connection.execute(_NEW, (fingerprint, 1, *rest))
    if new.rowcount:
        assert new.lastrowid is not None  # noqa: S101 - it has been inserted
        numbers.taken(number, position)
        return Found(request=new.lastrowid, number=number, status=Status.WAITING)
    occurrence = claimed(run, fingerprint, record, connection)
    row = connection.execute(_CLAIM, (fingerprint, occurrence, *rest)).fetchone()
    request, number, problem, refused_at, kept = row
    numbers.taken(number, position)
    if kept != record and (shown := with_metadata(kept, record)) != kept:
        connection.execute(_SHOWN, (shown, request))
    attempt = connection.execute(_ATTEMPT, (request,)).fetchone()
    if attempt is not None:
        return _found(request, number, attempt)
    status = Status.WAITING if refused_at is None else Status.FAILED
    return Found(request=request, number=number, status=status, problem=problem)


def claim_respelled(
    fingerprint: str,
    content: GenerationRequest,
    claim: Callable[[sqlite3.Connection], Found],
    connection: sqlite3.Connection,
) -> Found:
    """:func:`claim`, after rows of older versions have got the fingerprint of today."""
    take_over(fingerprint, content, connection)
    return claim(connection)


def status_of(status: str, problem: str | None) -> Status:
    """How far a request has come with an attempt.

    WAITING where another submit is to follow: a person has decided so, or the service has refused
    the job for the account's sake, at no charge.
    """
    known = Status(status)
    if known is Status.FAILED and problem is not None and kind_of(problem) in _FOLLOWED:
        return Status.WAITING
    return known


def _found(request: int, number: int, attempt: Sequence[Any]) -> Found:
    status, service, base_url, submit_id, digest, body, job_id, hints, *rest = attempt
    sent_at, accepted_at, state, problem, files, quoted, currency, origin = rest
    return Found(
        request=request,
        number=number,
        status=status_of(status, problem),
        service=service,
        base_url=base_url,
        submit_id=submit_id,
        digest=digest,
        body=body,
        job_id=job_id,
        hints=None if hints is None else _addresses(hints),
        sent_at=sent_at,
        accepted_at=accepted_at,
        state=state,
        problem=problem,
        files=() if files is None else files_of(files),
        quoted=None if quoted is None else Money(quoted, currency),
        origin=origin,
    )


def _addresses(text: str) -> dict[str, str]:
    """Hints as they were written, without what is no text: a job is found without hints, too."""
    try:
        given = json.loads(text)
    except ValueError:
        return {}
    pairs = given.items() if isinstance(given, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str)}


def begin_attempt(
    request: int,
    intent: Intent,
    quoted: Money | None,
    sent_at: float,
    connection: sqlite3.Connection,
) -> None:
    """Insert the attempt of a submit that is about to leave."""
    values = {
        "service": intent.service,
        "base_url": intent.base_url,
        "submit_id": intent.submit_id,
        "digest": intent.digest,
        "body": intent.body,
        "sent_at": sent_at,
        "quoted": None if quoted is None else quoted.micros,
        "quoted_currency": None if quoted is None else quoted.currency,
        "origin": intent.origin,
    }
    given = {column: value for column, value in values.items() if value is not None}
    connection.execute(_inserting(tuple(given)), (request, *given.values()))


@cache
def _inserting(columns: tuple[str, ...]) -> str:
    places = ", ".join("?" for _ in columns)
    return (
        f"INSERT INTO attempts (request, status, {', '.join(columns)}) "
        f"VALUES (?, 'submitting', {places})"
    )


def job_ids(connection: sqlite3.Connection) -> set[str]:
    """The jobs that any attempt has led to."""
    return {job_id for (job_id,) in connection.execute(_JOB_IDS)}


def durations(
    service: str, place: str, most: int, connection: sqlite3.Connection
) -> tuple[float, ...]:
    """Seconds that the latest jobs took, ``most`` of them, the latest last; at one service."""
    rows = connection.execute(_DURATIONS, (10 * most, service))
    # Older versions wrote base URLs down in other spellings. There are few of them.
    spelled = cache(one_spelling)
    found = (seconds for base_url, seconds in rows if spelled(base_url) == place)
    return tuple(islice(found, most))[::-1]


def spent(connection: sqlite3.Connection) -> tuple[tuple[Money, ...], tuple[Money, ...], int]:
    """See ``Journal.spent``."""
    charged = tuple(starmap(Money, connection.execute(_CHARGED)))
    quoted = tuple(starmap(Money, connection.execute(_QUOTED)))
    (unpriced,) = connection.execute(_UNPRICED).fetchone()
    return charged, quoted, unpriced


def take_back(request: int, submit_id: str, connection: sqlite3.Connection) -> None:
    """Delete the attempt of a submit that has started nothing."""
    connection.execute(_TAKE_BACK, (request, submit_id))


def updating(request: int, values: Mapping[str, Any]) -> Callable[[sqlite3.Connection], None]:
    """The step that writes ``values``, by their columns, into the attempt that counts.

    None is written as NULL into the statement: binding it is slow, since sqlite3 looks for an
    adapter first.
    """
    unset = tuple([column for column, value in values.items() if value is None])
    given = {column: value for column, value in values.items() if value is not None}
    return partial(execute, _assigning(tuple(given), unset), (*given.values(), request))


def execute(statement: str, parameters: tuple[Any, ...], connection: sqlite3.Connection) -> None:
    """A statement as a step, which takes its connection last."""
    connection.execute(statement, parameters)


def accept(
    job_id: str, write: Callable[[sqlite3.Connection], None], connection: sqlite3.Connection
) -> KnownJob:
    """Write down that an attempt has led to a job."""
    write(connection)
    return KnownJob(job_id)


@cache
def _assigning(given: tuple[str, ...], unset: tuple[str, ...]) -> str:
    columns = [f"{column} = ?" for column in given] + [f"{column} = NULL" for column in unset]
    return f"UPDATE attempts SET {', '.join(columns)} WHERE id = ({_THAT_COUNTS})"


def note_refusal(request: int, record: str, at: float, connection: sqlite3.Connection) -> None:
    """The service refuses the request itself."""
    connection.execute(_REFUSED, (record, at, request))


def note_hindrance(request: int, record: str, connection: sqlite3.Connection) -> None:
    """Something else than the request kept it from being submitted."""
    connection.execute(_HINDERED, (record, request))
