"""Numbers of tables and arrays are the numbers that they mean."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from support.tables import every_row

from pika_async import FieldError, GenerationRequest
from pika_async._request.fingerprint import fingerprint


class ArrayWhole:
    """As numpy.int64 is: no int, and good for an index."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"a whole {self._value}"

    def __index__(self) -> int:
        return self._value


class ArrayFloat:
    """As numpy.float32 is: no float, and good for one."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"a float of {self._value}"

    def __float__(self) -> float:
        return self._value


@every_row("seven", [7.0, ArrayWhole(7), ArrayFloat(7.0), Decimal("7.0")], ids=repr)
def test_a_seed_of_seven_is_the_same_request_in_whatever_number_it_comes(seven):
    request = GenerationRequest("x", seed=seven)
    assert type(request.seed) is int
    assert fingerprint(request) == fingerprint(GenerationRequest("x", seed=7))


@every_row("field", ["frame_rate", "motion"])
@every_row("three", [3.0, ArrayWhole(3), ArrayFloat(3.0)], ids=repr)
def test_so_are_the_other_whole_numbers(field, three):
    assert type(getattr(GenerationRequest("x", **{field: three}), field)) is int


@every_row(
    ("field", "number", "kind"),
    [
        ("guidance_scale", ArrayFloat(7.5), float),
        ("guidance_scale", ArrayWhole(8), int),
        ("guidance_scale", Decimal("7.5"), float),
        ("aspect_ratio", ArrayFloat(1.5), float),
        ("aspect_ratio", ArrayWhole(1), int),
        ("aspect_ratio", Decimal("1.5"), float),
    ],
    ids=repr,
)
def test_numbers_of_arrays_become_numbers_that_json_can_hold(field, number, kind):
    value = getattr(GenerationRequest("x", **{field: number}), field)
    assert type(value) is kind
    assert json.dumps(value)


@every_row("value", [7.5, ArrayFloat(7.5), 2.0**60, float("nan"), float("inf"), True], ids=repr)
def test_what_is_not_surely_a_whole_number_is_no_seed(value):
    with pytest.raises(FieldError, match="a whole number"):
        GenerationRequest("x", seed=value)


def test_a_long_seed_keeps_every_digit():
    assert GenerationRequest("x", seed=ArrayWhole(2**62 + 1)).seed == 2**62 + 1
