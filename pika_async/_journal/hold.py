"""A journal in the hands of one batch: what is locked, and in which order."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from pika_async._journal.lock import KNOWS_OPEN_FILE_LOCKS, Lock
from pika_async._journal.mark import Mark, read_mark, write_mark

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

# Files that are not locked any more, and that somebody in this process still reads. To close them
# would lift the locks of that reader, too.
_kept: Final[list[Lock]] = []


def lock_beside(path: Path) -> Path:
    """The file of the lock of the journal at ``path``."""
    return path.with_name(f"{path.name}-lock")


class Hold:
    """The locks of one batch on its journal.

    One is on a file beside the journal: it keeps out whoever opens the same name. One is on the
    journal itself, which may have been renamed meanwhile. The others stand beside SQLite's own.
    """

    def __init__(self, path: Path) -> None:
        """Lock the name ``path``; missing folders are made.

        Raises:
            TakenError: Another batch has it.
            NoLocksError: The file system cannot lock.
            OSError: There can be no such file, or something else is in its place.
        """
        self._path = path
        self.mark: Mark | None = None
        """The mark that an earlier batch has left beside the journal."""
        self._file: Lock | None = None
        self._index: Lock | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._beside = Lock(lock_beside(path), make=True)
        try:
            self._beside.exclude()
            self.mark = read_mark(self._beside.opened)
            if KNOWS_OPEN_FILE_LOCKS:
                # Made here where it is not there yet: only what exists can be locked.
                self._file = Lock(path, make=True)
                self._file.exclude_beside_sqlite()
        except BaseException:
            self._close()
            raise

    def keep(self, mark: Mark) -> None:
        """Keep ``mark`` beside the journal.

        Raises:
            OSError: It cannot be written.
        """
        write_mark(self._beside.opened, mark)

    def share(self) -> None:
        """Show other programs that the journal is open, once SQLite has opened it.

        Only where there is a log: without one, these locks would hinder SQLite's own writing.
        """
        index = self._path.with_name(f"{self._path.name}-shm")
        if self._file is not None and index.exists():
            self._file.share()
            self._index = Lock(index)
            self._index.share(index=True)

    def release(self, connection: sqlite3.Connection | None = None) -> None:
        """Close the ``connection``, if there is one, and lift all locks."""
        if self._file is not None:
            # SQLite would take our lock for another program's, and leave the log where it is.
            self._file.unshare()
        try:
            if connection is not None:
                connection.close()
        finally:
            self._close()

    def _close(self) -> None:
        _close_what_was_kept()
        for lock in (self._index, self._file):
            if lock is not None:
                is_read = self._index is not None and _is_there(self._index)
                lock.release(close=not is_read)
                if is_read:
                    _kept.append(lock)
        self._beside.release()


def _close_what_was_kept() -> None:
    """Close them once the index of the log is gone: then nobody reads."""
    if _kept and not any(_is_there(lock) for lock in _kept if lock.path.name.endswith("-shm")):
        while _kept:
            _kept.pop().close()


def _is_there(lock: Lock) -> bool:
    """Whether the file still has its name."""
    if lock.fd is None:
        return False
    try:
        return os.path.samestat(os.fstat(lock.fd), lock.path.stat())
    except OSError:
        return False
