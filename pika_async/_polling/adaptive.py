"""Polling that learns: a look when it is worth its cost, as told by the jobs before."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

from attrs import Attribute, field, frozen

from pika_async._checks import FieldError, above_zero, seconds, share
from pika_async._polling.forecast import Forecast, Trace
from pika_async._polling.learnt import Learnt, Watched
from pika_async._polling.together import together
from pika_async._states import Queued, Running, Succeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pika_async._polling.hazard import Durations
    from pika_async._polling.policies import Observation
    from pika_async._polling.tables import Tables
    from pika_async._request.request import GenerationRequest
    from pika_async._states import JobState

Basis: TypeAlias = Literal["assumed", "durations", "progress"]

# Progress is followed where it narrows the end down to this share of what durations do: what has
# been learnt of it is less certain than its width says.
_NARROWER: Final = 0.6
# From the lower to the upper quartile of a logistic distribution of scale 1.
_QUARTILES: Final = 2.0 * math.log(3.0)
_FORMAT: Final = "pika_async_polling"
# The share of a job's duration, told by somebody else, after which it surely had not ended yet.
_NOTICED: Final = 0.95
_QUANTILES: Final = (0.1, 0.5, 0.9)
# Seconds after which a job whose look was due is forgotten: longer than outages usually last.
_FORGOTTEN_AFTER: Final = 300.0
# While nothing is known, jobs are looked at early: first after so many seconds, and then each time
# that a job has grown older by this share of its age.
_EARLY: Final = 2.0
_EARLY_GROWTH: Final = 0.5
# The weight of the latest step of the queue in the mean of all.
_PACE_GAIN: Final = 0.1


@frozen(kw_only=True)
class Estimate:
    """How much longer a job may take, in seconds from its last answer.

    Attributes:
        low: One job in ten like this one ends sooner.
        median: Every other one does.
        high: Nine in ten do; far from ``low`` where little is known.
        basis: What it rests on: ``"assumed"`` before any job has ended, ``"durations"`` of
            earlier jobs, or the job's own ``"progress"``.
        jobs: How many jobs were learnt from, the older ones in part.
    """

    low: float
    median: float
    high: float
    basis: Basis
    jobs: float


def _not_below_min(policy: AdaptivePolling, attribute: Attribute[Any], value: float) -> None:
    above_zero(policy, attribute, value)
    if value < policy.min_interval:
        allowed = f"a number from min_interval, {policy.min_interval:g}"
        raise FieldError(attribute.name, value, allowed)


@frozen(kw_only=True, eq=False)
class AdaptivePolling:
    r"""Looks when a look is worth its cost, as learnt from the jobs that have ended.

    With h(t) the chance per second that a job of age t ends now, and a look costing as much as
    ``look_cost`` = c seconds of delay, the delay and the looks together cost least with intervals
    of sqrt(2 * c / h(t)): J. B. Keller, "Optimum checking schedules for systems subject to random
    failure", Management Science 21(3), 1974, 256-260; the problem is that of R. E. Barlow and
    F. Proschan, "Mathematical Theory of Reliability", 1965, chapter 4. The next look comes when
    the integral of sqrt(h(t) / (2 * c)) since the last one reaches 1.

    As long as no job has ended, nobody knows whether jobs take seconds or hours. Until then the
    first 16 jobs are looked at early, after about 2 s, and then each time that they have grown
    older by a half; what they teach serves the others.

    h(t) is learnt from every job that ends, for each kind of request (what is made, model, effect,
    resolution, length) as far as its jobs are many; at first it is that of log-normal durations
    about ``expected``. Where jobs report progress, the end is foretold from that, with the errors
    of earlier forecasts as its spread; forecasts that do worse than the durations are not followed.
    A job that is ``Queued`` with a known position is left alone for half of the time that its queue
    should take. Re-attached jobs, whose age nobody knows, are looked at in even intervals that grow
    with the waiting, and teach nothing.

    What was learnt belongs to the instance: a client makes its own unless it is given one, and two
    clients that are given the same one learn together. :meth:`dump` and :meth:`load` hand it over
    to another process.

    Args:
        look_cost: How many seconds of delay one poll is worth; four times as much means half as
            many polls.
        min_interval: Seconds between two polls of a job at least.
        max_interval: Seconds between two polls of a job at most, unless the ``budget`` asks for
            more.
        budget: Polls per second for all jobs together, on average over minutes: intervals that
            were begun before a rush are not cut short. When more would be worth their cost, all
            grow by the same factor, so jobs about to end are still looked at most.
        jitter: The share by which intervals are moved at random, so that jobs submitted together
            do not poll together; their first looks are spread by half an interval either way.
        expected: Median seconds that a job is expected to take before any has been seen.
        memory: How many jobs are remembered: one that ended so many jobs ago counts for about a
            third of the last.

    Raises:
        FieldError: Names the argument, the value and what is allowed.
    """

    look_cost: float = field(default=0.1, validator=above_zero)
    min_interval: float = field(default=1.0, validator=above_zero)
    max_interval: float = field(default=30.0, validator=_not_below_min)
    budget: float = field(default=100.0, validator=above_zero)
    jitter: float = field(default=0.1, validator=share)
    expected: float = field(default=60.0, validator=above_zero)
    memory: float = field(default=200.0, validator=seconds(at_least=2.0))
    _learnt: Learnt = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Begin with nothing learnt."""
        learnt = Learnt(
            expected=self.expected,
            memory=self.memory,
            look_cost=self.look_cost,
            intervals=(self.min_interval, self.max_interval),
        )
        object.__setattr__(self, "_learnt", learnt)

    def dump(self) -> str:
        """What was learnt, as JSON text for :meth:`load` in another process: some kilobytes.

        No request and no job is in it, but the models and effects that jobs were of.
        """
        return json.dumps({_FORMAT: 1, **self._learnt.kept()}, separators=(",", ":"))

    @classmethod
    def load(cls, text: str, **settings: float) -> Self:
        """A policy that knows what another one had learnt, so that it does not begin anew.

        Args:
            text: What :meth:`dump` gave.
            settings: Arguments of the class.

        Raises:
            ValueError: The text is none, or of another version; or a setting is not allowed.
        """
        policy = cls(**settings)
        try:
            policy._learnt.take_back(_of_this_version(json.loads(text)))
        except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
            raise ValueError(f"this is no text that AdaptivePolling.dump gave: {error}") from error
        return policy

    @property
    def knows_durations(self) -> bool:
        """Whether it has learnt how long jobs take."""
        return self._learnt.every.count > 0

    def learn(self, durations: Iterable[float]) -> None:
        """Learn from jobs that were seen elsewhere, as if they were of the most common kind.

        A batch does so with the jobs of its journal, where nothing was learnt before.

        Args:
            durations: Seconds from the submit to the end of each, the latest last. A job counts as
                ended within the twentieth before that, since its end was noticed by a look.

        Raises:
            FieldError: One is no finite number above 0.
        """
        learnt = self._learnt
        for end in durations:
            if not 0 < end < math.inf:
                raise FieldError("durations", end, "finite seconds above 0", verb="are")
            start = _NOTICED * end
            learnt.every.lived(0, 0.0, start)
            learnt.ended(learnt.every, start, end)

    def delay(self, observation: Observation, random_number: float) -> float:
        """Seconds until the next look is worth its cost."""
        # Called after each poll. Most polls tell only that the job has grown older, and take the
        # short way here. Everything else is done by functions that they do not call.
        learnt, state = self._learnt, observation.state
        progress = position = None
        if isinstance(state, Running):
            progress = state.progress
        elif isinstance(state, Queued):
            position = state.position
        elif state is not None and state.is_terminal:
            # There is nothing to look for.
            return self.max_interval
        watched = learnt.watch(observation)
        if observation.polls:
            needed = 1.0 + self.jitter * (2.0 * random_number - 1.0)
        else:
            needed = 0.5 + random_number
        durations, age = watched.durations, observation.elapsed
        if durations is None or progress or watched.early or watched.trace is not None:
            delay = self._worth_waiting(watched, observation, progress, needed)
        else:
            tables = learnt.lived(watched, durations, age)
            delay = tables.next_look(watched.bin, age, needed) - age
        if position or watched.place is not None:
            delay = max(delay, self._queue_ahead(watched, observation))
        shortest = self.min_interval
        longest = self.max_interval * (1.0 - self.jitter * random_number)
        if not shortest <= delay <= longest:
            delay = max(min(delay, longest), shortest)
        rate = 1.0 / delay
        looks = learnt.rate = learnt.rate + (rate - watched.rate)
        watched.rate = rate
        if looks > self.budget:
            delay *= looks / self.budget
            longest, looks = max(delay, longest), self.budget
        if observation.at is not None:
            delay = together(observation.at, delay, shortest, longest, looks)
        watched.forgotten = watched.born + age + delay + _FORGOTTEN_AFTER
        return delay

    def _worth_waiting(
        self, watched: Watched, observation: Observation, progress: int | None, needed: float
    ) -> float:
        """Seconds until the next look at any job, whatever is known of it."""
        learnt, durations, age = self._learnt, watched.durations, observation.elapsed
        if durations is None:
            delay = self._of_unknown_age(age, needed)
        else:
            if age > watched.age and (progress or watched.trace is not None):
                self._learn_from_progress(watched, durations, observation)
            tables = learnt.lived(watched, durations, age)
            if watched.trace is not None and (forecast := self._forecast(watched)) is not None:
                return forecast.next_look(age, needed, self.look_cost) - age
            delay = tables.next_look(watched.bin, age, needed) - age
        if watched.early and not learnt.every.count:
            # Nothing is known yet.
            delay = min(delay, needed * max(_EARLY, _EARLY_GROWTH * age))
        return delay

    def _of_unknown_age(self, age: float, needed: float) -> float:
        """Seconds until the next look at a job that is as likely to end now as later."""
        mean = self._learnt.every.tables.mean
        return needed * math.sqrt(2.0 * self.look_cost * max(mean, age))

    def _learn_from_progress(
        self, watched: Watched, durations: Durations, observation: Observation
    ) -> None:
        model, state, age = self._learnt.progress, observation.state, observation.elapsed
        trace = watched.trace
        if trace is not None:
            tables = durations.tables
            survived = tables.log_survival(age) - tables.log_survival(watched.age)
            model.judge(trace, age, survived, ended=False)
        if isinstance(state, Running) and state.progress:
            if trace is None:
                trace = watched.trace = Trace()
            model.reported(trace, age, state.progress, observation.unchanged_for)
        elif trace is not None:
            trace.latest = None

    def _forecast(self, watched: Watched) -> Forecast | None:
        """The end by its progress, where that says more than its age does."""
        durations, trace = watched.durations, watched.trace
        if durations is None or trace is None or trace.latest is None:
            return None
        if not self._learnt.progress.followed(trace.latest):
            return None
        age = watched.age
        quartiles = durations.tables.quantile(age, 0.75) / durations.tables.quantile(age, 0.25)
        spread = math.log(quartiles) / _QUARTILES
        return trace.latest if trace.latest.scale < _NARROWER * spread else None

    def _queue_ahead(self, watched: Watched, observation: Observation) -> float:
        """Half the seconds that the queue ahead should take; nothing ends before that."""
        state, age = observation.state, observation.elapsed
        position = state.position if isinstance(state, Queued) else None
        if watched.place is not None:
            before, since = watched.place
            places = before - (position or 0)
            if places > 0 and age > since:
                pace = (age - since) / places
                known = self._learnt.pace
                self._learnt.pace = known + _PACE_GAIN * (pace - known) if known else pace
        if not position or position < 0:
            watched.place = None
            return 0.0
        if watched.place is None or watched.place[0] != position:
            watched.place = (position, age)
        return 0.5 * position * self._learnt.pace

    def finished(self, observation: Observation) -> None:
        """Learn how long the job took."""
        learnt = self._learnt
        watched = learnt.forget(observation.job_id)
        if watched is None or watched.durations is None:
            return
        start, end = watched.age, observation.elapsed
        if end <= start:
            return
        trace = watched.trace
        if trace is not None:
            durations = watched.durations
            survived = durations.tables.log_survival(end) - durations.tables.log_survival(start)
            learnt.progress.judge(trace, end, survived, ended=True)
            if isinstance(observation.state, Succeeded):
                learnt.progress.ended(trace, 0.5 * (start + end))
        learnt.ended(watched.durations, start, end)

    def estimate(
        self, observation: Observation | None = None, *, request: GenerationRequest | None = None
    ) -> Estimate:
        """How much longer a job should take, from its last answer on. Asking teaches nothing.

        Args:
            observation: What is known of the job; by default, one about to be submitted.
            request: What a job about to be submitted is to make; by default, anything.
        """
        learnt = self._learnt
        jobs = learnt.every.count
        basis: Basis = "durations" if jobs else "assumed"
        age = 0.0
        quantile: Callable[[float, float], float]
        if observation is None:
            quantile = self._tables_like(request).quantile
        elif observation.state is not None and observation.state.is_terminal:
            return Estimate(low=0.0, median=0.0, high=0.0, basis=basis, jobs=jobs)
        else:
            age = observation.elapsed
            watched = learnt.watched.get(observation.job_id)
            forecast = None if watched is None else self._forecast(watched)
            if forecast is not None:
                shown = forecast if jobs else forecast.unproven(_percent(observation.state))
                quantile, basis = shown.quantile, "progress"
            elif watched is not None and watched.durations is not None:
                learnt.refresh(watched.durations)
                quantile = watched.durations.tables.quantile
            elif observation.request is not None:
                quantile = self._tables_like(observation.request).quantile
            else:
                quantile = self._tables_like(None).quantile_of_the_rest
        low, median, high = (max(0.0, quantile(age, part) - age) for part in _QUANTILES)
        return Estimate(low=low, median=median, high=high, basis=basis, jobs=jobs)

    def _tables_like(self, request: GenerationRequest | None) -> Tables:
        durations = self._learnt.like(request)
        self._learnt.refresh(durations)
        return durations.tables


def _of_this_version(kept: Mapping[str, Any]) -> Mapping[str, Any]:
    if kept[_FORMAT] != 1:
        raise ValueError("it is of another version")
    return kept


def _percent(state: JobState | None) -> int:
    return (state.progress or 0) if isinstance(state, Running) else 0
