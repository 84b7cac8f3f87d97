"""Counts and times, as people read them."""

from __future__ import annotations

from support.tables import every_row

from pika_async._figures import counted, exactly, roughly


@every_row(
    ("seconds", "words"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (48.4, "48 s"), (99.4, "99 s"),
     (100, "2 min"), (5940, "99 min"), (12_000, "3 h 20 min")],
)  # fmt: skip
def test_seconds_that_pass_are_said_roughly(seconds, words):
    assert roughly(seconds) == words


@every_row(
    ("seconds", "words"),
    [
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
def test_seconds_that_are_over_are_said_in_two_units_at_most(seconds, words):
    assert exactly(seconds) == words


@every_row(
    ("number", "names", "words"),
    [
        (0, ["job"], "0 jobs"),
        (1, ["job"], "1 job"),
        (10_000, ["job"], "10,000 jobs"),
        (1, ["of them was", "of them were"], "1 of them was"),
        (2, ["of them was", "of them were"], "2 of them were"),
    ],
)
def test_what_is_counted_has_a_plural_and_its_thousands_apart(number, names, words):
    assert counted(number, *names) == words
