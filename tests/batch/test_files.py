"""A batch with an output folder: each video is saved as it finishes, once, under a safe name."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from support.batches import client_for, prompts, until
from support.media import sleepless

from pika_async import (
    Batch,
    BatchStats,
    ConfigurationError,
    DownloadError,
    FileSystemLimited,
    InvalidRequestError,
    JobFailedError,
    JournalError,
    ModerationError,
    NotSubmittedError,
    RetryPolicy,
    Spent,
    SubmissionUncertainError,
    Succeeded,
    VideoKept,
    read_journal,
    run_batch,
)
from pika_async._batch.board import DOWNLOADS_AT_ONCE
from pika_async._download.part import Part
from pika_async.simulator import Fault, Polls, Simulator

ENDLESS = Polls(1_000_000)


@pytest.fixture
def journal(tmp_path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "videos"


class FullDisk:
    """A disk with room for a number of small files, or for all but one."""

    def __init__(
        self,
        monkeypatch,
        files: int = 1000,
        but_for: str = "no file",
        error: int = errno.ENOSPC,
    ) -> None:
        self.room = files
        write = Part._write

        def limited(part: Part, data: bytes) -> None:
            if self.room <= 0 or but_for in part.target.name:
                raise OSError(error, os.strerror(error))
            self.room -= 1
            write(part, data)

        monkeypatch.setattr(Part, "_write", limited)


async def test_each_video_is_saved_and_named_by_index_prompt_and_job(folder):
    async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
        results = await run_batch(client, ["A red panda, surfing!", "猫"], output_dir=folder)
    panda, cat = results
    assert panda.files == (folder / f"00000-a-red-panda-surfing-{panda.job_id}.mp4",)
    assert cat.files == (folder / f"00001-猫-{cat.job_id}.mp4",)
    assert sorted(folder.iterdir()) == sorted(panda.files + cat.files)
    assert all(path.read_bytes()[4:8] == b"ftyp" for path in folder.iterdir())


async def test_every_video_of_a_job_is_saved(folder):
    async with Simulator(duration=Polls(1), videos_per_job=3) as sim, client_for(sim) as client:
        (result,) = await run_batch(client, ["a panda"], output_dir=folder)
    assert [path.stem[-2:] for path in result.files][1:] == ["-2", "-3"]
    assert len(set(result.files)) == 3


async def test_videos_of_a_job_that_failed_in_part_are_saved_too(folder):
    async with (
        Simulator(duration=Polls(1), variants=["mixed-outcomes"]) as sim,
        client_for(sim) as client,
    ):
        (result,) = await run_batch(client, ["a panda"], output_dir=folder)
    assert isinstance(result.error, JobFailedError)
    assert result.files
    assert all(path.exists() for path in result.files)


async def test_names_are_safe_whatever_the_prompt(folder):
    hostile = ["../../etc/passwd", "CON", "a/b\\c:d*e?f", "\u202egpm.exe", "x" * 5000, ".", "NUL "]
    async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
        results = await run_batch(client, hostile, output_dir=folder)
    assert all(result.ok for result in results)
    assert len(list(folder.iterdir())) == len(hostile)
    for path in folder.iterdir():
        assert re.fullmatch(r"\d{5}-[a-z0-9-]+\.mp4", path.name)


async def test_a_job_id_that_is_no_file_name_does_no_harm(folder):
    async with (
        Simulator(duration=Polls(1), variants=["odd-ids"]) as sim,
        client_for(sim) as client,
    ):
        (result,) = await run_batch(client, ["a panda"], output_dir=folder)
    assert result.ok
    assert list(folder.iterdir()) == list(result.files)


async def test_a_link_that_has_not_come_in_its_time_is_not_waited_for_once_more(folder):
    """The batch has better to do: the job keeps its video, and the next run looks at it again."""
    linkless = {"videos": [{"id": "v", "status": "finished"}]}
    retry = RetryPolicy(appearance=0.0)
    async with (
        Simulator(
            faults=[Fault("custom", on="poll", times=None, body=linkless, status=200)]
        ) as sim,
        client_for(sim, retry=retry) as client,
    ):
        # A minute is what a download of that video waits.
        with anyio.fail_after(30):
            (result,) = await run_batch(client, prompts(1), output_dir=folder)
    assert isinstance(result.error, JobFailedError)
    assert [video.url for video in result.error.state.videos] == [""]
    assert result.files == ()


class TestRunAgain:
    async def test_what_is_whole_on_disk_is_not_downloaded_again(self, folder, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            first = await run_batch(client, prompts(5), journal=journal, output_dir=folder)
            before = len(sim.downloads), len(sim.polls)
            again = await run_batch(client, prompts(5), journal=journal, output_dir=folder)
            assert (len(sim.downloads), len(sim.polls)) == before
        assert [result.files for result in again] == [result.files for result in first]

    async def test_names_stay_when_the_order_changes(self, folder, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(5), journal=journal, output_dir=folder)
            names = sorted(folder.iterdir())
            changed = ["new", *reversed(prompts(5))]
            await run_batch(client, changed, journal=journal, output_dir=folder)
        assert set(names) < set(folder.iterdir())
        assert len(list(folder.iterdir())) == 6

    @pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"")])
    async def test_what_is_missing_or_empty_is_downloaded_again(self, folder, journal, damage):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            first = await run_batch(client, prompts(3), journal=journal, output_dir=folder)
            whole = first[1].files[0].read_bytes()
            damage(first[1].files[0])
            downloads = len(sim.downloads)
            again = await run_batch(client, prompts(3), journal=journal, output_dir=folder)
            assert len(sim.submissions) == 3
            assert len(sim.downloads) == downloads + 1
        assert again[1].files[0].read_bytes() == whole

    async def test_an_empty_file_passes_for_no_video_though_no_run_has_noted_one(
        self, folder, journal
    ):
        """A run that was ended may have left it: there is nothing in it that anybody could miss."""
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            (first,) = await run_batch(client, prompts(1), journal=journal, output_dir=folder)
            (path,) = first.files
            whole = path.read_bytes()
            path.unlink()
            path.symlink_to(folder / "nowhere")
            (failed,) = await run_batch(client, prompts(1), journal=journal, output_dir=folder)
            assert isinstance(failed.error, DownloadError)
            path.unlink()
            path.touch()
            (again,) = await run_batch(client, prompts(1), journal=journal, output_dir=folder)
        assert again.ok
        assert path.read_bytes() == whole

    @pytest.mark.parametrize("content", [b"cut", b"longer" * 100_000, b"\0"])
    async def test_what_somebody_changed_stays_as_it_is_and_is_said(
        self, folder, journal, content, caplog
    ):
        heard = []
        async with (
            Simulator(duration=Polls(1)) as sim,
            client_for(sim, observer=heard.append) as client,
        ):
            first = await run_batch(client, prompts(3), journal=journal, output_dir=folder)
            saved = first[1].files[0]
            whole = saved.stat().st_size
            saved.write_bytes(content)
            downloads = len(sim.downloads)
            # It is not written down as what was saved: each run says so.
            for _ in range(2):
                heard.clear()
                caplog.clear()
                again = await run_batch(client, prompts(3), journal=journal, output_dir=folder)
                (kept,) = [event for event in heard if isinstance(event, VideoKept)]
                assert (kept.path, kept.size, kept.saved_size) == (saved, len(content), whole)
                assert kept.video == first[1].state.videos[0]
                assert [str(saved) in record.getMessage() for record in caplog.records] == [True]
                assert [result.files for result in again] == [result.files for result in first]
                assert all(result.ok for result in again)
            assert len(sim.downloads) == downloads
            assert saved.read_bytes() == content
            # Whoever wants the video of the job again moves it away.
            saved.rename(folder / "mine.mp4")
            await run_batch(client, prompts(3), journal=journal, output_dir=folder)
            assert saved.stat().st_size == whole
            assert len(sim.downloads) == downloads + 1

    async def test_a_change_that_keeps_the_size_stays_too(self, folder, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            (first,) = await run_batch(client, ["a panda"], journal=journal, output_dir=folder)
            changed = first.files[0].read_bytes()[::-1]
            first.files[0].write_bytes(changed)
            await run_batch(client, ["a panda"], journal=journal, output_dir=folder)
        assert first.files[0].read_bytes() == changed

    async def test_a_link_to_a_changed_file_stays_too(self, folder, journal, tmp_path):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            (first,) = await run_batch(client, ["a panda"], journal=journal, output_dir=folder)
            mine = first.files[0].rename(tmp_path / "mine.mp4")
            mine.write_bytes(b"with a title")
            first.files[0].symlink_to(mine)
            (again,) = await run_batch(client, ["a panda"], journal=journal, output_dir=folder)
        assert again.files == first.files
        assert mine.read_bytes() == b"with a title"
        assert first.files[0].is_symlink()

    async def test_a_folder_in_its_place_is_no_video_that_was_changed(self, folder, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            (first,) = await run_batch(client, ["a panda"], journal=journal, output_dir=folder)
            first.files[0].unlink()
            first.files[0].mkdir()
            (again,) = await run_batch(client, ["a panda"], journal=journal, output_dir=folder)
        assert isinstance(again.error, DownloadError)
        assert again.files == ()

    async def test_a_folder_that_has_moved_with_its_files_is_enough(
        self, folder, journal, tmp_path
    ):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(3), journal=journal, output_dir=folder)
            downloads = len(sim.downloads)
            moved = folder.rename(tmp_path / "elsewhere")
            again = await run_batch(client, prompts(3), journal=journal, output_dir=moved)
            assert len(sim.downloads) == downloads
        assert all(path.parent == moved for result in again for path in result.files)

    async def test_a_file_whose_entry_was_cut_off_by_a_crash_is_taken_as_it_is(
        self, folder, journal
    ):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            (first,) = await run_batch(client, ["a panda"], journal=journal)
            # The file got its name, and then the process ended.
            await client.download(first.state.video, folder / f"00000-a-panda-{first.job_id}.mp4")
            downloads = len(sim.downloads)
            (again,) = await run_batch(client, ["a panda"], journal=journal, output_dir=folder)
            assert len(sim.downloads) == downloads
        assert again.ok
        assert again.files[0].exists()

    async def test_what_is_whole_on_disk_is_not_written_down_again(self, folder, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(3), journal=journal, output_dir=folder)
            self.count_the_writes_of_files(journal)
            await run_batch(client, prompts(3), journal=journal, output_dir=folder)
        assert self.writes_of_files(journal) == 0

    async def test_a_file_that_was_not_written_down_is_written_down_once(self, folder, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(3), journal=journal)
            self.count_the_writes_of_files(journal)
            for _ in range(2):
                await run_batch(client, prompts(3), journal=journal, output_dir=folder)
        assert self.writes_of_files(journal) == 3

    @staticmethod
    def count_the_writes_of_files(journal: Path) -> None:
        with closing(sqlite3.connect(journal)) as connection, connection:
            connection.execute("CREATE TABLE writes (item INTEGER)")
            connection.execute(
                "CREATE TRIGGER counted AFTER UPDATE OF files ON attempts "
                "BEGIN INSERT INTO writes VALUES (new.id); END"
            )

    @staticmethod
    def writes_of_files(journal: Path) -> int:
        with closing(sqlite3.connect(journal)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM writes").fetchone()
        return count

    async def test_videos_can_be_fetched_by_a_later_run_without_paying(self, folder, journal):
        async with Simulator(duration=Polls(1), variants=["links-expire"]) as sim:
            async with client_for(sim) as client:
                await run_batch(client, prompts(3), journal=journal)
                results = await run_batch(client, prompts(3), journal=journal, output_dir=folder)
                assert len(sim.submissions) == 3
        assert all(result.ok and result.files for result in results)

    async def test_a_link_that_was_dead_is_tried_again(self, folder, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sleepless(client)
            sim.faults.append(Fault("404-expired", times=None))
            (first,) = await run_batch(client, ["a panda"], journal=journal, output_dir=folder)
            sim.faults.clear()
            (again,) = await run_batch(client, ["a panda"], journal=journal, output_dir=folder)
            assert len(sim.submissions) == 1
        assert isinstance(first.error, DownloadError)
        assert isinstance(first.state, Succeeded)
        assert not first.ok
        assert again.ok


class TestNames:
    """Which file is which video is told by the journal, whatever names are made of."""

    PROMPT = "crème brûlée"

    async def saved(self, folder, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            (result,) = await run_batch(client, [self.PROMPT], output_dir=folder, journal=journal)
        return result.files[0]

    async def again(self, folder, journal):
        """A run that could download nothing, and has nothing to download."""
        async with Simulator() as sim, client_for(sim) as client:
            (result,) = await run_batch(client, [self.PROMPT], output_dir=folder, journal=journal)
            assert (sim.submissions, sim.polls, sim.downloads) == ([], [], [])
        assert result.ok
        return result.files[0]

    async def test_a_name_that_is_made_otherwise_by_now_stays_that_of_its_video(
        self, folder, journal, monkeypatch
    ):
        path = await self.saved(folder, journal)
        monkeypatch.setattr("pika_async._batch.naming.video_name", lambda *_, **__: "new.mp4")
        assert await self.again(folder, journal) == path

    async def test_a_name_that_the_file_system_has_decomposed_is_found(self, folder, journal):
        path = await self.saved(folder, journal)
        moved = path.rename(folder / unicodedata.normalize("NFD", path.name))
        assert moved.name != path.name
        assert await self.again(folder, journal) == moved
        # Also where it was moved to one that composes them again.
        moved.rename(path)
        assert await self.again(folder, journal) == path

    @pytest.mark.parametrize("name", ["../out.mp4", "/out.mp4", "a/b.mp4", "x\0.mp4", "out"])
    async def test_a_name_that_no_video_of_ours_has_is_not_followed(self, folder, journal, name):
        path = await self.saved(folder, journal)
        record = json.dumps([{"name": name, "size": path.stat().st_size, "place": 0}])
        with closing(sqlite3.connect(journal)) as connection, connection:
            connection.execute("UPDATE attempts SET files = ?", (record,))
        assert await self.again(folder, journal) == path

    @pytest.mark.parametrize("error", [errno.EILSEQ, errno.EINVAL, None])
    async def test_where_names_are_ascii_alone_they_are_so_and_nothing_is_lost(
        self, folder, journal, monkeypatch, error
    ):
        path = await self.saved(folder, journal)
        elsewhere = folder.with_name("on a stick")
        refuse_letters(elsewhere, monkeypatch, error)
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            (result,) = await run_batch(client, ["красная panda"], output_dir=elsewhere)
            assert result.files[0].name == f"00000-panda-{result.job_id}.mp4"
            video = await client.generate("красная panda")
            alone = await client.download(video.video, elsewhere)
            assert alone.name.isascii()
        # What has another name in the other folder is that video all the same.
        plain = elsewhere / path.name.replace("crème-brûlée", "creme-brulee")
        shutil.copy(path, plain)
        assert await self.again(elsewhere, journal) == plain


def refuse_letters(folder, monkeypatch, error):
    """Files in it whose names are not ASCII cannot be: as a disk says it, or as Python does."""

    def refusing(call):
        def refused(path, *arguments, **options):
            if str(path).startswith(f"{folder}/") and not str(path).isascii():
                if error is None:
                    raise UnicodeEncodeError("ascii", str(path), 0, 1, "not in range(128)")
                raise OSError(error, os.strerror(error))
            return call(path, *arguments, **options)

        return refused

    for name in ("open", "lstat", "stat"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))


class TestBounds:
    async def test_slow_downloads_do_not_hold_up_the_next_jobs_at_once_nor_let_them_run_away(
        self, folder
    ):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.faults.append(Fault("slow-headers", on="download", seconds=3600, times=None))
            async with Batch(client, prompts(100), max_in_flight=4, output_dir=folder) as batch:
                await until(lambda: batch.stats.downloading == 8)
                # Room for as many waiting downloads as jobs, and not one more is paid for.
                stands = BatchStats(taken=8, submitted=8, downloading=8, spent=Spent(unpriced=8))
                await until(lambda: batch.stats == stands)
                await anyio.wait_all_tasks_blocked()
                assert len(sim.submissions) == 8
                assert batch.stats.taken == 8

    async def test_only_so_many_downloads_go_on_at_once(self, folder):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.faults.append(Fault("slow-headers", on="download", seconds=3600, times=None))
            async with Batch(client, prompts(100), max_in_flight=20, output_dir=folder) as batch:
                await until(lambda: batch.stats.downloading == 40)
                await until(lambda: len(sim.downloads) >= DOWNLOADS_AT_ONCE)
                # More than enough turns of the loop for others to arrive.
                for _ in range(200):
                    await anyio.lowlevel.checkpoint()
                assert len(sim.downloads) == DOWNLOADS_AT_ONCE


class TestTheDisk:
    async def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_sent(
        self, tmp_path
    ):
        (tmp_path / "a file").write_text("no folder")
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(ConfigurationError, match="output_dir: .* cannot be written to"):
                await run_batch(client, prompts(3), output_dir=tmp_path / "a file")
            assert sim.submissions == []

    async def test_a_folder_so_deep_that_names_do_not_fit_is_refused_before_anything_is_sent(
        self, tmp_path
    ):
        deep = os.fspath(tmp_path)
        while len(deep) < os.pathconf("/", "PC_PATH_MAX") - 300:
            deep += "/" + "d" * 150
        # There is room for a short name, and not for one with a prompt and an id in it.
        deep += "/" + "d" * (os.pathconf("/", "PC_PATH_MAX") - len(deep) - 60)
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(ConfigurationError, match="names of the videos do not fit"):
                await run_batch(client, prompts(3), output_dir=deep)
            assert sim.submissions == []

    async def test_a_folder_without_locks_is_as_good_as_any(self, folder, journal, monkeypatch):
        def flock(*_):
            raise OSError(errno.ENOLCK, "No locks available")

        fcntl = pytest.importorskip("fcntl")
        monkeypatch.setattr(fcntl, "flock", flock)
        heard = []
        async with (
            Simulator(duration=Polls(1)) as sim,
            client_for(sim, observer=heard.append) as client,
        ):
            results = await run_batch(client, prompts(5), output_dir=folder)
        assert all(result.ok for result in results)
        assert len([event for event in heard if isinstance(event, FileSystemLimited)]) == 1
        assert sorted(folder.iterdir()) == sorted(result.files[0] for result in results)

    async def test_missing_folders_are_made(self, tmp_path):
        deep = tmp_path / "one" / "two"
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(1), output_dir=deep)
        assert len(list(deep.iterdir())) == 1

    async def test_a_full_disk_stops_the_submits(self, folder, journal, monkeypatch):
        FullDisk(monkeypatch, files=6)
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            results = await run_batch(
                client, prompts(50), journal=journal, output_dir=folder, max_in_flight=3
            )
            submitted = len(sim.submissions)
        saved = [result for result in results if result.ok]
        paid = [result for result in results if result.job_id is not None]
        assert len(saved) == 6
        assert len(paid) == submitted < 20
        for result in results[submitted:]:
            assert isinstance(result.error, NotSubmittedError)
            assert "No space left on device" in str(result.error)
            assert "Nothing was sent for it and nothing is charged" in str(result.error)

    @pytest.mark.parametrize("error", [errno.EDQUOT, errno.EROFS, errno.EIO])
    async def test_so_does_a_disk_that_refuses_in_another_way(self, folder, monkeypatch, error):
        FullDisk(monkeypatch, files=2, error=error)
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(50), output_dir=folder, max_in_flight=2)
            assert len(sim.submissions) < 20

    async def test_requests_that_wait_for_the_client_s_bound_are_not_sent_either(
        self, folder, monkeypatch
    ):
        FullDisk(monkeypatch, files=0)
        async with (
            Simulator(duration=Polls(1)) as sim,
            client_for(sim, max_in_flight=1) as client,
        ):
            results = await run_batch(client, prompts(40), output_dir=folder, max_in_flight=16)
            assert len(sim.submissions) < 8
        assert "only those" in str(results[-1].error)

    async def test_jobs_of_an_earlier_run_are_waited_for_and_named_all_the_same(
        self, folder, journal, monkeypatch
    ):
        async with Simulator(duration=ENDLESS) as sim:
            async with client_for(sim) as client:
                async with Batch(client, prompts(6), journal=journal) as batch:
                    await until(lambda: len(batch.in_flight) == 6)
            for job in sim.jobs.values():
                job.duration = Polls(1)
            FullDisk(monkeypatch, files=0)
            async with client_for(sim) as client:
                results = await run_batch(
                    client, prompts(6), journal=journal, output_dir=folder, max_in_flight=1
                )
            assert {result.job_id for result in results} == set(sim.jobs)
        assert all(result.resumed and result.state for result in results)
        assert not any("not submitted" in str(result.error) for result in results)

    async def test_with_room_again_the_rest_is_sent_and_nothing_is_paid_for_twice(
        self, folder, journal, monkeypatch
    ):
        disk = FullDisk(monkeypatch, files=6)
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(30), journal=journal, output_dir=folder)
            disk.room = 1000
            results = await run_batch(client, prompts(30), journal=journal, output_dir=folder)
            assert len(sim.submissions) == 30
        assert all(result.ok for result in results)
        assert all(entry.attempt.problem is None for entry in read_journal(journal))
        assert all(entry.problem is None for entry in read_journal(journal))
        assert len(list(folder.iterdir())) == 30


async def test_in_a_batch_of_fifty_each_misfortune_is_told_for_what_it_is_and_the_rest_arrives(
    folder, journal, monkeypatch
):
    def reason(body):
        return "prompt not allowed" if body["promptText"] == "prompt 11" else None

    faults = [
        Fault("400-invalid-request", prompt="prompt 7"),
        Fault("reset-after", prompt="prompt 20"),
        Fault("404-expired", prompt="prompt 30", times=None),
    ]
    FullDisk(monkeypatch, but_for="prompt-49")
    async with (
        Simulator(duration=Polls(2), failure=reason, faults=faults) as sim,
        client_for(sim) as client,
    ):
        sleepless(client)
        requests = [*prompts(40), "", *(f"prompt {number}" for number in range(41, 50))]
        results = await run_batch(
            client, requests, journal=journal, output_dir=folder, max_in_flight=8
        )
    told = {result.index: result.error for result in results if not result.ok}
    assert {index: type(error) for index, error in told.items()} == {
        7: InvalidRequestError,
        11: ModerationError,
        20: SubmissionUncertainError,
        30: DownloadError,
        40: ConfigurationError,
        49: DownloadError,
    }
    money = {
        7: "nothing is charged",
        11: "needs another prompt",
        20: "may be billed",
        30: "paid for: download it again",
        40: "Nothing was sent",
        49: "paid for: download it again",
    }
    for index, words in money.items():
        assert words in str(told[index])
    assert "No space left on device" in str(told[49])
    assert sum(len(result.files) for result in results) == 44


async def test_a_file_that_is_there_already_is_not_touched(folder, monkeypatch):
    monkeypatch.setattr("pika_async._batch.naming.video_name", lambda *_, **__: "mine.mp4")
    folder.mkdir()
    (folder / "mine.mp4").write_text("precious")
    async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
        (result,) = await run_batch(client, ["a panda"], output_dir=folder)
    assert isinstance(result.error, FileExistsError)
    assert (folder / "mine.mp4").read_text() == "precious"


async def test_leaving_early_leaves_no_half_file(folder):
    async with Simulator(duration=Polls(1), media_bytes=3_000_000) as sim:
        async with client_for(sim) as client:
            with anyio.CancelScope() as scope:
                async with Batch(client, prompts(20), output_dir=folder) as batch:
                    await until(lambda: len(sim.downloads) > 3)
                    scope.cancel()
                    await anext(batch)
    assert [path for path in folder.iterdir() if path.suffix != ".mp4"] == []
    assert all(path.stat().st_size == 3_000_000 for path in folder.iterdir())


def test_the_errors_that_stop_a_batch_can_be_made_from_their_words_alone():
    # They are made anew for each request that is not submitted.
    for kind in (DownloadError, JournalError):
        assert "words" in str(kind("words"))
