from __future__ import annotations

import io
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from support.tables import every_row

from pika_async import (
    AuthenticationError,
    BatchResult,
    BatchStats,
    Failed,
    GenerationRequest,
    JobFailedError,
    JournalBroken,
    JournalError,
    NotSubmittedError,
    PikaError,
    RateLimitError,
    SubmissionUncertainError,
    SubmitHeldBack,
)
from pika_async.cli._running.progress import Progress
from pika_async.cli._running.trail import BatchTrail
from pika_async.cli._showing.live import Live
from pika_async.cli._showing.plain import Plain
from pika_async.cli._showing.shown import Came
from pika_async.simulator import Polls


class Standing:
    stats = BatchStats(taken=5, running=2, succeeded=2, failed=1)
    in_flight = ()


class Screen:
    def __init__(self, width=100):
        self.console = Console(
            file=io.StringIO(), force_terminal=True, width=width, no_color=True, _environ={}
        )
        progress = Progress(total=10, now=lambda: 0.0, batch=Standing())
        trail = BatchTrail(file="p.txt", journal="p.journal", progress=progress)
        self.show = Live(trail, self.console, results=False, now=lambda: 0.0)

    @property
    def lines(self):
        with self.console.capture() as captured:
            self.console.print(self.show.bar.get_renderable())
        return re.sub("\x1b[^m]*m", "", captured.get()).splitlines()

    @property
    def said(self):
        return self.console.file.getvalue()

    def fails(self, index, error):
        self.show(Came(index + 1, BatchResult(index=index, request="x", error=error)))


@pytest.fixture
def screen():
    return Screen()


@pytest.mark.parametrize(
    ("error", "colour"),
    [
        (PikaError("it fell"), "red"),
        (
            SubmissionUncertainError(
                "lost", request=GenerationRequest("x"), fingerprint="f", sent_at=datetime.now(UTC)
            ),
            "yellow",
        ),
    ],
    ids=["failed", "uncertain"],
)
def test_what_is_uncertain_has_another_colour_than_what_failed(screen, error, colour):
    screen.fails(0, error)
    *_, last = screen.show.bar.get_renderables()
    assert last.style == colour


def test_a_bar_and_a_line_of_counts_move(screen):
    head, counts = screen.lines
    assert "━" in head
    assert "3 of 10 done" in head
    assert counts.rstrip() == "2 running, 0 queued, 5 waiting, 1 failed"


def test_the_last_error_is_one_line_however_long_it_is(screen):
    screen.fails(6, PikaError("no " * 100))
    *_, last = screen.lines
    assert len(screen.lines) == 3
    assert last.startswith("last error: p.txt:7: error: no no")
    assert last.rstrip().endswith("…")


def test_a_narrow_terminal_goes_without_the_bar():
    head, *_ = Screen(width=20).lines
    assert "━" not in head
    assert "3 of 10 done" in head


@every_row("width", [20, 64, 80])
def test_each_line_takes_one_line_of_any_terminal(width):
    screen = Screen(width=width)
    screen.fails(6, PikaError("no " * 100))
    assert len(screen.lines) == 3


def test_a_failure_stays_above_what_moves(screen):
    screen.fails(6, JobFailedError("job j failed: no.", job_id="j", state=None))
    assert "p.txt:7: error: job j failed: no." in screen.said


def test_failures_for_the_same_reason_are_counted(screen):
    with screen.show.live():
        for index in range(5):
            error = AuthenticationError("unknown key", status=401, request_id=f"r-{index}")
            screen.fails(index, error)
        for index in (5, 6):
            state = Failed(reason="it fell")
            error = JobFailedError(f"job {index} failed", job_id=str(index), state=state)
            screen.fails(index, error)
    assert screen.said.count("unknown key") == 1
    assert screen.said.count("… and 4 more for that reason") == 1
    assert screen.said.count("… and 1 more for that reason") == 1


def test_why_nothing_more_is_submitted_is_not_said_again_for_each_request(screen):
    for index in range(5):
        screen.fails(index, NotSubmittedError("the key was refused", journalled=True))
    assert "the key was refused" not in screen.said + "".join(screen.lines)


def test_what_servers_say_is_not_obeyed(screen):
    screen.fails(0, PikaError("\x1b[2J"))
    assert "\x1b[2J" not in screen.said + "".join(screen.lines)


def test_submits_that_are_held_back_are_told_once_in_a_while(capsys):
    clock = [0.0]
    show = Plain(BatchTrail(file="p.txt", journal="p.journal"), now=lambda: clock[0])
    for seconds in (0.0, 1.0, 29.0, 31.0, 32.0):
        clock[0] = seconds
        error = RateLimitError(f"at {seconds:.0f}", status=429)
        show(SubmitHeldBack(submit_id="s", error=error, seconds=2.0, tries=1))
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: submit held back for 2.0 s (attempt 1): too many requests")
    assert "at 0" in first
    assert "at 31" in second
    assert second.endswith("(and 2 more like it)")


def test_that_the_journal_is_broken_is_told_once_and_each_job_it_lacks_is_named(capsys):
    show = Plain(BatchTrail(file="p.txt", journal="p.journal"))
    error = JournalError("the journal 'j' could not be written: disk full")
    for job_id in (None, None, "j-1", None, "j-2"):
        show(JournalBroken(path=Path("j"), error=error, job_id=job_id))
    first, *jobs = capsys.readouterr().err.splitlines()
    assert first == "error: the journal 'j' could not be written: disk full."
    assert [line.split("`")[1] for line in jobs] == [
        "pika-async watch j-1",
        "pika-async watch j-2",
    ]


needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


@needs_terminal
def test_on_a_terminal_the_progress_moves_and_the_totals_stay(in_terminal, sim, here):
    (here / "p.txt").write_text("a\nb\n")
    sim.duration = Polls(2)
    out, shown = in_terminal("batch", "p.txt", "--base-url", sim.url)
    assert sorted(line.partition(": ")[0] for line in out.splitlines()) == ["p.txt:1", "p.txt:2"]
    assert re.search(r"\d running, \d queued, \d waiting, 0 failed", shown)
    assert "━" in shown
    assert shown.rstrip().splitlines()[-1].find("2 prompts: 2 succeeded, 0 failed") >= 0


@needs_terminal
@pytest.mark.parametrize("verb", [["batch", "p.txt"], ["generate", "a"]], ids=lambda verb: verb[0])
def test_the_cursor_is_never_hidden_so_that_a_stopped_process_leaves_it(
    in_terminal, sim, here, verb
):
    """https://github.com/mpv-player/mpv/pull/13102, https://github.com/BobBuildTool/bob/pull/694."""
    (here / "p.txt").write_text("a\n")
    _, shown = in_terminal(*verb, "--base-url", sim.url)
    assert "━" in shown
    assert "\x1b[?25l" not in shown


@needs_terminal
def test_with_json_into_a_pipe_the_progress_still_moves(in_terminal, sim, here):
    (here / "p.txt").write_text("a\n")
    out, shown = in_terminal("batch", "p.txt", "--json", "--base-url", sim.url)
    assert out.count("\n") == 2
    assert "━" in shown


@needs_terminal
def test_on_a_dumb_terminal_the_lines_are_plain(in_terminal, sim, here):
    (here / "p.txt").write_text("a\n")
    _, shown = in_terminal("batch", "p.txt", "--base-url", sim.url, TERM="dumb")
    assert "\x1b" not in shown
