"""After a submit that started nothing, a page tries again with one, and then with more."""

from __future__ import annotations

from support.tables import every_row

from pika_async.temporal._limits.brake import Brake


def passing(brake, most):
    """How many may pass now, if so many want to."""
    passed = 0
    while passed < most and brake.ready():
        brake.take()
        passed += 1
    return passed


def test_all_pass_while_nothing_is_wrong():
    assert passing(Brake(), 100) == 100


def test_none_passes_during_the_pause_and_one_after_it():
    brake = Brake()
    assert brake.held_up(brake.take())
    assert passing(brake, 100) == 0
    brake.paused()
    assert passing(brake, 100) == 1


def test_those_that_left_before_the_pause_begin_no_other_one():
    """Twenty-five that fail together are one failure."""
    brake = Brake()
    rounds = [brake.take() for _ in range(25)]
    assert [brake.held_up(round_) for round_ in rounds] == [True, *[False] * 24]
    assert brake.failures == 1


@every_row(("width", "expected"), [(25, [1, 2, 4, 8, 16]), (16, [1, 2, 4, 8]), (1, [1])])
def test_each_that_goes_well_lets_twice_as_many_pass_until_all_do(width, expected):
    brake = Brake()
    brake.held_up(brake.take())
    brake.paused()
    passed = []
    while brake.closed:
        rounds = [brake.take() for _ in range(brake.passes)]
        passed.append(len(rounds))
        brake.went_well(rounds[0], width)
    assert passed == expected
    assert passing(brake, 100) == 100


def test_failures_in_a_row_are_counted_and_one_that_goes_well_ends_the_row():
    """So that the pauses grow."""
    brake = Brake()
    for _ in range(3):
        brake.held_up(brake.take())
        brake.paused()
    assert brake.failures == 3
    brake.went_well(brake.take(), 25)
    assert brake.failures == 0


def test_what_went_well_before_the_pause_does_not_open_it():
    """Its answer was only late."""
    brake = Brake()
    early = brake.take()
    brake.held_up(brake.take())
    brake.went_well(early, 25)
    assert passing(brake, 100) == 0
    brake.paused()
    brake.went_well(early, 25)
    assert (brake.passes, brake.failures) == (1, 1)


def test_a_pass_of_which_nothing_comes_is_another_ones():
    """Else nobody has it, and all wait for ever."""
    brake = Brake()
    early = brake.take()
    brake.held_up(brake.take())
    brake.paused()
    brake.hand_back(early)
    assert brake.passes == 1
    brake.hand_back(brake.take())
    assert passing(brake, 100) == 1
