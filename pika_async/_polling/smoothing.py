"""Smoothing by moving means."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Final

_PASSES: Final = 3


def smoothed(values: list[float], width: float, scale: float, most: int) -> list[float]:
    """``values`` times ``scale``, through three moving means, which together are nearly Gaussian.

    Args:
        values: By bin; those before and after them are zero.
        width: Standard deviation of the Gaussian, in bins.
        scale: What all are multiplied by.
        most: How many bins there are.

    Returns:
        As many values as are not zero then, at most, counted from the first bin.
    """
    # A mean over 2r + 1 values has a variance of r(r + 1) / 3; r need not be whole.
    radius = 0.5 * (math.sqrt(1.0 + 4.0 * width * width) - 1.0)
    inner = int(radius)
    outer = radius - inner
    pad = [0.0] * (inner + 1)
    reach = _PASSES * len(pad)
    # No job ends in the first bins: those are zeros, and stay so.
    zeros = max(0, next((n for n, value in enumerate(values) if value), len(values)) - reach)
    means = [*values[zeros:], *[0.0] * min(reach, most - len(values))]
    for _ in range(_PASSES):
        padded = [*pad, *means, *pad]
        after = padded[2 * inner + 2 :]
        # Written out in place of sums over windows: this is most of what learning costs.
        if inner:
            sums = [*accumulate(padded, initial=0.0)]
            means = [
                last - first + outer * (left + right)
                for first, last, left, right in zip(
                    sums[1:], sums[2 * inner + 2 :], padded, after, strict=False
                )
            ]
        else:
            means = [
                value + outer * (left + right)
                for value, left, right in zip(means, padded, after, strict=False)
            ]
    share = scale / (1.0 + 2.0 * radius) ** _PASSES
    return [*[0.0] * zeros, *[value * share for value in means]]
