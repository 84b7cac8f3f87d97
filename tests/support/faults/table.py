"""What one row of a service's table of faults says: of the wire, and of a right client.

Each service has one table, in a module beside this one. It feeds the simulator's tests (does the
server do what the row says?) and the client's (does the client do what is right?), so both sides
are held to the same truth. A row that is missing, or one too many, fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async import PikaError
    from pika_async.simulator import FaultRow

JSON, PAGE, NOTHING = "application/json", "text/html", None


class Broken(Enum):
    """How a connection fails that brings no whole answer, as a raw client sees it."""

    RESET = "reset"
    CLOSED = "closed"
    CUT = "cut"
    SILENT = "silent"


class Submit(Enum):
    """What a right client does about a faulty answer to a submit, beside refusing with an error."""

    AGAIN = "sends it again, some times: nothing was started"
    SAME_AGAIN = "sends the same key and body again for the outage budget: it is the same submit"
    NAMED = "looks at the job once that the answer names, and has it"
    UNCERTAIN = "raises SubmissionUncertainError: a job may have been started"


class Poll(Enum):
    """What a right client does about a faulty poll, beside raising an error at once."""

    WAITED_OUT = "polls on"
    GRACE = "polls on where the job was seen before, or was submitted here less than 60 s ago"
    EMPTY = "the same, and 60 s for a re-attached job: an empty answer is no word of the service"


OnSubmit: TypeAlias = "Submit | type[PikaError] | None"
OnPoll: TypeAlias = "Poll | type[PikaError] | None"


@frozen
class Truth:
    """One fault at one service."""

    name: str
    """The row of the simulator's catalogue."""
    seen: int | Broken
    """The HTTP status that a raw client sees, or how the connection fails."""
    kind: str | None
    """The content type of the answer."""
    started: bool
    """Whether a submit that meets it makes a job all the same."""
    submit: OnSubmit
    """What a right client does on submit; None: it is not met there."""
    poll: OnPoll
    """What a right client does on poll; None: it is not met there."""
    marks: Mapping[str, Any] = field(factory=dict)
    """The codes and types in the body by which a client can tell errors apart."""

    def __str__(self) -> str:
        return self.name

    @property
    def silent(self) -> bool:
        """Whether a client learns of it by its own timeout alone."""
        return self.seen is Broken.SILENT


# Python shows whatever a task has brought, twice a test: that is long, and costs a millisecond.
@frozen(kw_only=True, repr=False)
class Table:
    """All faults that requests to the API of one service can meet, and how a raw client asks it."""

    service: str
    truths: tuple[Truth, ...]
    names_request_in: str | None
    """The header in which the service names every request, if it does."""
    submit_path: str
    body: Mapping[str, Any]
    """The least that a submit is accepted with, or a little more."""
    poll_path: str
    """With {job_id} in it."""
    key_header: tuple[str, str]
    """The header that carries the key, and its value with {key} in it."""

    def on_submit(self, *dealt_with: OnSubmit) -> Iterator[Truth]:
        """Those met on submit; of them those that are dealt with in this way, if any is given."""
        for truth in self.truths:
            if truth.submit is not None and (not dealt_with or truth.submit in dealt_with):
                yield truth

    def on_poll(self, *dealt_with: OnPoll) -> Iterator[Truth]:
        """The same for polls."""
        for truth in self.truths:
            if truth.poll is not None and (not dealt_with or truth.poll in dealt_with):
                yield truth

    def amiss(self, rows: Mapping[str, FaultRow]) -> list[str]:
        """What this table and the catalogue of its service do not agree on."""
        met = {"submit": {}, "poll": {}}
        for truth in self.truths:
            for place, done in (("submit", truth.submit), ("poll", truth.poll)):
                if done is not None:
                    met[place][truth.name] = truth
        return [
            f"{name} on {place}"
            for place, truths in met.items()
            for name in {row.name for row in rows.values() if place in row.places} ^ set(truths)
            if name != "custom"
        ]
