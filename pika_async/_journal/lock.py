"""What keeps two batches from one journal: locks that end with their process, however it ends.

A POSIX lock is lifted when its process closes any handle of the file, as a program does that copies
the folder of its journal. So the locks here belong to the open file, where the system knows such:
https://www.gnu.org/software/libc/manual/html_node/Open-File-Description-Locks.html

The locks that SQLite itself takes are lifted by such a copy as well, and other programs would then
take the log away under a batch. Locks of ours in the same places keep them from that.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
import tempfile
import weakref
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

# For a type checker each system has its own of these, and the other is not there.
_fcntl: Any = None
_msvcrt: Any = None
try:
    import fcntl as _fcntl
except ImportError:
    import msvcrt as _msvcrt

# The answers of a file system without locks, or one that cannot reach its lock server.
_NO_LOCKS: Final = frozenset(
    {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL, errno.EIO}
)
_TAKEN: Final = frozenset({errno.EAGAIN, errno.EACCES, errno.EDEADLK})

# Where SQLite puts its locks: https://www.sqlite.org/src/file/src/os_unix.c (first byte, length).
_PENDING: Final = 0x40000000
_SHARED: Final = (_PENDING + 2, 510)
_ALL_OF_SQLITE: Final = (_PENDING, 512)
_BEHIND_SQLITE: Final = (_PENDING + 512, 1)
# In the index of the log: whether anybody has it open.
_INDEX_IN_USE: Final = (128, 1)

# Linux alone: on other systems the structure that is packed below is laid out differently.
KNOWS_OPEN_FILE_LOCKS: Final = sys.platform == "linux" and hasattr(_fcntl, "F_OFD_SETLK")
"""Whether locks can belong to the open file; else a database is not to be opened beside SQLite."""
_FLOCK: Final = "hhqqi4x"


class TakenError(Exception):
    """Somebody else holds the lock."""


class NoLocksError(Exception):
    """Files cannot be locked here."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason


class Lock:
    """A file that is held open for the locks on it."""

    def __init__(self, path: Path, *, make: bool = False) -> None:
        """Open it; ``make``: where it is not there, too.

        Raises:
            OSError: It cannot be opened for writing.
        """
        self.path = path
        flags = os.O_RDWR | (os.O_CREAT if make else 0) | getattr(os, "O_BINARY", 0)
        self.fd: int | None = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o644)
        _held.add(self)

    @property
    def opened(self) -> int:
        """The handle of the file, while it is open."""
        assert self.fd is not None  # noqa: S101 - closed last
        return self.fd

    def exclude(self) -> None:
        """Keep out everybody else who does the same with this file, under whatever name.

        Raises:
            TakenError: Somebody else does.
            NoLocksError: The file system cannot lock.
            OSError: It cannot be locked for another reason.
        """
        try:
            if _msvcrt is not None:
                os.lseek(self.opened, _PENDING, os.SEEK_SET)
                _msvcrt.locking(self.opened, _msvcrt.LK_NBLCK, _ALL_OF_SQLITE[1])
            elif not KNOWS_OPEN_FILE_LOCKS or not self._set(_fcntl.F_WRLCK, _ALL_OF_SQLITE):
                _check_locks(self.path.parent)
                _fcntl.flock(self.opened, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        except OSError as error:
            raise _told(error) from error

    def exclude_beside_sqlite(self) -> None:
        """:meth:`exclude` for a database, at a place where SQLite puts no lock of its own.

        Where the system has no locks that allow it, nothing is done.

        Raises:
            TakenError: Somebody else does.
        """
        try:
            self._set_if_known("F_WRLCK", _BEHIND_SQLITE)
        except OSError as error:
            raise _told(error) from error

    def share(self, *, index: bool = False) -> None:
        """Show other programs that the database is open; ``index``: the index of its log."""
        self._set_if_known("F_RDLCK", _INDEX_IN_USE if index else _SHARED)

    def unshare(self) -> None:
        """The end of :meth:`share` for a database; the other lock stays."""
        self._set_if_known("F_UNLCK", _SHARED)

    def release(self, *, close: bool = True) -> None:
        """Lift all locks; with ``close`` false the file stays open, and is closed by others."""
        if self.fd is None:
            return
        # Closing alone would not lift them where a forked process has the file open, too.
        self._set_if_known("F_UNLCK", (0, 0))
        if close:
            self.close()

    def close(self) -> None:
        """Close the file, with its locks."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def _set_if_known(self, kind: str, span: tuple[int, int]) -> None:
        if KNOWS_OPEN_FILE_LOCKS:
            self._set(getattr(_fcntl, kind), span)

    def _set(self, kind: int, span: tuple[int, int]) -> bool:
        """False where there are no such locks."""
        asked = struct.pack(_FLOCK, kind, os.SEEK_SET, *span, 0)
        try:
            _fcntl.fcntl(self.opened, _fcntl.F_OFD_SETLK, asked)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return False
            raise
        return True


def _check_locks(folder: Path) -> None:
    """Make sure that SQLite can lock files in ``folder``.

    Raises:
        NoLocksError: It cannot.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            _fcntl.lockf(file, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise NoLocksError(error) from error


def _told(error: OSError) -> Exception:
    if error.errno in _TAKEN:
        return TakenError()
    return NoLocksError(error) if error.errno in _NO_LOCKS else error


_held: Final[weakref.WeakSet[Lock]] = weakref.WeakSet()


def _forget() -> None:
    """In a forked process: the locks belong to its parent, and must not outlive that here."""
    for lock in list(_held):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
