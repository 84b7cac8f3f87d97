"""Where videos and pages are saved, checked before anything is paid for."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pika_async import PikaError
from pika_async._download import targets
from pika_async._download.names import ascii_plain, ascii_short, short
from pika_async._download.targets import Problem, UnusableTargetError
from pika_async.cli._running.exits import UsageError
from pika_async.cli._showing.output import write

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROMPT_LENGTH: Final = 60
_ID_LENGTH: Final = 8
# The journal, and what is kept beside it.
_OF_A_JOURNAL: Final = ("", "-wal", "-shm", "-lock")
_PIECE: Final = 1 << 16
# Characters, so that file systems take the name with what is added to it.
_LONGEST_STEM: Final = 100


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a file that could not be written, before anything is paid for.

    Raises:
        UsageError: It exists, is no file, has a name that cannot be one, or its folder cannot be
            written to.
    """
    try:
        targets.check_target(target, overwrite=overwrite)
    except UnusableTargetError as error:
        raise UsageError(_unusable(target, error)) from error


def _unusable(target: Path, error: UnusableTargetError) -> str:
    name = repr(str(target))
    match error.problem:
        case Problem.EXISTS:
            return (
                f"{name} exists already; nothing was sent. Add --overwrite to replace it, or give "
                "another name with -o."
            )
        case Problem.FOLDER:
            return f"{name} is a folder; -o takes the name of a file."
        case Problem.NAME:
            return f"{name} cannot be the name of a file here: {error.reason}."
        case Problem.NOT_WRITABLE:
            folder = target.absolute().parent
            while not os.path.lexists(folder) and folder != folder.parent:
                folder = folder.parent
            return f"{name} cannot be saved: {str(folder)!r} cannot be written to ({error.reason})."
        case _:
            return f"{error}. Give the name of a file with -o."


def default_target(prompt: str, job_id: str) -> Path:
    """A name that every file system takes: ``a-red-panda-surfing-3f2a9c1e.mp4``."""
    # The id keeps it from being a name that Windows reserves, and from being taken.
    known_by = ascii_plain(job_id)[:_ID_LENGTH].strip("-") or "job"
    found = Path(f"{short(prompt, _PROMPT_LENGTH) or 'video'}-{known_by}.mp4")
    if targets.takes_name(found):
        return found
    return Path(f"{ascii_short(prompt, _PROMPT_LENGTH) or 'video'}-{known_by}.mp4")


def numbered(target: Path, index: int) -> Path:
    """The file of a job's video number ``index``, from 0: the name itself, then ``name-2``."""
    return target if index == 0 else target.with_name(f"{target.stem}-{index + 1}{target.suffix}")


def free_name(target: Path) -> Path:
    """``target``, or the first of ``name-2``, ``name-3``, … that does not exist."""
    index = 0
    while os.path.lexists(numbered(target, index)):
        index += 1
    return numbered(target, index)


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
            raise UsageError(f"{str(target)!r} is not a file, and cannot be replaced.")
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
