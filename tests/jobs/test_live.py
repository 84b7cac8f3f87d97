"""The jobs that somebody holds are found by their ids, and no others."""

from __future__ import annotations

from pika_async._jobs.job import Job
from pika_async._jobs.live import LiveJobs


def a_job() -> Job:
    return Job(None)  # type: ignore[arg-type]  # nobody asks it for anything


def test_a_job_is_found_as_long_as_somebody_holds_it():
    jobs, job = LiveJobs(), a_job()
    jobs.add("one", job)
    assert jobs.get("one") is job
    assert jobs.get("another") is None
    del job
    assert jobs.get("one") is None


def test_nothing_is_left_of_a_job_that_nobody_holds():
    jobs, job = LiveJobs(), a_job()
    jobs.add("one", job)
    del job
    assert not jobs._held


def test_the_end_of_a_job_does_not_hide_another_that_took_its_place():
    jobs, first, second = LiveJobs(), a_job(), a_job()
    jobs.add("one", first)
    # As the garbage collector does while it tells of those that are gone.
    reference = jobs._held["one"]
    jobs.add("one", second)
    del first
    assert reference() is None
    assert jobs.get("one") is second
