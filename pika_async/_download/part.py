"""A file being filled beside its target, and moved into place when it is whole.

Blocking work runs in threads and always to its end: whoever is cancelled waits for the step under
way, so that nothing is cleaned up while a thread still writes.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import Factory, define, field

from pika_async._download.disk import (
    Limits,
    check_size,
    flush,
    move,
    sync_folder,
    synced,
    take,
    take_another,
)
from pika_async._download.targets import SUFFIX, check_what_is_there
from pika_async._memory import keep_freed
from pika_async._request.media import SNIFF_LENGTH, is_video
from pika_async._settled import settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Large enough that the hop to a writing thread costs little, small enough to hold in memory.
_WRITE_BYTES: Final = 4 * 1024 * 1024


class NotAVideoError(Exception):
    """What came does not begin as a video does; ``head`` is how it begins."""

    def __init__(self, head: bytes) -> None:
        super().__init__(head)
        self.head = head


def _part_of(part: Part) -> Path:
    return part.target.with_name(part.target.name + SUFFIX)


@define(eq=False)
class Part:
    """``name.part`` beside the target, and what is known of the whole."""

    target: Path
    overwrite: bool
    path: Path = field(default=Factory(_part_of, takes_self=True), init=False)
    """Where it is filled; another name where nobody can tell whether that one is in use."""
    written: int = field(default=0, init=False)
    total: int | None = field(default=None, init=False)
    validator: str | None = field(default=None, init=False)
    """A strong ETag or a date: what a resumed answer must still match."""
    limits: Limits = field(factory=dict, init=False)
    """What the file system could not do, and how it said so."""
    is_stranded: bool = field(default=False, init=False)
    """Whether it is whole, and could not be given its final name: then it is kept."""
    _pause: Callable[[float], None] = time.sleep  # noqa: TID251 - in a thread, and seldom
    _handle: int | None = field(default=None, init=False)
    _is_there: bool = field(default=False, init=False)
    _head: bytearray = field(factory=bytearray, init=False)

    def open(self) -> None:
        """Make it, empty, and keep others off it.

        Raises:
            UnusableTargetError: What has the target's name is not to be replaced.
            PartInUseError: It is being filled by another download.
            OSError: It cannot be made.
        """
        # Else the pieces of each write are mapped anew: a tenth of what a large download costs.
        keep_freed(2 * _WRITE_BYTES)
        check_what_is_there(self.target, overwrite=self.overwrite)
        if self.target.is_symlink():
            # The link is kept, and what it leads to is replaced.
            self.target = Path(os.path.realpath(self.target))
            self.path = _part_of(self)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(f"{self.path.parent} is no folder") from error
        self._handle, self.path = take(self.path, self.limits)
        self._is_there = True

    async def start_over(self) -> None:
        """Forget everything written so far."""
        await settled(self._empty)
        self.written, self.total, self.validator = 0, None, None
        self._head.clear()

    def _empty(self) -> None:
        try:
            os.ftruncate(self._open_handle(), 0)
        except OSError:
            # What cannot be emptied is thrown away.
            self.discard()
            self._handle, self.path = take_another(self.path)
            self._is_there = True

    async def fill(self, chunks: AsyncIterator[bytes], limit: int) -> None:
        """Append ``chunks``, a little more than ``limit`` bytes at most.

        Whatever arrived before a break is kept.

        Raises:
            NotAVideoError: The first bytes are those of something else.
            OSError: They cannot be written.
        """
        pieces: list[bytes] = []
        size = 0
        try:
            async for chunk in chunks:
                pieces.append(chunk)
                size += len(chunk)
                if len(self._head) < SNIFF_LENGTH:
                    self._head += chunk[: SNIFF_LENGTH - len(self._head)]
                    if len(self._head) == SNIFF_LENGTH:
                        self.check_beginning()
                if self.written + size > limit:
                    break
                if size >= _WRITE_BYTES:
                    taken, pieces, size = pieces, [], 0
                    await self._append(taken)
        finally:
            if pieces:
                await self._append(pieces)

    def check_beginning(self) -> None:
        """Refuse what does not begin as a video does.

        Raises:
            NotAVideoError: It does not.
        """
        if not is_video(bytes(self._head)):
            raise NotAVideoError(bytes(self._head))

    @property
    def is_known_video(self) -> bool:
        """Whether what is written begins as a video does."""
        return is_video(bytes(self._head))

    async def _append(self, pieces: list[bytes]) -> None:
        await settled(lambda: self._write(pieces))

    def _write(self, pieces: list[bytes]) -> None:
        handle = self._open_handle()
        os.lseek(handle, self.written, os.SEEK_SET)
        for piece in pieces:
            # A disk that is nearly full takes a part of what it is given, and says how much.
            rest = memoryview(piece)
            while rest:
                count = os.write(handle, rest)
                if not count:
                    raise OSError(errno.EIO, "the file system takes no more bytes")
                self.written += count
                rest = rest[count:]

    def finish(self) -> None:
        """Make it durable and give it the target's name.

        Raises:
            UnusableTargetError: A target has appeared meanwhile, and is not to be replaced.
            OSError: It cannot be written or moved. Where it is whole nonetheless, it is kept.
        """
        handle = self._open_handle()
        if not synced(handle, self.limits):
            flush(handle)
        if os.fstat(handle).st_size != self.written:
            check_size(self.path, self.written)
        check_what_is_there(self.target, overwrite=self.overwrite)
        try:
            move(
                self.path,
                self.target,
                overwrite=self.overwrite,
                close=self._close,
                limits=self.limits,
                pause=self._pause,
            )
        except FileExistsError:
            raise
        except OSError:
            self.is_stranded = self.path.exists()
            raise
        self._is_there = False
        self._close()
        sync_folder(self.target.parent)

    def discard(self) -> None:
        """Remove what is not finished; nothing after ``finish``."""
        if not self._is_there:
            return
        if self.is_stranded:
            self._close()
            return
        removed = self._removed()
        self._close()
        if not removed:
            # Windows removes no open file.
            self._removed()
        self._is_there = False

    def _removed(self) -> bool:
        try:
            self.path.unlink(missing_ok=True)
        except OSError:
            return False
        return True

    def _open_handle(self) -> int:
        assert self._handle is not None  # noqa: S101 - opened first, closed last
        return self._handle

    def _close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            # What matters is durable by now, or thrown away.
            with suppress(OSError):
                os.close(handle)
