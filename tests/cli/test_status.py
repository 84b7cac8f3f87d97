from __future__ import annotations

import io
import re
import sys

import pytest
from rich.console import Console
from support.tables import every_row

from pika_async import Estimate, Failed, Queued, Running, Succeeded, Transition, Unknown, Video
from pika_async.cli._running.trail import JobTrail
from pika_async.cli._showing.live import Live
from pika_async.cli._showing.shown import Expected, Saving, Watching
from pika_async.cli._showing.words import state_words
from pika_async.simulator import Polls

VIDEO = Video(id="v", job_id="j", url="https://media/v.mp4")
ESTIMATE = Estimate(low=20.0, median=40.0, high=90.0, basis="durations", jobs=3.0)


@every_row(
    ("state", "words"),
    [
        (Queued(), "queued"),
        (Queued(position=3), "queued, 3 ahead"),
        (Running(), "running"),
        (Running(progress=40), "running 40 %"),
        (Succeeded(videos=(VIDEO,)), "succeeded"),
        (Failed(reason="no"), "failed"),
        (Unknown(status="upscaling"), "in a state that this version does not know: 'upscaling'"),
    ],
)
def test_every_state_has_words(state, words):
    assert state_words(state) == words


class Screen:
    def __init__(self, width=80):
        self.console = Console(
            file=io.StringIO(), force_terminal=True, width=width, no_color=True, _environ={}
        )
        self.seconds = 0.0
        self.show = Live(JobTrail(), self.console, now=lambda: self.seconds)

    def step(self, state, seconds):
        self.seconds = seconds
        self.show(Transition(job_id="j", previous=None, state=state, elapsed=seconds, polls=1))

    @property
    def lines(self):
        with self.console.capture() as captured:
            self.console.print(self.show.bar.get_renderable())
        return [line.strip() for line in re.sub("\x1b[^m]*m", "", captured.get()).splitlines()]

    @property
    def line(self):
        return self.lines[0]


@pytest.fixture
def screen():
    return Screen()


def test_the_line_says_what_is_known_and_for_how_long(screen):
    assert "submitting" in screen.line
    screen.seconds = 100.0
    screen.show(Watching("j"))
    assert "looking" in screen.line
    screen.step(Queued(), 102.0)
    assert "queued" in screen.line
    screen.step(Running(progress=40), 112.4)
    assert "running 40 %" in screen.line
    assert "━" in screen.line
    assert screen.line.endswith("0:00:12")
    screen.show(Saving())
    assert "saving the video" in screen.line


def test_running_without_a_percentage_shows_none(screen):
    screen.step(Running(), 3.0)
    assert "%" not in screen.line


@pytest.mark.parametrize("progress", [0, 40, 100])
def test_the_bar_is_as_long_as_the_percentage_says(screen, progress):
    screen.step(Running(progress=progress), 3.0)
    screen.lines  # noqa: B018 - drawn
    task = screen.show.bar.tasks[0]
    assert (task.completed, task.total) == (progress, 100)


def test_a_narrow_terminal_goes_without_the_bar():
    screen = Screen(width=40)
    screen.step(Running(progress=40), 3.0)
    assert "━" not in screen.line
    assert "40 %" in screen.line


def test_the_time_left_stands_below_and_runs_down_between_answers(screen):
    screen.step(Running(progress=40), 10.0)
    screen.show(Expected(ESTIMATE, 10.0))
    assert screen.lines[1:] == ["about 40 s left (20 s to 90 s)"]
    screen.seconds = 15.0
    assert screen.lines[1:] == ["about 35 s left (15 s to 85 s)"]


def test_there_is_no_second_line_where_nothing_is_known(screen):
    screen.step(Queued(), 1.0)
    assert len(screen.lines) == 1
    screen.show(Expected(ESTIMATE, 1.0))
    screen.show(Expected(None, 2.0))
    assert len(screen.lines) == 1


def test_a_video_that_is_being_saved_has_no_time_left(screen):
    screen.show(Expected(ESTIMATE, 1.0))
    screen.show(Saving())
    assert len(screen.lines) == 1


def test_a_time_left_that_does_not_fit_is_cut():
    screen = Screen(width=20)
    screen.step(Queued(), 1.0)
    screen.show(Expected(ESTIMATE, 1.0))
    assert screen.lines[1:] == ["about 40 s left (…"]


def test_what_servers_say_is_not_obeyed(screen):
    screen.step(Unknown(status="\x1b[2J"), 1.0)
    assert "\x1b[2J" not in screen.line


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_the_line_moves_and_what_stays_is_the_id_and_the_end(in_terminal, sim):
    sim.duration = Polls(2)
    out, shown = in_terminal("generate", "x", "-o", "x.mp4", "--base-url", sim.url)
    assert out == "x.mp4\n"
    assert f"job {next(iter(sim.jobs))}" in shown
    assert "queued" in shown
    assert "✓ saved after" in shown
    # A process that is stopped or killed could not show the cursor again.
    assert "\x1b[?25l" not in shown
    # NO_COLOR is set: bold and dim remain, colours do not.
    assert "\x1b[36m" not in shown
    assert "\x1b[32m" not in shown


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_dumb_terminal_the_lines_are_plain(in_terminal, sim):
    _, shown = in_terminal("generate", "x", "-o", "x.mp4", "--base-url", sim.url, TERM="dumb")
    assert "\x1b" not in shown
    assert "s  queued" in shown
