"""The journal of a batch: what is known of each request survives the end of the process.

The life of a row, and what it means for the money.

A request is written down when a run first comes to it: its fingerprint, which of several equal ones
it is, and what it asks for. Nothing is sent, nothing can be owed. A crash before or after costs
nothing; the next run finds the same row by the fingerprint and the occurrence, wherever it stands.

An attempt is one submit. Its row is inserted as 'submitting', with the service, the base URL, the
idempotency key and the body, and the insert is on the disk before the POST leaves. From here on the
journal may claim too much and never too little: a crash between the insert and the POST leaves an
attempt that never left, and one between the POST and its answer leaves one that may be billed. Both
look the same, so both count as uncertain, and neither is bought again unless the caller asks for it
or the service knows the key.

If the POST has provably started nothing (it never left whole, or the service refused it), the
attempt is deleted, by its key: no other attempt can go with it. What stood before stands again: an
older attempt, which may still be uncertain, or none. Why nothing was started is kept with the
request, and counts only while no attempt stands. A refusal of the request itself is final; all
other reasons are of circumstances, and the next run submits.

If the answer names a job, its id is on the disk before anyone is told of it ('submitted'). If that
write fails, the row still says 'submitting', the batch stops and the log names the job. If the
answer was lost, the attempt is 'uncertain', with what broke off.

The end of the job is written before its result is delivered, and its files when they are whole. A
crash before costs a poll or a download, and no money. A job that is finished and whose link has
never come is not at its end: it stays 'submitted', is paid for, and is looked at again.

A new submit of the same request is a further attempt, and the newest one counts. Older ones are
history and are never changed. An attempt belongs to the service that it went to: only there is its
job polled, and only there may it be sent again. At another service it is neither.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from pika_async._journal.file import JournalFile
from pika_async._journal.group_commit import GroupCommit
from pika_async._journal.history import SavedFile, Status
from pika_async._journal.mark import KnownJob
from pika_async._journal.records import files_of, files_record, problem_record, state_of
from pika_async._journal.spellings import take_over
from pika_async._json import compact, to_json
from pika_async._request.record import Intent
from pika_async._states import Succeeded

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from pika_async._errors import JournalError, PikaError
    from pika_async._request.request import GenerationRequest
    from pika_async._states import Failed


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

    def terminal_state(self) -> Succeeded | Failed | None:
        """The end of the job, if it has been seen."""
        return None if self.state is None else state_of(self.state)

    def intent(self) -> Intent | None:
        """What was sent, with its key; None where a journal of format 1 does not tell."""
        if self.service is None or self.base_url is None or self.submit_id is None:
            return None
        return Intent(
            service=self.service,
            base_url=self.base_url,
            submit_id=self.submit_id,
            digest=self.digest or "",
            body=self.body or "",
        )


@define
class Journal:
    """An open journal. Every write is durable when its future is done."""

    _commits: GroupCommit
    _run: int
    now: Callable[[], float]
    """Seconds since 1970."""
    service: str = field(kw_only=True)
    """Where this run submits to."""
    base_url: str = field(kw_only=True)
    _respelled: bool = field(kw_only=True, alias="respelled")
    """Whether an older version wrote down texts in it that are spelled otherwise now."""

    @classmethod
    async def open(
        cls,
        path: Path,
        now: Callable[[], float],
        broken: Callable[[JournalError], None],
        *,
        service: str,
        base_url: str,
    ) -> Journal:
        """Open the journal at ``path``, or make it.

        Args:
            path: The file.
            now: Tells seconds since 1970.
            broken: Told when it cannot be written any more.
            service: The name of the dialect that this run submits with.
            base_url: Where that service is.

        Raises:
            JournalError: It is in use, not a journal, damaged, of a newer version, without its
                log, older than the last batch on it, or cannot be written.
        """
        commits = GroupCommit(path, broken)
        file = await commits.open(partial(JournalFile, path, now()))
        return cls(
            commits,
            file.run,
            now,
            service=service,
            base_url=base_url,
            respelled=file.respelled,
        )

    async def close(self) -> None:
        """Close it, once all that was written is durable."""
        await self._commits.close()

    def is_elsewhere(self, found: Found) -> bool:
        """Whether what counts was submitted to another service, or to another base URL."""
        if found.service is None:
            return False
        return found.service != self.service or found.base_url not in (None, self.base_url)

    def claim(
        self,
        fingerprint: str,
        position: int,
        request: str,
        content: GenerationRequest | None = None,
    ) -> asyncio.Future[Found]:
        """What is known of a request, and that this run has come to it.

        Equal requests are told apart by their occurrence: the second in this run is the second of
        earlier runs, wherever they stood.

        Args:
            fingerprint: Of the request.
            position: Its place in this run.
            request: The request, as it is written down.
            content: The request with its files read: with it, rows are found that older versions
                wrote down in another spelling.
        """
        step = partial(_claim, self._run, fingerprint, position, request)
        if self._respelled and content is not None:
            step = partial(_claim_respelled, fingerprint, content, step)
        return self._commits.write(step)

    def submitting(self, request: int, intent: Intent) -> asyncio.Future[None]:
        """A new attempt, before its submit leaves. Those before it become history."""
        return self._commits.write(partial(_begin_attempt, request, intent, self.now()))

    def stayed(self, request: int, submit_id: str) -> asyncio.Future[None]:
        """The submit has not left after all, or started nothing; what was before is so again."""
        return self._commits.write(partial(_take_back, request, submit_id))

    def accepted(
        self, request: int, job_id: str, hints: Mapping[str, str] | None = None
    ) -> asyncio.Future[KnownJob]:
        """The id of the job, before anyone is told of it; ``hints``: where else to look at it."""
        values = {
            "status": Status.SUBMITTED,
            "job_id": job_id,
            "hints": compact(dict(hints)) if hints else None,
            "accepted_at": self.now(),
            "problem": None,
        }
        return self._commits.write(partial(_accept, request, job_id, values))

    def uncertain(self, request: int, error: PikaError) -> asyncio.Future[None]:
        """The submit broke off."""
        return self._update(
            request, status=Status.UNCERTAIN, job_id=error.job_id, problem=problem_record(error)
        )

    def ended(
        self, request: int, state: Succeeded | Failed, running_at: float | None
    ) -> asyncio.Future[None]:
        """The end of the job; ``running_at``: when it was first seen being generated."""
        return self._update(
            request,
            status=Status.SUCCEEDED if isinstance(state, Succeeded) else Status.FAILED,
            state=to_json(state),
            running_at=running_at,
            ended_at=self.now(),
            problem=None,
        )

    def noted(self, request: int, error: PikaError) -> asyncio.Future[None]:
        """What went wrong with the job, where that changes nothing about how far it has come."""
        return self._update(request, problem=problem_record(error))

    def saved(self, request: int, files: Sequence[SavedFile]) -> asyncio.Future[None]:
        """The files of the job that are whole; problems with them are of the past."""
        return self._update(request, files=files_record(files), problem=None)

    def refused(self, request: int, error: PikaError) -> asyncio.Future[None]:
        """The service will not have this request, today or tomorrow; nothing was started."""
        return self._commits.write(
            partial(_note_refusal, request, problem_record(error), self.now())
        )

    def hindered(self, request: int, error: PikaError) -> asyncio.Future[None]:
        """Circumstances kept it from being submitted; nothing was started."""
        return self._commits.write(partial(_note_hindrance, request, problem_record(error)))

    def _update(self, request: int, **values: Any) -> asyncio.Future[None]:
        return self._commits.write(partial(_update, request, values))


_INSERT = """
INSERT INTO requests (fingerprint, occurrence, number, position, run, request)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (fingerprint, occurrence)
"""
_NEW = f"{_INSERT} DO NOTHING"
_CLAIM = f"""{_INSERT}
DO UPDATE SET run = excluded.run, position = excluded.position
RETURNING id, number, problem, refused_at
"""
_FIRST = "SELECT run FROM requests WHERE fingerprint = ? AND occurrence = 1"
_COUNT = """
INSERT INTO occurrences VALUES (?, 2)
ON CONFLICT (fingerprint) DO UPDATE SET count = count + 1 RETURNING count
"""
_THAT_COUNTS = "SELECT max(id) FROM attempts WHERE request = ?"
_ATTEMPT = f"""
SELECT status, service, base_url, submit_id, digest, body, job_id, hints, sent_at, accepted_at,
    state, problem, files
FROM attempts WHERE id = ({_THAT_COUNTS})
"""
_BEGIN = """
INSERT INTO attempts (request, status, service, base_url, submit_id, digest, body, sent_at)
VALUES (?, 'submitting', ?, ?, ?, ?, ?, ?)
"""
# By its key, and only while nothing is known of it: no other attempt goes with it.
_TAKE_BACK = """
DELETE FROM attempts WHERE request = ? AND submit_id = ? AND status = 'submitting'
"""
_REFUSED = "UPDATE requests SET problem = ?, refused_at = ? WHERE id = ?"
# A refusal stays what the next run is told, whatever came in the way of asking once more.
_HINDERED = "UPDATE requests SET problem = ? WHERE id = ? AND refused_at IS NULL"


def _claim(
    run: int, fingerprint: str, position: int, record: str, connection: sqlite3.Connection
) -> Found:
    # Most are met for the first time, and this alone costs a third of all that follows.
    rest = (position, position, run, record)
    new = connection.execute(_NEW, (fingerprint, 1, *rest))
    if new.rowcount:
        assert new.lastrowid is not None  # noqa: S101 - it has been inserted
        return Found(request=new.lastrowid, number=position, status=Status.WAITING)
    (first_met_in,) = connection.execute(_FIRST, (fingerprint,)).fetchone()
    occurrence = 1
    if first_met_in == run:
        (occurrence,) = connection.execute(_COUNT, (fingerprint,)).fetchone()
    row = connection.execute(_CLAIM, (fingerprint, occurrence, *rest)).fetchone()
    request, number, problem, refused_at = row
    attempt = connection.execute(_ATTEMPT, (request,)).fetchone()
    if attempt is not None:
        return _found(request, number, attempt)
    status = Status.WAITING if refused_at is None else Status.FAILED
    return Found(request=request, number=number, status=status, problem=problem)


def _claim_respelled(
    fingerprint: str,
    content: GenerationRequest,
    claim: Callable[[sqlite3.Connection], Found],
    connection: sqlite3.Connection,
) -> Found:
    take_over(fingerprint, content, connection)
    return claim(connection)


def _found(request: int, number: int, attempt: Sequence[Any]) -> Found:
    status, service, base_url, submit_id, digest, body, job_id, hints, *rest = attempt
    sent_at, accepted_at, state, problem, files = rest
    return Found(
        request=request,
        number=number,
        status=Status(status),
        service=service,
        base_url=base_url,
        submit_id=submit_id,
        digest=digest,
        body=body,
        job_id=job_id,
        hints=None if hints is None else json.loads(hints),
        sent_at=sent_at,
        accepted_at=accepted_at,
        state=state,
        problem=problem,
        files=() if files is None else files_of(files),
    )


def _begin_attempt(
    request: int, intent: Intent, sent_at: float, connection: sqlite3.Connection
) -> None:
    sent = (intent.service, intent.base_url, intent.submit_id, intent.digest, intent.body)
    connection.execute(_BEGIN, (request, *sent, sent_at))


def _take_back(request: int, submit_id: str, connection: sqlite3.Connection) -> None:
    connection.execute(_TAKE_BACK, (request, submit_id))


def _update(request: int, values: dict[str, Any], connection: sqlite3.Connection) -> None:
    """Of the attempt that counts."""
    connection.execute(_assigning(*values), (*values.values(), request))


def _accept(
    request: int, job_id: str, values: dict[str, Any], connection: sqlite3.Connection
) -> KnownJob:
    _update(request, values, connection)
    return KnownJob(job_id)


@cache
def _assigning(*columns: str) -> str:
    assignments = ", ".join(f"{column} = ?" for column in columns)
    return f"UPDATE attempts SET {assignments} WHERE id = ({_THAT_COUNTS})"


def _note_refusal(request: int, record: str, at: float, connection: sqlite3.Connection) -> None:
    connection.execute(_REFUSED, (record, at, request))


def _note_hindrance(request: int, record: str, connection: sqlite3.Connection) -> None:
    connection.execute(_HINDERED, (record, request))
