"""Where a video or a page cannot be saved is found out before anything is paid for."""

from __future__ import annotations

import os
import socket
import stat
import sys

import pytest

SUBMIT = ("generate", "a red panda")
OVERWRITE = [(), ("--overwrite",)]


def fifo(here):
    os.mkfifo(here / "panda.mp4")


def bound_socket(here):
    with socket.socket(socket.AF_UNIX) as one:
        # Its path is short enough only from here.
        assert here.samefile(".")
        one.bind("panda.mp4")


def device(here):
    # Of its own: what is replaced by mistake must not be the machine's.
    try:
        os.mknod(here / "panda.mp4", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


def link_to_a_fifo(here):
    os.mkfifo(here / "fifo")
    (here / "panda.mp4").symlink_to("fifo")


def folder(here):
    (here / "panda.mp4").mkdir()


def part_that_is_a_fifo(here):
    os.mkfifo(here / "panda.mp4.part")


KINDS = [fifo, bound_socket, device, link_to_a_fifo, folder, part_that_is_a_fifo]


@pytest.fixture(params=[SUBMIT, ("watch", "3f2a9c1e")], ids=["generate", "watch"])
def refused(request, pika, sim, here):
    """The verb is refused, and nothing is sent or changed; what is said."""

    def refused(target, *options):
        before = {path.name: path.lstat() for path in here.iterdir()}
        done = pika(*request.param, "--base-url", sim.url, "-o", str(target), *options)
        assert done.code == 2
        assert not sim.submissions
        assert not sim.polls
        after = {path.name: path.lstat() for path in here.iterdir()}
        assert {name: (at.st_ino, at.st_mode) for name, at in before.items()} == {
            name: (at.st_ino, at.st_mode) for name, at in after.items()
        }
        return done.err

    return refused


@pytest.mark.parametrize("overwrite", OVERWRITE, ids=["", "overwrite"])
@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_what_is_no_file_is_never_replaced(refused, here, make, overwrite):
    make(here)
    assert "panda.mp4" in refused("panda.mp4", *overwrite)


@pytest.mark.parametrize("make", [fifo, bound_socket, device, link_to_a_fifo])
def test_it_is_said_that_it_is_no_file(refused, here, make):
    make(here)
    assert "a device, a FIFO or a socket" in refused("panda.mp4", "--overwrite")


@pytest.mark.parametrize(
    "target",
    ["x" * 252 + ".mp4", "x" * 251, "提" * 84, "a/" * 2100 + "a.mp4", "y" * 256 + "/a.mp4"],
)
def test_a_name_that_does_not_fit_is_refused(refused, target):
    assert "cannot be the name of a file here" in refused(target)


@pytest.mark.parametrize("target", ["cake.png/panda.mp4", "/proc/panda.mp4", "/proc/a/panda.mp4"])
def test_a_folder_that_cannot_be_written_to_is_refused(refused, here, target):
    (here / "cake.png").write_bytes(b"")
    assert "cannot be saved" in refused(target)


@pytest.mark.parametrize("overwrite", OVERWRITE, ids=["", "overwrite"])
@pytest.mark.parametrize("make", [fifo, bound_socket, device, link_to_a_fifo])
def test_a_page_never_replaces_what_is_no_file(pika, sim, here, make, overwrite):
    (here / "p.txt").write_text("a red panda")
    here_to = ("--base-url", sim.url, "--no-download")
    assert pika("batch", "p.txt", "-j", "j", *here_to).code == 0
    make(here)
    done = pika("report", "j", "-o", "panda.mp4", *overwrite)
    assert done.code == 2
    assert not (here / "panda.mp4").is_file()


@pytest.mark.parametrize(
    "given", ["f", "f/videos", "d/" + "x" * 300, "/proc/videos", "d/" + "y/" * 2040]
)
def test_a_folder_for_a_batch_that_cannot_be_used_is_refused_before_paying(pika, sim, here, given):
    (here / "p.txt").write_text("a red panda")
    os.mkfifo(here / "f")
    done = pika("batch", "p.txt", "-d", given, "--base-url", sim.url)
    assert done.code != 0
    assert not sim.submissions


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use is not deleted there")
@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "a cat", "--simulate"),
        ("generate", "a cat", "--simulate", "--json"),
        ("generate", "a cat", "-o", "a.mp4"),
        ("watch", "job-1", "-o", "a.mp4"),
        ("report", "x.journal"),
    ],
)
def test_a_folder_that_was_deleted_is_named_as_what_it_is(pika, tmp_path, monkeypatch, arguments):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    done = pika(*arguments)
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith(
        "error: the folder in which this command runs has been deleted: change to another folder"
    )
    assert "should not happen" not in done.err
