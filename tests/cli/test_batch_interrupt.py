from __future__ import annotations

import asyncio
import shlex
import signal
import sys
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest

from pika_async import (
    BatchStats,
    JournalError,
    Status,
    SubmitUncertain,
    TransportError,
    read_journal,
)
from pika_async.cli._running.progress import Progress
from pika_async.cli._running.trail import BatchTrail
from pika_async.simulator import Fault, Polls

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX")


@pytest.fixture
def batch(start, sim, here):
    (here / "my prompts.txt").write_text("a\nb\nc\n")
    return lambda *arguments: start(
        "batch", "my prompts.txt", "-n", "2", "--base-url", sim.url, *arguments
    )


@pytest.fixture
def interrupted(batch, sim, eventually):
    """A batch of three that was interrupted when two jobs ran."""

    def run(*arguments, number=signal.SIGINT):
        sim.duration = Polls(1000)
        with batch(*arguments) as command:
            eventually(lambda: len({poll.job_id for poll in sim.polls}) == 2)
            command.send(number)
            return command.end()

    return run


def test_ctrl_c_is_exit_130_and_one_line_with_the_count_and_one_that_resumes(
    interrupting, sim, here
):
    (here / "p.txt").write_text("a\nb\nc\n")
    sim.duration = Polls(1000)
    done = interrupting(
        signal.SIGINT,
        lambda: len({poll.job_id for poll in sim.polls}) == 2,
        *("batch", "p.txt", "-n", "2", "--base-url", sim.url),
    )
    *_, before, message, line = done.err.splitlines()
    assert (done.code, done.out) == (130, "")
    assert before == "the journal is p.txt.journal"
    assert message == (
        "interrupted: nothing more is submitted. 0 of 3 prompts done. 2 jobs run on at the service "
        "and stay paid for. The line below waits for what runs and does the rest, without paying "
        "again."
    )
    # The journal has them.
    assert not any(job_id in message for job_id in sim.jobs)
    assert line == f"  pika-async batch p.txt -n 2 --base-url {sim.url}"
    assert len(sim.submissions) == 2


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")],
)
def test_a_signal_counts_the_jobs_that_run_on_and_prints_the_line_that_resumes(  # noqa: PLR0917 - fixtures
    interrupted, pika, sim, number, code, words
):
    done = interrupted(number=number)
    *_, message, line = done.err.splitlines()
    assert (done.code, done.out) == (code, "")
    assert message.startswith(
        f"{words}: nothing more is submitted. 0 of 3 prompts done. 2 jobs run on at the service "
        "and stay paid for. "
    )
    assert line == f"  pika-async batch 'my prompts.txt' -n 2 --base-url {sim.url}"
    sim.duration = Polls(1)
    for job in sim.jobs.values():
        job.duration = Polls(1)
    resumed = pika(*shlex.split(line)[1:])
    assert (resumed.code, len(resumed.out.splitlines())) == (0, 3)
    assert len(sim.submissions) == 3


def test_the_line_that_resumes_says_what_was_chosen(interrupted, sim):
    done = interrupted("-d", "x/y", "-j", "k.journal", "--timeout", "60", "--format", "txt")
    assert done.err.splitlines()[-1] == (
        "  pika-async batch 'my prompts.txt' -d x/y -j k.journal -n 2 --timeout 60 --format txt "
        f"--base-url {sim.url}"
    )


def test_the_line_that_resumes_does_not_submit_again_what_has_just_been(interrupted):
    *_, said, line = interrupted("--retry-failed", "--resubmit-uncertain").err.splitlines()
    assert "--retry-failed" not in line
    assert "--resubmit-uncertain" not in line
    assert said.endswith(
        "It does not repeat --retry-failed and --resubmit-uncertain, which would also pay again "
        "for what this run has submitted."
    )


def test_json_tells_of_the_interruption_and_of_what_runs_on(interrupted, sim):
    error, summary = interrupted("--json").events
    assert (error["event"], error["type"], error["exit_code"]) == ("error", "Interrupted", 130)
    assert (error["money"], error["advice"]) == (None, None)
    assert error["resume"].startswith("pika-async batch 'my prompts.txt' -n 2 --json ")
    assert sorted(summary["in_flight"]) == sorted(sim.jobs)
    assert (summary["event"], summary["total"], summary["finished"]) == ("summary", 3, 0)


def test_without_a_journal_each_job_can_be_come_back_to(interrupted, sim):
    message = interrupted("--no-journal").err.splitlines()[-1]
    assert [job_id in message for job_id in sim.jobs] == [True] * 2
    assert "come back to each job with `pika-async watch JOB_ID -o FILE`" in message


def test_while_saving_the_jobs_are_named_that_are_not_saved_yet(batch, sim, eventually):
    sim.faults.append(Fault("stalled", on="download", times=None, seconds=600))
    with batch("--no-journal") as command:
        eventually(lambda: len(sim.downloads) == 3)
        command.send(signal.SIGINT)
        done = command.end()
    message = done.err.splitlines()[-1]
    assert done.code == 130
    assert "3 jobs are finished and paid for, and not saved yet: " in message
    assert [job_id in message for job_id in sim.jobs] == [True] * 3


def test_while_submitting_the_answers_are_awaited_and_their_jobs_counted(batch, sim):
    asked, answer = threading.Event(), threading.Event()

    def hesitate(_):
        asked.set()
        answer.wait()

    sim.failure = hesitate
    try:
        with batch() as command:
            asked.wait()
            command.send(signal.SIGINT)
            command.wait_for("waiting for the answers of submits under way")
            answer.set()
            done = command.end()
    finally:
        answer.set()
    assert done.code == 130
    jobs = "2 jobs run on at the service and stay" if len(sim.jobs) == 2 else "1 job runs on at"
    assert jobs in done.err
    assert "c" not in {submission.body["promptText"] for submission in sim.submissions}


def test_a_second_signal_leaves_at_once_and_pays_for_nothing_twice(batch, pika, sim, eventually):
    sim.faults.append(Fault("slow-headers", times=2, seconds=600))
    with batch() as command:
        eventually(lambda: len(sim.submissions) == 2)
        command.send(signal.SIGINT)
        command.wait_for("Ctrl-C again leaves at once")
        command.insist(signal.SIGINT)
        done = command.end()
    assert done.code == 130
    assert "the journal knows them, and a second run calls them uncertain" in done.err
    sim.duration = Polls(1)
    again = pika(*shlex.split(done.err.splitlines()[-1])[1:])
    assert again.code == 1
    assert "1 succeeded, 0 failed, 2 uncertain" in again.err
    assert len(sim.submissions) == 3


def test_two_signals_in_a_row_do_not_lose_the_line_that_resumes(batch, sim, eventually):
    sim.duration = Polls(1000)
    with batch() as command:
        eventually(lambda: len({poll.job_id for poll in sim.polls}) == 2)
        command.send(signal.SIGINT)
        command.send(signal.SIGINT)
        done = command.end()
    assert done.code == 130
    assert "2 jobs run on at the service and stay paid for. " in done.err
    assert "  pika-async batch 'my prompts.txt' -n 2" in done.err


def test_a_submit_that_breaks_off_after_the_signal_is_uncertain_next_time(
    batch, pika, sim, eventually
):
    sim.faults.append(Fault("slow-headers", times=2, seconds=600))
    with batch() as command:
        eventually(lambda: len(sim.submissions) == 2)
        command.send(signal.SIGINT)
        command.wait_for("waiting for the answers")

        async def drop():
            async with sim.unreachable():
                return await asyncio.to_thread(command.end)

        done = asyncio.run(drop())
    assert done.code == 130
    again = pika(*shlex.split(done.err.splitlines()[-1])[1:])
    assert "2 uncertain" in again.err
    assert len(sim.submissions) == 3


def test_held_back_submits_are_not_sent_after_the_signal(batch, sim):
    sim.faults.append(Fault("429-openai", retry_after=600, times=None))
    with batch() as command:
        command.wait_for("submit held back")
        command.send(signal.SIGINT)
        done = command.end()
    assert done.code == 130
    assert "nothing more is submitted. 0 of 3 prompts done. No job is left running." in done.err
    assert sim.jobs == {}


def test_the_same_standard_input_is_wanted_again(start, sim, here, eventually):
    (here / "input").write_text("a\n")
    sim.duration = Polls(1000)
    with (
        (here / "input").open() as stdin,
        start("batch", "-", "--base-url", sim.url, stdin=stdin) as command,
    ):
        eventually(lambda: sim.polls)
        command.send(signal.SIGINT)
        done = command.end()
    *_, message, line = done.err.splitlines()
    assert "Given the same input again, the line below waits for what runs" in message
    assert line == f"  pika-async batch - --base-url {sim.url}"


def test_simulated_jobs_end_with_the_command(start, here):
    (here / "p.txt").write_text("a\n")
    with start("batch", "p.txt", "--simulate") as command:
        command.wait_for("videos go to")
        command.send(signal.SIGINT)
        done = command.end()
    assert done.code == 130
    assert done.err.splitlines()[-1] == (
        "interrupted: the simulated jobs ended with this command; nothing was paid."
    )


@pytest.fixture
def quickly_simulated(monkeypatch):
    """Jobs of this process; those of others take as long as ever."""
    monkeypatch.setattr("pika_async.cli._running.clients._SIMULATED_SECONDS", 0.1)


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
@pytest.mark.usefixtures("quickly_simulated")
def test_a_simulated_batch_that_was_interrupted_goes_on_with_the_rest(
    start, pika, here, eventually, service
):
    """What was done stays done; jobs that ended with the command before are simulated anew."""
    (here / "p.txt").write_text("a\nb\n")
    line = ("batch", "p.txt", "--simulate", "--service", service, "-j", "run.journal", "-n", "2")
    with start(*line) as command:
        command.wait_for("the journal is run.journal")
        eventually(lambda: submitted_in(here / "run.journal") == 2)
        command.send(signal.SIGINT)
        done = command.end()
    assert done.err.splitlines()[-1] == (
        "interrupted: the simulated jobs ended with this command; nothing was paid. "
        "The journal knows what is done: the same command simulates the rest."
    )
    again = pika(*line)
    assert again.code == 0, again.err
    assert "2 simulated jobs ended with the run before, and will be simulated anew" in again.err
    assert "2 prompts: 2 succeeded, 0 failed" in again.err
    assert len(list((here / "p-simulated").glob("*.mp4"))) == 2


def submitted_in(journal):
    """How many jobs a journal knows to be under way, once there is one."""
    with suppress(JournalError):
        return sum(entry.status is Status.SUBMITTED for entry in read_journal(journal))
    return 0


def test_while_the_file_is_checked_nothing_has_been_started(pika, here, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    (here / "p.txt").write_text("a\n")
    monkeypatch.setattr("pika_async.cli._prompts.file.PromptFile.checked", interrupted)
    done = pika("batch", "p.txt")
    assert done.code == 130
    assert done.err == "interrupted: nothing was started and nothing is charged.\n"


@pytest.fixture
def with_one_left(interrupting, sim, here):
    """Interrupts a batch of five with two jobs in flight; gives the line that submits one more."""

    def left(limit: int) -> str:
        (here / "p.txt").write_text("a\nb\nc\nd\ne\n")
        sim.duration = Polls(1000)
        done = interrupting(
            signal.SIGINT,
            lambda: len({poll.job_id for poll in sim.polls}) == 2,
            *("batch", "p.txt", "-n", "2", "--limit", str(limit), "--base-url", sim.url),
        )
        line: str = done.err.splitlines()[-1]
        assert line == f"  pika-async batch p.txt -n 2 --limit 1 --base-url {sim.url}"
        for job in sim.jobs.values():
            job.duration = Polls(1)
        sim.duration = Polls(1)
        return line

    return left


def test_the_line_that_resumes_says_what_is_left_of_a_limit(with_one_left, pika, sim):
    line = with_one_left(limit=3)
    assert pika(*shlex.split(line)[1:]).code == 0
    assert len(sim.submissions) == 3


def test_a_submit_that_is_uncertain_has_used_up_one_of_a_limit(with_one_left, pika, sim):
    """It may be paid for, so whoever resumes has one less to spend."""
    sim.faults.append(Fault("reset-after", on="submit"))
    line = with_one_left(limit=4)
    pika(*shlex.split(line)[1:])
    assert len(sim.submissions) == 4


@pytest.mark.parametrize(("service", "left"), [("gateway", 1), ("fal", 1), ("pika", 2)])
def test_where_the_same_submit_is_sent_again_with_its_key_it_counts_once(service, left):
    """Sent again it takes of the limit what it has not taken before."""
    batch = SimpleNamespace(stats=BatchStats(submitted=2))
    trail = BatchTrail(file="p.txt", service=service, limit=4, journal="p.journal")
    trail.again = ["--limit", "4"]
    trail.progress = Progress(total=9, now=lambda: 0.0, batch=batch)
    trail.hears(SubmitUncertain(submit_id="s", error=TransportError("reset")))
    assert f"--limit {left}" in trail.resume()
