"""A file being filled beside its target, and moved into place when it is whole.

Blocking work runs in threads and always to its end: whoever is cancelled waits for the step under
way, so that nothing is cleaned up while a thread still writes.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define

from pika_async._settled import settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks, and forbids the rename instead
    fcntl = None  # type: ignore[assignment]

# Large enough that the hop to a writing thread costs little, small enough to hold in memory.
_WRITE_BYTES: Final = 1024 * 1024


class PartInUseError(Exception):
    """Another download, of this process or another, is filling the same file."""


@define(eq=False)
class Part:
    """``name.part`` beside the target, and what is known of the whole."""

    target: Path
    overwrite: bool
    written: int = 0
    total: int | None = None
    validator: str | None = None
    """A strong ETag or a date: what a resumed answer must still match."""
    _handle: int | None = None

    @property
    def path(self) -> Path:
        """Where it is filled."""
        return self.target.with_name(f"{self.target.name}.part")

    def open(self) -> None:
        """Make it, empty, and keep others off it.

        Raises:
            FileExistsError: There is a target already, and it is not to be replaced.
            IsADirectoryError: The target is a folder.
            PartInUseError: It is being filled by another download.
            OSError: It cannot be made.
        """
        if self.target.is_dir():
            raise IsADirectoryError(str(self.target))
        self._check_target()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(f"{self.path.parent} is no folder") from error
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        while self._handle is None:
            handle = os.open(self.path, flags, 0o666)
            try:
                if self._locked(handle):
                    self._handle = handle
                    os.ftruncate(handle, 0)
            finally:
                if self._handle is None:
                    os.close(handle)

    def _locked(self, handle: int) -> bool:
        """Lock the open file; False where it has lost its name to another download's end."""
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise PartInUseError(str(self.path)) from error
        try:
            named = self.path.lstat()
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(handle), named)

    async def start_over(self) -> None:
        """Forget everything written so far."""
        await settled(lambda: os.ftruncate(self._open_handle(), 0))
        self.written, self.total, self.validator = 0, None, None

    async def fill(self, chunks: AsyncIterator[bytes], limit: int) -> None:
        """Append ``chunks``, a little more than ``limit`` bytes at most.

        Whatever arrived before a break is kept.
        """
        pieces: list[bytes] = []
        size = 0
        try:
            async for chunk in chunks:
                pieces.append(chunk)
                size += len(chunk)
                if self.written + size > limit:
                    break
                if size >= _WRITE_BYTES:
                    taken, pieces, size = pieces, [], 0
                    await self._append(taken)
        finally:
            if pieces:
                await self._append(pieces)

    async def _append(self, pieces: list[bytes]) -> None:
        await settled(lambda: self._write(b"".join(pieces)))

    def _write(self, data: bytes) -> None:
        # A disk that is nearly full takes a part of what it is given, and says how much.
        rest = memoryview(data)
        os.lseek(self._open_handle(), self.written, os.SEEK_SET)
        while rest:
            count = os.write(self._open_handle(), rest)
            self.written += count
            rest = rest[count:]

    def finish(self) -> None:
        """Make it durable and give it the target's name.

        Raises:
            FileExistsError: A target has appeared meanwhile, and is not to be replaced.
            OSError: It cannot be written or moved.
        """
        handle = self._open_handle()
        os.fsync(handle)
        if os.fstat(handle).st_size != self.written:
            raise OSError(f"{self.path} has another size than what was written")
        self._check_target()
        if fcntl is None:  # pragma: no cover - Windows moves no open file
            self._close()
        os.replace(self.path, self.target)  # noqa: PTH105 - the atomic one, by its name
        if self._handle is not None:
            self._close()
        _sync_folder(self.target.parent)

    def discard(self) -> None:
        """Remove what is not finished; nothing after ``finish``."""
        if self._handle is not None:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
            self._close()

    def _check_target(self) -> None:
        if not self.overwrite and os.path.lexists(self.target):
            raise FileExistsError(str(self.target))

    def _open_handle(self) -> int:
        assert self._handle is not None  # noqa: S101 - opened first, closed last
        return self._handle

    def _close(self) -> None:
        handle, self._handle = self._open_handle(), None
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    # The new name is durable once its folder is; not every system can open one.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
