"""The journal of a batch: what is known of each request survives the end of the process."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, frozen

from pika_async._journal.file import JournalFile
from pika_async._journal.group_commit import GroupCommit
from pika_async._journal.records import problem_record, state_of
from pika_async._json import to_json
from pika_async._states import Succeeded

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from pika_async._errors import JournalError, PikaError
    from pika_async._states import Failed


class Status(StrEnum):
    """How far a request has come, as far as the journal knows."""

    WAITING = "waiting"
    """Nothing was sent for it, or what was sent provably started nothing."""
    SUBMITTING = "submitting"
    """A submit may have left; what came of it is not known."""
    UNCERTAIN = "uncertain"
    """A submit broke off; the job may exist."""
    SUBMITTED = "submitted"
    """The job is known by its id."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The job failed, or the service refused the request itself."""


@frozen(kw_only=True)
class SavedFile:
    """A file that was whole when it was noted; the name is below the ``output_dir``."""

    name: str
    size: int


@frozen(kw_only=True)
class Found:
    """What the journal knows of a request when a run comes to it."""

    item: int
    number: int
    """The request's place in the run that met it first."""
    status: Status
    job_id: str | None = None
    sent_at: float | None = None
    accepted_at: float | None = None
    state: str | None = None
    problem: str | None = None
    files: tuple[SavedFile, ...] = ()

    def terminal_state(self) -> Succeeded | Failed | None:
        """The end of the job, if it has been seen."""
        return None if self.state is None else state_of(self.state)


@define
class Journal:
    """An open journal. Every write is durable when its future is done."""

    _commits: GroupCommit
    _run: int
    now: Callable[[], float]
    """Seconds since 1970."""

    @classmethod
    async def open(
        cls, path: Path, now: Callable[[], float], broken: Callable[[JournalError], None]
    ) -> Journal:
        """Open the journal at ``path``, or make it.

        Args:
            path: The file.
            now: Tells seconds since 1970.
            broken: Told when it cannot be written any more.

        Raises:
            JournalError: It is in use, not a journal, damaged, of a newer version, or cannot be
                written.
        """
        commits = GroupCommit(path, broken)
        file = await commits.open(partial(JournalFile, path, now()))
        return cls(commits, file.run, now)

    async def close(self) -> None:
        """Close it, once all that was written is durable."""
        await self._commits.close()

    def claim(self, fingerprint: str, position: int, request: str) -> asyncio.Future[Found]:
        """What is known of a request, and that this run has come to it.

        Equal requests are told apart by their occurrence: the second in this run is the second of
        earlier runs, wherever they stood.
        """
        return self._commits.write(partial(_claim, self._run, fingerprint, position, request))

    def submitting(self, item: int, *, anew: bool = False) -> asyncio.Future[None]:
        """The intent, before the submit leaves.

        ``anew``: in place of what came of it before, which is kept as its past.
        """
        return self._commits.write(partial(_begin_submit, item, self.now(), anew))

    def stayed(self, item: int, *, anew: bool = False) -> asyncio.Future[None]:
        """The submit has not left after all, or started nothing; what was before is so again."""
        return self._commits.write(partial(_take_back, item, anew))

    def accepted(self, item: int, job_id: str) -> asyncio.Future[None]:
        """The id of the job, before anyone is told of it."""
        return self._update(
            item, status=Status.SUBMITTED, job_id=job_id, accepted_at=self.now(), problem=None
        )

    def uncertain(self, item: int, error: PikaError) -> asyncio.Future[None]:
        """The submit broke off."""
        return self._update(
            item, status=Status.UNCERTAIN, job_id=error.job_id, problem=_problem(error)
        )

    def refused(self, item: int, error: PikaError) -> asyncio.Future[None]:
        """The service will not have this request, today or tomorrow."""
        return self._update(
            item, status=Status.FAILED, ended_at=self.now(), problem=_problem(error)
        )

    def ended(
        self, item: int, state: Succeeded | Failed, running_at: float | None
    ) -> asyncio.Future[None]:
        """The end of the job; ``running_at``: when it was first seen being generated."""
        return self._update(
            item,
            status=Status.SUCCEEDED if isinstance(state, Succeeded) else Status.FAILED,
            state=to_json(state),
            running_at=running_at,
            ended_at=self.now(),
            problem=None,
        )

    def noted(self, item: int, error: PikaError) -> asyncio.Future[None]:
        """What went wrong, where it changes nothing about how far the request has come."""
        return self._update(item, problem=_problem(error))

    def saved(self, item: int, files: Sequence[SavedFile]) -> asyncio.Future[None]:
        """The files of the job that are whole; problems with them are of the past."""
        listed = json.dumps([{"name": file.name, "size": file.size} for file in files])
        return self._update(item, files=listed, problem=None)

    def _update(self, item: int, **values: Any) -> asyncio.Future[None]:
        return self._commits.write(partial(_update, item, values))


def _problem(error: PikaError | None) -> str | None:
    return None if error is None else problem_record(error)


_INSERT = """
INSERT INTO items (fingerprint, occurrence, number, position, run, request, status)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (fingerprint, occurrence)
"""
_NEW = f"{_INSERT} DO NOTHING"
_CLAIM = f"""{_INSERT}
DO UPDATE SET run = excluded.run, position = excluded.position
RETURNING id, number, status, job_id, sent_at, accepted_at, state, problem, files
"""
_FIRST = "SELECT run FROM items WHERE fingerprint = ? AND occurrence = 1"
_COUNT = """
INSERT INTO occurrences VALUES (?, 2)
ON CONFLICT (fingerprint) DO UPDATE SET count = count + 1 RETURNING count
"""
_OF_ONE_SUBMIT = "status, job_id, sent_at, accepted_at, running_at, ended_at, state, problem, files"
_LAST = "SELECT max(rowid) FROM past WHERE item = ?"
_KEEP = f"""
INSERT INTO past (item, {_OF_ONE_SUBMIT}) SELECT id, {_OF_ONE_SUBMIT} FROM items WHERE id = ?
"""
_RESTORE = f"""
UPDATE items SET ({_OF_ONE_SUBMIT}) = (SELECT {_OF_ONE_SUBMIT} FROM past WHERE rowid = ({_LAST}))
WHERE id = ?
"""
_FORGET = f"DELETE FROM past WHERE rowid = ({_LAST})"


def _claim(
    run: int, fingerprint: str, position: int, request: str, connection: sqlite3.Connection
) -> Found:
    # Most are met for the first time, and this alone costs a third of all that follows.
    rest = (position, position, run, request, Status.WAITING)
    new = connection.execute(_NEW, (fingerprint, 1, *rest))
    if new.rowcount:
        assert new.lastrowid is not None  # noqa: S101 - it has been inserted
        return Found(item=new.lastrowid, number=position, status=Status.WAITING)
    (first_met_in,) = connection.execute(_FIRST, (fingerprint,)).fetchone()
    occurrence = 1
    if first_met_in == run:
        (occurrence,) = connection.execute(_COUNT, (fingerprint,)).fetchone()
    row = connection.execute(_CLAIM, (fingerprint, occurrence, *rest)).fetchone()
    item, number, status, job_id, sent_at, accepted_at, state, problem, files = row
    return Found(
        item=item,
        number=number,
        status=Status(status),
        job_id=job_id,
        sent_at=sent_at,
        accepted_at=accepted_at,
        state=state,
        problem=problem,
        files=tuple(SavedFile(**file) for file in json.loads(files)) if files else (),
    )


def _update(item: int, values: dict[str, Any], connection: sqlite3.Connection) -> None:
    assignments = ", ".join(f"{column} = ?" for column in values)
    connection.execute(
        f"UPDATE items SET {assignments} WHERE id = ?",
        (*values.values(), item),
    )


def _begin_submit(item: int, sent_at: float, anew: bool, connection: sqlite3.Connection) -> None:
    if anew:
        connection.execute(_KEEP, (item,))
        _update(
            item,
            {**dict.fromkeys(_OF_ONE_SUBMIT.split(", ")), "status": Status.WAITING},
            connection,
        )
    _update(item, {"status": Status.SUBMITTING, "sent_at": sent_at, "problem": None}, connection)


def _take_back(item: int, anew: bool, connection: sqlite3.Connection) -> None:
    if anew and connection.execute(_RESTORE, (item, item)).rowcount:
        connection.execute(_FORGET, (item,))
    else:
        _update(item, {"status": Status.WAITING, "sent_at": None, "problem": None}, connection)
