from __future__ import annotations

import asyncio
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import threading

import pytest
from support.impatient import IMPATIENT

from pika_async.simulator import Fault, Polls

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX")


def test_ctrl_c_is_exit_130_and_the_line_that_resumes_has_all_that_it_needs(
    interrupting, pika, here, sim
):
    (here / "my x.mp4").write_bytes(b"old")
    sim.duration = Polls(1000)
    options = ("-o", "my x.mp4", "--overwrite", "--base-url", sim.url)
    done = interrupting(signal.SIGINT, lambda: sim.polls, "generate", "x", *options)
    (job_id,) = sim.jobs
    *_, message, line = done.err.splitlines()
    assert (done.code, done.out) == (130, "")
    assert message.startswith(f"interrupted: job {job_id} runs on at the service and stays paid")
    assert line == f"  pika-async watch {job_id} -o 'my x.mp4' --overwrite --base-url {sim.url}"
    sim.jobs[job_id].duration = Polls(1)
    assert pika(*shlex.split(line)[1:]).out == "my x.mp4\n"
    assert len(sim.submissions) == 1


@pytest.mark.parametrize("verb", ["generate", "watch"])
def test_the_line_that_resumes_says_again_how_long_is_waited(interrupting, sim, verb):
    """It carries on as it was begun."""
    sim.duration = Polls(1000)
    way = ("--timeout", "60", "--base-url", sim.url)
    done = interrupting(signal.SIGINT, lambda: sim.polls, "generate", "x", *way)
    (job_id,) = sim.jobs
    if verb == "watch":
        before = len(sim.polls)
        done = interrupting(signal.SIGINT, lambda: len(sim.polls) > before, "watch", job_id, *way)
    assert done.err.splitlines()[-1].endswith(f" --timeout 60 --base-url {sim.url}")
    assert f"pika-async watch {job_id} " in done.err


def test_ctrl_c_while_the_submit_is_under_way_still_names_its_job(interrupting, sim):
    sim.faults.append(Fault("slow-headers", seconds=0.3))
    done = interrupting(
        signal.SIGINT, lambda: sim.submissions, "generate", "x", "--base-url", sim.url
    )
    (job_id,) = sim.jobs
    assert done.code == 130
    assert "waiting for the answer, which tells whether there is a paid job" in done.err
    assert f"interrupted: job {job_id} runs on" in done.err
    assert f"  pika-async watch {job_id} " in done.err


def generating(start, sim, *arguments):
    return start("generate", "x", "-o", "my x.mp4", "--base-url", sim.url, *arguments)


def resumed(pika, done):
    return pika(*shlex.split(done.err.splitlines()[-1])[1:])


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        pytest.param(
            getattr(signal, "SIGHUP", 1), 129, "ended by SIGHUP", id="the terminal is closed"
        ),
    ],
)
def test_a_signal_leaves_the_job_running_and_prints_the_line_that_resumes(  # noqa: PLR0917 - fixtures
    start, pika, sim, number, code, words
):
    sim.duration = Polls(1000)
    with generating(start, sim) as command:
        command.wait_for("queued")
        command.send(number)
        done = command.end()
    job_id = next(iter(sim.jobs))
    message, line = done.err.splitlines()
    assert (done.code, done.out) == (code, "")
    assert message.startswith(f"{words}: job {job_id} runs on at the service and stays paid for")
    assert line == f"  pika-async watch {job_id} -o 'my x.mp4' --base-url {sim.url}"
    sim.jobs[job_id].duration = Polls(1)
    assert resumed(pika, done).out == "my x.mp4\n"
    assert len(sim.submissions) == 1


def test_json_tells_of_the_interruption(start, sim):
    sim.duration = Polls(1000)
    with generating(start, sim, "--json") as command:
        command.wait_for("transition", "stdout")
        command.send(signal.SIGINT)
        done = command.end()
    (event,) = done.events
    assert (event["event"], event["type"], event["exit_code"]) == ("error", "Interrupted", 130)
    assert event["resume"].startswith(f"pika-async watch {next(iter(sim.jobs))} ")


def test_while_submitting_the_answer_is_awaited_and_its_job_can_be_resumed(
    start, pika, sim, eventually
):
    sim.faults.append(Fault("slow-headers", seconds=1.0))
    with generating(start, sim) as command:
        eventually(lambda: sim.submissions)
        command.send(signal.SIGINT)
        command.wait_for("waiting for the answer")
        done = command.end()
    job_id = next(iter(sim.jobs))
    assert done.code == 130
    assert f"interrupted: job {job_id} runs on" in done.err
    assert resumed(pika, done).code == 0
    assert len(sim.submissions) == 1


def test_while_submitting_a_second_signal_leaves_at_once_and_says_what_that_means(
    start, sim, eventually
):
    sim.faults.append(Fault("slow-headers", seconds=600))
    with generating(start, sim) as command:
        eventually(lambda: sim.submissions)
        command.send(signal.SIGINT)
        command.wait_for("Ctrl-C again leaves at once")
        command.insist(signal.SIGINT)
        done = command.end()
    assert done.code == 130
    assert done.err == (
        "interrupted: the job may exist and may be billed; look at the account's usage before "
        "submitting again.\n"
    )


def test_a_signal_sent_twice_in_a_moment_is_one_wish_and_the_paid_job_is_named(
    start, sim, eventually
):
    sim.faults.append(Fault("slow-headers", seconds=0.5))
    with generating(start, sim) as command:
        eventually(lambda: sim.submissions)
        command.send(signal.SIGTERM)
        command.wait_for("waiting for the answer")
        command.send(signal.SIGTERM)
        done = command.end()
    assert done.code == 143
    assert f"pika-async watch {next(iter(sim.jobs))} -o 'my x.mp4'" in done.err


def test_a_hangup_that_was_ignored_from_the_start_stays_so(here, sim, pika):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        hangup = threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGHUP))
        sim.failure = lambda _: hangup.start()
        done = pika("generate", "x", "-o", "x.mp4", "--base-url", sim.url)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert done.code == 0
    assert (here / "x.mp4").exists()


def test_ctrl_c_that_was_ignored_from_the_start_stays_so(here, sim, pika):
    """So a shell starts what runs in its background.

    https://github.com/dotnet/corefx/issues/25749, https://github.com/fish-shell/fish-shell/issues/4007.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sim.failure = lambda _: os.kill(os.getpid(), signal.SIGINT)
        done = pika("generate", "x", "-o", "x.mp4", "--base-url", sim.url)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.code == 0
    assert (here / "x.mp4").exists()


@pytest.mark.slow
def test_ctrl_c_to_a_pipe_whose_reader_has_died_of_it_is_exit_130(sim, eventually):
    """https://github.com/pytest-dev/pytest/issues/4375."""
    sim.duration = Polls(1000)
    reads, writes = os.pipe()
    line = [sys.executable, IMPATIENT, "-m", "pika_async.cli", "generate", "x"]
    with subprocess.Popen(
        [*line, "--base-url", sim.url], stdout=writes, stderr=writes, start_new_session=True
    ) as process:
        os.close(writes)
        eventually(lambda: sim.polls)
        os.close(reads)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_a_signal_to_a_process_that_is_stopped_ends_it_in_order_once_it_goes_on(start, sim):
    """Ctrl-Z, then ``kill``: https://github.com/urbit/urbit/issues/621."""
    sim.duration = Polls(1000)
    with generating(start, sim) as command:
        command.wait_for("queued")
        command.send(signal.SIGSTOP)
        command.send(signal.SIGTERM)
        command.send(signal.SIGCONT)
        done = command.end()
    assert done.code == 143
    assert f"pika-async watch {next(iter(sim.jobs))} -o 'my x.mp4'" in done.err


def test_two_signals_in_a_row_do_not_lose_the_line_that_resumes(start, sim):
    sim.duration = Polls(1000)
    with generating(start, sim) as command:
        command.wait_for("queued")
        command.send(signal.SIGINT)
        command.send(signal.SIGINT)
        done = command.end()
    assert done.code == 130
    assert f"pika-async watch {next(iter(sim.jobs))} -o 'my x.mp4'" in done.err


def test_while_submitting_an_answer_that_breaks_off_is_told(start, sim, eventually):
    sim.faults.append(Fault("slow-headers", seconds=600))
    with generating(start, sim) as command:
        eventually(lambda: sim.submissions)
        command.send(signal.SIGINT)
        command.wait_for("waiting for the answer")

        async def drop():
            async with sim.unreachable():
                return await asyncio.to_thread(command.end)

        done = asyncio.run(drop())
    assert done.code == 130
    assert "interrupted: the job may exist and may be billed" in done.err.splitlines()[-1]


def test_before_anything_was_started_it_says_so(start, sim):
    sim.faults.append(Fault("429-openai", retry_after=600))
    with generating(start, sim) as command:
        command.wait_for("submit held back")
        command.send(signal.SIGINT)
        done = command.end()
    assert done.code == 130
    assert done.err.splitlines()[-1] == ("interrupted: nothing was started and nothing is charged.")
    assert sim.jobs == {}


def test_while_downloading_it_says_that_the_video_is_there(start, pika, sim, eventually):
    sim.faults.append(Fault("stalled", on="download", seconds=600))
    with generating(start, sim) as command:
        eventually(lambda: sim.downloads)
        command.send(signal.SIGINT)
        done = command.end()
    assert done.code == 130
    assert "interrupted: the video is finished and paid for" in done.err
    assert resumed(pika, done).code == 0


def test_a_simulated_job_ends_with_the_command(start):
    with start("generate", "x", "--simulate") as command:
        command.wait_for("queued")
        command.send(signal.SIGINT)
        done = command.end()
    assert done.code == 130
    assert done.err == (
        "interrupted: the simulated job ended with this command; nothing was paid.\n"
    )


def test_watch_is_interrupted_with_the_line_that_resumes(start, sim):
    sim.duration = Polls(1000)
    job = sim.create_job("sk-9f8e7d6c5b4a", {"promptText": "x"})
    with start("watch", job.id, PIKA_BASE_URL=sim.url) as command:
        command.wait_for("queued")
        command.send(signal.SIGINT)
        done = command.end()
    assert done.code == 130
    # The address from the environment is still there next time.
    assert done.err.splitlines()[-1] == f"  pika-async watch {job.id}"


# Takes the terminal on stdin for its own, as a login does, and becomes the shell.
_LOGIN = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def in_a_shell(script: str, ctrl_c_when) -> int:
    """How bash ended with this script.

    What it showed does not count: Ctrl-C empties a terminal.
    """
    ours, theirs = os.openpty()
    shell = subprocess.Popen(
        [sys.executable, "-c", _LOGIN, "bash", "-c", script],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm-256color"},
        start_new_session=True,
    )
    watchdog = threading.Timer(30, os.killpg, (shell.pid, signal.SIGKILL))
    watchdog.start()
    os.close(theirs)
    pressed = False
    try:
        # Linux ends a terminal with an error, others with nothing.
        while True:
            if select.select([ours], [], [], 0.05)[0] and not os.read(ours, 65536):
                break
            if not pressed and ctrl_c_when():
                pressed = True
                os.write(ours, b"\x03")
    except OSError:
        pass
    finally:
        code = shell.wait()
        watchdog.cancel()
        os.close(ours)
    return code


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="the shell that is told of is bash")
def test_ctrl_c_ends_the_loop_of_a_shell_too_and_no_further_job_is_paid_for(sim, here):
    """A shell goes on after a command that ends with 130 and has not died of Ctrl-C.

    https://github.com/sharkdp/fd/issues/854, https://github.com/pyroscope/pyrocore/pull/95,
    https://github.com/sahib/rmlint/issues/342, https://www.cons.org/cracauer/sigint.html.
    """
    sim.duration = Polls(1000)
    verb = shlex.join([sys.executable, IMPATIENT, "-m", "pika_async.cli", "generate", "x"])
    script = f"for _ in 1 2 3; do {verb} --base-url {sim.url}; done; echo >went-on"
    assert in_a_shell(script, ctrl_c_when=lambda: sim.polls) == -signal.SIGINT
    assert len(sim.submissions) == 1
    assert not (here / "went-on").exists()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="the shell that is told of is bash")
def test_a_shell_that_catches_ctrl_c_sees_exit_130_and_the_line_that_resumes(sim, here):
    sim.duration = Polls(1000)
    verb = shlex.join([sys.executable, IMPATIENT, "-m", "pika_async.cli", "generate", "x"])
    script = f"trap : INT; {verb} --base-url {sim.url} 2>said; echo $? >code"
    assert in_a_shell(f"{script}; true", ctrl_c_when=lambda: sim.polls) == 0
    assert (here / "code").read_text() == "130\n"
    assert f"  pika-async watch {next(iter(sim.jobs))}" in (here / "said").read_text()
