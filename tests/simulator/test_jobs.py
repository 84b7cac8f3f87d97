import pytest

from pika_async.simulator._jobs import Moment, Polls

TABLE = [
    (0, Moment("queued", 0)),
    (19, Moment("queued", 0)),
    (20, Moment("pending", 0)),
    (60, Moment("pending", 50)),
    (99.9, Moment("pending", 99)),
    (100, Moment("finished", 100)),
    (10_000, Moment("finished", 100)),
]


@pytest.mark.parametrize(("seconds", "moment"), TABLE)
def test_a_job_is_queued_for_its_share_then_pending_then_finished(make_job, seconds, moment):
    assert (moment,) == make_job(duration=100.0, queue=0.2).look(seconds).moments


def test_a_job_without_a_queue_is_pending_at_once(make_job):
    assert (Moment("pending", 0),) == make_job(queue=0.0).look(0).moments


def test_a_job_that_is_all_queue_is_never_pending(make_job):
    job = make_job(queue=1.0)

    assert [job.look(at).moments[0].status for at in (99, 100)] == ["queued", "finished"]


def test_a_duration_of_zero_is_finished_at_once(make_job):
    assert (Moment("finished", 100),) == make_job(duration=0.0).look(0).moments


def test_a_job_that_fails_ends_as_error(make_job):
    assert (Moment("error", 100),) == make_job(outcome="error").look(100).moments


def test_a_clock_before_the_submit_finds_it_queued(make_job):
    assert (Moment("queued", 0),) == make_job(submitted_at=50.0).look(0).moments


@pytest.mark.parametrize(
    ("count", "statuses"),
    [
        (1, ["finished"]),
        (2, ["queued", "finished"]),
        (3, ["queued", "pending", "finished"]),
        (5, ["queued", "pending", "pending", "pending", "finished"]),
    ],
)
def test_polls_count_whatever_the_clock_says(make_job, count, statuses):
    job = make_job(duration=Polls(count))

    assert statuses == [job.look(1e9).moments[0].status for _ in range(count)]
    assert job.look(0).moments[0].status == "finished"


def test_polls_must_be_one_or_more():
    with pytest.raises(ValueError, match="must be >= 1"):
        Polls(0)


def test_the_end_is_known_beforehand_when_it_is_a_matter_of_time(make_job):
    assert make_job(submitted_at=50.0).finished_at == 150.0


def test_the_end_is_known_afterwards_when_it_is_a_matter_of_polls(make_job):
    job = make_job(duration=Polls(2))
    job.look(3)
    assert job.finished_at is None

    job.look(7)
    job.look(8)

    assert job.finished_at == 7


def test_answers_that_lag_are_seconds_behind(make_job):
    job = make_job(lag=10.0)

    assert [job.look(at).moments[0].status for at in (109, 110)] == ["pending", "finished"]


def test_answers_that_lag_are_one_poll_behind_when_polls_count(make_job):
    job = make_job(duration=Polls(2), lag=10.0)

    assert [job.look(0).moments[0].status for _ in range(3)] == ["queued", "queued", "finished"]


def test_a_lag_leaves_a_job_of_one_poll_queued_once(make_job):
    job = make_job(duration=Polls(1), lag=10.0)

    assert [job.look(0).moments[0].status for _ in range(2)] == ["queued", "finished"]


def test_several_videos_end_one_after_the_other(make_job):
    moments = make_job(videos=3).look(70).moments

    assert [moment.status for moment in moments] == ["finished", "finished", "pending"]


def test_of_mixed_outcomes_the_last_video_fails(make_job):
    moments = make_job("mixed-outcomes", videos=2).look(100).moments

    assert [moment.status for moment in moments] == ["finished", "error"]


def test_a_look_counts_polls_and_how_far_they_got(make_job):
    job = make_job()

    looks = [job.look(at) for at in (0, 50, 60, 100, 101)]

    assert [look.number for look in looks] == [1, 2, 3, 4, 5]
    assert [look.pending for look in looks] == [0, 1, 2, 3, 4]
    assert [look.ended for look in looks] == [0, 0, 0, 1, 2]
    assert job.polls == 5
