"""The last job that a journal is known to have written down, kept beside it in its lock's file.

A journal that does not know this job is an older copy that has taken the place of a newer one.
Whoever ran it would buy again what it does not know.
"""

from __future__ import annotations

import json
import os
from typing import Final

from attrs import frozen

from pika_async._json import compact

_KEY: Final = "pika_async_journal"
_BEGINS: Final = f'{{"{_KEY}":'
# What is written has always this length, which is more than the id of a job needs.
_LENGTH: Final = 512
_LONGEST: Final = 65_536


@frozen
class KnownJob:
    """What a step returns that has written down the id of a job."""

    job_id: str


@frozen
class Mark:
    """The job that was written down last."""

    journal: str
    """The journal's own name, which its copies keep."""
    job_id: str


def read_mark(fd: int) -> Mark | None:
    """What stands in the file; None where nothing does.

    Raises:
        OSError: It is something else.
    """
    os.lseek(fd, 0, os.SEEK_SET)
    text = os.read(fd, _LONGEST).decode(errors="replace").strip("\0 \n")
    if not text:
        return None
    if not text.startswith(_BEGINS):
        raise OSError("the file of its lock holds something else")
    try:
        fields = json.loads(text.partition("\n")[0])
        return Mark(str(fields[_KEY]), str(fields["job_id"]))
    except (ValueError, TypeError, KeyError):
        # A crash of the machine has cut it off. Without a mark, one check less is made.
        return None


def write_mark(fd: int, mark: Mark) -> None:
    """Write it over the one before, without waiting until it is on the disk.

    Raises:
        OSError: It cannot be written.
    """
    text = compact({_KEY: mark.journal, "job_id": mark.job_id}) + "\n"
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, text.ljust(_LENGTH).encode())
