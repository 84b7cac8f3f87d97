"""What a command shows, as values; beside these stand the events of the library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from attrs import frozen

from pika_async import BatchResult, Estimate, Event, Money, Transition, Video


@frozen
class Note:
    """A line for people."""

    text: str


@frozen
class Watching:
    """There is a job, and it is waited for from now on."""

    job_id: str


@frozen
class Expected:
    """How much longer the job may take, from an answer that came at this age; None: unknown."""

    estimate: Estimate | None
    age: float
    """Seconds."""


@frozen
class Saving:
    """A download begins."""


@frozen
class Link:
    """A video that was not to be saved."""

    video: Video


@frozen(kw_only=True)
class Planned:
    """What a batch is about to do, in requests."""

    total: int
    known: int
    uncertain: int
    to_submit: int
    left: int
    """Left for a later run, since no more were to be submitted in this one."""
    cost: Money | None
    """What those to submit cost together; None: not known."""
    perhaps: int
    """How many more are submitted at most: those whose jobs the service does not know."""
    perhaps_cost: Money | None
    """What those cost together at most; None: not known."""
    budget: Money | None
    budget_remembered: bool
    """It is that of an earlier run with the journal, since none was given."""
    spent: Money | None
    """What earlier runs have cost, as far as that is known."""
    own_columns: tuple[str, ...]
    """Columns of the file that are no fields: kept with the results, and not sent."""
    is_all: bool
    """Nothing follows: it was only asked for."""

    @property
    def says_more(self) -> bool:
        """Whether it says more than the number of prompts."""
        return self.is_all or self.to_submit < self.total or (self.cost or self.budget) is not None


@frozen(kw_only=True)
class Begins:
    """A batch of so many prompts begins."""

    total: int
    max_in_flight: int
    saved_in: str | None
    """The folder of the videos, where they are saved."""
    journal: Path | None


@frozen
class Came:
    """What became of the request from a line of the file."""

    number: int
    result: BatchResult | str
    """Text: why the line cannot be used any more."""


@frozen
class StandsNow:
    """It is time to say how far a batch has come."""


@frozen
class Ended:
    """A batch has come to its end."""

    code: int
    """The exit code."""


@frozen(kw_only=True)
class Failure:
    """The command itself went wrong, or was interrupted."""

    kind: str
    """The class of the error; ``Interrupted`` where it was a signal."""
    message: str
    job_id: str | None
    resume: str | None
    """The line that goes on, or None where there is nothing to go on with."""
    code: int
    """The exit code."""
    money: str | None = None
    """What it means for the money; None where that is not one thing."""
    advice: str | None = None
    """What to do next, in a word."""

    @property
    def line(self) -> str:
        """What is said on stderr."""
        return self.message if self.kind == "Interrupted" else f"error: {self.message}"


Shown: TypeAlias = (
    Note
    | Watching
    | Expected
    | Saving
    | Link
    | Planned
    | Begins
    | Came
    | StandsNow
    | Ended
    | Failure
    | Transition
    | Event
)
Show: TypeAlias = Callable[[Shown], None]
