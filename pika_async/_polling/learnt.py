"""What is kept of jobs in flight and of those that have ended, within bounds."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pika_async._polling.forecast import ProgressModel, Trace
from pika_async._polling.hazard import STEP, Durations, expected_survival, finite
from pika_async._request.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._polling.policies import Observation
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

    __slots__ = ("age", "born", "durations", "early", "forgotten", "place", "rate", "trace")

    def __init__(
        self, durations: Durations | None, born: float, age: float, *, early: bool
    ) -> None:
        self.durations = durations
        """Of its kind; None where its age is not known."""
        self.born = born
        self.age = age
        self.early = early
        """One of the first: looked at early as long as nothing is known."""
        self.rate = 0.0
        self.forgotten = 0.0
        self.trace: Trace | None = None
        self.place: tuple[int, float] | None = None


class Learnt:
    """What one policy has learnt, and the jobs it is learning from."""

    __slots__ = (
        "_durations",
        "_kinds",
        "_prior",
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
        self._prior = expected_survival(expected, _PRIOR_SIGMA)
        self._durations = partial(
            Durations, memory=memory, look_cost=look_cost, intervals=intervals
        )
        self.every = self._durations(self._prior, _PRIOR_WEIGHT)
        self._kinds: dict[_Kind, Durations] = {}
        self.progress = ProgressModel(memory)
        self.watched: dict[str, Watched] = {}
        self.rate = 0.0
        """Looks a second that all watched jobs together are worth."""
        self.clock = 0.0
        """Seconds that must have passed since the first look, by the ages of the jobs."""
        self.pace = 0.0
        """Seconds that a place in the queue has taken, on average."""

    def watch(self, observation: Observation) -> Watched:
        """The record of a job, the most recently looked at from now on."""
        age = observation.elapsed
        watched = self.watched.pop(observation.job_id, None)
        # Whoever has let go of a job and comes back to it counts its age anew, and not from its
        # birth: nothing can be learnt from that.
        younger = watched is not None and age < watched.age
        if watched is not None and younger:
            self.rate -= watched.rate
        if watched is None or younger:
            request = None if younger else observation.request
            durations = None if request is None else self.durations(request)
            early = len(self.watched) < _EARLY_JOBS
            watched = Watched(durations, self.clock - age, age, early=early)
            if len(self.watched) >= _MOST_WATCHED:
                self.forget(next(iter(self.watched)))
        self.watched[observation.job_id] = watched
        self.clock = max(self.clock, watched.born + age)
        # The one just looked at is last, and due in the future.
        while self.watched[oldest := next(iter(self.watched))].forgotten < self.clock:
            if oldest == observation.job_id:
                break
            self.forget(oldest)
        return watched

    def forget(self, job_id: str) -> Watched | None:
        """Stop watching a job, if it is being watched."""
        watched = self.watched.pop(job_id, None)
        if watched is not None:
            # Sums of floats drift; an empty one is zero.
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
                known = self._durations(self.every.survival(), _KIND_WEIGHT)
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
                durations = self._durations(self._prior, _PRIOR_WEIGHT)
                durations.take_back(known)
                self.refresh(durations)
            self._kinds[tuple(kind)] = durations
        self.progress.take_back(kept["progress"])
        self.pace = finite(kept["pace"])

    def lived(self, durations: Durations, start: float, end: float) -> None:
        """Learn that a job went on."""
        durations.lived(start, end)
        if durations is not self.every:
            self.every.lived(start, end)

    def ended(self, durations: Durations, start: float, end: float) -> None:
        """Learn that a job ended between two looks."""
        durations.ended(start, end)
        if durations is not self.every:
            self.every.ended(start, end)

    def refresh(self, durations: Durations) -> None:
        """Bring the tables of a kind up to date, where there is news."""
        if not durations.stale:
            return
        if durations is not self.every:
            if self.every.stale:
                self.every.rebuild(self._prior, _PRIOR_WEIGHT)
            durations.rebuild(self.every.survival(), _KIND_WEIGHT)
        else:
            durations.rebuild(self._prior, _PRIOR_WEIGHT)


def _kind(request: GenerationRequest) -> _Kind:
    return (
        kind_of(request).value,
        request.model,
        request.pikaffect,
        request.resolution,
        request.duration,
    )
