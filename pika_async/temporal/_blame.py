"""Who is to blame that a submit started nothing: the line, the worker, the account or the service.

Pure. What is wrong for the account holds all of a campaign, until somebody has mended it.

A file that a worker cannot read says something of its machine: a folder is not mounted there, or
its user may not read it. Others may see it. So such a submit is put off, to whichever worker takes
it next, and is given up after ``MOST_UNREAD`` tries: then the file is gone everywhere.

A service that takes nothing at the moment says so of each line that it is asked for, as where it
has no channel for the model, or the vendor behind it is down. Nothing was begun. So a line of a
campaign is put off, and all others with it. Where others are taken meanwhile, and it alone is not,
it is refused after ``MOST_DOWN`` tries: it asks for what the service does not have. The last line
of a page, which has nobody beside it, is tried for an hour at least. Where nothing at all was taken
for a day the campaign is held, and whoever goes on with it has such lines refused.

A service that does not know what it is asked for (404) speaks of the address, which is wrong for
all, or of the model that one line names. So such a line is put off, too, and others are tried
beside it. Where ``MOST_UNKNOWN`` in a row are answered so, the campaign is held. Where the service
takes others of its page, a line is refused after ``MOST_DOWN`` tries, since another worker may have
another address; and at once where somebody has gone on with the campaign since it was tried first.
Lines that were not tried before that are put off, and hold the campaign again, unless whoever has
gone on with it has said that all such lines are to be refused: only its owner knows whether the
address was wrong.
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

MOST_DOWN: Final = 8
"""Tries of one line that the service does not take, while it takes others."""

MOST_UNKNOWN: Final = 5
"""So many submits in a row of which the service knows nothing hold the campaign."""

# A web page in the place of an answer is no word about the line either.
_DOWN: Final = frozenset({"ServerError", "DecodeError"})
# No plain "APIError": a gateway says so, too, with a success whose body refuses the prompt.
_UNKNOWN: Final = frozenset({"NotFoundError"})
_WRONG_FOR_ALL: Final = frozenset(
    {"AuthenticationError", "ConfigurationError", "PermissionDeniedError", "QuotaExceededError"}
)


def is_for_all(told: Told) -> bool:
    """Whether a refusal speaks of the account and not of the line."""
    return told.said is not None and told.said.error in _WRONG_FOR_ALL


def is_down(told: Told) -> bool:
    """Whether the service takes nothing now, and nothing was begun."""
    return _is_refused_with(told, _DOWN)


def is_unknown(told: Told) -> bool:
    """Whether nobody there knows what is asked for: the address is wrong, or the model."""
    return _is_refused_with(told, _UNKNOWN)


def is_unread(told: Told) -> bool:
    """Whether the worker could not read a file of the request: another one may."""
    said = told.said
    return told.cause is Cause.NOT_STARTED and said is not None and said.error == UNREAD


def is_put_off(told: Told) -> bool:
    """Whether the line that was told it is put off, while others are tried."""
    return is_unread(told) or is_down(told) or is_unknown(told)


def _is_refused_with(told: Told, errors: frozenset[str]) -> bool:
    said = told.said
    return told.cause is Cause.REFUSED and said is not None and said.error in errors
