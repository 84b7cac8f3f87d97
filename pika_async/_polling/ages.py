"""Ages in bins: ever wider ones, so that the same few serve jobs of seconds and of hours."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import Final

# In seconds, where bins begin: at 0, at 1, then ever farther apart. The last one has no end.
STEP: Final = 0.045
EDGES: Final = (0.0, *(math.exp(STEP * number) for number in range(int(10.0 / STEP) + 1)))
WIDTHS: Final = tuple(end - start for start, end in pairwise(EDGES))
ENDS: Final = (*EDGES[1:], math.inf)
BINS: Final = len(EDGES)
LAST: Final = BINS - 1


def bin_of(age: float, at_least: int = 0) -> int:
    """The number of the bin that ``age`` is in, which is known not to be below ``at_least``."""
    return bisect_right(EDGES, age, at_least) - 1
