"""When a job will end, by the progress it reports, and how far to trust that."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

from pika_async._polling.hazard import finite

if TYPE_CHECKING:
    from collections.abc import Mapping

# The lowest percentage that says more than its rounding does.
_FIRST_TELLING: Final = 3
# Progress is taken as (age / duration) ** power. Before a job has shown its own, its power lies
# about 1 with this standard deviation, and never outside of these bounds.
_POWER_SPREAD: Final = 0.25
_POWERS: Final = (0.4, 2.5)
# The standard deviation of rounding to a whole percent, in points; and how many points are added
# for each point by which progress, on average, is seen below what it had reached.
_ROUNDING: Final = 0.3
_WANDERING: Final = 2.0
_WANDERING_GAIN: Final = 0.03
# What an earlier forecast for the same job weighs against the next.
_FADING: Final = 0.8
_NARROWEST: Final = 0.002
# A logistic distribution is this much narrower than a normal one of the same standard deviation.
_LOGISTIC: Final = math.sqrt(3.0) / math.pi
# The mean distance from the middle of a logistic distribution of scale 1.
_MEAN_DISTANCE: Final = 2.0 * math.log(2.0)
# Errors are counted apart from each of these percentages on: the nearer the end, the smaller.
_BANDS: Final = (30, 55, 75, 90, 97)
# Weight of the belief that forecasts are as good as the arithmetic says, in jobs.
_BELIEF: Final = 2.0
_LARGEST_ERROR: Final = 100.0
# If time in a queue counts as time of progress, an early forecast may be off by a third. As long as
# no job has ended, what is shown must be wide enough for that. The further a job is, the less.
_UNPROVEN: Final = 0.25
# A job whose progress has not moved for a while may end at any moment of such a while.
_STILL: Final = 0.3
# A score says by how much forecasts are better than durations, as a logarithm of likelihoods. The
# bounds keep one job from deciding for ever. Below the last number forecasts are not followed.
_STEP: Final = 3.0
_SCORES: Final = (-30.0, 10.0)
_SCORE_DECAY: Final = 0.995
_FOLLOWED: Final = -2.0


def _log_odds(z: float) -> float:
    """``log(1 + exp(z))`` without overflow."""
    return math.log1p(math.exp(z)) if z < 30.0 else z


class Forecast:
    """A log-logistic distribution of the age at which a job ends."""

    __slots__ = ("band", "log_middle", "scale")

    def __init__(self, log_middle: float, scale: float, band: int) -> None:
        self.log_middle = log_middle
        self.scale = scale
        self.band = band

    def next_look(self, age: float, needed: float, look_cost: float) -> float:
        """The age by which ``needed`` looks are worth their cost, counted from ``age``.

        With z = (log(age) - log_middle) / scale the hazard is 1 / (scale * age * (1 + exp(-z))).
        About the middle the integral of sqrt(hazard / (2 * look_cost)) is elementary:
        2 * sqrt(scale * middle / (2 * look_cost)) * asinh(exp(z / 2)).
        """
        scale = self.scale
        z = (math.log(age) - self.log_middle) / scale
        if z > 20.0:
            return age + needed * math.sqrt(2.0 * look_cost * scale * age)
        looks = 2.0 * math.sqrt(0.5 * scale * math.exp(self.log_middle) / look_cost)
        reached = math.asinh(math.exp(0.5 * z)) + needed / looks
        z = 2.0 * (math.log(math.sinh(reached)) if reached < 30.0 else reached - math.log(2.0))
        return math.exp(min(self.log_middle + scale * z, 100.0))

    def log_survival(self, start: float, end: float) -> float:
        """The logarithm of the chance that a job of age ``start`` reaches the age ``end``."""
        first = (math.log(start) - self.log_middle) / self.scale
        last = (math.log(end) - self.log_middle) / self.scale
        return _log_odds(first) - _log_odds(last)

    def quantile(self, age: float, share: float) -> float:
        """The age by which ``share`` of the jobs that have reached ``age`` have ended."""
        z = (math.log(age) - self.log_middle) / self.scale
        # log(1 / survival - 1) there, where survival is the one at ``age`` times 1 - share.
        if z < 300.0:
            z = math.log((math.exp(z) + share) / (1.0 - share))
        else:
            z -= math.log1p(-share)
        return math.exp(min(self.log_middle + self.scale * z, 100.0))

    def unproven(self, progress: int) -> Forecast:
        """The same for people, while no job has shown how far to trust its like."""
        doubt = _UNPROVEN * (1.0 - progress / 100.0) ** 2
        return Forecast(self.log_middle, max(self.scale, doubt), self.band)


class Trace:
    """What one job has reported so far."""

    __slots__ = ("age", "first", "first_log_age", "latest", "made", "middle", "top", "weight")

    def __init__(self) -> None:
        self.first = 0
        """The lowest percentage that it has reported; 0: none yet."""
        self.first_log_age = 0.0
        """The logarithm of its age then."""
        self.top = 0
        """The highest percentage."""
        self.middle = 0.0
        """The weighted mean of its forecasts, as the logarithm of the age of its end."""
        self.weight = 0.0
        """The sum of the weights of that mean."""
        self.made: dict[int, tuple[float, float]] = {}
        """The last forecast of each band: its middle, and its scale by arithmetic alone."""
        self.age = 0.0
        """At the last report."""
        self.latest: Forecast | None = None
        """The forecast by the last report, if it was one that tells something."""


class ProgressModel:
    """How progress foretells the ends of jobs, and how well it has done so.

    A job's own reports give the power of its progress, the latest of them its duration. The errors
    of earlier forecasts from about the same percentage scale the width of the next, and a running
    score against the durations alone decides whether forecasts are followed at all: where progress
    misleads, it is soon ignored.
    """

    __slots__ = ("_decay", "_errors", "_scores", "_wandering", "_weights")

    def __init__(self, memory: float) -> None:
        bands = len(_BANDS) + 1
        self._decay = 1.0 - 1.0 / memory
        self._errors = [_BELIEF] * bands
        self._weights = [_BELIEF] * bands
        self._scores = [0.0] * bands
        self._wandering = 0.0

    def kept(self) -> dict[str, Any]:
        """What was learnt, as values that JSON can hold."""
        return {
            "errors": self._errors,
            "weights": self._weights,
            "scores": self._scores,
            "wandering": self._wandering,
        }

    def take_back(self, kept: Mapping[str, Any]) -> None:
        """Go on from what was :meth:`kept`.

        Raises:
            ValueError, TypeError, KeyError: It is something else.
        """
        lists = [
            [finite(value) for value in kept[name]] for name in ("errors", "weights", "scores")
        ]
        if {len(one) for one in lists} != {len(self._errors)} or min(lists[1]) <= 0.0:
            raise ValueError("these are forecasts of another version")
        self._errors, self._weights, self._scores = lists
        self._wandering = finite(kept["wandering"])

    def followed(self, forecast: Forecast) -> bool:
        """Whether forecasts from this percentage have done no worse than durations alone."""
        return self._scores[forecast.band] >= _FOLLOWED

    def reported(self, trace: Trace, age: float, progress: int, unchanged_for: float) -> None:
        """Learn what a job reports at ``age``; ``trace.latest`` is then its forecast."""
        trace.latest = None
        if progress < _FIRST_TELLING:
            return
        trace.age = age
        log_age = math.log(age)
        self._wandering += _WANDERING_GAIN * (max(0, trace.top - progress) - self._wandering)
        trace.top = max(trace.top, progress)
        if not trace.first or progress < trace.first:
            trace.first, trace.first_log_age = progress, log_age
        ahead, scale = self._ahead(trace, log_age, progress)
        weight = scale**-2
        faded = trace.weight * _FADING
        trace.weight = faded + weight
        trace.middle = (trace.middle * faded + (log_age + ahead) * weight) / trace.weight
        middle = max(trace.middle, log_age)
        band = _band(progress)
        trace.made[band] = (middle, scale)
        scale *= max(self._errors[band] / self._weights[band], 0.5)
        if unchanged_for > 0.0:
            scale = max(scale, _STILL * math.log(age / max(age - unchanged_for, 1e-3 * age)))
        trace.latest = Forecast(middle, scale, band)

    def _ahead(self, trace: Trace, log_age: float, progress: int) -> tuple[float, float]:
        """log(duration / age) by this report alone, and the scale of its error."""
        points = _ROUNDING + _WANDERING * self._wandering
        first = trace.first
        error = points / progress
        power, variance = 1.0, _POWER_SPREAD**2
        apart = log_age - trace.first_log_age
        if progress > first and apart > 0.0:
            slope = math.log((progress + 0.5) / (first + 0.5)) / apart
            noise = (error**2 + (points / first) ** 2) / apart**2
            gain = variance / (variance + noise)
            power += gain * (min(max(slope, _POWERS[0]), _POWERS[1]) - power)
            variance *= 1.0 - gain
        ahead = -math.log(min(progress + 0.5, 99.7) / 100.0) / power
        deviation = math.sqrt(ahead * ahead * variance + (error / power) ** 2)
        return ahead, max(_LOGISTIC * deviation, _NARROWEST)

    def judge(self, trace: Trace, age: float, log_survival: float, *, ended: bool) -> None:
        """Score the latest forecast by what became of the job at its next look.

        Args:
            trace: The job's.
            age: At that look.
            log_survival: What the durations alone gave for surviving until then.
            ended: Whether it had ended by then.
        """
        forecast = trace.latest
        if forecast is None:
            return
        foretold = forecast.log_survival(trace.age, age)
        if ended:
            foretold = math.log(max(-math.expm1(foretold), 1e-9))
            log_survival = math.log(max(-math.expm1(log_survival), 1e-9))
        lead = min(max(foretold - log_survival, -_STEP), _STEP)
        score = self._scores[forecast.band] * _SCORE_DECAY + lead
        self._scores[forecast.band] = min(max(score, _SCORES[0]), _SCORES[1])

    def ended(self, trace: Trace, age: float) -> None:
        """Learn that a job ended at ``age``."""
        log_age = math.log(age)
        for band, (middle, scale) in trace.made.items():
            error = abs(log_age - middle) / (scale * _MEAN_DISTANCE)
            self._errors[band] = self._errors[band] * self._decay + min(error, _LARGEST_ERROR)
            self._weights[band] = self._weights[band] * self._decay + 1.0


def _band(progress: int) -> int:
    return bisect_right(_BANDS, progress)
