"""What the owner of a campaign decides about a line. Pure."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from pika_async._checks import FieldError
from pika_async.temporal._outcomes import Declined, Dropped, Outcome, Refused, Uncertain

_MAY_END_WELL: Final = ("timeout", "not_found", "not_saved")


@frozen(kw_only=True)
class Decision:
    """One of three: this is its job; submit it again; give it up.

    Attributes:
        index: The prompt, from 0, as in ``Campaign.results()``; people count from 1.
        adopt: The id of its job.
        resubmit: Submit it again, which may pay a second time.
        drop: Give it up.
    """

    index: int
    adopt: str | None = None
    resubmit: bool = False
    drop: bool = False

    def __attrs_post_init__(self) -> None:
        given = (self.adopt is not None) + self.resubmit + self.drop
        if given != 1:
            told = (self.adopt, self.resubmit, self.drop)
            raise FieldError("resolve", told, "one of adopt, resubmit and drop")
        if self.adopt is not None and (not self.adopt or self.adopt != self.adopt.strip()):
            raise FieldError("adopt", self.adopt, "the id of a job, without blanks around it")

    @property
    def word(self) -> str:
        """The same decision about the same line has the same."""
        if self.adopt is not None:
            return f"adopt {self.adopt}"
        return "resubmit" if self.resubmit else "drop"


def why_not(outcome: Outcome | Dropped, decision: Decision) -> str | None:
    """Why a line that has come to this is not settled so; None: it is."""
    # A job may be waited for again: it may have ended, its id may have been mistyped, its video
    # may be had now. Whoever submits again says himself that he pays again.
    match outcome:
        case Uncertain():
            return None
        case Declined() if decision.adopt is None or outcome.code in _MAY_END_WELL:
            return None
        case Refused() if decision.adopt is None:
            return None
        case _:
            return f"is {type(outcome).__name__.lower()}: there is nothing to settle"


def named(index: int) -> str:
    """A prompt, for people: they count from 1."""
    return f"prompt {index + 1} (index {index})"


def at_this_moment(index: int) -> str:
    """What whoever comes second is told."""
    return (
        f"somebody else settles {named(index)} at this moment; nothing was changed here. Say it "
        "again to see what it comes to"
    )
