from __future__ import annotations

import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async.cli._running.files import default_target, free_name, numbered
from pika_async.cli._running.trail import JobTrail
from pika_async.cli._showing.words import printable


@every_row(
    ("prompt", "job_id", "name"),
    [
        ("A red panda, surfing!", "3f2a9c1e-7b40", "a-red-panda-surfing-3f2a9c1e.mp4"),
        ("Crème brûlée", "3f2a9c1e", "crème-brûlée-3f2a9c1e.mp4"),
        ("小熊猫冲浪", "3f2a9c1e", "小熊猫冲浪-3f2a9c1e.mp4"),
        ("🦊", "3f2a9c1e", "video-3f2a9c1e.mp4"),
        ("../../etc/passwd", "../..", "etc-passwd-job.mp4"),
        ("CON", "task 0/é?#%2F", "con-task-0-e.mp4"),
        ("x" * 100, "1", "x" * 60 + "-1.mp4"),
        ("word " * 30, "1", "-".join(["word"] * 12) + "-1.mp4"),
    ],
)
def test_a_name_is_made_of_the_prompt_and_the_job(prompt, job_id, name):
    assert default_target(prompt, job_id) == Path(name)


@given(st.text(), st.text())
def test_any_prompt_makes_a_name_that_every_file_system_takes(prompt, job_id):
    name = str(default_target(prompt, job_id))
    assert {unicodedata.category(letter)[0] for letter in name.removesuffix(".mp4")} <= set("LNMP")
    assert not set(name) & set('<>:"/\\|?*')
    assert name[0].isalnum()
    assert len(name.encode()) <= 60 + 1 + 8 + 4


def test_where_names_are_ascii_alone_it_is_so_too(monkeypatch):
    monkeypatch.setattr("pika_async._download.targets.takes_name", lambda path: path.name.isascii())
    assert default_target("Crème brûlée", "3f2a9c1e") == Path("creme-brulee-3f2a9c1e.mp4")
    assert default_target("小熊猫", "3f2a9c1e") == Path("video-3f2a9c1e.mp4")


def test_further_videos_are_numbered():
    assert [str(numbered(Path("a/b.mp4"), index)) for index in range(3)] == [
        str(Path("a/b.mp4")),
        str(Path("a/b-2.mp4")),
        str(Path("a/b-3.mp4")),
    ]


def test_a_free_name_is_the_first_that_does_not_exist(here):
    assert free_name(Path("a.mp4")) == Path("a.mp4")
    (here / "a.mp4").touch()
    (here / "a-2.mp4").symlink_to("nowhere")
    assert free_name(Path("a.mp4")) == Path("a-3.mp4")


@every_row(
    ("trail", "line"),
    [
        (JobTrail(), None),
        (JobTrail(job_id="j", simulated=True), None),
        (JobTrail(job_id="j"), "pika-async watch j"),
        (
            JobTrail(job_id="a b", target=Path("my $x.mp4"), overwrite=True),
            "pika-async watch 'a b' -o 'my $x.mp4' --overwrite",
        ),
        (
            JobTrail(job_id="j", again=["--base-url", "http://h:1", "--allow-insecure"]),
            "pika-async watch j --base-url http://h:1 --allow-insecure",
        ),
        (
            JobTrail(job_id="-o", target=Path("x.mp4")),
            "pika-async watch -o x.mp4 -- -o",
        ),
    ],
)
def test_the_line_that_resumes_says_all_that_is_needed(trail, line):
    assert trail.resume() == line


def test_what_a_terminal_would_obey_is_spelled_out():
    assert printable("é…\n\x1b[2J\x07\udcff") == "é…\n\\x1b[2J\\x07\\udcff"
