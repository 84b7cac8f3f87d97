"""A run that has paid goes on and finishes, whatever becomes of its screen."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys

import pytest
from support.impatient import IMPATIENT

from pika_async.cli._showing import output
from pika_async.simulator import Fault, Polls, Simulator

NARROW = ["cp1252", "ascii", "latin-1", "cp437", "utf-8"]


@pytest.fixture
def at_a_shell(here):
    """A batch of three prompts, with redirections of a shell; how it ended and what was said."""
    (here / "提示.txt").write_text("a red panda 🐼\nein Bär…\nmoderated\n", "utf-8")

    def run(sim, redirected="", *more, **environment):
        words = [sys.executable, IMPATIENT, "-m", "pika_async.cli", "batch", "提示.txt"]
        line = shlex.join([*words, "--base-url", sim.url, "-d", "saved", *more])
        return subprocess.run(
            ["/bin/sh", "-c", f"{line} {redirected}"],
            capture_output=True,
            env=os.environ | environment,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def foreign():
    """A service that gives its reasons in Chinese."""
    refusal = Fault(
        "custom", on="submit", prompt="moderated", status=400, body={"message": "内容违规🚫"}
    )
    with Simulator(duration=Polls(1), faults=[refusal]) as sim:
        yield sim


@pytest.mark.slow
@pytest.mark.parametrize("encoding", NARROW)
def test_a_batch_ends_as_ever_where_its_output_has_no_such_letters(
    at_a_shell, foreign, here, encoding
):
    done = at_a_shell(foreign, PYTHONIOENCODING=encoding)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 3
    assert len(list((here / "saved").glob("*.mp4"))) == 2
    assert b"2 succeeded, 1 failed" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "redirected",
    [
        ">&-",
        "2>&-",
        ">&- 2>&-",
        "<&- >&- 2>&-",
        "| true",
        "2>&1 | true",
        "| head -1",
        "> /dev/full",
        "2> /dev/full",
        "> /dev/full 2>&1",
    ],
)
def test_a_batch_is_finished_and_saved_without_anyone_to_read_it(
    at_a_shell, foreign, here, redirected
):
    at_a_shell(foreign, redirected, *(["--json"] if "head" in redirected else []))
    assert len(list((here / "saved").glob("*.mp4"))) == 2
    # Nothing that was said has gone into it.
    assert (here / "提示.txt.journal").read_bytes()[:15] == b"SQLite format 3"
    assert len(foreign.submissions) == 3
    again = at_a_shell(foreign)
    assert b"2 succeeded, 1 failed" in again.stderr
    assert len([one for one in foreign.submissions if one.job_id]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [{"TERM": "dumb"}, {"PYTHONIOENCODING": "cp1252"}, {"COLUMNS": "1"}, {"TERM": ""}],
)
def test_terminals_that_can_do_little_show_it_to_the_end(in_terminal, here, environment):
    (here / "提示.txt").write_text("a red panda 🐼\nb\n", "utf-8")
    out, shown = in_terminal("batch", "提示.txt", "--simulate", **environment)
    assert len(out.splitlines()) == 2
    assert "\\u28" not in shown
    assert "\\u25" not in shown


@pytest.mark.slow
def test_a_job_is_saved_though_its_terminal_has_gone(here, sim):
    ours, theirs = os.openpty()
    line = [sys.executable, IMPATIENT, "-m", "pika_async.cli", "generate", "a", "-o", "a.mp4"]
    process = subprocess.Popen(
        [*line, "--base-url", sim.url],
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(theirs)
    os.read(ours, 1)
    os.close(ours)
    assert process.wait(60) == 0
    assert (here / "a.mp4").exists()


class Broken(io.StringIO):
    def __init__(self, error):
        super().__init__()
        self._error = error

    def write(self, text):
        raise self._error

    def flush(self):
        raise self._error


BROKEN = [
    BrokenPipeError(),
    OSError(5, "Input/output error"),
    ValueError("closed"),
    BlockingIOError(),
]


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("err", [False, True])
def test_a_line_to_a_stream_that_is_broken_raises_nothing(monkeypatch, error, err):
    monkeypatch.setattr(sys, "stderr" if err else "stdout", Broken(error))
    output.write("a line", err=err)
    screen = output.Screen(Broken(error))
    assert screen.write("a line") == 6
    screen.flush()


def test_a_closed_stream_and_none_at_all_raise_nothing(monkeypatch):
    closed = io.StringIO()
    closed.close()
    for stream in (closed, None):
        monkeypatch.setattr(sys, "stdout", stream)
        output.write("a line")


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("cp1252", "ä…\\u63d0"), ("latin-1", "ä\\u2026\\u63d0"), ("utf-8", "ä…提")],
)
def test_what_a_stream_has_no_letters_for_is_escaped_and_the_rest_stays(
    monkeypatch, encoding, shown
):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    output.write("ä…提")
    output.Screen(stream).write("ä…提")
    stream.flush()
    assert raw.getvalue().decode(encoding) == f"{shown}\n{shown}"


def test_a_path_goes_out_byte_for_byte_whatever_the_encoding(monkeypatch, tmp_path):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "cp1252"))
    output.write_path(tmp_path / "提.mp4")
    assert raw.getvalue() == os.fsencode(tmp_path / "提.mp4") + b"\n"
