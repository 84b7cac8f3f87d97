"""Saving what was paid for, on real sockets."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import anyio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from attrs import evolve
from support.media import (
    CLIP,
    LENGTH,
    NEWER,
    QUICK,
    SIZE,
    VIDEO,
    client_for,
    finished,
    scripted,
)
from support.wire import KEY

from pika_async import (
    DownloadError,
    FixedPolling,
    PikaClient,
    TargetExistsError,
    Video,
)
from pika_async._download import disk
from pika_async._download.downloader import Downloader
from pika_async._log import Teller
from pika_async._wire.transport import Transport
from pika_async.simulator import Fault, Polls, Simulator


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of the video as they should be."""

    async def fetch(path):
        async with finished() as (_, client, video):
            return (await client.download(video, path)).read_bytes()

    return asyncio.run(fetch(tmp_path_factory.mktemp("whole") / "whole.mp4"))


def no_part(path):
    return not path.with_name(f"{path.name}.part").exists()


async def test_a_video_is_saved_and_its_path_returned(tmp_path, whole):
    async with finished() as (sim, client, video):
        path = await client.download(video, tmp_path / "panda.mp4")
        assert path == tmp_path / "panda.mp4"
        assert path.read_bytes() == whole
        assert len(whole) == SIZE
        assert no_part(path)
        assert len(sim.downloads) == 1


async def test_the_path_may_be_text_and_missing_folders_are_made(tmp_path):
    async with finished(size=None) as (_, client, video):
        path = await client.download(video, f"{tmp_path}/a/b/panda.mp4")
        assert path.stat().st_size > 0


async def test_the_key_never_goes_to_the_media_host(tmp_path):
    async with finished(Fault("cut"), Fault("redirect", after=1)) as (sim, client, video):
        await client.download(video, tmp_path / "panda.mp4")
        assert len(sim.downloads) > 1
        for request in [*sim.downloads, *sim.strays]:
            assert "Authorization" not in request.headers
            assert KEY not in str(request)


async def test_cut_three_times_it_is_still_identical_byte_for_byte(tmp_path, whole):
    async with finished(Fault("cut", times=3)) as (sim, client, video):
        path = await client.download(video, tmp_path / "panda.mp4")
        assert path.read_bytes() == whole
        ranges = [request.range for request in sim.downloads]
        assert ranges[0] is None
        assert all(part.startswith("bytes=") for part in ranges[1:])
        assert all("If-Range" in request.headers for request in sim.downloads[1:])
        assert len(ranges) == 4


async def test_nothing_half_written_ever_has_the_final_name(tmp_path):
    target = tmp_path / "panda.mp4"
    async with finished(Fault("stalled", on="download", times=None), silence=0.5) as (
        sim,
        client,
        video,
    ):
        task = asyncio.create_task(client.download(video, target))
        with anyio.fail_after(20):
            while not len(sim.downloads) > 1:
                assert not target.exists()
                await anyio.lowlevel.checkpoint()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert list(tmp_path.iterdir()) == []


async def test_silence_is_a_break_and_the_rest_is_fetched(tmp_path, whole):
    async with finished(Fault("stalled", on="download"), silence=0.5) as (sim, client, video):
        path = await client.download(video, tmp_path / "panda.mp4")
        assert path.read_bytes() == whole
        assert sim.downloads[1].range is not None


SURVIVED = [
    "reset-before",
    "reset-after",
    "closed-before",
    "closed-after",
    "truncated",
    "429-empty",
    "429-retry-after-seconds",
    "500-empty",
    "502-html",
    "503-html",
    "503-retry-after",
    "504-html",
    "520-html",
    "524-html",
    "408",
    "425",
    "416-range",
    "redirect",
    "no-length",
    "no-validators",
    "403-expired",
    "404-expired",
    "410-expired",
    "400-expired",
    "401-expired",
    "202-copying",
    "409-copying",
    "html",
    "json",
    "playlist",
    "mislabelled",
]


@pytest.mark.parametrize("name", SURVIVED)
async def test_one_bad_answer_of_the_media_host_loses_nothing(name, tmp_path, whole):
    fault = Fault(name, on="download", retry_after=0 if "retry-after" in name else None)
    async with finished(fault) as (_, client, video):
        path = await client.download(video, tmp_path / "panda.mp4")
        assert path.read_bytes() == whole


@pytest.mark.parametrize("name", ["ignores-range", "range-wrong", "416-range"])
async def test_a_rest_that_does_not_fit_starts_the_file_over(name, tmp_path, whole):
    async with finished(Fault("cut"), Fault(name, on="download")) as (sim, client, video):
        path = await client.download(video, tmp_path / "panda.mp4")
        assert path.read_bytes() == whole
        assert [request.fault.name for request in sim.downloads if request.fault] == ["cut", name]


async def test_a_file_replaced_between_two_attempts_is_fetched_anew(tmp_path):
    async with finished(Fault("cut"), Fault("changed")) as (sim, client, video):
        path = await client.download(video, tmp_path / "panda.mp4")
        assert path.stat().st_size == SIZE + 64
        assert sim.downloads[-1].status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Transfer-Encoding": "chunked"},
        {"Transfer-Encoding": "chunked", "ETag": 'W/"1"'},
        {"Content-Length": "9", "ETag": '"1"', "Content-Encoding": "gzip"},
    ],
    ids=["no validator", "a weak one", "packed bytes"],
)
async def test_without_a_strong_validator_a_cut_file_starts_over(headers, tmp_path):
    asked, downloader = scripted((200, headers, CLIP[:2], True), (200, headers, CLIP, False))
    path = await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
    assert path.read_bytes() == CLIP
    assert asked == [{}, {}]


@pytest.mark.parametrize("said", ["", "aws-chunked", "identity", "utf-8"])
async def test_what_stores_say_of_how_a_file_was_sent_to_them_is_no_packing(said, tmp_path):
    """A cut file is gone on with where its store only notes how it once was sent there."""
    headers = {"Content-Length": LENGTH, "ETag": '"1"', "Content-Encoding": said}
    rest = {**headers, "Content-Range": f"bytes 2-{int(LENGTH) - 1}/{LENGTH}"}
    asked, downloader = scripted((200, headers, CLIP[:2], True), (206, rest, CLIP[2:], False))
    path = await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
    assert path.read_bytes() == CLIP
    assert asked == [{}, {"Range": "bytes=2-", "If-Range": '"1"'}]


async def test_more_bytes_than_announced_are_not_believed(tmp_path):
    lie = (200, {"Content-Length": "2"}, CLIP, False)
    asked, downloader = scripted(lie, (200, {"Content-Length": LENGTH}, CLIP, False))
    path = await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
    assert path.read_bytes() == CLIP
    assert len(asked) == 2


async def test_an_empty_file_is_no_video(tmp_path):
    _, downloader = scripted((200, {"Content-Length": "0"}, b"", False))
    with pytest.raises(DownloadError, match="the file is empty"):
        await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)


async def test_a_service_that_names_no_new_link_is_an_error(tmp_path):
    async def renew():
        return None

    _, downloader = scripted((410, {}, b"", False))
    with pytest.raises(DownloadError, match="names no new one"):
        await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=renew)


async def test_last_modified_serves_where_there_is_no_etag(tmp_path):
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    asked, downloader = scripted(
        (200, {"Last-Modified": date, "Content-Length": LENGTH}, CLIP[:2], True),
        (206, {"Content-Range": f"bytes 2-19/{LENGTH}"}, CLIP[2:], False),
    )
    path = await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
    assert path.read_bytes() == CLIP
    assert asked[1] == {"Range": "bytes=2-", "If-Range": date}


@pytest.mark.parametrize("name", ["403-expired", "404-expired", "410-expired"])
async def test_an_expired_link_is_renewed_by_one_poll(name, tmp_path, whole):
    async with finished(Fault(name)) as (sim, client, video):
        before = len(sim.polls)
        path = await client.download(video, tmp_path / "panda.mp4")
        assert path.read_bytes() == whole
        assert len(sim.polls) == before + 1
        assert len(sim.submissions) == 1


async def test_a_link_that_stays_expired_is_an_error_after_a_minute(tmp_path):
    async with finished(Fault("403-expired", times=None)) as (_, client, video):
        with pytest.raises(DownloadError, match="renewed link does not work: HTTP 403") as caught:
            await client.download(video, tmp_path / "panda.mp4")
        assert caught.value.job_id == video.job_id
        assert "finished and paid for" in str(caught.value)
        assert sum(client._videos.downloader._sleep.seconds) == pytest.approx(60)
        assert list(tmp_path.iterdir()) == []


async def test_a_renewal_that_fails_says_why(tmp_path):
    async with finished(
        Fault("403-expired", times=None), Fault("403-forbidden", on="poll", after=1)
    ) as (_, client, video):
        with pytest.raises(DownloadError, match="could not be renewed") as caught:
            await client.download(video, tmp_path / "panda.mp4")
        assert ".." not in str(caught.value)
        assert str(caught.value).count("paid for") == 1


@pytest.mark.parametrize("name", ["length-too-long", "closed-before", "500-empty"])
async def test_attempts_that_bring_nothing_are_bounded(name, tmp_path):
    async with finished(Fault(name, on="download", times=None)) as (sim, client, video):
        with pytest.raises(
            DownloadError, match="gave up after 3 attempts without a new byte"
        ) as caught:
            await client.download(video, tmp_path / "panda.mp4")
        assert "may be billed" not in str(caught.value)
        assert ".." not in str(caught.value)
        # aiohttp itself asks once more where a connection closes without an answer.
        assert len(sim.downloads) <= 2 * 3
        assert list(tmp_path.iterdir()) == []


async def test_a_file_that_fits_its_wrong_length_never_passes_for_whole(tmp_path, whole):
    async with finished(Fault("length-too-long")) as (_, client, video):
        path = await client.download(video, tmp_path / "panda.mp4")
        assert path.read_bytes() == whole


class TestTarget:
    async def test_an_existing_file_is_left_as_it_is(self, tmp_path):
        target = tmp_path / "panda.mp4"
        target.write_bytes(b"mine")
        async with finished(size=None) as (sim, client, video):
            with pytest.raises(TargetExistsError, match="overwrite=True") as caught:
                await client.download(video, target)
            assert isinstance(caught.value, FileExistsError)
            assert isinstance(caught.value, DownloadError)
            assert target.read_bytes() == b"mine"
            assert sim.downloads == []

    async def test_overwrite_replaces_it_only_when_the_new_one_is_whole(self, tmp_path):
        target = tmp_path / "panda.mp4"
        target.write_bytes(b"mine")
        async with finished(Fault("500-empty", on="download", times=3), size=None) as (_, c, v):
            with pytest.raises(DownloadError):
                await c.download(v, target, overwrite=True)
            assert target.read_bytes() == b"mine"
            await c.download(v, target, overwrite=True)
            assert target.read_bytes() != b"mine"

    async def test_a_file_that_appears_meanwhile_is_not_replaced(self, tmp_path):
        target = tmp_path / "panda.mp4"
        async with finished(Fault("stalled", on="download"), silence=0.5) as (sim, client, video):
            task = asyncio.create_task(client.download(video, target))
            with anyio.fail_after(20):
                while not sim.downloads:
                    await anyio.lowlevel.checkpoint()
            target.write_bytes(b"mine")
            with pytest.raises(TargetExistsError):
                await task
            assert target.read_bytes() == b"mine"
            assert no_part(target)

    async def test_two_downloads_to_one_target_do_not_mix(self, tmp_path, whole):
        target = tmp_path / "panda.mp4"
        slow = Fault("stalled", on="download", seconds=0.3)
        async with finished(slow) as (sim, client, video):
            first = asyncio.create_task(client.download(video, target))
            with anyio.fail_after(20):
                while not sim.downloads:
                    await anyio.lowlevel.checkpoint()
            with pytest.raises(DownloadError, match="is being downloaded already"):
                await client.download(video, target)
            assert (await first).read_bytes() == whole

    async def test_a_folder_gets_a_file_that_is_named_by_its_job(self, tmp_path, whole):
        async with finished(size=None) as (_, client, video):
            for folder in (tmp_path, f"{tmp_path}/", f"{tmp_path}/new/"):
                path = await client.download(video, folder, overwrite=True)
                assert path.parent == Path(folder)
                assert path.name == f"pika-{video.job_id}.mp4"
            with pytest.raises(TargetExistsError):
                await client.download(video, tmp_path)

    async def test_it_is_named_by_its_prompt_where_that_is_known_and_by_its_place(self, tmp_path):
        async with (
            Simulator(duration=Polls(1), videos_per_job=2) as sim,
            PikaClient(KEY, base_url=sim.url, polling=FixedPolling(0.001)) as client,
        ):
            job = await client.submit("A red panda, surfing!")
            names = [
                (await client.download(video, tmp_path)).name
                for video in (await job.result()).videos
            ]
        assert names == [
            f"pika-a-red-panda-surfing-{job.id}.mp4",
            f"pika-a-red-panda-surfing-{job.id}-2.mp4",
        ]

    async def test_its_progress_is_told_in_bytes(self, tmp_path):
        told = []
        async with finished(size=300_000) as (_, client, video):
            path = await client.download(
                video,
                tmp_path / "v.mp4",
                on_progress=lambda done, total: told.append((done, total)),
            )
        size = path.stat().st_size
        assert told[0] == (0, size)
        assert told[-1] == (size, size)
        assert told == sorted(told)

    @pytest.mark.parametrize("kind", [KeyError, ValueError, OSError])
    async def test_what_on_progress_raises_ends_the_download_and_leaves_nothing(
        self, tmp_path, kind
    ):
        def stop(*_):
            raise kind("enough")

        async with finished(size=None) as (_, client, video):
            with pytest.raises(kind, match="enough"):
                await client.download(video, tmp_path / "v.mp4", on_progress=stop)
        assert list(tmp_path.iterdir()) == []

    async def test_a_place_that_cannot_be_written_is_a_download_error(self, tmp_path):
        (tmp_path / "file").write_bytes(b"")
        async with finished(size=None) as (_, client, video):
            with pytest.raises(DownloadError, match="could not be written") as caught:
                await client.download(video, tmp_path / "file" / "panda.mp4")
            assert isinstance(caught.value.__cause__, OSError)

    async def test_a_part_left_by_a_crash_is_no_hindrance(self, tmp_path, whole):
        (tmp_path / "panda.mp4.part").write_bytes(b"half of something else")
        async with finished() as (_, client, video):
            path = await client.download(video, tmp_path / "panda.mp4")
            assert path.read_bytes() == whole


class TestLinks:
    @pytest.mark.parametrize(
        "url", ["ftp://media.example/x", "http://[x", "file:///etc/passwd", "//x/y"]
    )
    async def test_only_http_links_are_followed(self, url, tmp_path):
        async with finished(size=None) as (_, client, video):
            with pytest.raises(DownloadError, match="no http"):
                await client.download(evolve(video, url=url), tmp_path / "panda.mp4")

    async def test_redirects_are_bounded(self, tmp_path):
        async with finished(Fault("redirect-loop", times=None)) as (sim, client, video):
            with pytest.raises(DownloadError):
                await client.download(video, tmp_path / "panda.mp4")
            assert len(sim.downloads) <= 3 * 6

    @pytest.mark.parametrize("fault", [None, Fault("no-length")], ids=["announced", "chunked"])
    async def test_a_file_larger_than_the_cap_is_refused(self, fault, tmp_path):
        async with finished(*([fault] if fault else [])) as (_, client, video):
            capped = Downloader(
                stream=client._videos.downloader._stream,
                retry=QUICK,
                sleep=anyio.sleep,
                random=lambda: 0.5,
                max_bytes=SIZE - 1,
                tell=Teller(),
            )
            with pytest.raises(DownloadError, match=str(SIZE - 1)):
                await capped.download(
                    video, tmp_path / "panda.mp4", overwrite=False, renew=lambda: None
                )
        assert list(tmp_path.iterdir()) == []

    async def test_another_status_is_an_error_that_names_it(self, tmp_path):
        async with finished(Fault("custom", on="download", status=451)) as (_, client, video):
            with pytest.raises(DownloadError, match="HTTP 451"):
                await client.download(video, tmp_path / "panda.mp4")

    async def test_a_video_made_by_hand_can_be_downloaded(self, tmp_path):
        async with finished(size=None) as (_, client, video):
            copy = Video(id=video.id, job_id=video.job_id, url=video.url)
            assert (await client.download(copy, tmp_path / "panda.mp4")).exists()


async def test_the_file_and_its_name_are_synced_before_the_call_returns(tmp_path, monkeypatch):
    synced = []
    real = os.fsync
    # A Mac has another call for the file.
    monkeypatch.setattr(disk, "_FULL_SYNC", None)
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(os.fstat(handle)), real(handle)))
    async with finished(size=None) as (_, client, video):
        path = await client.download(video, tmp_path / "panda.mp4")
    assert [stat.st_ino for stat in synced] == [path.stat().st_ino, tmp_path.stat().st_ino]


async def test_what_is_no_video_is_refused_by_name(tmp_path):
    async with finished(size=None) as (_, client, video):
        result = await client.job(video.job_id).result()
        with pytest.raises(TypeError, match="Succeeded is not allowed; .* result.video"):
            await client.download(result, tmp_path / "panda.mp4")


class TestDisk:
    async def test_a_disk_that_takes_a_part_of_what_it_is_given_is_given_the_rest(
        self, tmp_path, whole, monkeypatch
    ):
        real = os.write
        monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:1000]))
        async with finished() as (_, client, video):
            path = await client.download(video, tmp_path / "panda.mp4")
            assert path.read_bytes() == whole

    async def test_a_full_disk_is_an_error_and_leaves_nothing(self, tmp_path, monkeypatch):
        real = os.write
        room = 100_000

        def write(handle, data):
            nonlocal room
            if room == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            count = real(handle, data[:room])
            room -= count
            return count

        monkeypatch.setattr(os, "write", write)
        async with finished() as (_, client, video):
            with pytest.raises(DownloadError, match="No space left .* paid for"):
                await client.download(video, tmp_path / "panda.mp4")
        assert list(tmp_path.iterdir()) == []

    async def test_two_clients_do_not_mix_in_one_file(self, tmp_path, whole):
        target = tmp_path / "panda.mp4"
        slow = Fault("stalled", on="download", seconds=0.3)
        async with finished(slow) as (sim, first, video), client_for(sim) as second:
            task = asyncio.create_task(first.download(video, target, overwrite=True))
            with anyio.fail_after(20):
                while not sim.downloads:
                    await anyio.lowlevel.checkpoint()
            with pytest.raises(DownloadError, match="is being downloaded already"):
                await second.download(video, target, overwrite=True)
            await task
            assert target.read_bytes() == whole

    async def test_a_link_in_place_of_the_part_is_not_followed(self, tmp_path):
        precious = tmp_path / "precious"
        precious.write_bytes(b"mine")
        (tmp_path / "panda.mp4.part").symlink_to(precious)
        async with finished(size=None) as (_, client, video):
            with pytest.raises(DownloadError, match="could not be written"):
                await client.download(video, tmp_path / "panda.mp4")
        assert precious.read_bytes() == b"mine"

    @pytest.mark.parametrize("turns", range(0, 60, 3))
    async def test_cancelled_at_any_turn_it_leaves_a_whole_file_or_none(
        self, turns, tmp_path, whole
    ):
        async with finished() as (_, client, video):
            task = asyncio.create_task(client.download(video, tmp_path / "panda.mp4"))
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            task.cancel()
            await asyncio.wait({task})
            left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
            assert left in ({}, {"panda.mp4": whole})

    @pytest.mark.parametrize("name", ["x" * 300, "a\0b"], ids=["too long", "null"])
    async def test_a_name_that_no_file_can_have_is_a_download_error(self, name, tmp_path):
        async with finished(size=None) as (_, client, video):
            with pytest.raises(DownloadError, match="could not be written"):
                await client.download(video, tmp_path / name)


class TestSplices:
    """Answers that fit together by their lengths, but are not one file."""

    TAGGED = (200, {"ETag": '"1"', "Content-Length": LENGTH}, CLIP[:2], True)
    WHOLE = (200, {"ETag": '"2"', "Content-Length": LENGTH}, NEWER, False)

    @pytest.mark.parametrize(
        "headers",
        [
            {"Content-Range": f"bytes 2-19/{LENGTH}", "ETag": '"2"'},
            {"Content-Range": f"bytes 1-19/{LENGTH}"},
            {"Content-Range": "bytes 2-19/21"},
            {"Content-Range": "bytes 2-19/*"},
            {},
        ],
        ids=["another ETag", "another start", "another total", "no total", "no range"],
    )
    async def test_a_rest_of_something_else_starts_the_file_over(self, headers, tmp_path):
        asked, downloader = scripted(self.TAGGED, (206, headers, CLIP[2:], False), self.WHOLE)
        path = await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
        assert path.read_bytes() == NEWER
        assert asked[2] == {}

    async def test_a_rest_that_is_called_the_whole_is_a_rest(self, tmp_path):
        """A host that heeds Range and answers 200 spoils nothing, and costs no second start."""
        rest = {"Content-Range": f"bytes 2-19/{LENGTH}", "ETag": '"1"', "Content-Length": "18"}
        asked, downloader = scripted(self.TAGGED, (200, rest, CLIP[2:], False), self.WHOLE)
        path = await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
        assert path.read_bytes() == CLIP
        assert len(asked) == 2

    async def test_the_whole_that_is_told_as_a_range_is_the_whole(self, tmp_path):
        """A host that sends everything again, and says so, is believed."""
        told = {"Content-Range": f"bytes 0-19/{LENGTH}", "Content-Length": LENGTH, "ETag": '"2"'}
        asked, downloader = scripted(self.TAGGED, (200, told, NEWER, False))
        path = await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
        assert path.read_bytes() == NEWER
        assert len(asked) == 2

    @pytest.mark.parametrize(
        "headers",
        [{"Content-Range": f"bytes 1-19/{LENGTH}"}, {"Content-Range": "nonsense"}],
        ids=["another start", "no range"],
    )
    async def test_one_that_does_not_fit_starts_the_file_over(self, headers, tmp_path):
        """A part that is called the whole is never taken for it."""
        told = {**headers, "Content-Length": "19", "ETag": '"1"'}
        asked, downloader = scripted(self.TAGGED, (200, told, CLIP[1:], False), self.WHOLE)
        path = await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
        assert path.read_bytes() == NEWER
        assert asked[2] == {}

    async def test_the_total_of_a_rest_counts_where_the_first_answer_told_none(self, tmp_path):
        first = (200, {"ETag": '"1"', "Transfer-Encoding": "chunked"}, CLIP[:2], True)
        short = (206, {"Content-Range": f"bytes 2-2/{LENGTH}", "ETag": '"1"'}, CLIP[2:3], False)
        rest = (206, {"Content-Range": f"bytes 3-19/{LENGTH}", "ETag": '"1"'}, CLIP[3:], False)
        _, downloader = scripted(first, short, rest)
        path = await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
        assert path.read_bytes() == CLIP

    async def test_a_part_that_nobody_asked_for_is_not_the_whole(self, tmp_path):
        part = (206, {"Content-Range": f"bytes 0-1/{LENGTH}"}, CLIP[:2], False)
        _, downloader = scripted(part, self.WHOLE)
        path = await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
        assert path.read_bytes() == NEWER

    async def test_a_length_that_is_not_reached_is_a_break(self, tmp_path):
        short = (200, {"Content-Length": LENGTH}, CLIP[:2], False)
        _, downloader = scripted(short, self.WHOLE)
        path = await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
        assert path.read_bytes() == NEWER

    async def test_a_file_whose_end_nobody_tells_is_refused(self, tmp_path):
        _, downloader = scripted((200, {}, CLIP, False))
        with pytest.raises(DownloadError, match="neither the length nor the end"):
            await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)

    async def test_more_than_the_cap_is_refused_while_it_streams(self, tmp_path):
        _, downloader = scripted((200, {"Transfer-Encoding": "chunked"}, CLIP, False))
        downloader._max_bytes = 3
        with pytest.raises(DownloadError, match="larger than 3 bytes"):
            await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)


async def test_retry_after_of_a_media_host_is_honoured(tmp_path):
    asked, downloader = scripted((429, {"Retry-After": "7"}, b"", False), TestSplices.WHOLE)
    await downloader.download(VIDEO, tmp_path / "v.mp4", overwrite=False, renew=None)
    assert downloader._sleep.seconds == [pytest.approx(7, rel=0.3)]
    assert len(asked) == 2


async def test_of_several_videos_without_ids_each_renews_its_own_link(tmp_path):
    variants = ["several-videos", "sparse-finished"]
    async with (
        Simulator(duration=Polls(1), variants=variants, videos_per_job=3) as sim,
        client_for(sim) as client,
    ):
        videos = (await client.generate("a red panda surfing")).videos
        sim.faults.append(Fault("410-expired"))
        await client.download(videos[2], tmp_path / "third.mp4")
        assert len({video.id for video in videos}) == len(videos) == 3
        assert {request.path for request in sim.downloads} == {videos[2].url[len(sim.media_url) :]}


async def test_a_link_is_asked_for_as_it_came():
    seen = []

    async def handler(request):
        seen.append(request.raw_path)
        return web.Response(body=b"video")

    app = web.Application()
    app.router.add_get("/{tail:.*}", handler)
    async with TestServer(app) as server:
        link = str(server.make_url("/a.mp4")) + "?sig=%7Ea%2Fb%27%3D"
        transport = Transport(session=None, request_timeout=30.0)
        await transport.open()
        async with transport.stream(link, {}, silence=30.0) as answer:
            assert answer.status == 200
        await transport.close()
    assert seen == ["/a.mp4?sig=%7Ea%2Fb%27%3D"]
