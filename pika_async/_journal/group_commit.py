"""Durable writes to a journal from an event loop: in groups, in one thread, in order."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from pika_async._errors import JournalError
from pika_async._settled import to_its_end

if TYPE_CHECKING:
    from pathlib import Path

    from pika_async._journal.file import JournalFile

_T = TypeVar("_T")
Step = Callable[[sqlite3.Connection], _T]
_Outcome = tuple[Any, None] | tuple[None, Exception]


class GroupCommit:
    """Runs steps on a journal's connection; a step is done once it is on the disk.

    While one group is being committed the next one gathers, so a slow disk makes groups larger and
    holds up neither the event loop nor more than the steps that wait for it.
    """

    def __init__(self, path: Path, broken: Callable[[JournalError], None]) -> None:
        """``broken``: told once a group that could not be written."""
        self._path = path
        self._broken = broken
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pika_async-journal")
        self._loop = asyncio.get_running_loop()
        self._gathering: list[tuple[Step[Any], asyncio.Future[Any]]] = []
        self._committing: asyncio.Future[list[_Outcome]] | None = None
        self._file: JournalFile | None = None

    async def open(self, make: Callable[[], JournalFile]) -> JournalFile:
        """Open the file, in the thread that will write to it."""

        async def opened() -> JournalFile:
            self._file = file = await self._begun(make)
            return file

        try:
            return await to_its_end(opened())
        except BaseException:
            await to_its_end(self.close())
            raise

    def _begun(self, make: Callable[[], JournalFile]) -> asyncio.Future[JournalFile]:
        try:
            return self._loop.run_in_executor(self._thread, make)
        except RuntimeError as error:
            raise JournalError(
                f"the journal {str(self._path)!r} is written by a thread of its own, and the "
                f"system starts none: {error}. Nothing was sent. Allow this process more threads "
                "(ulimit -u, or the limit of processes of its container)."
            ) from error

    def write(self, step: Step[_T]) -> asyncio.Future[_T]:
        """The result of ``step`` once it is durable; to be awaited or left alone.

        Cancelling the wait does not undo the write. Where it cannot be written the future raises
        JournalError.
        """
        future: asyncio.Future[_T] = self._loop.create_future()
        self._gathering.append((step, future))
        if self._committing is None:
            self._commit()
        return future

    async def close(self) -> None:
        """Wait for what is under way, then close the file."""
        while self._committing is not None:
            await asyncio.wait({self._committing})
        if self._file is not None:
            await self._loop.run_in_executor(self._thread, self._file.close)
        self._thread.shutdown(wait=False)

    def _commit(self) -> None:
        group, self._gathering = self._gathering, []
        committing = self._loop.run_in_executor(self._thread, self._written, group)
        committing.add_done_callback(lambda done: self._report(group, done))
        self._committing = committing

    def _written(self, group: list[tuple[Step[Any], asyncio.Future[Any]]]) -> list[_Outcome]:
        """One transaction; a step that raises of its own is left out of it."""
        assert self._file is not None  # noqa: S101 - opened first
        connection = self._file.connection
        stumbles: dict[int, Exception] = {}
        while True:
            connection.execute("BEGIN IMMEDIATE")
            place = -1
            try:
                outcomes: list[_Outcome] = []
                for place, (step, _) in enumerate(group):
                    known = stumbles.get(place)
                    outcomes.append((None, known) if known else (step(connection), None))
                connection.execute("COMMIT")
            except BaseException as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error) or not isinstance(error, Exception):
                    raise
                stumbles[place] = error
            else:
                self._file.committed([result for result, _ in outcomes])
                return outcomes

    def _report(
        self,
        group: list[tuple[Step[Any], asyncio.Future[Any]]],
        done: asyncio.Future[list[_Outcome]],
    ) -> None:
        self._committing = None
        if self._gathering:
            self._commit()
        error = done.exception()
        if isinstance(error, sqlite3.Error):
            self._broken(self._failure(error))
        for place, (_, future) in enumerate(group):
            if future.cancelled():
                continue
            result, problem = (None, error) if error is not None else done.result()[place]
            if problem is None:
                future.set_result(result)
            else:
                future.set_exception(
                    self._failure(problem) if isinstance(problem, sqlite3.Error) else problem
                )
                # Not everyone waits.
                future.exception()

    def _failure(self, error: sqlite3.Error) -> JournalError:
        failure = JournalError(f"the journal {str(self._path)!r} could not be written: {error}")
        failure.__cause__ = error
        return failure
