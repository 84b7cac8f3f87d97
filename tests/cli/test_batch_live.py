from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from pika_async import BatchResult, BatchStats, JobFailedError, PikaError
from pika_async.cli._batch_live import LiveBatchReport
from pika_async.cli._batch_progress import Progress
from pika_async.cli._batch_report import BatchReport, NoResults, Results
from pika_async.cli._batch_trail import BatchTrail
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
        self.trail = BatchTrail(file="p.txt", options=[], journal=True, progress=progress)
        self.report = LiveBatchReport(
            self.trail, NoResults(self.trail), None, console=self.console, now=lambda: 0.0
        )

    @property
    def lines(self):
        with self.console.capture() as captured:
            self.console.print(self.report._lines())
        return captured.get().replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()

    @property
    def said(self):
        return self.console.file.getvalue()

    def fails(self, index, error):
        self.report.result(BatchResult(index=index, request="x", error=error), index + 1)


@pytest.fixture
def screen():
    return Screen()


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


def test_a_failure_stays_above_what_moves(screen):
    screen.fails(6, JobFailedError("job j failed: no.", job_id="j", state=None))
    assert "p.txt:7: error: job j failed: no." in screen.said


def test_failures_for_the_same_reason_are_counted(screen):
    with screen.report.live():
        for index in range(5):
            error = PikaError(f"the key was not accepted (request id 00{index}).")
            screen.fails(index, error)
        screen.fails(5, PikaError("something else."))
        screen.fails(6, PikaError("something else."))
    assert screen.said.count("the key was not accepted") == 1
    assert screen.said.count("… and 4 more for that reason") == 1
    assert screen.said.count("… and 1 more for that reason") == 1


def test_what_servers_say_is_not_obeyed(screen):
    screen.fails(0, PikaError("\x1b[2J"))
    assert "\x1b[2J" not in screen.said + "".join(screen.lines)


def test_warnings_of_one_kind_are_kept_back_for_a_while(capsys):
    clock = [0.0]
    trail = BatchTrail(file="p.txt", options=[], journal=True)
    report = BatchReport(trail, Results(trail), None, now=lambda: clock[0])
    for seconds in (0.0, 1.0, 29.0, 31.0, 32.0):
        clock[0] = seconds
        report.warning("held back %s", f"held back at {seconds}")
        report.warning("other", "other") if not seconds else None
    assert capsys.readouterr().err.splitlines() == [
        "held back at 0.0",
        "other",
        "held back at 31.0 (and 2 more like it)",
    ]


needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


@needs_terminal
def test_on_a_terminal_the_progress_moves_and_the_totals_stay(in_terminal, sim, here):
    (here / "p.txt").write_text("a\nb\n")
    sim.duration = Polls(2)
    out, shown = in_terminal("batch", "p.txt", "--base-url", sim.url)
    assert sorted(line.partition(": ")[0] for line in out.splitlines()) == ["p.txt:1", "p.txt:2"]
    assert "2 running" in shown or "queued" in shown
    assert "━" in shown
    assert shown.rstrip().splitlines()[-1].find("2 prompts: 2 succeeded, 0 failed") >= 0
    # The cursor was hidden for the lines that move, and is shown again.
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


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
