"""Looks at several jobs are moved to one moment, so that a process wakes up once for them all."""

from __future__ import annotations

import math
from typing import Final

# Seconds within which looks are put together, and no more: most limits of services count seconds.
LONGEST_STEP: Final = 1.0
# The share of a delay that its step is at most. Delays that are spread over so much of themselves
# cost a few looks or moments in a hundred at the worst; in simulated batches nothing is seen of it.
SHARE: Final = 0.5
# Looks at one moment at most, on average: more would spare little more, and be a burst.
CROWD: Final = 32.0
# Seconds. Looks that are due sooner are not moved: the clock of a loop is not much finer.
_MOMENT: Final = 0.002


def together(at: float, delay: float, least: float, most: float, rate: float) -> float:
    """``delay``, so that it ends on a grid that all jobs of a client share.

    To wake up costs a process as much as one or several looks: others had the processor meanwhile,
    and its caches hold their data. With a hundred jobs in flight, a process so wakes up once or
    twice a job, and not a dozen times. The grid is finer for short delays, and where there are many
    looks. Each finer grid contains the coarser ones, so that all jobs meet at the same moments.

    Args:
        at: When the delay begins, on the clock that the jobs share.
        delay: Seconds; above 0.
        least: The shortest delay allowed, in seconds.
        most: The longest.
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
