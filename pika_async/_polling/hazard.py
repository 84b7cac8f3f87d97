"""How likely a job is to end in the next second, by its age: a prior that jobs correct."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import accumulate, pairwise, repeat
from operator import add, mul, sub
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Ages in seconds at which bins begin: 0, 1, then ever farther apart, as one bin serves jobs of
# seconds and of hours alike. The last one has no end.
STEP: Final = 0.045
EDGES: Final = (0.0, *(math.exp(STEP * number) for number in range(int(10.0 / STEP) + 1)))
WIDTHS: Final = tuple(end - start for start, end in pairwise(EDGES))
_BINS: Final = len(EDGES)
_LAST: Final = _BINS - 1
# The length of each bin and its edge; the last, which has no end, counts as long as all before.
_BINNED: Final = tuple(zip((*WIDTHS, EDGES[-1]), EDGES, strict=True))

_NUMBERS: Final = tuple(map(float, range(_BINS)))

# Half the rule of thumb for a Gaussian kernel, 0.9 * sd * n ** -0.2, which blurs several modes.
_RULE_OF_THUMB: Final = 0.5
# Standard deviation of log(duration) while there are too few to take it from.
_UNKNOWN_SPREAD: Final = 0.4
# Weights grow with each job instead of all others shrinking; before they overflow, all shrink.
_HEAVY: Final = 1e9
# A job older than nearly all that were seen may have any scale: its hazard falls like 1 / age, and
# no faster.
_RARE: Final = 0.02
_OUTLIVED: Final = 0.4
# Beyond the age that so few were expected to reach, as many standard deviations from the median,
# the prior falls like a power of the age: it knows nothing there, and must not be sure of an end.
_RARE_AT: Final = 2.054
_TAIL: Final = -1.5


def finite(value: Any) -> float:
    """A number that may have been learnt.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def expected_survival(median: float, sigma: float) -> list[float]:
    """The share of jobs expected to reach each edge: log-normal, with a heavier tail."""
    scale = sigma * math.sqrt(2.0)
    tail = median * math.exp(sigma * _RARE_AT)
    return [
        1.0,
        *(
            0.5 * math.erfc(math.log(edge / median) / scale)
            if edge < tail
            else _RARE * math.pow(edge / tail, _TAIL)
            for edge in EDGES[1:]
        ),
    ]


class Durations:
    """The hazard of ending, as a gamma-Poisson model over ages, smoothed.

    Each age has a number of ends and of seconds lived through; the prior is the same two numbers
    for a few jobs never seen. Their ratio, smoothed over log(age), is the hazard. Ends lie
    anywhere between two looks, and are shared out over the ages in between.
    """

    __slots__ = (
        "_ends",
        "_growth",
        "_lived",
        "_lived_whole",
        "_lookable",
        "_mean",
        "_news",
        "_weight",
        "count",
        "cumulative",
        "hazard",
        "looks",
        "looks_per_second",
    )

    looks: list[float]
    cumulative: list[float]

    def __init__(
        self,
        prior: list[float],
        prior_weight: float,
        *,
        memory: float,
        look_cost: float,
        intervals: tuple[float, float],
    ) -> None:
        self._ends = [0.0] * _BINS
        self._lived = [0.0] * _BINS
        # Differences of the number of jobs that lived through the whole of a bin.
        self._lived_whole = [0.0] * (_BINS + 1)
        self._weight = 1.0
        self._growth = 1.0 / (1.0 - 1.0 / memory)
        self._lookable = (0.5 / look_cost, 1.0 / intervals[1], 1.0 / intervals[0])
        self._news = 0.0
        self.count = 0.0
        self._mean: float | None = None
        self.rebuild(prior, prior_weight)

    def lived(self, start: float, end: float) -> None:
        """Learn that a job of age ``start`` has reached the age ``end``."""
        first = bisect_right(EDGES, start) - 1
        self._news += 0.01
        weight, lived = self._weight, self._lived
        # Most looks find a job in the bin of the last one, or not far from it.
        if first == _LAST or end < EDGES[first + 1]:
            lived[first] += (end - start) * weight
            return
        last = bisect_right(EDGES, end, first) - 1
        lived[first] += (EDGES[first + 1] - start) * weight
        lived[last] += (end - EDGES[last]) * weight
        self._lived_whole[first + 1] += weight
        self._lived_whole[last] -= weight

    def ended(self, start: float, end: float) -> None:
        """Learn that a job of age ``start`` had ended when it was looked at at ``end``."""
        first, last = bisect_right(EDGES, start) - 1, bisect_right(EDGES, end) - 1
        self._weight *= self._growth
        weight = self._weight
        left = 1.0
        shares = []
        for number in range(first, last + 1):
            lived = min(end, EDGES[number + 1] if number < _LAST else end) - max(
                start, EDGES[number]
            )
            dies = -math.expm1(-self.hazard[number] * lived)
            shares.append((number, left * dies, lived))
            left *= 1.0 - dies
        total = math.fsum(share for _, share, _ in shares)
        left = weight
        for number, share, lived in shares:
            part = weight * (share / total if total > 0.0 else 1.0 / len(shares))
            self._ends[number] += part
            self._lived[number] += (left - 0.5 * part) * lived
            left -= part
        self.count = min(self.count + 1.0, self.count / self._growth + 1.0)
        self._news += 1.0
        if weight > _HEAVY:
            self._lighten()

    def _lighten(self) -> None:
        scale = 1.0 / self._weight
        self._weight = 1.0
        self._ends = [value * scale for value in self._ends]
        self._lived = [value * scale for value in self._lived]
        self._lived_whole = [value * scale for value in self._lived_whole]

    def kept(self) -> dict[str, Any]:
        """What was learnt, as values that JSON can hold; :meth:`take_back` reads them."""
        scale = 1.0 / self._weight

        def sparse(values: list[float]) -> list[list[float]]:
            return [[place, value * scale] for place, value in enumerate(values) if value]

        return {
            "count": self.count,
            "ends": sparse(self._ends),
            "lived": sparse(self._lived),
            "lived_whole": sparse(self._lived_whole),
        }

    def take_back(self, kept: Mapping[str, Any]) -> None:
        """Go on from what was :meth:`kept`; the tables are stale then.

        Raises:
            ValueError, TypeError, KeyError, IndexError: It is something else.
        """
        found = {"ends": [0.0] * _BINS, "lived": [0.0] * _BINS, "lived_whole": [0.0] * (_BINS + 1)}
        for name, values in found.items():
            for place, value in kept[name]:
                values[range(len(values))[place]] = finite(value)
        self._ends, self._lived, self._lived_whole = found.values()
        self.count = finite(kept["count"])
        self._weight = 1.0
        self._news = math.inf

    @property
    def stale(self) -> bool:
        """Whether enough has been learnt since the tables were built to build them anew."""
        return self._news >= 1.0 + 0.1 * self.count

    def rebuild(self, prior: list[float], prior_weight: float) -> None:
        """Build the tables.

        Args:
            prior: The share of jobs expected to reach each edge.
            prior_weight: How many jobs that expectation counts for.
        """
        self._news = 0.0
        self._mean = None
        scale = 1.0 / self._weight
        width = self._bandwidth()
        ends = _smoothed([value * scale for value in self._ends], width)
        lived = _smoothed(
            [
                (part + number * seconds) * scale
                for part, number, seconds in zip(
                    self._lived, accumulate(self._lived_whole), (*WIDTHS, 0.0), strict=False
                )
            ],
            width,
        )
        weight = prior_weight
        reach = [*prior[1:], 0.0]
        hazard = []
        survival = 1.0
        exp = math.exp
        for before, after, ended, passed, (seconds, edge) in zip(
            prior, reach, ends, lived, _BINNED, strict=True
        ):
            rate = (weight * (before - after) + ended) / (
                weight * seconds * 0.5 * (before + after) + passed + 1e-9
            )
            if survival < _RARE and rate < _OUTLIVED / edge:
                rate = _OUTLIVED / edge
            survival *= exp(-rate * seconds)
            hazard.append(rate)
        self.hazard = hazard
        per_look, fewest, most = self._lookable
        # The bounds of sqrt(rate * per_look), asked before the root is taken.
        least, greatest = fewest**2 / per_look, most**2 / per_look
        sqrt = math.sqrt
        self.looks_per_second = [
            fewest if rate <= least else most if rate >= greatest else sqrt(rate * per_look)
            for rate in hazard
        ]
        self.looks = [0.0, *accumulate(map(mul, self.looks_per_second, WIDTHS))]
        self.cumulative = [0.0, *accumulate(map(mul, hazard, WIDTHS))]

    @property
    def mean(self) -> float:
        """Seconds that a job takes on average."""
        if self._mean is None:
            # Asked for at each look at a re-attached job; the same until the tables are built anew.
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
        return [math.exp(-total) for total in self.cumulative]

    def log_survival(self, age: float) -> float:
        """The logarithm of the share of jobs that reach ``age``."""
        number = bisect_right(EDGES, age) - 1
        return -self.cumulative[number] - (age - EDGES[number]) * self.hazard[number]

    def _bandwidth(self) -> float:
        """Standard deviation of the kernel, in bins."""
        weight = math.fsum(self._ends)
        if self.count < 2.0:
            spread = _UNKNOWN_SPREAD
        else:
            mean = math.fsum(map(mul, self._ends, _NUMBERS)) / weight
            square = math.fsum(
                value * (number - mean) ** 2 for number, value in enumerate(self._ends) if value
            )
            spread = max(math.sqrt(square / weight) * STEP, 0.03)
        narrowing = math.pow(max(1.0, self.count), -0.2)
        return max(1.0, _RULE_OF_THUMB * spread * narrowing / STEP)

    def next_look(self, age: float, needed: float) -> float:
        """The age by which ``needed`` looks are worth their cost, counted from ``age``."""
        number = bisect_right(EDGES, age) - 1
        wanted = self.looks[number] + (age - EDGES[number]) * self.looks_per_second[number] + needed
        number = bisect_right(self.looks, wanted, number) - 1
        return EDGES[number] + (wanted - self.looks[number]) / self.looks_per_second[number]

    def quantile(self, age: float, share: float) -> float:
        """The age by which ``share`` of the jobs that have reached ``age`` have ended."""
        wanted = -self.log_survival(age) - math.log1p(-share)
        number = bisect_right(self.cumulative, wanted) - 1
        return EDGES[number] + (wanted - self.cumulative[number]) / self.hazard[number]

    def quantile_of_the_rest(self, waited: float, share: float) -> float:
        """The wait by which ``share`` of the jobs, met at no particular age, have ended.

        Of those that had not ended when ``waited`` seconds had passed since they were met. The
        density of such a rest is survival / mean.
        """
        areas = self._areas()
        number = min(bisect_right(EDGES, waited), _LAST) - 1
        part = min((waited - EDGES[number]) / WIDTHS[number], 1.0)
        met = areas[number] + part * (areas[number + 1] - areas[number])
        wanted = met + share * (areas[-1] - met)
        number = min(bisect_right(areas, wanted), _LAST) - 1
        part = (wanted - areas[number]) / (areas[number + 1] - areas[number] or 1.0)
        return max(waited, EDGES[number] + part * WIDTHS[number])


def _smoothed(values: list[float], width: float) -> list[float]:
    """``values`` through three moving means, which together are nearly Gaussian.

    Args:
        values: By bin.
        width: Standard deviation of the Gaussian, in bins.
    """
    # A mean over 2r + 1 values has a variance of r(r + 1) / 3; r need not be whole.
    radius = 0.5 * (math.sqrt(1.0 + 4.0 * width * width) - 1.0)
    inner = int(radius)
    outer = radius - inner
    share = 1.0 / (1.0 + 2.0 * radius)
    pad = [0.0] * (inner + 1)
    span = 2 * inner + 1
    # Jobs reach a part of the ages alone: the others are zeros, and stay so.
    first, last = _reached(values)
    reach = 3 * len(pad)
    start, end = max(0, first - reach), min(len(values), last + reach)
    before, after = [0.0] * start, [0.0] * (len(values) - end)
    values = values[start:end]
    for _ in range(3):
        padded = [*pad, *values, *pad]
        sums = [0.0, *accumulate(padded)]
        # Functions of C all the way: the tables are built again for every tenth job.
        within = map(sub, sums[1 + span :], sums[1:])
        beside = map(mul, map(add, padded, padded[span + 1 :]), repeat(outer))
        values = [*map(mul, map(add, within, beside), repeat(share))]
    return [*before, *values, *after]


def _reached(values: list[float]) -> tuple[int, int]:
    """Where the values that are not zero begin and end."""
    places = [place for place, value in enumerate(values) if value]
    return (places[0], places[-1] + 1) if places else (0, 0)
