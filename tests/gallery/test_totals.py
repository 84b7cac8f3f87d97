"""What a journal adds up to."""

from __future__ import annotations

import pytest
from support.entries import attempt, entry, run
from support.journals import video
from support.tables import every_row

from pika_async import Failed, Money
from pika_async._gallery.totals import spread, totals_of
from pika_async._gallery.values import Clip, Standing


@every_row(
    ("values", "median", "percentile_90", "longest"),
    [
        ([], None, None, None),
        ([3.0], 3.0, 3.0, 3.0),
        ([4.0, 2.0], 3.0, 3.8, 4.0),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 3.0, 4.6, 5.0),
        ([float(n) for n in range(101)], 50.0, 90.0, 100.0),
    ],
)
def test_a_spread_has_a_median_and_a_90th_percentile(values, median, percentile_90, longest):
    found = spread(values)
    assert (found.count, found.median, found.longest) == (len(values), median, longest)
    assert found.percentile_90 == pytest.approx(percentile_90)


def test_every_standing_is_counted():
    found = totals_of([entry(attempt(standing)) for standing in Standing], [])
    assert found.standings == dict.fromkeys(Standing, 1)
    assert found.requests == 5


def test_an_empty_journal_adds_up_to_nothing():
    found = totals_of([], [])
    assert (found.requests, found.accepted, found.jobs_per_minute) == (0, 0, None)
    assert found.queued.median is None


def test_jobs_of_earlier_attempts_are_to_be_paid_for_too():
    failed = attempt(Standing.FAILED, 0.0, 1.0, 2.0, end=Failed(reason="x"))
    found = totals_of([entry(failed, failed, attempt(Standing.SUCCEEDED, 5.0, 6.0, 7.0))], [])
    assert (found.accepted, found.accepted_before) == (3, 2)


def test_what_was_never_accepted_costs_nothing():
    found = totals_of([entry(attempt(Standing.WAITING, job_id=None))], [], Money(200_000))
    assert (found.accepted, found.submits, found.bill.sums) == (0, 0, ())


def test_an_estimate_multiplies_and_names_what_uncertain_submits_may_add():
    uncertain = attempt(Standing.UNCERTAIN)
    accepted = attempt(Standing.RUNNING, 1.0)
    found = totals_of(
        [entry(accepted), entry(uncertain, accepted), entry(uncertain)], [], Money(200_000)
    )
    assert found.certain.sums == (Money(400_000),)
    assert found.uncertain_submits == 2
    assert found.uncertain.sums == (Money(400_000),)
    assert found.bill.sums == (Money(800_000),)


def test_without_a_price_there_is_no_estimate():
    found = totals_of([entry(attempt())], [])
    assert (found.bill.sums, found.knows_money, found.bill.unknown) == ((), False, 1)


def test_times_of_jobs_that_succeeded_are_spread():
    jobs = [attempt(Standing.SUCCEEDED, 0.0, queued, queued + 10.0) for queued in (1.0, 3.0)]
    found = totals_of([entry(job) for job in jobs], [])
    assert (found.queued.median, found.generated.median, found.whole.median) == (2.0, 10.0, 12.0)


def test_a_job_never_seen_being_generated_counts_as_a_whole_only():
    found = totals_of([entry(attempt(Standing.SUCCEEDED, 0.0, None, 9.0))], [])
    assert (found.queued.count, found.generated.count, found.whole.median) == (0, 0, 9.0)


@every_row(
    "job",
    [
        attempt(Standing.FAILED, 0.0, 1.0, 2.0),
        attempt(Standing.SUCCEEDED, 0.0, 1.0, 900.0, watched=False),
        attempt(Standing.SUCCEEDED, 9.0, 5.0, 1.0),
    ],
    ids=["failed", "followed late", "a clock set back"],
)
def test_times_that_say_nothing_of_the_service_are_left_out(job):
    found = totals_of([entry(job)], [])
    assert (found.queued.count, found.generated.count, found.whole.count) == (0, 0, 0)


def test_jobs_followed_late_are_counted():
    late = attempt(Standing.SUCCEEDED, 0.0, 1.0, 900.0, watched=False)
    assert totals_of([entry(late)], []).followed_late == 1


def test_the_pace_is_over_all_runs_and_leaves_out_the_time_between():
    jobs = [entry(attempt(Standing.SUCCEEDED, 0.0, 1.0, 2.0)) for _ in range(6)]
    found = totals_of(jobs, [run(0, 60), run(5000, 5120, number=2)])
    assert (found.run_seconds, found.jobs_per_minute) == (180, 2.0)


def test_videos_and_their_lengths_add_up():
    clips = (
        Clip(video=video(duration=5.0), file="a.mp4", file_link="a.mp4"),
        Clip(video=video(duration=None), file="b.mp4"),
        Clip(video=video(duration=2.5)),
    )
    found = totals_of([entry(attempt(), clips=clips)], [])
    assert (found.videos, found.video_seconds, found.videos_of_unknown_length) == (3, 7.5, 1)
    assert (found.videos_saved, found.videos_found) == (2, 1)
