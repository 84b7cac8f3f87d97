"""A journal as it is read for a report."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.batches import client_for, prompts
from support.journals import NOW, START, add, create, succeeded, video

from pika_async import (
    Batch,
    Failed,
    GenerationRequest,
    InvalidRequestError,
    JournalError,
    Money,
    RateLimitError,
    SubmissionUncertainError,
)
from pika_async._gallery import Folder, folders_of, opened, totals_of
from pika_async._gallery.values import Standing
from pika_async._journal.file import JournalFile
from pika_async.simulator import Polls, Simulator


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "j.journal"


def ran(journal, folder, later=0):
    """A run of a batch that saves its videos in ``folder``."""
    JournalFile(journal, START + 1 + later, folder).close()


def read(path, **options):
    with opened(path, **({"now": NOW} | options)) as gallery:
        return list(gallery.entries())


def standing(path, **options):
    (entry,) = read(path, **options)
    return entry.attempt.standing


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("waiting", Standing.WAITING),
        ("submitting", Standing.UNCERTAIN),
        ("uncertain", Standing.UNCERTAIN),
        ("submitted", Standing.RUNNING),
        ("succeeded", Standing.SUCCEEDED),
        ("failed", Standing.FAILED),
    ],
)
def test_every_status_of_a_journal_has_its_standing(journal, status, expected):
    add(journal, status=status)
    assert standing(journal) is expected


@pytest.mark.parametrize(
    ("age", "runs", "expected"),
    [(5, 1, Standing.RUNNING), (61, 1, Standing.UNCERTAIN), (5, 2, Standing.UNCERTAIN)],
    ids=["just sent", "long ago", "by a run that is over"],
)
def test_a_submit_without_an_answer_is_under_way_only_for_as_long_as_one_takes(
    journal, age, runs, expected
):
    add(journal, status="submitting", sent_at=START)
    create(journal, runs=runs)
    assert standing(journal, now=START + age) is expected


def test_requests_come_in_the_order_of_the_last_run_then_those_it_has_not_met(journal):
    add(journal, "left out early", run=1, position=0)
    add(journal, "left out late", run=2, position=7)
    add(journal, "second", run=3, position=1)
    add(journal, "first", run=3, position=0)
    found = [(entry.prompt, entry.in_last_run) for entry in read(journal)]
    assert found == [
        ("first", True),
        ("second", True),
        ("left out late", False),
        ("left out early", False),
    ]


def test_options_are_what_was_asked_for_beside_the_prompt(journal):
    add(journal, "a cat", options={"seed": 7, "image": {"path": "cat.png"}})
    (entry,) = read(journal)
    assert (entry.prompt, dict(entry.options)) == (
        "a cat",
        {"seed": 7, "image": {"path": "cat.png"}},
    )


def test_earlier_attempts_are_kept_with_what_came_of_them(journal):
    failed = {"status": "failed", "job_id": "old", "accepted_at": START, "ended_at": START + 5}
    add(
        journal,
        status="succeeded",
        state=succeeded(),
        past=[
            {**failed, "state": Failed(reason="moderation"), "running_at": START + 1},
            {"status": "submitted", "job_id": "lost", "accepted_at": START},
        ],
    )
    (entry,) = read(journal)
    assert [attempt.job_id for attempt in entry.earlier] == ["old", "lost"]
    assert entry.earlier[0].reason == "moderation"
    assert all(attempt.given_up for attempt in entry.earlier)
    assert not entry.attempt.given_up


def test_a_problem_is_said_without_what_it_means_and_that_apart(journal):
    error = RateLimitError("slow down", status=429, code="too_fast", request_id="r-1")
    add(journal, problem=error)
    told = []

    def words(money, advice):
        told.append((money, advice))
        return "in the words of whoever reads it"

    (entry,) = read(journal, words=words)
    problem = entry.attempt.problem
    assert problem is not None
    assert problem.text == "too many requests (HTTP 429, code too_fast, request id r-1): slow down."
    assert problem.meaning == "in the words of whoever reads it"
    assert told == [(error.money, error.advice)]
    assert (problem.status, problem.code, problem.request_id) == (429, "too_fast", "r-1")


def test_a_problem_that_format_1_wrote_is_told_in_the_words_of_that_time(journal):
    add(
        journal,
        status="submitted",
        problem={
            "kind": "JobTimeoutError",
            "text": "job j: not finished in time. It runs on.",
            "headline": "not finished in time",
            "meaning": "It runs on.",
        },
    )
    (entry,) = read(journal)
    problem = entry.attempt.problem
    assert problem is not None
    assert (problem.text, problem.meaning) == ("job j: not finished in time.", "It runs on.")


def test_a_refused_request_has_failed_though_nothing_was_started_for_it(journal):
    error = InvalidRequestError("no such model", status=422)
    add(journal, status="failed", problem=error, ended_at=START + 5)
    (entry,) = read(journal)
    assert entry.attempt.standing is Standing.FAILED
    assert entry.attempt.reason == "the service refused the request (HTTP 422): no such model."
    assert (entry.attempt.sent_at, entry.attempt.ended_at) == (None, START + 5)
    assert entry.earlier == entry.clips == ()


def test_an_end_that_a_later_run_found_was_not_watched(journal):
    times = {"accepted_at": START + 10, "running_at": START + 20, "ended_at": START + 3700}
    add(journal, status="succeeded", state=succeeded(), run=2, **times)
    (entry,) = read(journal)
    assert not entry.attempt.watched


def test_a_run_lasts_to_the_last_thing_noted_before_the_next(journal):
    add(journal, status="submitted", sent_at=START + 5, accepted_at=START + 9)
    add(
        journal,
        status="failed",
        run=2,
        ended_at=START + 3650,
        past=[{"status": "failed", "ended_at": START + 60}],
    )
    create(journal, runs=3)
    with opened(journal, now=NOW) as gallery:
        assert [run.seconds for run in gallery.runs] == [60, 50, 0]


def test_times_before_the_first_run_are_no_part_of_it(journal):
    add(journal, status="submitted", accepted_at=START - 100)
    with opened(journal, now=NOW) as gallery:
        assert [run.seconds for run in gallery.runs] == [0]


class TestFiles:
    NAME = "00000-a-red-panda-job.mp4"

    @pytest.fixture
    def folder(self, tmp_path):
        path = tmp_path / "videos"
        path.mkdir()
        return Folder(path=path, page_folder=tmp_path)

    def clip(self, journal, folder, files, **fields):
        add(journal, status="succeeded", state=succeeded(), files=files, **fields)
        ((clip,),) = (entry.clips for entry in read(journal, folder=folder))
        return clip

    def test_a_saved_file_is_linked_from_the_pages_own_folder(self, journal, folder):
        (folder.path / self.NAME).write_bytes(b"12345")
        clip = self.clip(journal, folder, f'[{{"name": "{self.NAME}", "size": 5, "place": 0}}]')
        assert (clip.file, clip.file_link) == (self.NAME, f"videos/{self.NAME}")

    def test_a_page_in_another_folder_climbs(self, journal, tmp_path, folder):
        (folder.path / self.NAME).write_bytes(b"12345")
        elsewhere = Folder(path=folder.path, page_folder=tmp_path / "out" / "pages")
        clip = self.clip(journal, elsewhere, f'[{{"name": "{self.NAME}", "size": 5, "place": 0}}]')
        assert clip.file_link == f"../../videos/{self.NAME}"

    def test_a_name_is_escaped_where_a_link_would_read_it_otherwise(self, journal, folder):
        (folder.path / "javascript:a b#?%\"'.mp4").write_bytes(b"")
        clip = self.clip(
            journal,
            Folder(path=folder.path, page_folder=folder.path),
            '[{"name": "javascript:a b#?%\\"\'.mp4", "size": 0, "place": 0}]',
        )
        assert clip.file_link == "javascript%3Aa%20b%23%3F%25%22%27.mp4"

    @pytest.mark.parametrize("size", [4, 6])
    def test_a_file_of_another_size_is_not_it(self, journal, folder, size):
        (folder.path / self.NAME).write_bytes(b"12345")
        clip = self.clip(
            journal, folder, f'[{{"name": "{self.NAME}", "size": {size}, "place": 0}}]'
        )
        assert (clip.file, clip.file_link) == (self.NAME, None)

    @pytest.mark.parametrize(
        "name", ["../secret", "/etc/hostname", "..", ".", "", "sub/a", "\\u0000"]
    )
    def test_a_journal_cannot_make_the_page_show_other_files(self, journal, folder, name):
        (folder.path.parent / "secret").write_bytes(b"")
        size = Path("/etc/hostname").stat().st_size if name == "/etc/hostname" else 0
        clip = self.clip(journal, folder, f'[{{"name": "{name}", "size": {size}, "place": 0}}]')
        assert clip.file_link is None

    def test_without_a_folder_the_name_is_known_and_no_link(self, journal):
        clip = self.clip(journal, None, f'[{{"name": "{self.NAME}", "size": 5, "place": 0}}]')
        assert (clip.file, clip.file_link) == (self.NAME, None)

    def test_files_find_their_videos_by_their_place_where_one_is_missing(self, journal, folder):
        second = "whatever its name.mp4"
        add(
            journal,
            status="succeeded",
            state=succeeded(video(), video()),
            files=f'[{{"name": "{second}", "size": 1, "place": 1}}]',
        )
        (entry,) = read(journal, folder=folder)
        assert [clip.file for clip in entry.clips] == [None, second]


class TestWhereVideosAre:
    NAME = "00000-a-red-panda-job.mp4"

    @pytest.fixture
    def folders(self, tmp_path, journal):
        files = f'[{{"name": "{self.NAME}", "size": 5, "place": 0}}]'
        add(journal, status="succeeded", state=succeeded(), files=files)
        folders = [tmp_path / name for name in ("empty", "other", "videos")]
        for folder in folders:
            folder.mkdir()
        (folders[1] / self.NAME).write_bytes(b"1234")
        (folders[2] / self.NAME).write_bytes(b"12345")
        return folders

    def test_a_folder_is_known_by_the_whole_files_in_it(self, journal, folders):
        assert folders_of(journal, folders).holding == (folders[2],)

    def test_the_fullest_comes_first(self, journal, folders):
        files = '[{"name": "b.mp4", "size": 1, "place": 0}]'
        add(journal, "b", status="succeeded", state=succeeded(), files=files)
        for folder in folders[1:]:
            (folder / "b.mp4").write_bytes(b"1")
        assert folders_of(journal, folders).holding == (folders[2], folders[1])

    def test_what_is_no_video_is_not_looked_for_where_nobody_said_to_look(self, journal, tmp_path):
        (tmp_path / "secret").write_bytes(b"1")
        files = '[{"name": "secret", "size": 1, "place": 0}]'
        add(journal, status="succeeded", state=succeeded(), files=files)
        assert folders_of(journal, [tmp_path]).holding == ()

    def test_the_folder_that_the_batch_used_is_known_wherever_it_is(self, tmp_path, folders):
        used = tmp_path / "far" / "away"
        folders[2].rename(tmp_path / "far")
        (tmp_path / "far").rename(tmp_path / "moved")
        used.parent.mkdir()
        (tmp_path / "moved").rename(used)
        journal = tmp_path / "j.journal"
        ran(journal, used)
        assert folders_of(journal, []).holding == (used,)
        assert folders_of(journal, []).used == (used,)

    def test_it_is_found_again_where_it_was_moved_with_its_journal(self, tmp_path, folders):
        (tmp_path / "a" / "deep").mkdir(parents=True)
        folders[2].rename(tmp_path / "a" / "deep" / "videos")
        (tmp_path / "j.journal").rename(tmp_path / "a" / "j.journal")
        ran(tmp_path / "a" / "j.journal", tmp_path / "a" / "deep" / "videos")
        (tmp_path / "a").rename(tmp_path / "b")
        found = folders_of(tmp_path / "b" / "j.journal", [])
        assert found.holding == (tmp_path / "b" / "deep" / "videos",)

    def test_the_folder_of_the_last_run_comes_first_and_one_that_is_gone_is_none(
        self, journal, tmp_path, folders
    ):
        for at, folder in enumerate((folders[0], folders[1], tmp_path / "gone")):
            ran(journal, folder, at)
        assert folders_of(journal, []).used == (folders[1], folders[0])

    def test_a_journal_from_elsewhere_shows_nothing_but_videos_of_its_folder(
        self, journal, tmp_path, folders
    ):
        (folders[2] / "secret").write_bytes(b"1")
        files = '[{"name": "secret", "size": 1, "place": 0}]'
        add(journal, "b", status="succeeded", state=succeeded(), files=files)
        folder = Folder(path=folders[2], page_folder=tmp_path)
        links = [clip.file_link for entry in read(journal, folder=folder) for clip in entry.clips]
        assert links == [f"videos/{self.NAME}", None]

    def test_files_are_linked_from_each_of_several_folders(self, journal, tmp_path, folders):
        folder = Folder(path=folders[0], also=tuple(folders[1:]), page_folder=tmp_path)
        ((clip,),) = (entry.clips for entry in read(journal, folder=folder))
        assert clip.file_link == f"videos/{self.NAME}"


def test_an_attempt_is_told_with_its_service_its_run_and_its_money(journal):
    money = {"quoted": 1, "quoted_currency": "USD", "charged": 2, "charged_currency": "USD"}
    sent = {"service": "pika", "base_url": "https://api.pika.test:8443/v1"}
    add(journal, status="submitted", run=2, sent_at=START + 3700, **sent, **money)
    (entry,) = read(journal)
    found = entry.attempt
    assert (found.service, found.host, found.run) == ("pika", "api.pika.test:8443", 2)
    assert (found.quoted, found.charged, found.cost) == (Money(1), Money(2), Money(2))


def test_metadata_stand_apart_from_what_was_asked_for(journal):
    add(journal, options={"seed": 7, "metadata": {"sku": "A-1"}})
    (entry,) = read(journal)
    assert (dict(entry.options), entry.metadata) == ({"seed": 7}, {"sku": "A-1"})


class TestUnreadable:
    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("request", "no json"),
            ("request", "[]"),
            ("request", "{}"),
            ("state", '{"kind": "succeeded", "videos": [{"id": 1}]}'),
            ("state", "[]"),
            ("problem", "{}"),
            ("files", '[{"surname": 1}]'),
        ],
    )
    def test_a_row_that_no_batch_writes_is_named(self, journal, column, value):
        add(journal, status="succeeded", state=succeeded())
        with closing(sqlite3.connect(journal)) as connection, connection:
            table = "requests" if column == "request" else "attempts"
            connection.execute(f"UPDATE {table} SET {column} = ?", (value,))  # noqa: S608
        with pytest.raises(JournalError, match="request 1: ."):
            read(journal)

    def test_a_journal_without_its_tables_is_an_error_with_its_name(self, journal):
        create(journal)
        with closing(sqlite3.connect(journal)) as connection:
            connection.execute("DROP TABLE attempts")
        with pytest.raises(JournalError, match=r"j\.journal"):
            read(journal)

    def test_text_that_is_no_text_is_named(self, journal):
        add(journal)
        with closing(sqlite3.connect(journal)) as connection, connection:
            connection.execute("UPDATE requests SET request = CAST(X'ff' AS TEXT)")
        with pytest.raises(JournalError, match="cannot be read: Could not decode"):
            read(journal)

    def test_a_journal_that_is_not_there_is_an_error(self, journal):
        with pytest.raises(JournalError, match="there is no journal"):
            read(journal)
        assert not journal.exists()


class TestLive:
    async def test_a_running_batch_is_not_disturbed(self, journal):
        seen = []
        with Simulator(duration=Polls(3)) as sim:
            async with (
                client_for(sim) as client,
                Batch(client, prompts(30), max_in_flight=4, journal=journal) as batch,
            ):
                async for _ in batch:
                    with opened(journal, now=NOW) as gallery:
                        seen.append(totals_of(gallery.entries(), gallery.runs))
                assert batch.stats.succeeded == 30
        assert len(seen) == 30
        done = [totals.standings[Standing.SUCCEEDED] for totals in seen]
        assert done == sorted(done)
        assert all(totals.standings[Standing.FAILED] == 0 for totals in seen)

    def test_a_report_is_of_one_moment(self, journal):
        add(journal, "before")
        with opened(journal, now=NOW) as gallery:
            first = totals_of(gallery.entries(), gallery.runs)
            add(journal, "meanwhile")
            assert (first.requests, gallery.count()) == (1, 1)
            assert [entry.prompt for entry in gallery.entries()] == ["before"]
        assert len(read(journal)) == 2

    def test_reading_changes_nothing(self, journal):
        add(journal, status="succeeded", state=succeeded())
        before = journal.read_bytes()
        read(journal)
        assert journal.read_bytes() == before


async def test_what_a_batch_writes_can_be_read(journal, tmp_path):
    def failure(body):
        return "the panda fell" if body["promptText"] == "prompt 1" else None

    with Simulator(duration=Polls(3), failure=failure) as sim:
        async with (
            client_for(sim) as client,
            Batch(client, prompts(3), journal=journal, output_dir=tmp_path / "videos") as batch,
        ):
            results = sorted([result async for result in batch], key=lambda one: one.index)
    entries = read(journal, folder=Folder(path=tmp_path / "videos", page_folder=tmp_path))
    assert [entry.index for entry in entries] == [0, 1, 2]
    assert [entry.attempt.job_id for entry in entries] == [one.job_id for one in results]
    assert entries[1].attempt.reason == "the panda fell"
    saved = [clip.file_link for entry in entries for clip in entry.clips]
    assert saved == [f"videos/{path.name}" for one in results for path in one.files]
    assert all(entry.attempt.queued_seconds is not None for entry in entries)


def test_an_uncertain_submit_is_told_in_its_own_words(journal):
    error = SubmissionUncertainError(
        "the connection broke",
        request=GenerationRequest("x"),
        fingerprint="f" * 64,
        sent_at=datetime.fromtimestamp(START, UTC),
    )
    add(journal, status="uncertain", sent_at=START, problem=error)
    (entry,) = read(journal)
    assert entry.attempt.problem is not None
    assert entry.attempt.problem.text == "the connection broke"
