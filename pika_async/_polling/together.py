"""Looks of several jobs at one moment: a process that wakes for one look takes the others too."""

from __future__ import annotations

import math
from typing import Final

# Seconds. What is due within so much is looked at together, and no more: the limits of services are
# mostly counted by the second.
LONGEST_STEP: Final = 1.0
# The share of a delay that its step is at most. Delays that are spread over so much of themselves
# cost a few looks or moments in a hundred at the worst; in simulated batches nothing is seen of it.
SHARE: Final = 0.5
# Looks at one moment at most, on average: more would spare little more, and be a burst.
CROWD: Final = 32.0
# Seconds below which nothing is put together: a loop's clock is not much finer.
_MOMENT: Final = 0.002


def together(at: float, delay: float, least: float, most: float, rate: float) -> float:
    """``delay``, so that it ends on a grid that all jobs of a client share.

    Waking up costs as much as a look or several: the processor was given to others meanwhile, and
    its caches are theirs. Where a hundred jobs are in flight, a process wakes once or twice a job,
    and not a dozen times. The grid is finer for short delays and where looks are many. Each finer
    one holds the coarser ones, so that all meet on the same moments.

    Args:
        at: When the delay begins, on the clock that the jobs share.
        delay: Seconds; above 0.
        least: Seconds below which it must not come.
        most: Seconds above which it must not come.
        rate: How many looks a second all jobs together are worth.

    Returns:
        Seconds, moved by half of ``SHARE`` of the delay and half the ``LONGEST_STEP`` at most; by
        twice that at the bounds.
    """
    longest = delay * SHARE
    if longest * rate > CROWD:
        longest = CROWD / rate
    if longest < _MOMENT:
        return delay
    step = LONGEST_STEP
    if longest < step:
        step = math.ldexp(0.5, math.frexp(longest)[1])
    moved = ((at + delay) / step + 0.5) // 1.0 * step - at
    if least <= moved <= most:
        return moved
    latest, earliest = math.floor((at + most) / step), math.ceil((at + least) / step)
    number = round((at + delay) / step)
    return min(max(max(min(number, latest), earliest) * step - at, least), most)
