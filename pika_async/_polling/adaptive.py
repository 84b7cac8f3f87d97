"""Polling that learns: a look when it is worth its cost, as told by the jobs before."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

from attrs import Attribute, field, frozen

from pika_async._checks import seconds, share
from pika_async._polling.forecast import Forecast, Trace
from pika_async._polling.learnt import Learnt, Watched
from pika_async._polling.together import together
from pika_async._states import Queued, Running, Succeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pika_async._polling.hazard import Durations
    from pika_async._polling.policies import Observation
    from pika_async._request.request import GenerationRequest
    from pika_async._states import JobState

Basis: TypeAlias = Literal["assumed", "durations", "progress"]

# Progress is followed where it narrows the end down to this share of what durations do: what has
# been learnt of it is less certain than its width says.
_NARROWER: Final = 0.6
# From the lower to the upper quartile of a logistic distribution of scale 1.
_QUARTILES: Final = 2.0 * math.log(3.0)
_FORMAT: Final = "pika_async_polling"
# The share of a job's age, seen elsewhere, at which it went on for sure.
_NOTICED: Final = 0.95
_QUANTILES: Final = (0.1, 0.5, 0.9)
# Seconds after which a job whose look was due is forgotten: longer than outages usually last.
_FORGOTTEN_AFTER: Final = 300.0
# Not knowing means looking early. The first look that nothing is known for, in seconds, and the
# share of its age by which a job may grow older between two of them.
_EARLY: Final = 2.0
_EARLY_GROWTH: Final = 0.5
# What a seen step of the queue weighs against those before.
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


def _above_zero(_: object, attribute: Attribute[Any], value: float) -> None:
    seconds(at_least=0.0)(_, attribute, value)
    if value == 0:
        raise ValueError(f"{attribute.name}: {value!r} is not allowed; allowed is a number above 0")


def _not_below_min(policy: AdaptivePolling, attribute: Attribute[Any], value: float) -> None:
    _above_zero(policy, attribute, value)
    if value < policy.min_interval:
        raise ValueError(
            f"{attribute.name}: {value!r} is not allowed; allowed is a number from "
            f"min_interval, {policy.min_interval:g}"
        )


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
        ValueError: Names the argument, the value and what is allowed.
    """

    look_cost: float = field(default=0.1, validator=_above_zero)
    min_interval: float = field(default=1.0, validator=_above_zero)
    max_interval: float = field(default=30.0, validator=_not_below_min)
    budget: float = field(default=100.0, validator=_above_zero)
    jitter: float = field(default=0.1, validator=share)
    expected: float = field(default=60.0, validator=_above_zero)
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
            ValueError: One is no finite number above 0.
        """
        learnt = self._learnt
        for end in durations:
            if not 0 < end < math.inf:
                raise ValueError(
                    f"durations: {end!r} is not allowed; allowed are finite seconds above 0"
                )
            start = _NOTICED * end
            learnt.lived(learnt.every, 0.0, start)
            learnt.ended(learnt.every, start, end)

    def delay(self, observation: Observation, random_number: float) -> float:
        """Seconds until the next look is worth its cost."""
        learnt = self._learnt
        if observation.state is not None and observation.state.is_terminal:
            # There is nothing to look for.
            return self.max_interval
        watched = learnt.watch(observation)
        age = observation.elapsed
        self._learn_from_look(watched, observation)
        jitter = self.jitter * (2.0 * random_number - 1.0)
        needed = 0.5 + random_number if observation.polls == 0 else 1.0 + jitter
        delay = self._worth_waiting(watched, observation, needed)
        slowest = self.max_interval * (1.0 - self.jitter * random_number)
        delay = max(
            min(max(delay, self._queue_ahead(watched, observation)), slowest), self.min_interval
        )
        learnt.rate += 1.0 / delay - watched.rate
        watched.rate = 1.0 / delay
        delay *= max(1.0, learnt.rate / self.budget)
        if observation.at is not None:
            delay = together(observation.at, delay, self.min_interval, max(delay, slowest))
        watched.forgotten = watched.born + age + delay + _FORGOTTEN_AFTER
        return delay

    def _worth_waiting(self, watched: Watched, observation: Observation, needed: float) -> float:
        age = observation.elapsed
        durations = watched.durations
        if durations is None:
            # Of unknown age, it is as likely to end now as later: on average a job's length away.
            even = needed * math.sqrt(2.0 * self.look_cost * max(self._learnt.every.mean, age))
            return self._sooner_if_nothing_is_known(watched, even, age, needed)
        self._learnt.refresh(durations)
        forecast = self._forecast(watched)
        if forecast is None:
            best = durations.next_look(age, needed) - age
            return self._sooner_if_nothing_is_known(watched, best, age, needed)
        return forecast.next_look(age, needed, self.look_cost) - age

    def _sooner_if_nothing_is_known(
        self, watched: Watched, delay: float, age: float, needed: float
    ) -> float:
        if self._learnt.every.count or not watched.early:
            return delay
        return min(delay, needed * max(_EARLY, _EARLY_GROWTH * age))

    def _learn_from_look(self, watched: Watched, observation: Observation) -> None:
        age, start = observation.elapsed, watched.age
        durations = watched.durations
        if durations is None or age <= start:
            return
        self._learnt.lived(durations, start, age)
        watched.age = age
        trace = watched.trace
        if trace is not None:
            survived = durations.log_survival(age) - durations.log_survival(start)
            self._learnt.progress.judge(trace, age, survived, ended=False)
        state = observation.state
        if isinstance(state, Running) and state.progress:
            if trace is None:
                trace = watched.trace = Trace()
            self._learnt.progress.reported(trace, age, state.progress, observation.unchanged_for)
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
        quartiles = durations.quantile(age, 0.75) / durations.quantile(age, 0.25)
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
            survived = durations.log_survival(end) - durations.log_survival(start)
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
            quantile = self._durations_like(request).quantile
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
                quantile = watched.durations.quantile
            elif observation.request is not None:
                quantile = self._durations_like(observation.request).quantile
            else:
                quantile = self._durations_like(None).quantile_of_the_rest
        low, median, high = (max(0.0, quantile(age, part) - age) for part in _QUANTILES)
        return Estimate(low=low, median=median, high=high, basis=basis, jobs=jobs)

    def _durations_like(self, request: GenerationRequest | None) -> Durations:
        durations = self._learnt.like(request)
        self._learnt.refresh(durations)
        return durations


def _of_this_version(kept: Mapping[str, Any]) -> Mapping[str, Any]:
    if kept[_FORMAT] != 1:
        raise ValueError("it is of another version")
    return kept


def _percent(state: JobState | None) -> int:
    return (state.progress or 0) if isinstance(state, Running) else 0
