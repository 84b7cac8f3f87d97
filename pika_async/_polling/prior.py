"""What is expected of the durations of jobs before any of them has been seen."""

from __future__ import annotations

import math
from operator import add, mul, sub
from typing import Final

from pika_async._polling.ages import EDGES, WIDTHS

# A job older than nearly all that were seen may have any scale: its hazard falls like 1 / age, and
# no faster.
RARE: Final = 0.02
# Beyond the age that so few were expected to reach, as many standard deviations from the median,
# the prior falls like a power of the age: it knows nothing there, and must not be sure of an end.
_RARE_AT: Final = 2.054
_TAIL: Final = -1.5
# The last bin, which has no end, counts as long as all before.
_SECONDS: Final = (*WIDTHS, EDGES[-1])
# So that no age is divided by that no job is expected to reach.
_A_MOMENT: Final = 1e-9


def expected_survival(median: float, sigma: float) -> list[float]:
    """The share of jobs expected to reach each edge: log-normal, with a heavier tail."""
    scale = sigma * math.sqrt(2.0)
    tail = median * math.exp(sigma * _RARE_AT)
    return [
        1.0,
        *(
            0.5 * math.erfc(math.log(edge / median) / scale)
            if edge < tail
            else RARE * math.pow(edge / tail, _TAIL)
            for edge in EDGES[1:]
        ),
    ]


class Prior:
    """A few jobs never seen, as what they would have taught.

    Attributes:
        ends: How many of them end in each bin.
        lived: How many seconds they live through in each bin.
    """

    __slots__ = ("ends", "lived")

    def __init__(self, survival: list[float], weight: float) -> None:
        """``survival``: the share of them that reaches each edge; ``weight``: how many they are."""
        reach = [*survival[1:], 0.0]
        self.ends = [weight * died for died in map(sub, survival, reach)]
        half = 0.5 * weight
        self.lived = [
            half * lived + _A_MOMENT for lived in map(mul, map(add, survival, reach), _SECONDS)
        ]
