from __future__ import annotations

import pytest

from pika_async.simulator import Fault

KEY = "sk-9f8e7d6c5b4a"


@pytest.fixture
def job_id(sim):
    return sim.create_job(KEY, {"promptText": "x"}).id


@pytest.fixture
def watch(pika, sim, job_id):
    return lambda *arguments: pika("watch", job_id, "--base-url", sim.url, *arguments)


def test_with_o_the_video_is_saved_without_paying_again(watch, here, sim):
    done = watch("-o", "panda.mp4")
    assert (done.code, done.out) == (0, "panda.mp4\n")
    assert (here / "panda.mp4").exists()
    assert sim.submissions == []


def test_without_o_the_link_goes_to_stdout_and_nothing_is_saved(watch, here, sim):
    done = watch()
    assert done.code == 0
    assert done.out.startswith(sim.media_url)
    assert done.out.endswith(".mp4\n")
    assert list(here.iterdir()) == []


def test_transitions_are_shown(watch):
    assert [line.partition(" s  ")[2] for line in watch().err.splitlines()[1:]] == [
        "queued",
        "succeeded",
    ]


def test_json_ends_with_the_link(watch):
    done = watch("--json")
    assert [event["event"] for event in done.events] == [
        "started",
        "transition",
        "transition",
        "video",
    ]
    assert done.events[-1]["url"].endswith(".mp4")


def test_a_failed_job_is_exit_1_with_its_reason(watch, sim, job_id):
    sim.jobs[job_id].outcome = "error"
    sim.jobs[job_id].reason = "the panda fell"
    done = watch()
    assert done.code == 1
    assert f"error: job {job_id} failed: the panda fell." in done.err


def test_an_unknown_job_is_exit_1_without_a_line_to_repeat(pika, sim):
    done = pika("watch", "no-such-job", "--base-url", sim.url)
    assert done.code == 1
    assert "not found" in done.err
    assert "pika-async watch" not in done.err


def test_a_timeout_says_what_the_last_look_met(watch, sim):
    sim.faults.append(Fault("502-html", on="poll", times=None))
    done = watch("--timeout", "0")
    assert done.code == 1
    assert "The last look at it failed: the service failed (HTTP 502" in done.err


def test_an_existing_target_is_refused_before_the_first_look(watch, here, sim):
    (here / "panda.mp4").write_bytes(b"mine")
    assert watch("-o", "panda.mp4").code == 2
    assert sim.polls == []
    assert watch("-o", "panda.mp4", "--overwrite").code == 0


def test_an_empty_id_is_a_usage_error(pika, sim):
    done = pika("watch", " ", "--base-url", sim.url)
    assert (done.code, done.err) == (2, "error: JOB_ID is empty.\n")


def test_without_a_key_it_says_where_to_put_one(watch, monkeypatch):
    monkeypatch.delenv("PIKA_API_KEY")
    done = watch()
    assert done.code == 2
    assert done.err == (
        "error: there is no API key for the service 'gateway': set PIKA_API_KEY in the "
        "environment.\n"
    )


@pytest.mark.parametrize("odd", ["task 0/é?#%2F", "-o", "$(id)"])
def test_odd_ids_survive_the_shell(pika, sim, odd):
    job = sim.create_job(KEY, {"promptText": "x"})
    sim.jobs[odd] = sim.jobs.pop(job.id)
    sim.jobs[odd].id = odd
    done = pika("watch", "--base-url", sim.url, "--", odd)
    assert done.code == 0, done.err
