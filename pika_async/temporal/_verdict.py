"""What a submit that did not end well leads to: one table, read row by row. Pure.

Nothing but these two ever leads to another POST: the engine says that the time is over and holds
no record, or the activity says that nothing was started. What is uncertain may still be settled,
without paying twice, by a service that knows keys or has a history: see :func:`recourse`.
"""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Final

from pika_async.temporal._records import Accepted, Leaving


class Cause(StrEnum):
    """How the one attempt of a submit ended."""

    TIMED_OUT = auto()
    """The engine's word: nothing was heard in time. The worker is lost, or slow."""
    NOT_STARTED = auto()
    """The activity's word: no job was started, and the same may be sent later."""
    REFUSED = auto()
    """The activity's word: no job was started, and sending the same again changes nothing."""
    LOST = auto()
    """The activity's word: it was sent, and no answer names a job."""
    RESET = auto()
    """The activity's word: the workflow was begun anew, and an earlier run may have submitted."""
    BROKEN = auto()
    """Whatever else: the engine, or a worker that is not ours."""


class Phase(StrEnum):
    """What the record of the attempt says."""

    NOTHING = auto()
    """There is none: the POST cannot have left."""
    LEAVING = auto()
    """It may have left."""
    ACCEPTED = auto()
    """The service has named the job."""
    UNREADABLE = auto()
    """There is one, which this version does not understand."""


class Verdict(StrEnum):
    """What to do."""

    AGAIN = auto()
    """Submit again: nothing was started."""
    ADOPT = auto()
    """Go on with the job that the record names."""
    UNCERTAIN = auto()
    """A job may exist and be billed."""
    REFUSED = auto()
    """Nothing was started, and nothing will be."""


_AGAIN, _ADOPT = Verdict.AGAIN, Verdict.ADOPT
_UNSURE, _REFUSED = Verdict.UNCERTAIN, Verdict.REFUSED

# fmt: off
_PHASES: Final =      (Phase.NOTHING, Phase.LEAVING, Phase.ACCEPTED, Phase.UNREADABLE)
VERDICTS: Final = {
    Cause.TIMED_OUT:   (_AGAIN,        _UNSURE,       _ADOPT,         _UNSURE),
    Cause.NOT_STARTED: (_AGAIN,        _AGAIN,        _ADOPT,         _UNSURE),
    Cause.REFUSED:     (_REFUSED,      _REFUSED,      _ADOPT,         _UNSURE),
    Cause.LOST:        (_UNSURE,       _UNSURE,       _ADOPT,         _UNSURE),
    Cause.RESET:       (_UNSURE,       _UNSURE,       _ADOPT,         _UNSURE),
    Cause.BROKEN:      (_UNSURE,       _UNSURE,       _ADOPT,         _UNSURE),
}
# fmt: on


def phase_of(record: object) -> Phase:
    """What a record says; None is no record."""
    match record:
        case None:
            return Phase.NOTHING
        case Leaving():
            return Phase.LEAVING
        case Accepted():
            return Phase.ACCEPTED
        case _:
            return Phase.UNREADABLE


def verdict(cause: Cause, record: object) -> Verdict:
    """What the end of a submit leads to.

    Args:
        cause: How it ended.
        record: The last record of the attempt, None where there is none.
    """
    return VERDICTS[cause][_PHASES.index(phase_of(record))]


class Recourse(StrEnum):
    """How an uncertain submit may be settled."""

    REPEAT = auto()
    """Send the same with its key: the service takes it for the same submit."""
    SEARCH = auto()
    """Look for the job in the service's history."""
    NONE = auto()


def recourse(cause: Cause, record: object) -> Recourse:
    """How a submit that is uncertain may be settled."""
    if not isinstance(record, Leaving) or verdict(cause, record) is not _UNSURE:
        return Recourse.NONE
    if record.searchable:
        return Recourse.SEARCH
    # After a reset nothing is sent at all.
    return Recourse.REPEAT if record.repeatable and cause is not Cause.RESET else Recourse.NONE
