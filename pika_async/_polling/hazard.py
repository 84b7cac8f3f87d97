"""How likely a job is to end in the next second, by its age: a prior that jobs correct."""

from __future__ import annotations

import math
from itertools import accumulate, compress, count, pairwise
from typing import TYPE_CHECKING, Any, Final

from pika_async._polling.ages import BINS, EDGES, ENDS, STEP, WIDTHS, bin_of
from pika_async._polling.smoothing import smoothed
from pika_async._polling.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async._polling.prior import Prior
    from pika_async._polling.tables import Pace

_NUMBERS: Final = tuple(map(float, range(BINS)))
# The last bin is lived through in part alone.
_WHOLE: Final = (*WIDTHS, 0.0)

# Half the rule of thumb for a Gaussian kernel, 0.9 * sd * n ** -0.2, which blurs several modes.
_RULE_OF_THUMB: Final = 0.5
# Standard deviation of log(duration) while there are too few to take it from.
_UNKNOWN_SPREAD: Final = 0.4
# Weights grow with each job instead of all others shrinking; before they overflow, all shrink.
_HEAVY: Final = 1e9
# The tables are built anew when so many jobs have ended, and for so large a share of those before;
# a look weighs as much as the last number.
_NEWS: Final = 1.0
_NEWS_GROWTH: Final = 0.1
_NEWS_OF_A_LOOK: Final = 0.01


def finite(value: Any) -> float:
    """A number that may have been learnt.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


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
        "_pace",
        "_weight",
        "count",
        "enough",
        "news",
        "tables",
    )

    tables: Tables

    def __init__(
        self,
        prior: Prior,
        *,
        memory: float,
        pace: Pace,
    ) -> None:
        self._ends = [0.0] * BINS
        self._lived = [0.0] * BINS
        # Differences of the number of jobs that lived through the whole of a bin.
        self._lived_whole = [0.0] * (BINS + 1)
        self._weight = 1.0
        self._growth = 1.0 / (1.0 - 1.0 / memory)
        self._pace = pace
        self.count = 0.0
        self.news = 0.0
        """How much has been learnt since the tables were built."""
        self.enough = _NEWS
        """So much that they are to be built anew."""
        self.rebuild(prior)

    def lived(self, first: int, start: float, end: float) -> int:
        """Learn that a job of age ``start``, which is in the bin ``first``, has reached ``end``.

        Returns the bin of that age.
        """
        self.news += _NEWS_OF_A_LOOK
        weight, lived = self._weight, self._lived
        # Most looks find a job in the bin of the last one, or in the next.
        if end < ENDS[first]:
            lived[first] += (end - start) * weight
            return first
        last = first + 1
        if end >= ENDS[last]:
            last = bin_of(end, last + 1)
            self._lived_whole[first + 1] += weight
            self._lived_whole[last] -= weight
        lived[first] += (ENDS[first] - start) * weight
        lived[last] += (end - EDGES[last]) * weight
        return last

    def ended(self, start: float, end: float) -> None:
        """Learn that a job of age ``start`` had ended when it was looked at at ``end``."""
        first, last = bin_of(start), bin_of(end)
        self._weight *= self._growth
        weight = self._weight
        left = 1.0
        shares = []
        edges = [start, *EDGES[first + 1 : last + 1], end]
        for number, (begun, over) in enumerate(pairwise(edges), first):
            lived = over - begun
            dies = -math.expm1(-self.tables.hazard_in(number) * lived)
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
        self.news += 1.0
        self.enough = _NEWS + _NEWS_GROWTH * self.count
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
        found = {"ends": [0.0] * BINS, "lived": [0.0] * BINS, "lived_whole": [0.0] * (BINS + 1)}
        for name, values in found.items():
            for place, value in kept[name]:
                values[range(len(values))[place]] = finite(value)
        self._ends, self._lived, self._lived_whole = found.values()
        self.count = finite(kept["count"])
        self._weight = 1.0
        self.enough = _NEWS + _NEWS_GROWTH * self.count
        self.news = math.inf

    def rebuild(self, prior: Prior) -> None:
        """Build the tables: what was learnt, and what is known before anything is."""
        self.news = 0.0
        reached = BINS - next(compress(count(), reversed(self._lived)), BINS)
        ends = self._ends[:reached]
        whole = accumulate(self._lived_whole)
        lived = [
            part + jobs * seconds
            for part, jobs, seconds in zip(self._lived[:reached], whole, _WHOLE, strict=False)
        ]
        width, scale = self._bandwidth(ends), 1.0 / self._weight
        self.tables = Tables(
            prior,
            self._pace,
            smoothed(ends, width, scale, BINS),
            smoothed(lived, width, scale, BINS),
        )

    def _bandwidth(self, ends: list[float]) -> float:
        """Standard deviation of the kernel, in bins."""
        weight = mean = square = 0.0
        for number, value in zip(_NUMBERS, ends, strict=False):
            if value:
                weight += value
                mean += value * number
                square += value * number * number
        if self.count < 2.0:
            spread = _UNKNOWN_SPREAD
        else:
            mean /= weight
            spread = max(math.sqrt(max(square / weight - mean * mean, 0.0)) * STEP, 0.03)
        narrowing = math.pow(max(1.0, self.count), -0.2)
        return max(1.0, _RULE_OF_THUMB * spread * narrowing / STEP)
