"""Who is to blame that a submit started nothing: the line, the worker or the account. Pure.

A file that a worker cannot read says something of its machine: a folder is not mounted there, or
its user may not read it. Others may see it. So such a submit is put off, to whichever worker takes
it next, and is given up after ``MOST_UNREAD`` tries: then the file is gone everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pika_async.temporal._verdict import Cause

if TYPE_CHECKING:
    from pika_async.temporal._failures import Told

MOST_UNREAD: Final = 8
"""Tries of one request whose file no worker has read, and pauses in a row for nothing else."""

UNREAD: Final = "FieldError"
"""What is said of a file that was not read. With that name, nothing else is put off."""

_WRONG_FOR_ALL: Final = frozenset(
    {"AuthenticationError", "ConfigurationError", "PermissionDeniedError", "QuotaExceededError"}
)


def is_for_all(told: Told) -> bool:
    """Whether a refusal speaks of the account and not of the line."""
    return told.said is not None and told.said.error in _WRONG_FOR_ALL


def is_unread(told: Told) -> bool:
    """Whether the worker could not read a file of the request: another one may."""
    said = told.said
    return told.cause is Cause.NOT_STARTED and said is not None and said.error == UNREAD
