"""Where a video may be saved: what can be known to fail is found out before anything is paid for.

All of this blocks, and is to be run in a thread where an event loop runs.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

from pika_async._checks import FieldError
from pika_async._download.disk import check_is_file
from pika_async._download.names import name_in_folder

SUFFIX: Final = ".part"
"""Follows the name of a file while it is being filled."""

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
# Of several scripts, one of them outside of the first 65,536 characters, and one with a mark.
_LETTERS: Final = "\u00e9-\u0436-\u05d0-\u0915\u093f-\u5c0f-\ud55c-\U00020bb7"
# What a file system says of a name rather than of a folder.
_NAMES: Final = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ})


class Problem(StrEnum):
    """What is wrong with a target."""

    EXISTS = "exists"
    """There is a file already, and it is not to be replaced."""
    FOLDER = "folder"
    """It is a folder, and the name of a file is wanted."""
    NOT_A_FILE = "not_a_file"
    """It is a device, a FIFO or a socket, which is never replaced."""
    DANGLING = "dangling"
    """It is a symbolic link that leads to nothing."""
    NAME = "name"
    """Its name, with ``.part`` behind it, is too long here or has a letter that is not allowed."""
    NOT_WRITABLE = "not_writable"
    """No file can be made there."""


class UnusableTargetError(Exception):
    """A video cannot be saved there.

    Attributes:
        path: The target.
        problem: What is wrong with it.
        reason: What the system said, or None.
    """

    def __init__(self, path: Path, problem: Problem, reason: str | None = None) -> None:
        super().__init__(path, problem, reason)
        self.path = path
        self.problem = problem
        self.reason = reason

    def __str__(self) -> str:
        because = f": {self.reason}" if self.reason else ""
        return f"{str(self.path)!r} {_WORDS[self.problem]}{because}"


_WORDS: Final = {
    Problem.EXISTS: "exists",
    Problem.FOLDER: "is a folder; give the name of a file",
    Problem.NOT_A_FILE: "is a device, a FIFO or a socket, and no file; it is never replaced",
    Problem.DANGLING: "is a symbolic link that leads to nothing",
    Problem.NAME: "could not be written under that name",
    Problem.NOT_WRITABLE: "could not be written",
}


def takes_name(path: Path) -> bool:
    """Whether ``path`` can be the name of a file, as far as can be told without making one.

    There are systems, and disks, whose names have letters of ASCII alone.
    """
    if path.name.isascii():
        return True
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno not in _NAMES
    except ValueError:
        return False
    return True


def in_folder(path: str | os.PathLike[str], prompt: str, job_id: str, place: int) -> Path:
    """``path``, or where it is a folder, or ends as one does, a file in it.

    Raises:
        FieldError: There is nothing in it.
    """
    text = os.fsdecode(path)
    if not text:
        raise FieldError("path", text, "the path of a file, or of a folder")
    # Path.is_dir raises where a name is too long.
    is_folder = text.endswith(("/", os.sep)) or os.path.isdir(text)  # noqa: PTH112
    if not is_folder:
        return Path(text)
    whole = Path(text, name_in_folder(prompt, job_id, place))
    if takes_name(whole):
        return whole
    return Path(text, name_in_folder(prompt, job_id, place, ascii_only=True))


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a file that could not be written, before it is paid for. Leaves nothing behind.

    Raises:
        UnusableTargetError: Its ``problem`` says what is wrong.
    """
    check_what_is_there(target, overwrite=overwrite)
    try:
        # What an earlier download has left is filled anew, if it is a file.
        check_is_file(target.with_name(target.name + SUFFIX))
        folder, missing = target.parent, []
        while not os.path.lexists(folder) and folder != folder.parent:
            # Missing folders are made by the download: what counts is the nearest that exists.
            missing.append(folder.name)
            folder = folder.parent
        for name in missing:
            # A name that is too long is told only where there is a folder to look it up in.
            with suppress(FileNotFoundError):
                os.lstat(folder / name)
        _try_name(folder, target.name, SUFFIX)
    except (OSError, ValueError) as error:
        raise _unusable(target, error) from error


def check_what_is_there(target: Path, *, overwrite: bool) -> None:
    """Refuse a target whose name is taken by what is not to be replaced.

    Raises:
        UnusableTargetError: Its ``problem`` says what is wrong.
    """
    try:
        mode = os.lstat(target).st_mode
        if stat.S_ISLNK(mode):
            mode = _mode_behind(target)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise _unusable(target, error) from error
    if stat.S_ISDIR(mode):
        raise UnusableTargetError(target, Problem.FOLDER)
    if not stat.S_ISREG(mode):
        raise UnusableTargetError(target, Problem.NOT_A_FILE)
    if not overwrite:
        raise UnusableTargetError(target, Problem.EXISTS)


def check_folder(folder: Path, longest: int) -> bool:
    """Make the folder, and make sure that files can be made in it, before money is spent.

    Args:
        folder: Where the videos will be saved.
        longest: How many bytes the longest name of a video can have.

    Returns:
        Whether names there may have letters of any script.

    Raises:
        UnusableTargetError: Its ``problem`` says what is wrong.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _try_name(folder, "x" * longest, SUFFIX)
        return _takes_letters(folder)
    except FileExistsError as error:
        raise UnusableTargetError(
            folder, Problem.NOT_WRITABLE, "it is a file and no folder"
        ) from error
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from error


def _takes_letters(folder: Path) -> bool:
    try:
        _try_name(folder, _LETTERS, SUFFIX)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in _NAMES:
            raise
        return False
    return True


def _mode_behind(link: Path) -> int:
    try:
        return os.stat(link).st_mode  # noqa: PTH116 - beside lstat
    except FileNotFoundError:
        raise UnusableTargetError(link, Problem.DANGLING) from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnusableTargetError(link, Problem.DANGLING) from error
        raise


def _try_name(folder: Path, name: str, suffix: str) -> None:
    """Make a file with as long a name in as many letters, write to it, and remove it.

    Permissions alone know nothing of read-only and full disks, nor of what a name may be.
    """
    # As long as the suffix, and told apart from what others make there.
    ending = secrets.token_hex(len(suffix))[: len(suffix) - 1]
    path = folder / f"{name}.{ending}"
    handle = os.open(path, _NEW, 0o666)
    try:
        os.write(handle, b"\0")
    finally:
        with suppress(OSError):
            os.close(handle)
        with suppress(OSError):
            path.unlink()


def _unusable(target: Path, error: OSError | ValueError) -> UnusableTargetError:
    if isinstance(error, OSError):
        problem = Problem.NAME if error.errno in _NAMES else Problem.NOT_WRITABLE
        return UnusableTargetError(target, problem, error.strerror or str(error))
    # A null character, or half a surrogate pair.
    return UnusableTargetError(target, Problem.NAME, str(error))
