"""The hazard by age, and what follows from it: how many looks are worth their cost, and when."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from pika_async._polling.ages import BINS, EDGES, LAST, WIDTHS, bin_of
from pika_async._polling.prior import RARE

if TYPE_CHECKING:
    from pika_async._polling.prior import Prior

# The lowest hazard in each bin for jobs that have outlived nearly all others, and the sum of
# hazards by which they have.
_OUTLIVED: Final = (0.0, *(0.4 / edge for edge in EDGES[1:]))
_RARELY_REACHED: Final = -math.log(RARE)
_ENDLESS: Final = (*WIDTHS, math.inf)


class Pace:
    """How many looks a second a hazard is worth: sqrt(hazard / (2 * look_cost)), within bounds."""

    __slots__ = ("fewest", "greatest", "least", "most", "per_look")

    def __init__(self, look_cost: float, intervals: tuple[float, float]) -> None:
        """``intervals``: seconds between two looks, at least and at most."""
        self.per_look = 0.5 / look_cost
        self.most, self.fewest = 1.0 / intervals[0], 1.0 / intervals[1]
        # The hazards at these bounds, asked for before the root is taken.
        self.least = self.fewest**2 / self.per_look
        self.greatest = self.most**2 / self.per_look


class Tables:
    """What is known of the durations of jobs, by their ages, in a form that is quickly looked up.

    They are built for the ages that jobs have been seen at, and for all others as soon as one asks
    for those: there the prior is all that is known.
    """

    __slots__ = (
        "_cumulative",
        "_hazard",
        "_looks",
        "_looks_per_second",
        "_mean",
        "_pace",
        "_prior",
        "_starts",
    )

    def __init__(self, prior: Prior, pace: Pace, ends: list[float], lived: list[float]) -> None:
        """``ends`` and ``lived``: what jobs have taught, for the first bins; zero in all others."""
        self._prior = prior
        self._pace = pace
        self._hazard: list[float] = []
        # Its integral up to each edge, and that of the looks.
        self._cumulative = [0.0]
        self._looks_per_second: list[float] = []
        self._looks = [0.0]
        # That integral in a bin is a line: where it would have begun, at the age of 0.
        self._starts: list[float] = []
        self._mean: float | None = None
        self._add(ends, lived)

    def _add(self, ends: list[float], lived: list[float]) -> None:
        """Build so many more bins."""
        start = len(self._hazard)
        prior, pace = self._prior, self._pace
        per_look, least, greatest = pace.per_look, pace.least, pace.greatest
        hazard, per_second = self._hazard, self._looks_per_second
        cumulative, looks, starts = self._cumulative, self._looks, self._starts
        total, looked, sqrt = cumulative[-1], looks[-1], math.sqrt
        # Hundreds of bins, for every tenth job or so: one loop costs less than one a table.
        for ended, expected, passed, expected_to_pass, outlived, edge, seconds in zip(
            ends,
            prior.ends[start:],
            lived,
            prior.lived[start:],
            _OUTLIVED[start:],
            EDGES[start:],
            _ENDLESS[start:],
            strict=False,
        ):
            rate = (expected + ended) / (expected_to_pass + passed)
            if rate < outlived and total > _RARELY_REACHED:
                rate = outlived
            if rate <= least:
                look = pace.fewest
            elif rate >= greatest:
                look = pace.most
            else:
                look = sqrt(rate * per_look)
            starts.append(looked - look * edge)
            total += rate * seconds
            looked += look * seconds
            hazard.append(rate)
            cumulative.append(total)
            per_second.append(look)
            looks.append(looked)

    def _complete(self) -> None:
        nothing = [0.0] * (BINS - len(self._hazard))
        if nothing:
            self._add(nothing, nothing)

    def hazard_in(self, number: int) -> float:
        """The chance per second that a job whose age is in that bin ends now."""
        if number >= len(self._hazard):
            self._complete()
        return self._hazard[number]

    def next_look(self, number: int, age: float, needed: float) -> float:
        """The age by which ``needed`` looks are worth their cost, counted from ``age``.

        ``number`` is the bin of that age.
        """
        looks, starts, per_second = self._looks, self._starts, self._looks_per_second
        try:
            wanted = starts[number] + age * per_second[number] + needed
            # Mostly that is in the same bin or in the next.
            if wanted >= looks[number + 1]:
                number += 1
                if wanted >= looks[number + 1]:
                    number = bisect_right(looks, wanted, number + 1) - 1
            return (wanted - starts[number]) / per_second[number]
        except IndexError:
            # Beyond the ages that jobs have been seen at.
            self._complete()
            return self.next_look(bin_of(age), age, needed)

    @property
    def mean(self) -> float:
        """Seconds that a job takes on average."""
        if self._mean is None:
            # Asked for at each look at a re-attached job.
            self._mean = self._areas()[-1]
        return self._mean

    def _areas(self) -> list[float]:
        """The integral of the survival up to each edge."""
        survivals = self.survival()
        return [
            0.0,
            *accumulate(
                seconds * 0.5 * (before + after)
                for seconds, before, after in zip(WIDTHS, survivals, survivals[1:], strict=False)
            ),
        ]

    def survival(self) -> list[float]:
        """The share of jobs that reach each edge."""
        self._complete()
        return [math.exp(-total) for total in self._cumulative[:BINS]]

    def log_survival(self, age: float) -> float:
        """The logarithm of the share of jobs that reach ``age``."""
        number = bin_of(age)
        rate = self.hazard_in(number)
        return -self._cumulative[number] - (age - EDGES[number]) * rate

    def quantile(self, age: float, share: float) -> float:
        """The age by which ``share`` of the jobs that have reached ``age`` have ended."""
        self._complete()
        wanted = -self.log_survival(age) - math.log1p(-share)
        number = bisect_right(self._cumulative, wanted) - 1
        return EDGES[number] + (wanted - self._cumulative[number]) / self._hazard[number]

    def quantile_of_the_rest(self, waited: float, share: float) -> float:
        """The wait by which ``share`` of the jobs, met at no particular age, have ended.

        Of those that had not ended when ``waited`` seconds had passed since they were met. The
        density of such a rest is survival / mean.
        """
        areas = self._areas()
        number = min(bin_of(waited), LAST - 1)
        part = min((waited - EDGES[number]) / WIDTHS[number], 1.0)
        met = areas[number] + part * (areas[number + 1] - areas[number])
        wanted = met + share * (areas[-1] - met)
        number = min(bisect_right(areas, wanted), LAST) - 1
        part = (wanted - areas[number]) / (areas[number + 1] - areas[number] or 1.0)
        return max(waited, EDGES[number] + part * WIDTHS[number])
