"""Where a video may be saved, found out before it is paid for."""

from __future__ import annotations

import errno
import os
import socket
import stat

import pytest
from support.media import VIDEO, scripted, whole
from support.tables import every_row

from pika_async import DownloadError, FieldError
from pika_async._download.names import LONGEST_NAME, video_name
from pika_async._download.targets import (
    Problem,
    UnusableTargetError,
    check_folder,
    check_target,
    in_folder,
)

# The longest name of a file on nearly all file systems, in bytes.
NAME_MAX = 255
posix = pytest.mark.skipif(os.name != "posix", reason="there are no such files here")


def problem_of(target, *, overwrite=True):
    with pytest.raises(UnusableTargetError) as caught:
        check_target(target, overwrite=overwrite)
    return caught.value.problem


@pytest.fixture(params=["device", "FIFO", "socket", "link to a device"])
def no_file(request, tmp_path, monkeypatch):
    path = tmp_path / "v.mp4"
    match request.param:
        case "device":
            make_device(path)
        case "FIFO":
            os.mkfifo(path)
        case "socket":
            # A path of a socket may not be long.
            monkeypatch.chdir(tmp_path)
            with socket.socket(socket.AF_UNIX) as made:
                made.bind("v.mp4")
        case _:
            make_device(tmp_path / "device")
            path.symlink_to(tmp_path / "device")
    return path


def make_device(path):
    # One of our own: whatever goes wrong here must not cost the machine its /dev/null.
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


@posix
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_file_is_never_replaced(no_file, overwrite):
    before = os.lstat(no_file).st_mode
    assert problem_of(no_file, overwrite=overwrite) is Problem.NOT_A_FILE
    assert os.lstat(no_file).st_mode == before


@posix
async def test_nor_is_it_by_a_download_that_nobody_checked(no_file):
    before = os.lstat(no_file).st_mode
    _, downloader = scripted(whole())
    with pytest.raises(DownloadError, match="is a device, a FIFO or a socket"):
        await downloader.download(VIDEO, no_file, overwrite=True, renew=None)
    assert os.lstat(no_file).st_mode == before


@pytest.mark.parametrize("to", ["nowhere", "itself"])
def test_a_link_that_leads_nowhere_is_refused(to, tmp_path):
    link = tmp_path / "v.mp4"
    link.symlink_to(tmp_path / "missing" if to == "nowhere" else link)
    assert problem_of(link) is Problem.DANGLING


@every_row("path", ["", b""])
def test_no_path_at_all_is_refused_by_name(path):
    """It would be the folder that the program runs in, which nobody meant."""
    with pytest.raises(FieldError, match="^path: '' is not allowed; allowed is the path of a"):
        in_folder(path, "a cat", "job-1", 0)


def test_a_folder_is_no_target(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert problem_of(tmp_path) is Problem.FOLDER
    assert problem_of(tmp_path / "link") is Problem.FOLDER


def test_a_file_is_replaced_only_on_demand(tmp_path):
    target = tmp_path / "v.mp4"
    target.write_bytes(b"mine")
    assert problem_of(target, overwrite=False) is Problem.EXISTS
    check_target(target, overwrite=True)
    assert target.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["v.mp4", "提示.mp4", "a/b/c/v.mp4", "é" * 120])
def test_a_name_that_fits_is_allowed_and_nothing_is_left_behind(name, tmp_path):
    check_target(tmp_path / name, overwrite=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folders", ["", "missing/"])
@pytest.mark.parametrize("letter", ["x", "é", "猫"])
def test_the_name_is_as_long_as_it_is_while_it_is_filled(letter, folders, tmp_path):
    size = len(letter.encode())
    fits = (NAME_MAX - len(".part")) // size
    check_target(tmp_path / folders / (letter * fits), overwrite=False)
    assert problem_of(tmp_path / folders / (letter * (fits + 1))) is Problem.NAME


@pytest.mark.parametrize("name", ["a\0b", "a/" + "x" * 300 + "/v.mp4"])
def test_a_name_that_no_file_can_have_is_refused(name, tmp_path):
    assert problem_of(tmp_path / name) is Problem.NAME


def deep(tmp_path, room):
    """A folder in which a path may have so many bytes more, the slash included."""
    length = os.pathconf("/", "PC_PATH_MAX") - 1 - room
    folder = os.fspath(tmp_path)
    while len(folder) < length - 202:
        folder += "/" + "d" * 200
    return type(tmp_path)(folder + "/" + "d" * (length - len(folder) - 1))


@posix
def test_a_folder_so_deep_that_the_name_does_not_fit_is_refused(tmp_path):
    name = "v" * 20
    room = len(f"/{name}.part")
    check_target(deep(tmp_path, room) / name, overwrite=False)
    assert problem_of(deep(tmp_path, room - 1) / name) is Problem.NAME


@posix
def test_a_folder_for_a_batch_has_room_for_its_longest_name(tmp_path):
    room = 1 + LONGEST_NAME + len(".part")
    check_folder(deep(tmp_path / "fits", room), LONGEST_NAME)
    with pytest.raises(UnusableTargetError) as caught:
        check_folder(deep(tmp_path / "too deep", room - 1), LONGEST_NAME)
    assert caught.value.problem is Problem.NAME


def test_no_name_is_longer_than_the_longest():
    long = "x" * 1000
    assert len(video_name(10**9, long, long, 98)) <= LONGEST_NAME
    assert len(video_name(10**9, f"{long} {long}", "a b" * 1000, 98)) <= LONGEST_NAME


def test_what_a_crash_has_left_is_allowed(tmp_path):
    (tmp_path / "v.mp4.part").write_bytes(b"half")
    check_target(tmp_path / "v.mp4", overwrite=False)
    assert (tmp_path / "v.mp4.part").read_bytes() == b"half"


def test_what_stands_in_its_place_and_is_no_file_is_refused(tmp_path):
    (tmp_path / "v.mp4.part").symlink_to(tmp_path / "elsewhere")
    assert problem_of(tmp_path / "v.mp4") is not None


@pytest.mark.parametrize(
    "name", ["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EIO", "ESTALE", "ENOTCONN"]
)
@pytest.mark.parametrize("call", ["open", "write"])
def test_a_place_that_takes_no_file_is_refused(call, name, tmp_path, monkeypatch):
    def failing(*_):
        raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))

    monkeypatch.setattr(os, call, failing)
    with pytest.raises(UnusableTargetError) as caught:
        check_target(tmp_path / "v.mp4", overwrite=False)
    assert caught.value.problem is Problem.NOT_WRITABLE
    assert caught.value.__cause__.errno == getattr(errno, name)
    with pytest.raises(UnusableTargetError):
        check_folder(tmp_path, LONGEST_NAME)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert problem_of(tmp_path / "file" / "v.mp4") is Problem.NOT_WRITABLE
    with pytest.raises(UnusableTargetError, match="it is a file and no folder"):
        check_folder(tmp_path / "file", LONGEST_NAME)
