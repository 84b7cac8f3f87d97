"""A store in a folder, which several machines may share. Everything that blocks runs in threads.

A content is written beside its name, made durable, and given its name by a hard link: that is the
call that fails where the name is taken, and succeeds for one writer alone.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from attrs import frozen

from pika_async._download.disk import check_size, flush, sync_folder, synced
from pika_async._download.targets import SUFFIX
from pika_async._settled import settled
from pika_async.temporal._store.errors import StoreError
from pika_async.temporal._store.naming import folder, parts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

_T = TypeVar("_T")

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_PIECE: Final = 1024 * 1024
# link: the file system has no such thing, or not for this file.
_NO_LINK: Final = frozenset(
    {
        errno.EPERM,
        errno.EACCES,
        errno.ENOSYS,
        errno.EOPNOTSUPP,
        errno.ENOTSUP,
        errno.EINVAL,
        errno.EMLINK,
        errno.EXDEV,
    }
)
# What an answer "there is none" looks like; a file in a folder's place holds nothing either.
_NONE: Final = (FileNotFoundError, NotADirectoryError)


@frozen
class Folder:
    """A store in a folder; the folder is made by whoever writes first."""

    place: str

    async def create(self, name: str, content: bytes) -> bool:
        """See ``Store``."""
        return await self._done(name, "written", partial(_create, self._path(name), [content]))

    async def create_from(self, name: str, path: Path) -> bool:
        """See ``Store``."""
        target = self._path(name)
        work = partial(_create_from, target, path)
        made, size, there = await self._done(name, "written", work)
        if size != there:
            raise StoreError(
                f"{self.shown(name)!r} has {there} bytes, and {size} were to be written; it was "
                "left as it is. Move it away if it is not wanted.",
                place=self.place,
                name=name,
            )
        return made

    async def read(self, name: str) -> bytes | None:
        """See ``Store``."""
        return await self._done(name, "read", partial(_read, self._path(name)))

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """See ``Store``."""
        work = partial(_read_part, self._path(name), start, length)
        return await self._done(name, "read", work)

    async def size(self, name: str) -> int | None:
        """See ``Store``."""
        return await self._done(name, "read", partial(_size, self._path(name)))

    async def names(self, prefix: str) -> AsyncIterator[str]:
        """See ``Store``; what is being written, or was left by a writer that died, is left out."""
        # Depth first, and each folder in its place: so the whole is sorted in the memory of one.
        pending = [f"{folder(prefix)}/" if prefix else ""]
        while pending:
            name = pending.pop()
            if name and not name.endswith("/"):
                yield name
                continue
            work = partial(_entries, Path(self.place, name))
            found = await self._done(name, "listed", work)
            pending += (f"{name}{one}" for one in sorted(found, reverse=True))

    def local(self, name: str) -> Path | None:
        """See ``Store``."""
        return self._path(name)

    def shown(self, name: str) -> str:
        """See ``Store``."""
        return str(self._path(name))

    def _path(self, name: str) -> Path:
        return Path(self.place, *parts(name))

    async def _done(self, name: str, what: str, work: Callable[[], _T]) -> _T:
        try:
            return await settled(work)
        except OSError as error:
            shown = str(Path(self.place, name))
            reason = error.strerror or str(error)
            raise StoreError(
                f"{shown!r} could not be {what}: {reason}.", place=self.place, name=name
            ) from error


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except _NONE:
        return None


def _read_part(path: Path, start: int, length: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(length)
    except _NONE:
        return None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except _NONE:
        return None


def _entries(place: Path) -> list[str]:
    """The names in it; those of folders end in a slash, as they are sorted in a whole name."""
    try:
        with os.scandir(place) as entries:
            return [
                f"{entry.name}/" if entry.is_dir() else entry.name
                for entry in entries
                if not entry.name.endswith(SUFFIX)
            ]
    except _NONE:
        return []


def _create_from(target: Path, path: Path) -> tuple[bool, int, int]:
    """Whether it was made, the length of the file, and of what has the name now."""
    size = path.stat().st_size
    there = _size(target)
    made = False
    if there is None:
        made = _create(target, _pieces(path))
        there = target.stat().st_size
    return made, size, there


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _create(target: Path, pieces: Iterator[bytes] | list[bytes]) -> bool:
    if os.path.lexists(target):
        return False
    _make(target.parent)
    # Two machines, or two threads, never fill the same one.
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}{SUFFIX}")
    try:
        _write(part, pieces)
        made = _named(part, target)
    finally:
        with suppress(OSError):
            part.unlink()
    if made:
        sync_folder(target.parent)
    return made


def _make(place: Path) -> None:
    """Make a folder, as durable as what will lie in it."""
    if place.is_dir():
        return
    _make(place.parent)
    with suppress(FileExistsError):
        place.mkdir()
    sync_folder(place.parent)


def _write(part: Path, pieces: Iterator[bytes] | list[bytes]) -> None:
    handle = os.open(part, _NEW, 0o666)
    size = 0
    with os.fdopen(handle, "wb") as file:
        for piece in pieces:
            size += file.write(piece)
        file.flush()
        if not synced(file.fileno(), {}):
            flush(file.fileno())
    check_size(part, size)


def _named(part: Path, target: Path) -> bool:
    try:
        os.link(part, target)
    except FileExistsError:
        # On a network drive the first answer may be lost, and this is the second's.
        return _same(part, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return _claimed(part, target)
    return True


def _same(part: Path, target: Path) -> bool:
    try:
        return part.samefile(target)
    except OSError:
        return False


def _claimed(part: Path, target: Path) -> bool:
    """Where there are no links: the name is taken by an empty file, which is then replaced.

    Whoever dies between the two leaves an empty file, which holds the name and reads as damaged.
    """
    try:
        os.close(os.open(target, _NEW, 0o666))
    except FileExistsError:
        return False
    try:
        os.replace(part, target)  # noqa: PTH105 - the atomic one, by its name
    except BaseException:
        with suppress(OSError):
            target.unlink()
        raise
    return True
