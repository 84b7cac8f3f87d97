"""FieldError's facts, and each check: what it lets through and what it says of the rest."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
from attrs import field, frozen
from support.tables import every_row

from pika_async import FieldError, Pikaffect
from pika_async._checks import (
    above_zero,
    at_least_one,
    checked_bound,
    checked_job_id,
    checked_request_timeout,
    checked_timeout,
    flag,
    is_number,
    is_whole,
    number_within,
    one_of,
    seconds,
    share,
    text,
    whole_or_none,
)


class TestFieldError:
    def test_it_carries_the_facts(self):
        error = FieldError("seed", "x", "a whole number", nearest="7", through_extra=True)
        assert (error.field, error.value, error.allowed) == ("seed", "x", "a whole number")
        assert (error.nearest, error.through_extra, error.problem) == ("7", True, None)

    def test_it_is_a_value_error(self):
        assert isinstance(FieldError("seed", "x", "a whole number"), ValueError)

    @every_row(
        ("facts", "words"),
        [
            ({}, "seed: 'x' is not allowed; allowed is a number"),
            ({"verb": "are"}, "seed: 'x' is not allowed; allowed are a number"),
            ({"problem": "it is odd"}, "seed: 'x' is not allowed; it is odd"),
            ({"nearest": "y"}, "seed: 'x' is not allowed; did you mean 'y'? allowed is a number"),
            (
                {"through_extra": True},
                (
                    "seed: 'x' is not allowed; allowed is a number; what is newer than this "
                    "version goes through extra={'seed': …}"
                ),
            ),
        ],
    )
    def test_its_text_is_made_of_them(self, facts, words):
        assert str(FieldError("seed", "x", "a number", **facts)) == words

    def test_the_complaint_is_for_whoever_calls_the_field_by_another_name(self):
        error = FieldError("seed", "x", "a number", through_extra=True)
        assert error.complaint == "'x' is not allowed; allowed is a number"

    def test_whoever_writes_values_as_text_is_told_what_is_allowed_there(self):
        error = FieldError("extend", "x", "True or False", written="true or false")
        assert error.complaint.endswith("allowed is True or False")
        assert error.written_complaint == "'x' is not allowed; allowed is true or false"
        assert FieldError("seed", "x", "a number").written == "a number"

    @every_row("again", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])  # noqa: S301 - our own bytes
    def test_it_travels_with_all_its_facts(self, again):
        error = FieldError("a.b", 3, "text", problem="no", nearest="x", verb="are", written="words")
        travelled = again(error)
        assert type(travelled) is FieldError
        assert vars(travelled) == vars(error)
        assert str(travelled) == str(error)

    def test_a_long_value_is_cut(self):
        assert len(str(FieldError("prompt", "x" * 100_000, "text"))) < 300

    def test_a_value_without_a_repr_is_named_by_its_type(self):
        endless: list = []
        for _ in range(100_000):
            endless = [endless]
        for value in (10**5000, endless):
            words = f"this {type(value).__name__}, too large to show, is not allowed"
            assert words in FieldError("extra", value, "JSON").complaint


def checked(validator, value, default=None):
    @frozen
    class Holder:
        it = field(default=default, validator=validator)

    return Holder(value).it


VALIDATORS = [
    (number_within(0.5, 2, whole=False), [0.5, 1, 2.0, None], [0.4, math.nan, True, "1", math.inf]),
    (number_within(1, 24, whole=True), [1, 24, None], [0, 25, 2.0, True, "3"]),
    (text(empty=True), ["", "x"], [None, 3, b"x", "\ud800"]),
    (text(empty=False), ["x"], ["", " \n", None, "\udcff"]),
    (whole_or_none, [None, 0, -7, 2**70], [1.0, "1", True]),
    (flag, [True, False], [None, 0, 1, "true"]),
    (one_of("in", "out"), [None, "in", "out"], ["up", "", 3]),
    (seconds(at_least=0.1), [0.1, 5], [0, -1, math.inf, math.nan, None, True, "1"]),
    (share, [0, 0.5, 1], [-0.1, 1.1, math.nan, None, True]),
    (above_zero, [0.1, 5], [0, -1, math.inf, math.nan, None, True, "1"]),
    (at_least_one, [1, 10**9], [0, -1, 1.5, None, True]),
]
_GOOD = [(check, value) for check, good, _ in VALIDATORS for value in good]
_BAD = [(check, value) for check, _, bad in VALIDATORS for value in bad]


@every_row(("check", "value"), _GOOD)
def test_a_check_lets_through_what_is_allowed_as_it_is(check, value):
    assert checked(check, value) is value


@every_row(("check", "value"), _BAD)
def test_a_check_refuses_the_rest_and_names_the_field_and_the_value(check, value):
    with pytest.raises(FieldError) as caught:
        checked(check, value)
    assert caught.value.field == "it"
    assert caught.value.value is value


def test_none_is_a_number_only_where_it_is_the_default():
    with pytest.raises(FieldError):
        checked(number_within(1, 24, whole=True), None, default=24)


def test_a_part_is_named_with_what_it_is_a_part_of():
    with pytest.raises(FieldError, match=r"\Acamera\.it: 'up' is not allowed; allowed are in, out"):
        checked(one_of("in", "out", within="camera."), "up")


def test_a_bound_says_what_else_is_allowed():
    assert checked_bound("max_in_flight", 3) == 3
    with pytest.raises(FieldError) as caught:
        checked_bound("max_in_flight", 0, ", or None for no bound")
    assert caught.value.allowed == "a whole number from 1, or None for no bound"


def test_a_timeout_of_none_is_for_ever():
    assert checked_timeout(None) == math.inf
    assert checked_timeout(0) == 0.0
    for value in (-1, math.nan, "5", True):
        with pytest.raises(FieldError, match="timeout"):
            checked_timeout(value)


def test_a_request_does_not_take_for_ever():
    assert checked_request_timeout(0.5) == 0.5
    for value in (0, math.inf, math.nan, "5", None):
        with pytest.raises(FieldError, match="request_timeout"):
            checked_request_timeout(value)


def test_a_job_id_is_text_that_is_not_empty():
    assert checked_job_id("j") == "j"
    for value in ("", " ", 3, None):
        with pytest.raises(FieldError, match="job_id"):
            checked_job_id(value)


def test_true_and_false_are_no_numbers():
    assert not is_number(True)
    assert not is_whole(False)
    assert is_number(1.5)
    assert is_whole(7)
    assert not is_whole(7.0)


def test_a_member_of_an_enumeration_is_shown_as_the_text_that_it_is():
    assert str(FieldError("pikaffect", Pikaffect.BABY_ME, "Melt")).startswith(
        "pikaffect: 'Baby Me' is not allowed"
    )
