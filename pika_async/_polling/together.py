"""Looks of several jobs at one moment: a process that wakes for one look takes the others too."""

from __future__ import annotations

import math
from typing import Final

# Seconds. What is due within so much is looked at together; more would be a burst to the service.
LONGEST_STEP: Final = 0.125
# The binary digits of a delay that its step leaves.
_DIGITS: Final = 4


def together(at: float, delay: float, least: float, most: float) -> float:
    """``delay``, so that it ends on a grid that all jobs of a client share.

    Waking up costs about as much as half a look: the processor was given to others meanwhile. Where
    hundreds of jobs are in flight, a fourth of the work is spared. The grid is finer for short
    delays, and each finer one holds the coarser ones, so that all meet on the same moments.

    Args:
        at: When the delay begins, on the clock that the jobs share.
        delay: Seconds; above 0.
        least: Seconds below which it must not come.
        most: Seconds above which it must not come.

    Returns:
        Seconds, moved by a sixteenth of the delay and half the ``LONGEST_STEP`` at most; by twice
        that at the bounds.
    """
    # From a second on the longest step is the one.
    step = LONGEST_STEP
    if delay < 1.0:
        step = min(step, math.ldexp(1.0, math.frexp(delay)[1] - _DIGITS))
    number = round((at + delay) / step)
    moved = number * step - at
    if least <= moved <= most:
        return moved
    latest, earliest = math.floor((at + most) / step), math.ceil((at + least) / step)
    return min(max(max(min(number, latest), earliest) * step - at, least), most)
