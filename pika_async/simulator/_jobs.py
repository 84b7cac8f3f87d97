"""A job's life from submit to end. Time is given, never read: ten minutes are tested at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import Factory, define, field, frozen
from attrs.validators import ge

Status = Literal["queued", "pending", "finished", "error"]


@frozen
class Polls:
    """A duration in polls: whatever the clock says, poll number `count` finds the job ended.

    The first of several finds it queued (unless the simulator's `queue` is 0), those between find
    it pending with growing progress.
    """

    count: int = field(validator=ge(1))


@frozen
class Moment:
    """How one video of a job stands."""

    status: Status
    progress: int
    """Percent, 0 to 100."""


@frozen
class Look:
    """What one poll sees."""

    number: int
    """1 for the first poll of the job."""
    moments: tuple[Moment, ...]
    """One for each video."""
    pending: int
    """How many answers said pending or later, this one included."""
    ended: int
    """How many answers said that all has ended, this one included."""


def _known_end(job: SimulatedJob) -> float | None:
    return None if isinstance(job.duration, Polls) else job.submitted_at + job.duration


@define(kw_only=True, eq=False)
class SimulatedJob:
    """A job as the server knows it, which may be more than any client was told."""

    id: str
    number: int
    """0 for the first job of this simulator."""
    body: Mapping[str, Any]
    """The JSON that was submitted."""
    key: str
    """The API key that made the job; others are told that it does not exist."""
    submitted_at: float
    """Seconds of the simulator's clock."""
    duration: float | Polls
    """Seconds from submit to the end, or the number of polls."""
    queue: float = 0.0
    """Share of the duration that is spent queued, 0 to 1."""
    outcome: Literal["finished", "error"] = "finished"
    """How it ends."""
    reason: str = ""
    """Why it fails, when it does."""
    videos: int = 1
    """How many videos it makes."""
    seed: int = 0
    lag: float = 0.0
    """Seconds by which answers are behind; with Polls any lag is one poll."""
    variants: frozenset[str] = frozenset()
    """The body variants that this job's answers follow."""
    polls: int = 0
    """How many polls found the job; those that a fault answered in its place do not count."""
    finished_at: float | None = field(default=Factory(_known_end, takes_self=True), init=False)
    """When it ends, in seconds of the simulator's clock; None while only polls can tell."""
    _pending: int = field(default=0, init=False)
    _ended: int = field(default=0, init=False)

    @property
    def told_id(self) -> str | int:
        """The id as it stands in JSON."""
        return int(self.id) if "number-ids" in self.variants else self.id

    @property
    def links_expire(self) -> bool:
        """Whether each answer has new links, which make those of earlier answers invalid."""
        return not self.variants.isdisjoint(("links-expire", "links-for-once"))

    @property
    def is_moderated(self) -> bool:
        """Whether it fails for what was asked for, as its reason has it."""
        return "moderation" in self.reason.lower()

    def has_ended(self, now: float) -> bool:
        """Whether it has ended at `now` (seconds)."""
        return self.finished_at is not None and self.finished_at <= now

    def look(self, now: float) -> Look:
        """Count one poll at `now` (seconds) and say what it sees."""
        self.polls += 1
        fraction = self._fraction(now)
        if self.finished_at is None and fraction >= 1:
            self.finished_at = now
        moments = tuple(self._moment(fraction, index) for index in range(self.videos))
        if any(moment.status != "queued" for moment in moments):
            self._pending += 1
        if fraction >= 1:
            self._ended += 1
        return Look(self.polls, moments, self._pending, self._ended)

    def _fraction(self, now: float) -> float:
        if isinstance(self.duration, Polls):
            seen = self.polls - (1 if self.lag else 0)
            if seen >= self.duration.count:
                return 1.0
            return max(seen - 1, 0) / (self.duration.count - 1) if self.duration.count > 1 else 0.0
        elapsed = now - self.submitted_at - self.lag
        if elapsed >= self.duration:
            return 1.0
        return max(elapsed, 0.0) / self.duration if self.duration else 0.0

    def _moment(self, fraction: float, index: int) -> Moment:
        if self.videos > 1:
            # The first video is done at half time and the last at the end, so that some are
            # finished beside others still pending.
            fraction = min(1.0, fraction * (2 - index / (self.videos - 1)))
        if fraction >= 1:
            return Moment("error" if self._fails(index) else "finished", 100)
        if fraction < self.queue:
            return Moment("queued", 0)
        return Moment("pending", int(100 * (fraction - self.queue) / (1 - self.queue)))

    def _fails(self, index: int) -> bool:
        if self.outcome == "error":
            return True
        return "mixed-outcomes" in self.variants and index == self.videos - 1
