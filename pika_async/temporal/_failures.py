"""How a submit that did not end well crosses the engine: as a failure of its activity."""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen
from temporalio.exceptions import ApplicationError, TimeoutError  # noqa: A004 - the engine's word

from pika_async.temporal._codec import from_plain, read_record
from pika_async.temporal._records import Record, Said
from pika_async.temporal._verdict import Cause

_PREFIX: Final = "pika."
_CAUSES: Final = {f"{_PREFIX}{cause}": cause for cause in Cause if cause is not Cause.TIMED_OUT}

JOB_TIMEOUT: Final = "JobTimeout"
"""The type of the failure where nobody waits for the job any more; its detail is the job's id."""


UNKNOWN_JOB: Final = "UnknownJob"
"""The type of the failure where the service knows no job of an adopted id."""


NO_ROOM_LEFT: Final = "NoRoomLeft"
"""The type of the failure where a store takes no more repairs of a line."""


def as_failure(cause: Cause, said: Said) -> ApplicationError:
    """What an activity raises; the engine never repeats it."""
    return ApplicationError(said.meaning, said, type=f"{_PREFIX}{cause}", non_retryable=True)


@frozen(kw_only=True)
class Told:
    """What the engine tells of a submit that did not end well.

    Attributes:
        cause: How it ended.
        record: The last record; None where there is none.
        said: What the activity said.
    """

    cause: Cause
    record: Record | str | None
    said: Said | None = None


def told_by(failure: BaseException | None) -> Told:
    """What a failed submit tells, by the cause of its ``ActivityError``, as histories have it."""
    match failure:
        case TimeoutError() as error:
            return Told(cause=Cause.TIMED_OUT, record=_record_of(error.last_heartbeat_details))
        case ApplicationError(type=kind) as error if kind in _CAUSES:
            said = _said_of(error.details)
            # What says nothing that this version understands proves nothing.
            cause = Cause.BROKEN if said is None else _CAUSES[kind]
            return Told(cause=cause, record=None if said is None else said.sent, said=said)
        case _:
            return Told(cause=Cause.BROKEN, record=None)


def _record_of(details: Any) -> Record | str | None:
    if not details:
        return None
    return read_record(details[0]) or "unreadable"


def _said_of(details: Any) -> Said | None:
    try:
        said: Said = from_plain(details[0], Said)
    except (ValueError, IndexError):
        return None
    return said
