"""Where a page goes: to a file that is whole or not there, or to stdout."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pika_async import PikaError
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.targets import check_target
from pika_async.cli._showing.output import write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# The journal, and what is kept beside it.
_OF_A_JOURNAL: Final = ("", "-wal", "-shm", "-lock")
_PIECE: Final = 1 << 16
# With what is added to it, the name must still be one that file systems take.
_LONGEST_STEM: Final = 100


def check_page(target: Path, journal: Path, *, overwrite: bool) -> None:
    """Refuse a file that must not be replaced, or cannot be written.

    Raises:
        UsageError: It is the journal, exists, is no file, or its folder cannot be written to.
    """
    real = os.path.realpath(target)
    if real in (f"{os.path.realpath(journal)}{end}" for end in _OF_A_JOURNAL):
        raise UsageError(f"{str(target)!r} is the journal itself; give the page a name with -o.")
    if os.path.lexists(target) and not target.is_dir():
        if not overwrite:
            raise UsageError(
                f"{str(target)!r} exists already. Add --overwrite to replace it, or give another "
                "name with -o."
            )
        if target.exists() and not target.is_file():
            raise UsageError(f"{str(target)!r} is no file that could be replaced.")
    check_target(target, overwrite=overwrite)


def save_page(pieces: Iterable[str], target: Path) -> None:
    """Write a page; whoever opens ``target`` meanwhile sees the old one, or none.

    Raises:
        PikaError: It could not be written.
    """
    part = target.with_name(f"{target.name[:_LONGEST_STEM]}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb", buffering=_PIECE) as file:
                for piece in pieces:
                    file.write(piece.encode())
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
    except OSError as error:
        raise PikaError(
            f"{str(target)!r} could not be written: {error.strerror or error}."
        ) from error


def print_page(pieces: Iterable[str]) -> None:
    """A page on stdout, in UTF-8 whatever the terminal's encoding."""
    kept: list[str] = []
    size = 0
    for piece in pieces:
        kept.append(piece)
        size += len(piece)
        if size >= _PIECE:
            whole, _, rest = "".join(kept).rpartition("\n")
            write(whole.encode(), exact=True)
            kept, size = [rest], 0
    write("".join(kept).encode(), exact=True)
