"""The examples as a reader runs them, against the simulator."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pika_async.simulator import Fault, Polls, Simulator

EXAMPLES = Path(__file__).parents[2] / "examples"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def sim():
    with Simulator(duration=Polls(1)) as simulator:
        yield simulator


def run(sim: Simulator, name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)],
        env={**os.environ, "PIKA_API_KEY": "key", "PIKA_BASE_URL": sim.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_quickstart_saves_a_file(sim, tmp_path):
    done = run(sim, "quickstart.py", "a red panda surfing", tmp_path / "panda.mp4")
    assert done.stdout == f"saved {tmp_path / 'panda.mp4'}\n", done.stderr
    assert (tmp_path / "panda.mp4").stat().st_size > 1000


def test_watch_transitions_shows_each_state(sim):
    sim.duration = Polls(2)
    done = run(sim, "watch_transitions.py", "a red panda surfing")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("job "), done.stderr
    assert "queued" in lines[1]
    assert "succeeded: http://" in lines[-1]


def test_reattach_pays_once_for_two_runs(sim, tmp_path):
    arguments = ("a red panda surfing", tmp_path / "id.txt", tmp_path / "panda.mp4")
    assert "run this again" in run(sim, "reattach.py", *arguments).stdout
    assert "saved" in run(sim, "reattach.py", *arguments).stdout
    assert len(sim.submissions) == 1


def test_image_with_effect_sends_both(sim, tmp_path):
    (tmp_path / "cake.png").write_bytes(PNG)
    done = run(
        sim, "image_with_effect.py", tmp_path / "cake.png", "CAKE-IFY", tmp_path / "cake.mp4"
    )
    assert "saved" in done.stdout, done.stderr
    body = sim.submissions[0].body
    assert body["pikaffect"] == "Cake-ify"
    assert body["image"].startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("settings", "prompt", "says"),
    [
        ({}, "a red panda", "done: http://"),
        ({}, " ", "never sent"),
        ({"faults": [Fault("502-html")]}, "a red panda", "perhaps paid"),
        ({"faults": [Fault("403-quota-not-enough")]}, "a red panda", "top up"),
        ({"failure": "prompt not allowed"}, "a red panda", "another prompt"),
        ({"failure": "server on fire"}, "a red panda", "gave up on job"),
        ({"faults": [Fault("401-new-api-error")]}, "a red panda", "anything else"),
    ],
)
def test_handle_failures_says_what_each_means(sim, settings, prompt, says):
    for name, value in settings.items():
        setattr(sim, name, value)
    done = run(sim, "handle_failures.py", prompt)
    assert says in done.stdout, done.stderr
    assert done.returncode == (0 if says.startswith("done") else 1)


def test_every_example_is_run_here():
    told = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if path.name not in told] == []
