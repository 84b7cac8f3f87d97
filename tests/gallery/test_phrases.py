"""Numbers and times for people."""

from __future__ import annotations

import time
from datetime import timedelta, timezone

import pytest
from support.tables import every_row

from pika_async._gallery import phrases


def test_seconds_that_are_not_known_are_a_dash():
    assert [phrases.seconds(amount) for amount in (None, 72)] == ["—", "1 min 12 s"]


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


@every_row("at", [1e300, float("inf"), float("nan"), -1e18])
def test_a_moment_that_no_calendar_has_is_a_number(at):
    assert phrases.moment(at) == str(at)
    assert phrases.iso(at) is None


@every_row(
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


@every_row(
    ("value", "words"),
    [
        (16 / 9, "16:9"),
        (9 / 16, "9:16"),
        (1.0, "1:1"),
        (1, "1:1"),
        (1.25, "5:4"),
        (0.8, "4:5"),
        (4 / 3, "4:3"),
        (2 / 3, "2:3"),
        (21 / 9, "21:9"),
        (2.5, "5:2"),
        (1.777777778, "16:9"),
        (1.85, "1.85"),
        (1.91, "1.91"),
        (2.39, "2.39"),
        (0.0, "0"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ("16:9", "16:9"),
    ],
)
def test_an_aspect_ratio_is_shown_as_people_write_it(value, words):
    assert phrases.option(value, "aspect_ratio") == words


@every_row(("value", "words"), [(0.1 + 0.2, "0.3"), (12.0, "12"), (1.5, "1.5"), (7, "7")])
def test_numbers_have_no_digits_that_nobody_wrote(value, words):
    assert phrases.option(value, "guidance_scale") == words


@every_row(
    ("hours", "words"),
    [
        (0, "2023-11-14 22:13:20 UTC"),
        (1, "2023-11-14 23:13:20 UTC+1"),
        (-8, "2023-11-14 14:13:20 UTC-8"),
        (5.5, "2023-11-15 03:43:20 UTC+5:30"),
        (-3.5, "2023-11-14 18:43:20 UTC-3:30"),
    ],
)
def test_moments_are_said_in_a_zone_with_its_distance_to_utc(hours, words):
    assert phrases.moment(1_700_000_000, timezone(timedelta(hours=hours))) == words


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of the process is fixed here")
def test_without_a_zone_it_is_that_of_this_machine_on_that_day(monkeypatch):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        assert phrases.moment(1_700_000_000, None) == "2023-11-14 23:13:20 UTC+1"
        assert phrases.moment(1_690_000_000, None) == "2023-07-22 06:26:40 UTC+2"
    finally:
        monkeypatch.undo()
        time.tzset()
