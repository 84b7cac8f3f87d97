"""Where bars and ticks stand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from support.entries import attempt, entry, run
from support.tables import every_row

from pika_async._gallery.timeline import LABELLED, Timeline, row_height, stacked
from pika_async._gallery.values import Standing

TWO_RUNS = [run(1000, 1060), run(9000, 9040, number=2)]


def bars(*attempts, runs=None):
    found = Timeline(runs or [run(0, 100)]).bars(entry(*attempts))
    return [(bar.kind, bar.left, bar.width) for bar in found]


@every_row(
    ("at", "left"),
    [(0, 0), (1000, 0), (1030, 30), (1060, 60), (5000, 60), (9000, 60), (9020, 80), (9999, 100)],
)
def test_the_runs_stand_one_after_the_other_without_the_time_between(at, left):
    assert Timeline(TWO_RUNS).left(at) == left


def test_every_run_has_its_place_and_its_name_where_there_is_room():
    starts = Timeline([*TWO_RUNS, run(9500, 9500, number=3)]).starts()
    found = [(start.left, start.run.number, start.labelled) for start in starts]
    assert found == [(0, 1, True), (60, 2, True), (100, 3, False)]


def test_names_of_runs_do_not_lie_on_each_other():
    runs = [run(1000 * number, 1000 * number + 10, number=number) for number in range(1, 31)]
    lefts = [start.left for start in Timeline(runs).starts() if start.labelled]
    assert len(lefts) > 5
    assert all(after - before >= 8 for before, after in pairwise(lefts))


def test_a_run_in_which_nothing_was_noted_is_named():
    silent = Timeline([*TWO_RUNS, run(9500, 9500, number=3)]).silent
    assert [one.number for one in silent] == [3]


@every_row("runs", [[], [run(1000, 1000)]])
def test_where_nothing_was_noted_there_is_nothing_to_measure(runs):
    timeline = Timeline(runs)
    assert (timeline.seconds, timeline.left(1000), timeline.ticks()) == (0, 0, [])


@every_row(
    ("seconds", "ticks"),
    [
        (0.35, [0, 0.1, 0.2, 0.3]),
        (8.5, [0, 2, 4, 6, 8]),
        (90, [0, 15, 30, 45, 60, 75, 90]),
        (4000, [0, 600, 1200, 1800, 2400, 3000, 3600]),
    ],
)
def test_ticks_are_few_and_round(seconds, ticks):
    found = Timeline([run(0, seconds)]).ticks()
    assert [tick.seconds for tick in found] == pytest.approx(ticks)
    assert [tick.left for tick in found] == pytest.approx([100 * t / seconds for t in ticks])


@every_row("days", [10, 10_000])
def test_there_are_never_many_ticks(days):
    assert len(Timeline([run(0, 86_400 * days)]).ticks()) <= 9


def test_a_job_is_queued_then_generated():
    assert bars(attempt(Standing.SUCCEEDED, 10, 30, 70)) == [
        ("queued", 10, 20),
        ("generated", 30, 40),
    ]


@every_row(
    ("job", "expected"),
    [
        (attempt(Standing.FAILED, 10, 30, 70), [("queued", 10, 20), ("failed", 30, 40)]),
        (attempt(Standing.FAILED, 10, None, 70), [("failed", 10, 60)]),
        (attempt(Standing.SUCCEEDED, 10, None, 70), [("unsplit", 10, 60)]),
        (attempt(Standing.RUNNING, 10), [("open", 10, 90)]),
        (attempt(Standing.RUNNING, 10, given_up=True), []),
        (attempt(Standing.RUNNING, None), []),
        (attempt(Standing.WAITING), []),
        (attempt(Standing.UNCERTAIN), []),
        (attempt(Standing.SUCCEEDED, 70, 30, 10), [("queued", 70, 0), ("generated", 30, 0)]),
        (attempt(Standing.UNCERTAIN, sent_at=40), [("uncertain", 40, 0.6)]),
        (attempt(Standing.UNCERTAIN, sent_at=100), [("uncertain", 99.4, 0.6)]),
        (attempt(Standing.FAILED, ended_at=40), [("failed", 40, 0.6)]),
    ],
    ids=[
        "failed",
        "never seen running",
        "unsplit",
        "open",
        "given up",
        "sending",
        "waiting",
        "uncertain",
        "?",
        "uncertain, and when it was sent is known",
        "at the very end",
        "refused",
    ],
)
def test_each_outcome_has_its_bar(job, expected):
    assert bars(job) == expected


def test_earlier_attempts_stand_in_the_same_row():
    found = bars(attempt(Standing.FAILED, 0, 1, 2), attempt(Standing.SUCCEEDED, 10, 30, 70))
    assert [kind for kind, _, _ in found] == ["queued", "failed", "queued", "generated"]


def test_rows_get_thinner_the_more_there_are():
    assert [row_height(rows) for rows in (0, 80, 81, 400, 2_000, 10_000)] == [
        LABELLED,
        LABELLED,
        8,
        8,
        4,
        2,
    ]


def test_shares_add_up_to_the_whole():
    found = stacked([("succeeded", 3), ("failed", 0), ("running", 1)])
    assert [(bar.kind, bar.left, bar.width) for bar in found] == [
        ("succeeded", 0, 75),
        ("running", 75, 25),
    ]


def test_nothing_has_no_shares():
    assert stacked([("succeeded", 0)]) == []
