"""Smoothing by moving means."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pika_async._polling.smoothing import smoothed

MOST = 60
values_of_bins = st.lists(st.floats(0.0, 1e3), max_size=MOST)
widths = st.floats(1.0, 6.0)


def one_mean(values, radius):
    """Of each value and its neighbours within the radius, those at its edges in part."""
    inner = int(radius)
    weights = dict.fromkeys(range(-inner, inner + 1), 1.0)
    weights |= dict.fromkeys((-inner - 1, inner + 1), radius - inner)
    total = 1.0 + 2.0 * radius
    return [
        sum(
            weight * values[place + n]
            for n, weight in weights.items()
            if 0 <= place + n < len(values)
        )
        / total
        for place in range(len(values))
    ]


@given(values=values_of_bins, width=widths, scale=st.floats(0.01, 100.0))
def test_it_is_three_moving_means_one_after_the_other(values, width, scale):
    """In all bins: those after the values are zero before it, and those it leaves out after it."""
    radius = 0.5 * (math.sqrt(1.0 + 4.0 * width * width) - 1.0)
    expected = [*values, *[0.0] * (MOST - len(values))]
    for _ in range(3):
        expected = one_mean(expected, radius)
    found = smoothed(values, width, scale, MOST)
    assert len(found) <= MOST
    found += [0.0] * (MOST - len(found))
    assert found == pytest.approx([scale * value for value in expected], rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("radius", [1, 2, 3, 4])
def test_one_value_is_spread_by_as_many_bins_as_the_width_says(radius):
    """Exactly so where that is a whole radius of the means."""
    width = math.sqrt(radius * (radius + 1))
    found = smoothed([*[0.0] * 100, 1.0], width, 1.0, 1000)
    assert sum(found) == pytest.approx(1.0)
    variance = sum(value * (place - 100) ** 2 for place, value in enumerate(found))
    assert math.sqrt(variance) == pytest.approx(width)
