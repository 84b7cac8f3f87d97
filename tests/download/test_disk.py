"""File systems that leave out what a download asks of them: what was paid for is kept."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

import pytest
from support.media import CLIP, NEWER, VIDEO, Script, finished, whole

from pika_async import DownloadError, FileSystemLimited, TargetExistsError
from pika_async._download import disk
from pika_async._download.part import Part

fcntl = pytest.importorskip("fcntl")

NO_LOCKS = ["ENOSYS", "EOPNOTSUPP", "ENOTSUP", "ENOLCK", "EBADF", "EINVAL", "EPERM", "EACCES"]
NO_SYNC = ["EINVAL", "ENOSYS", "EOPNOTSUPP", "EPERM", "EACCES", "EBADF", "ENOTTY"]
LOST = ["EIO", "ENOSPC", "EDQUOT", "ESTALE"]
NO_RENAME = ["EXDEV", "EPERM", "EACCES", "EBUSY", "ENOSYS", "EOPNOTSUPP", "EINVAL"]


def failing(name):
    """A call that answers with an error of the system."""
    number = getattr(errno, name)

    def call(*_, **__):
        raise OSError(number, os.strerror(number))

    return call


# The folder is asked for first, so that it is removed last, when the system works again.
@pytest.fixture(autouse=True)
def no_pauses(tmp_path, monkeypatch):  # noqa: ARG001
    monkeypatch.setattr(disk, "_PAUSES", (0.0, 0.0))
    # Where the system has another call, these tests are of the one that all have.
    monkeypatch.setattr(disk, "_FULL_SYNC", None)


async def renew():
    return VIDEO


async def saved(path, *answers, overwrite=False):
    script = Script(list(answers or [whole()]))
    await script.downloader().download(VIDEO, path, overwrite=overwrite, renew=renew)
    return path.read_bytes(), script


def told(script):
    return [event.cannot for event in script.events if isinstance(event, FileSystemLimited)]


class TestWithoutLocks:
    @pytest.mark.parametrize("name", NO_LOCKS)
    async def test_the_video_is_saved(self, name, tmp_path, monkeypatch):
        monkeypatch.setattr(fcntl, "flock", failing(name))
        body, _ = await saved(tmp_path / "v.mp4")
        assert body == CLIP
        assert list(tmp_path.iterdir()) == [tmp_path / "v.mp4"]

    async def test_it_is_told_once_a_client(self, tmp_path, monkeypatch, caplog):
        monkeypatch.setattr(fcntl, "flock", failing("ENOLCK"))
        script = Script([whole()])
        downloader = script.downloader()
        with caplog.at_level(logging.WARNING, "pika_async"):
            for name in ("a.mp4", "b.mp4", "c.mp4"):
                await downloader.download(VIDEO, tmp_path / name, overwrite=False, renew=None)
        assert told(script) == ["lock"]
        (record,) = caplog.records
        assert "cannot lock (No locks available)" in record.getMessage()

    async def test_two_downloads_do_not_mix(self, tmp_path, monkeypatch):
        monkeypatch.setattr(fcntl, "flock", failing("ENOSYS"))
        first, second = (Part(tmp_path / "v.mp4", overwrite=True) for _ in range(2))
        for part in (first, second):
            part.open()
        assert first.path != second.path
        for part, data in ((first, CLIP), (second, NEWER)):
            part._write([data])
        first.finish()
        assert (tmp_path / "v.mp4").read_bytes() == CLIP
        second.finish()
        assert (tmp_path / "v.mp4").read_bytes() == NEWER
        assert list(tmp_path.iterdir()) == [tmp_path / "v.mp4"]

    async def test_what_a_crash_has_left_is_left_alone(self, tmp_path, monkeypatch):
        # Nobody can tell whether another process is filling it.
        monkeypatch.setattr(fcntl, "flock", failing("ENOSYS"))
        (tmp_path / "v.mp4.part").write_bytes(b"half")
        body, _ = await saved(tmp_path / "v.mp4")
        assert body == CLIP
        assert (tmp_path / "v.mp4.part").read_bytes() == b"half"


class TestThePart:
    async def test_another_name_of_somebody_s_file_is_not_written_to(self, tmp_path):
        (tmp_path / "precious").write_bytes(b"mine")
        (tmp_path / "v.mp4.part").hardlink_to(tmp_path / "precious")
        body, _ = await saved(tmp_path / "v.mp4")
        assert body == CLIP
        assert (tmp_path / "precious").read_bytes() == b"mine"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs here")
    async def test_a_fifo_in_its_place_does_not_hold_up_the_download_for_ever(self, tmp_path):
        os.mkfifo(tmp_path / "v.mp4.part")
        with pytest.raises(DownloadError, match="'v.mp4.part' is no file"):
            await saved(tmp_path / "v.mp4")

    async def test_one_of_another_user_is_no_hindrance(self, tmp_path, monkeypatch):
        theirs = tmp_path / "v.mp4.part"
        theirs.write_bytes(b"theirs")
        real = os.open

        def opened(path, flags, *mode):
            if Path(path) == theirs and not flags & os.O_EXCL:
                raise PermissionError(errno.EACCES, "Permission denied")
            return real(path, flags, *mode)

        monkeypatch.setattr(os, "open", opened)
        body, _ = await saved(tmp_path / "v.mp4")
        assert (body, theirs.read_bytes()) == (CLIP, b"theirs")

    @pytest.mark.parametrize("left", [False, True])
    async def test_numbers_of_files_that_change_are_no_hindrance(self, left, tmp_path, monkeypatch):
        if left:
            (tmp_path / "v.mp4.part").write_bytes(b"half")
        monkeypatch.setattr(os.path, "samestat", lambda *_: False)
        body, _ = await saved(tmp_path / "v.mp4")
        assert body == CLIP

    async def test_a_name_that_is_seen_only_later_is_no_hindrance(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Path, "lstat", failing("ENOENT"))
        body, _ = await saved(tmp_path / "v.mp4")
        assert body == CLIP

    @pytest.mark.parametrize("name", ["EINVAL", "EPERM", "ENOSYS", "EOPNOTSUPP"])
    async def test_one_that_cannot_be_emptied_is_thrown_away(self, name, tmp_path, monkeypatch):
        (tmp_path / "v.mp4.part").write_bytes(b"longer than the video that comes")
        monkeypatch.setattr(os, "ftruncate", failing(name))
        page = (200, {"Content-Length": "1500"}, b"<p>" * 500, False)
        body, _ = await saved(tmp_path / "v.mp4", page, whole())
        assert body == CLIP

    async def test_a_write_that_takes_nothing_does_not_go_on_for_ever(self, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "write", lambda *_: 0)
        with pytest.raises(DownloadError, match="takes no more bytes"):
            await saved(tmp_path / "v.mp4")

    async def test_an_error_on_closing_does_not_hide_why(self, tmp_path, monkeypatch):
        real = os.close

        def close(handle):
            real(handle)
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "write", failing("ENOSPC"))
        monkeypatch.setattr(os, "close", close)
        with pytest.raises(DownloadError, match="No space left") as caught:
            await saved(tmp_path / "v.mp4")
        assert caught.value.__cause__.errno == errno.ENOSPC


class TestSync:
    @pytest.mark.parametrize("name", NO_SYNC)
    async def test_without_one_the_video_is_saved_and_it_is_told(self, name, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "fsync", failing(name))
        body, script = await saved(tmp_path / "v.mp4")
        assert body == CLIP
        assert told(script) == ["sync"]

    @pytest.mark.parametrize("name", LOST)
    async def test_a_sync_that_says_that_data_are_lost_is_believed(
        self, name, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(os, "fsync", failing(name))
        with pytest.raises(DownloadError) as caught:
            await saved(tmp_path / "v.mp4")
        assert caught.value.__cause__.errno == getattr(errno, name)
        assert list(tmp_path.iterdir()) == []

    async def test_on_a_mac_the_drive_is_asked_to_write_down_what_it_holds(
        self, tmp_path, monkeypatch
    ):
        """What a Mac's drive has in its memory alone is not on the disk yet."""
        asked, real = [], fcntl.fcntl
        monkeypatch.setattr(disk, "_FULL_SYNC", 51)
        monkeypatch.setattr(
            disk.fcntl, "fcntl", lambda fd, call, *_: asked.append(call) or real(fd, fcntl.F_GETFD)
        )
        body, script = await saved(tmp_path / "v.mp4")
        assert (body, told(script)) == (CLIP, [])
        assert asked == [51]

    @pytest.mark.parametrize("name", NO_SYNC)
    async def test_a_drive_that_does_not_know_that_call_is_synced_as_others(
        self, name, tmp_path, monkeypatch
    ):
        """A network drive of a Mac is synced as everywhere else."""
        real, synced = os.fsync, []
        monkeypatch.setattr(os, "fsync", lambda fd: synced.append(fd) or real(fd))
        monkeypatch.setattr(disk, "_FULL_SYNC", 51)
        monkeypatch.setattr(disk.fcntl, "fcntl", failing(name))
        body, script = await saved(tmp_path / "v.mp4")
        assert (body, told(script)) == (CLIP, [])
        assert len(synced) == 2  # the file and its folder

    @pytest.mark.parametrize("name", LOST)
    async def test_a_drive_that_says_that_data_are_lost_is_believed(
        self, name, tmp_path, monkeypatch
    ):
        """The other call is no second opinion about data that are lost."""
        monkeypatch.setattr(disk, "_FULL_SYNC", 51)
        monkeypatch.setattr(disk.fcntl, "fcntl", failing(name))
        with pytest.raises(DownloadError) as caught:
            await saved(tmp_path / "v.mp4")
        assert caught.value.__cause__.errno == getattr(errno, name)

    async def test_where_there_is_none_closing_tells_what_is_lost(self, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "fsync", failing("EINVAL"))
        real, copies = os.close, []
        dup = os.dup
        monkeypatch.setattr(os, "dup", lambda handle: copies.append(dup(handle)) or copies[-1])

        def close(handle):
            real(handle)
            if handle in copies:
                copies.remove(handle)
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

        monkeypatch.setattr(os, "close", close)
        with pytest.raises(DownloadError, match="quota"):
            await saved(tmp_path / "v.mp4")
        assert list(tmp_path.iterdir()) == []

    async def test_an_entry_that_is_behind_is_checked_by_reading(self, tmp_path, monkeypatch):
        real = os.fstat

        class Behind:
            def __init__(self, handle):
                self._stat = real(handle)

            st_size = 0

            def __getattr__(self, name):
                return getattr(self._stat, name)

        monkeypatch.setattr(os, "fstat", Behind)
        body, _ = await saved(tmp_path / "v.mp4")
        assert body == CLIP

    async def test_a_part_that_somebody_has_shortened_is_no_video(self, tmp_path, monkeypatch):
        real = os.fsync

        def shortened(handle):
            os.ftruncate(handle, 3)
            real(handle)

        monkeypatch.setattr(os, "fsync", shortened)
        with pytest.raises(DownloadError, match="another size"):
            await saved(tmp_path / "v.mp4")
        assert list(tmp_path.iterdir()) == []


class TestMove:
    @pytest.mark.parametrize("name", NO_RENAME)
    async def test_what_cannot_be_renamed_is_linked(self, name, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "replace", failing(name))
        body, script = await saved(tmp_path / "v.mp4")
        assert (body, told(script)) == (CLIP, [])
        assert list(tmp_path.iterdir()) == [tmp_path / "v.mp4"]

    @pytest.mark.parametrize("overwrite", [False, True])
    @pytest.mark.parametrize("name", NO_RENAME)
    async def test_what_cannot_be_linked_is_copied_and_it_is_told(
        self, name, overwrite, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(os, "replace", failing(name))
        monkeypatch.setattr(os, "link", failing("EPERM"))
        if overwrite:
            (tmp_path / "v.mp4").write_bytes(b"the one before, which is longer")
        body, script = await saved(tmp_path / "v.mp4", overwrite=overwrite)
        assert (body, told(script)) == (CLIP, ["replace"])
        assert list(tmp_path.iterdir()) == [tmp_path / "v.mp4"]

    async def test_a_file_that_is_not_moved_while_it_is_open_is_closed_first(
        self, tmp_path, monkeypatch
    ):
        rename, opened, handles = os.rename, os.open, []
        monkeypatch.setattr(os, "open", lambda *args: handles.append(opened(*args)) or handles[-1])

        def replace(*names):
            try:
                os.fstat(handles[0])
            except OSError:
                rename(*names)
            else:
                raise PermissionError(errno.EACCES, "it is in use by another process")

        monkeypatch.setattr(os, "replace", replace)
        body, script = await saved(tmp_path / "v.mp4")
        assert (body, told(script)) == (CLIP, [])

    async def test_a_name_that_is_taken_meanwhile_is_not_overwritten_by_the_copy(
        self, tmp_path, monkeypatch
    ):
        target = tmp_path / "v.mp4"

        def taken(*_):
            target.write_bytes(b"mine")
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        monkeypatch.setattr(os, "replace", taken)
        monkeypatch.setattr(os, "link", failing("EPERM"))
        with pytest.raises(TargetExistsError):
            await saved(target)
        assert target.read_bytes() == b"mine"

    @pytest.mark.parametrize("name", ["ENOSPC", "EIO", "EACCES"])
    async def test_a_whole_video_that_cannot_be_moved_at_all_is_kept_and_named(
        self, name, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(os, "replace", failing(name))
        monkeypatch.setattr(os, "link", failing(name))
        monkeypatch.setattr(disk, "_copy", failing(name))
        with pytest.raises(DownloadError, match="whole video is kept as '.*v.mp4.part'"):
            await saved(tmp_path / "v.mp4")
        assert (tmp_path / "v.mp4.part").read_bytes() == CLIP

    async def test_a_copy_that_breaks_off_leaves_nothing_with_the_final_name(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(os, "replace", failing("EXDEV"))
        monkeypatch.setattr(os, "link", failing("EPERM"))
        real, synced = os.fsync, []

        def fsync(handle):
            synced.append(handle)
            if len(synced) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(handle)

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(DownloadError, match="No space left.*kept as"):
            await saved(tmp_path / "v.mp4")
        assert [path.name for path in tmp_path.iterdir()] == ["v.mp4.part"]


class TestLinks:
    async def test_a_link_to_a_file_is_kept_and_the_file_replaced(self, tmp_path):
        (tmp_path / "real.mp4").write_bytes(b"the one before")
        (tmp_path / "v.mp4").symlink_to(tmp_path / "real.mp4")
        await saved(tmp_path / "v.mp4", overwrite=True)
        assert (tmp_path / "v.mp4").is_symlink()
        assert (tmp_path / "real.mp4").read_bytes() == CLIP


async def test_a_batch_of_calls_that_all_fail_as_on_a_bare_network_drive_still_saves(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(fcntl, "flock", failing("ENOSYS"))
    monkeypatch.setattr(os, "fsync", failing("EINVAL"))
    monkeypatch.setattr(os, "ftruncate", failing("EINVAL"))
    monkeypatch.setattr(os, "replace", failing("EPERM"))
    monkeypatch.setattr(os, "link", failing("EPERM"))
    async with finished(size=None) as (_, client, video):
        path = await client.download(video, tmp_path / "v.mp4")
        assert path.read_bytes()[4:8] == b"ftyp"
    assert list(tmp_path.iterdir()) == [path]
