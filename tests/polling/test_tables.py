"""The hazard by age, and what follows from it."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pika_async._polling.ages import BINS, EDGES, bin_of
from pika_async._polling.prior import Prior, expected_survival
from pika_async._polling.tables import Pace, Tables

PACE = Pace(0.1, (1.0, 30.0))
PRIOR = Prior(expected_survival(60.0, 0.6), 1.0)

taught = st.lists(
    st.tuples(st.floats(0.0, 50.0), st.floats(0.0, 1e4)), min_size=1, max_size=BINS
).map(lambda pairs: tuple(map(list, zip(*pairs, strict=True))))
ages = st.floats(0.0, 1e5)
looks = st.floats(0.1, 3.0)


def whole(ends, lived):
    """The same tables, with all bins built from the beginning."""
    nothing = [0.0] * (BINS - len(ends))
    return Tables(PRIOR, PACE, [*ends, *nothing], [*lived, *nothing])


@given(taught=taught, age=ages, needed=looks)
def test_what_is_built_when_asked_for_is_what_would_have_been_built_at_once(taught, age, needed):
    known = whole(*taught)
    assert Tables(PRIOR, PACE, *taught).next_look(bin_of(age), age, needed) == pytest.approx(
        known.next_look(bin_of(age), age, needed)
    )
    assert Tables(PRIOR, PACE, *taught).log_survival(age) == known.log_survival(age)
    assert Tables(PRIOR, PACE, *taught).quantile(age, 0.5) == known.quantile(age, 0.5)
    assert Tables(PRIOR, PACE, *taught).survival() == known.survival()
    assert Tables(PRIOR, PACE, *taught).hazard_in(bin_of(age)) == known.hazard_in(bin_of(age))
    assert Tables(PRIOR, PACE, *taught).mean == known.mean


@given(taught=taught, age=st.floats(0.0, 1e4), needed=looks)
def test_the_next_look_comes_when_so_many_are_worth_their_cost(taught, age, needed):
    """That is the integral of sqrt(hazard / (2 * look_cost)), between the bounds of intervals."""
    tables = Tables(PRIOR, PACE, *taught)
    end = tables.next_look(bin_of(age), age, needed)
    moments = [age, *(edge for edge in EDGES if age < edge < end), end]
    worth = math.fsum(
        (after - before)
        * min(max(math.sqrt(tables.hazard_in(bin_of(before)) / 0.2), 1.0 / 30.0), 1.0)
        for before, after in pairwise(moments)
    )
    assert worth == pytest.approx(needed, rel=1e-6)


def test_whoever_has_outlived_nearly_all_others_may_live_as_long_again():
    """Then the hazard falls like 1 / age, and no faster, even where nobody was seen to end."""
    ends, lived = [0.0] * 120, [1e4] * 120
    ends[60:80], lived[60:80] = [50.0] * 20, [10.0] * 20
    tables = Tables(PRIOR, PACE, ends, lived)
    assert tables.hazard_in(59) * EDGES[59] < 0.01
    assert all(
        tables.hazard_in(number) * EDGES[number] == pytest.approx(0.4) for number in range(80, 120)
    )
