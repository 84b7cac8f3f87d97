"""What is asked of a file system, and what is done where it cannot do that.

Network drives, FUSE, shared folders and containers leave calls out, or answer them in their own
ways. What is paid for is kept all the same: what cannot be locked has a name of its own, what
cannot be synced is checked after it is closed, what cannot be moved is linked or copied.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks
    fcntl = None  # type: ignore[assignment]

_WRITE: Final = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_COPY_BYTES: Final = 1024 * 1024

# A part that has just been finished by another may be met a few times, not for ever.
_TRIES: Final = 5

# fsync: the file system has no such thing. Any other error means that data may be lost.
_NO_SYNC: Final = frozenset(
    {
        errno.EINVAL,
        errno.ENOSYS,
        errno.EOPNOTSUPP,
        errno.ENOTSUP,
        errno.EPERM,
        errno.EACCES,
        errno.EBADF,
        errno.ENOTTY,
    }
)
# On macOS fsync leaves data in the memory of the drive, which loses them with the power.
_FULL_SYNC: Final[int | None] = getattr(fcntl, "F_FULLFSYNC", None)
# rename: another way leads to the same end. On Windows a scanner may hold a new file for a moment.
_HELD: Final = frozenset({errno.EBUSY, errno.EPERM, errno.EACCES})
_NO_RENAME: Final = _HELD | {
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.ETXTBSY,
}
# In seconds.
_PAUSES: Final = (0.0, 0.1, 0.3, 1.0)


class Limit(StrEnum):
    """What a file system cannot do."""

    LOCK = "lock"
    SYNC = "sync"
    REPLACE = "replace"


Limits = dict[Limit, OSError]


class PartInUseError(Exception):
    """Another download, of this process or another, is filling the same file."""


def take(path: Path, limits: Limits) -> tuple[int, Path]:
    """Open ``path``, empty and for nobody else, or a file of another name beside it.

    The other name is taken where nobody can tell whether the one that is there is in use.

    Raises:
        PartInUseError: It is in use.
        OSError: No file can be made, or there is something that is no file.
    """
    for _ in range(_TRIES):
        try:
            handle, is_new = _opened(path, os.O_EXCL), True
        except FileExistsError:
            check_is_file(path)
            try:
                handle, is_new = _opened(path, _NOFOLLOW), False
            except FileNotFoundError:
                continue
            except OSError:
                # Of another user, say, who has left it behind.
                break
        taken = False
        try:
            taken = _is_ours(handle, path, is_new=is_new, limits=limits)
        finally:
            if not taken:
                os.close(handle)
        if taken:
            return handle, path
        if Limit.LOCK in limits:
            break
    return take_another(path)


def take_another(path: Path) -> tuple[int, Path]:
    """Open a new file beside ``path``, of a name that nobody else has.

    Raises:
        OSError: It cannot be made.
    """
    # Not longer than the longest that was found to fit.
    another = path.with_name(f"{secrets.token_hex(4)}{path.suffix}")
    return _opened(another, os.O_EXCL), another


def _opened(path: Path, how: int) -> int:
    return os.open(path, _WRITE | how, 0o666)


def check_is_file(path: Path) -> None:
    """Refuse what cannot be filled: opening a FIFO waits for a reader, and a link leads elsewhere.

    Raises:
        OSError: There is something, and it is no file.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError(errno.EINVAL, f"{path.name!r} is no file")


def _is_ours(handle: int, path: Path, *, is_new: bool, limits: Limits) -> bool:
    """Whether the open file may be written by us and by nobody else; then it is empty."""
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PartInUseError(str(path)) from error
        except OSError as error:
            limits[Limit.LOCK] = error
    if is_new:
        # Nobody else has made it, and nobody else unlinks or moves what has been made new.
        return True
    if fcntl is None or Limit.LOCK in limits:
        return False
    try:
        opened, named = os.fstat(handle), path.lstat()
        if not os.path.samestat(opened, named) or opened.st_nlink > 1:
            # It has lost its name to another download's end, or is somebody's file by another name.
            return False
        os.ftruncate(handle, 0)
    except OSError:
        return False
    return True


def synced(handle: int, limits: Limits) -> bool:
    """Make an open file durable; False where the file system has no such thing.

    Raises:
        OSError: What was written may be lost.
    """
    try:
        _sync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
        limits[Limit.SYNC] = error
        return False
    return True


def _sync(handle: int) -> None:
    if fcntl is not None and _FULL_SYNC is not None:
        try:
            fcntl.fcntl(handle, _FULL_SYNC)
        except OSError as error:
            # Drives elsewhere do not know it; then the other call decides.
            if error.errno not in _NO_SYNC:
                raise
        else:
            return
    os.fsync(handle)


def flush(handle: int) -> None:
    """Have an open file stored as closing it would have it stored, and go on holding it.

    Raises:
        OSError: It cannot be stored; where there is no fsync, only this says so.
    """
    os.close(os.dup(handle))


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable, where that is possible."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check_size(path: Path, size: int) -> None:
    """Refuse a file that has not so many bytes; it is read where its entry says otherwise.

    Raises:
        OSError: It has another size, or cannot be read.
    """
    if path.stat().st_size == size:
        return
    # Entries are cached, and behind, where files lie elsewhere.
    with path.open("rb") as file:
        count = 0
        while piece := file.read(_COPY_BYTES):
            count += len(piece)
    if count != size:
        raise OSError(errno.EIO, f"{path.name!r} has another size than what was written")


def move(
    part: Path,
    target: Path,
    *,
    overwrite: bool,
    close: Callable[[], None],
    limits: Limits,
    pause: Callable[[float], None],
) -> None:
    """Give a whole file its final name: at once where that is possible.

    Args:
        part: The file.
        target: Its final name.
        overwrite: Replace what has that name.
        close: Closes the file, which some file systems move only then.
        limits: Told where it could not be done at once.
        pause: Waits so many seconds.

    Raises:
        FileExistsError: The name is taken, and is not to be replaced.
        OSError: It could not be done in any way.
    """
    try:
        os.replace(part, target)  # noqa: PTH105 - the atomic one, by its name
    except OSError as error:
        problem = error
    else:
        return
    close()
    for seconds in _PAUSES:
        if problem.errno not in _HELD:
            break
        pause(seconds)
        try:
            os.replace(part, target)  # noqa: PTH105
        except OSError as error:
            problem = error
        else:
            return
    if problem.errno not in _NO_RENAME:
        raise problem
    if overwrite or not _linked(part, target):
        limits[Limit.REPLACE] = problem
        _copy(part, target, overwrite=overwrite, limits=limits)
    with suppress(OSError):
        part.unlink()


def _linked(part: Path, target: Path) -> bool:
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _copy(part: Path, target: Path, *, overwrite: bool, limits: Limits) -> None:
    handle = os.open(target, _WRITE | (os.O_TRUNC if overwrite else os.O_EXCL), 0o666)
    try:
        size = 0
        with os.fdopen(handle, "wb") as copy, part.open("rb") as file:
            while piece := file.read(_COPY_BYTES):
                size += copy.write(piece)
            copy.flush()
            synced(copy.fileno(), limits)
        check_size(target, size)
    except BaseException:
        if not overwrite:
            with suppress(OSError):
                target.unlink()
        raise
