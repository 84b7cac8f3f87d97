"""What a policy remembers of jobs in flight and of jobs that have ended, within bounds."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pika_async._polling.ages import STEP, bin_of
from pika_async._polling.forecast import ProgressModel, Trace
from pika_async._polling.hazard import Durations, finite
from pika_async._polling.prior import Prior, expected_survival
from pika_async._polling.tables import Pace
from pika_async._request.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._polling.policies import Observation
    from pika_async._polling.tables import Tables
    from pika_async._request.request import GenerationRequest

_Kind: TypeAlias = tuple[object, ...]

# "About 60 s is usual, 30 s to several minutes": log-normal, and worth one job seen.
_PRIOR_SIGMA: Final = 0.6
_PRIOR_WEIGHT: Final = 1.0
# What all jobs together weigh for a kind of its own, in jobs.
_KIND_WEIGHT: Final = 4.0
_MOST_KINDS: Final = 24
# So many jobs find out what jobs are like; more would find the same out at more cost.
_EARLY_JOBS: Final = 16
# Jobs kept in mind at once; the longest without a look go first.
_MOST_WATCHED: Final = 20_000


class Watched:
    """What is kept of a job in flight."""

    __slots__ = ("age", "bin", "born", "durations", "early", "forgotten", "place", "rate", "trace")

    def __init__(
        self, durations: Durations | None, born: float, age: float, *, early: bool
    ) -> None:
        self.durations = durations
        """What is known of jobs of its kind; None where its age is not known."""
        self.born = born
        """When it was submitted, on :attr:`Learnt.clock`."""
        self.age = age
        """At the last look."""
        self.bin = bin_of(age)
        """The bin of that age."""
        self.early = early
        """Whether it is one of the first, which are looked at early while nothing is known."""
        self.rate = 0.0
        """How many looks a second it is worth."""
        self.forgotten = 0.0
        """Until when it is remembered without a look, on the same clock."""
        self.trace: Trace | None = None
        """Its progress, where it reports any."""
        self.place: tuple[int, float] | None = None
        """Its place in the queue, and its age when it was first seen there."""


class Learnt:
    """What one policy has learnt, and the jobs it is learning from."""

    __slots__ = (
        "_durations",
        "_kinds",
        "_prior",
        "_some_forgotten",
        "clock",
        "every",
        "pace",
        "progress",
        "rate",
        "watched",
    )

    def __init__(
        self,
        *,
        expected: float,
        memory: float,
        look_cost: float,
        intervals: tuple[float, float],
    ) -> None:
        self._prior = Prior(expected_survival(expected, _PRIOR_SIGMA), _PRIOR_WEIGHT)
        self._durations = partial(Durations, memory=memory, pace=Pace(look_cost, intervals))
        self.every = self._durations(self._prior)
        self._kinds: dict[_Kind, Durations] = {}
        self.progress = ProgressModel(memory)
        self.watched: dict[str, Watched] = {}
        self.rate = 0.0
        """Looks a second that all watched jobs together are worth."""
        self.clock = 0.0
        """The time, in seconds: at least so many have passed, by the ages of the jobs."""
        self._some_forgotten = 0.0
        """Before that time no job is to be forgotten."""
        self.pace = 0.0
        """Seconds that a place in the queue has taken, on average."""

    def watch(self, observation: Observation) -> Watched:
        """The record of a job, the most recently looked at from now on."""
        age, job_id = observation.elapsed, observation.job_id
        watched = self.watched.pop(job_id, None)
        if watched is None or age < watched.age:
            watched = self._begun(observation, watched)
        self.watched[job_id] = watched
        now = watched.born + age
        if now > self.clock:
            self.clock = now
            if now > self._some_forgotten:
                self._forget_the_old(job_id)
        return watched

    def _begun(self, observation: Observation, before: Watched | None) -> Watched:
        """The record of a job that is watched from now on, or once more."""
        age = observation.elapsed
        durations = None
        if before is not None:
            # Its caller has let go of it and come back. Its age does not count from its submit any
            # more, and teaches nothing.
            self.rate -= before.rate
        elif observation.request is not None:
            durations = self.durations(observation.request)
        early = len(self.watched) < _EARLY_JOBS
        if len(self.watched) >= _MOST_WATCHED:
            self.forget(next(iter(self.watched)))
        return Watched(durations, self.clock - age, age, early=early)

    def _forget_the_old(self, looked_at: str) -> None:
        # The job that was just looked at is the last one, and is not to be forgotten yet.
        while (oldest := next(iter(self.watched))) != looked_at:
            self._some_forgotten = self.watched[oldest].forgotten
            if self._some_forgotten >= self.clock:
                break
            self.forget(oldest)

    def forget(self, job_id: str) -> Watched | None:
        """Stop watching a job, if it is being watched."""
        watched = self.watched.pop(job_id, None)
        if watched is not None:
            # A sum of floats drifts; once no job is left, it is zero again.
            self.rate = self.rate - watched.rate if self.watched else 0.0
        return watched

    def durations(self, request: GenerationRequest) -> Durations:
        """What is known of the durations of jobs like this one."""
        kind = _kind(request)
        known = self._kinds.pop(kind, None)
        if known is None:
            if not self._kinds:
                # As long as there is one kind, it is all there is.
                known = self.every
            else:
                known = self._durations(self._prior_of_a_kind())
                only = next(iter(self._kinds))
                if self._kinds[only] is self.every:
                    self.every = deepcopy(self.every)
            if len(self._kinds) >= _MOST_KINDS:
                del self._kinds[next(iter(self._kinds))]
        self._kinds[kind] = known
        return known

    def like(self, request: GenerationRequest | None) -> Durations:
        """The durations of jobs like this one, where any was seen; else those of all jobs."""
        return self.every if request is None else self._kinds.get(_kind(request), self.every)

    def kept(self) -> dict[str, Any]:
        """What was learnt, as values that JSON can hold."""
        return {
            "step": STEP,
            "every": self.every.kept(),
            "kinds": [
                [list(kind), None if known is self.every else known.kept()]
                for kind, known in self._kinds.items()
            ],
            "progress": self.progress.kept(),
            "pace": self.pace,
        }

    def take_back(self, kept: Mapping[str, Any]) -> None:
        """Go on from what was :meth:`kept`, by a policy that knows nothing yet.

        Raises:
            ValueError, TypeError, KeyError, IndexError: It is something else.
        """
        if kept["step"] != STEP:
            raise ValueError("these are durations of another version")
        self.every.take_back(kept["every"])
        self.refresh(self.every)
        for kind, known in kept["kinds"][:_MOST_KINDS]:
            durations = self.every
            if known is not None:
                durations = self._durations(self._prior)
                durations.take_back(known)
                self.refresh(durations)
            self._kinds[tuple(kind)] = durations
        self.progress.take_back(kept["progress"])
        self.pace = finite(kept["pace"])

    def lived(self, watched: Watched, durations: Durations, age: float) -> Tables:
        """Learn that a job went on until ``age``; returns what is then known of its kind."""
        if age > watched.age:
            last = durations.lived(watched.bin, watched.age, age)
            if durations is not self.every:
                self.every.lived(watched.bin, watched.age, age)
            watched.age, watched.bin = age, last
        if durations.news >= durations.enough:
            self.refresh(durations)
        return durations.tables

    def ended(self, durations: Durations, start: float, end: float) -> None:
        """Learn that a job ended between two looks."""
        durations.ended(start, end)
        if durations is not self.every:
            self.every.ended(start, end)

    def refresh(self, durations: Durations) -> None:
        """Bring the tables of a kind up to date, where there is news."""
        if durations.news < durations.enough:
            return
        every = self.every
        if durations is every:
            every.rebuild(self._prior)
            return
        if every.news >= every.enough:
            every.rebuild(self._prior)
        durations.rebuild(self._prior_of_a_kind())

    def _prior_of_a_kind(self) -> Prior:
        return Prior(self.every.tables.survival(), _KIND_WEIGHT)


def _kind(request: GenerationRequest) -> _Kind:
    return (
        kind_of(request).value,
        request.model,
        request.pikaffect,
        request.resolution,
        request.duration,
    )
