"""Numbers and times for people."""

from __future__ import annotations

import pytest

from pika_async._gallery import phrases


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (None, "—"),
        (0, "0.0 s"),
        (3.21, "3.2 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (72, "1 min 12 s"),
        (3599.7, "1 h"),
        (7500, "2 h 5 min"),
        (86_399, "1 d"),
        (90_000, "1 d 1 h"),
    ],
)
def test_seconds_are_said_in_two_units_at_most(amount, words):
    assert phrases.seconds(amount) == words


def test_ticks_have_no_needless_digits():
    assert [phrases.tick(amount) for amount in (0, 0.5, 5, 90)] == [
        "0 s",
        "0.5 s",
        "5 s",
        "1 min 30 s",
    ]


def test_moments_are_in_utc():
    assert phrases.moment(1_700_000_000) == "2023-11-14 22:13:20 UTC"
    assert phrases.iso(1_700_000_000) == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize("at", [1e300, float("inf"), float("nan"), -1e18])
def test_a_moment_that_no_calendar_has_is_a_number(at):
    assert phrases.moment(at) == str(at)
    assert phrases.iso(at) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"path": "cat.png"}, "cat.png"),
        ({"url": "https://media.test/cat.png"}, "https://media.test/cat.png"),
        ({"sha256": "0123456789abcdef"}, "given as bytes, SHA-256 0123456789ab…"),
        ({"zoom": "in", "pan": "left"}, "zoom in, pan left"),
        ([1, "a"], "1, a"),
        (True, "yes"),
        (7, "7"),
    ],
)
def test_options_are_shown_as_words(value, words):
    assert phrases.option(value) == words
