from __future__ import annotations

import pytest

from pika_async import (
    BatchResult,
    BatchStats,
    DownloadError,
    Failed,
    InvalidRequestError,
    JobFailedError,
    Money,
    NotSubmittedError,
    Queued,
    Running,
    Spent,
    Succeeded,
    Transition,
    Video,
)
from pika_async.cli._running.progress import Progress
from pika_async.cli._showing.batch_words import counts, pace, totals

VIDEO = Video(id="v", job_id="j", url="https://media/v.mp4")
LINKLESS = Video(id="v", job_id="j", url="")
DONE = Succeeded(videos=(VIDEO,))


class Standing:
    """A batch as far as it tells about itself."""

    def __init__(self, **stats):
        self.stats = BatchStats(**stats)
        self.in_flight = {}


class Run:
    """A batch of jobs on a clock that is set by hand."""

    def __init__(self, total):
        self.seconds = 1000.0
        self.progress = Progress(total=total, now=lambda: self.seconds)
        self.stands()

    def stands(self, **stats):
        self.progress.batch = Standing(**stats)

    def moves(self, job_id, state):
        self.progress.transition(
            Transition(job_id=job_id, previous=None, state=state, elapsed=0.0, polls=1)
        )

    def ends(self, job_id, state=DONE, **fields):
        self.moves(job_id, state)
        self.progress.result(
            BatchResult(index=0, request="x", job_id=job_id, state=state, **fields)
        )


@pytest.fixture
def run():
    return Run(total=100)


def test_queued_jobs_are_told_from_running_ones(run):
    run.stands(taken=7, running=3, succeeded=2, failed=1, downloading=1)
    run.moves("a", Queued())
    run.moves("b", Queued())
    run.moves("b", Running(progress=1))
    assert counts(run.progress) == "2 running, 1 queued, 93 waiting, 1 failed, 1 saving"


def test_a_job_without_a_result_is_not_saved_yet(run):
    run.moves("a", Running())
    run.moves("b", DONE)
    run.moves("c", Failed(reason="no"))
    assert run.progress.unsaved() == ("b",)
    run.ends("b")
    assert run.progress.unsaved() == ()


def test_the_rate_is_measured_over_the_run(run):
    assert run.progress.rate() is None
    run.moves("a", Queued())
    run.seconds += 30
    run.ends("a")
    assert run.progress.rate() == pytest.approx(2.0)
    run.seconds += 30
    assert run.progress.rate() == pytest.approx(1.0)


def test_what_the_journal_knew_does_not_make_the_rate_look_better(run):
    run.seconds += 30
    run.progress.result(BatchResult(index=0, request="x", job_id="old", state=DONE, resumed=True))
    assert run.progress.rate() is None
    run.moves("in flight before", Running())
    run.ends("in flight before", resumed=True)
    assert run.progress.rate() == pytest.approx(2.0)


def test_no_time_left_is_told_before_a_job_has_ended(run):
    run.moves("a", Running())
    run.seconds += 300
    assert run.progress.time_left() is None


def test_the_time_left_counts_what_runs_and_what_waits(run):
    for job_id in "ab":
        run.moves(job_id, Queued())
    run.seconds += 60
    run.ends("a")
    run.moves("c", Queued())
    run.stands(taken=3, running=2, succeeded=1)
    # b is due now, c in 60 s, and the 97 that wait take 60 s each, two at once.
    assert run.progress.time_left() == pytest.approx((60 + 97 * 60) / 2)
    run.seconds += 30
    assert run.progress.time_left() == pytest.approx((30 + 97 * 60) / 2)


def test_the_last_jobs_take_as_long_as_the_slowest_of_them():
    run = Run(total=3)
    run.moves("a", Queued())
    run.seconds += 60
    run.ends("a")
    run.moves("b", Queued())
    run.seconds += 40
    run.moves("c", Queued())
    run.stands(taken=3, running=2, succeeded=1)
    assert run.progress.time_left() == pytest.approx(60)


def test_memory_is_that_of_the_jobs_in_flight(run):
    for number in range(1000):
        run.moves(str(number), Queued())
        run.ends(str(number))
    assert run.progress._jobs == {}


@pytest.mark.parametrize(
    ("error", "count"),
    [
        (JobFailedError("no", job_id="j", state=Failed(reason="no")), 1),
        (JobFailedError("no", job_id="j", state=Failed(reason="no link", videos=(LINKLESS,))), 0),
        (InvalidRequestError("no", status=400), 1),
        (DownloadError("no", job_id="j"), 0),
    ],
)
def test_what_only_a_new_job_can_mend_is_counted(run, error, count):
    run.progress.result(BatchResult(index=0, request="x", job_id=error.job_id, error=error))
    assert run.progress.for_good == count


def test_the_pace_is_told_with_all_that_is_known(run):
    assert pace(run.progress) == "0 of 100 done"
    run.moves("a", Queued())
    run.seconds += 60
    run.ends("a")
    run.stands(taken=2, running=1, succeeded=1)
    assert pace(run.progress) == "1 of 100 done, 1.0 a minute, about 98 min left"


def test_the_totals_leave_out_what_there_is_none_of(run):
    run.seconds += 600
    run.stands(taken=100, succeeded=100, downloaded=101)
    assert totals(run.progress, "videos") == (
        "100 prompts: 100 succeeded, 0 failed in 10 min; 101 files saved in videos"
    )
    run.stands(taken=60, succeeded=50, failed=1, uncertain=2, resumed=53)
    assert totals(run.progress, "videos") == (
        "53 of 100 prompts: 50 succeeded, 1 failed, 2 uncertain in 10 min; "
        "0 submitted now, 53 known from the journal; the files are in videos"
    )
    assert "videos" not in totals(run.progress, None)


def test_what_was_never_submitted_is_finished_and_not_failed_and_makes_no_pace(run):
    run.seconds += 30
    error = NotSubmittedError("the key was refused")
    run.progress.result(BatchResult(index=0, request="x", error=error))
    run.stands(taken=10, succeeded=7, not_submitted=3)
    assert (run.progress.finished, run.progress.failed) == (10, 0)
    assert not run.progress.all_done
    assert run.progress.rate() is None
    assert "7 succeeded, 0 failed, 3 not submitted" in totals(run.progress, None)
    assert counts(run.progress).endswith("0 failed, 3 not submitted")


def test_a_sum_of_several_kinds_says_what_it_counts(run):
    """A reader who adds up what was charged would miss the rest."""
    cents = {"charged": Money(450_000), "reserved": Money(200_000)}
    run.stands(taken=2, running=1, succeeded=1, spent=Spent(**cents))
    said = "about $0.65 spent ($0.45 charged, $0.20 reserved for jobs in flight)"
    assert said in totals(run.progress, None)
    run.stands(taken=1, succeeded=1, spent=Spent(charged=Money(450_000)))
    assert totals(run.progress, None).endswith("; $0.45 spent")
