"""The steps from older formats: real journals of the versions that wrote them.

Those of format 1 are kept in ``format1``, those of formats 2 to 5, at the end, in ``format2`` to
``format5``.

They were made by that version against its own simulator, each in one folder that was copied when
its last process had ended:

- ``running``: two prompts; the batch was left while both jobs were in flight.
- ``finished``: three prompts, two of them equal; all succeeded, and nothing was saved.
- ``files``: with an ``output_dir``; one job of one video, and one of three videos, of which the
  first was refused by the media host.
- ``uncertain``: the connection was reset after the submit had left (``reset-after``).
- ``cut``: two prompts, one at a time; the second submit was never answered (``slow-headers``), and
  the process was killed with SIGKILL while it waited. All that it wrote lies in the ``-wal``.
- ``failed``: the job failed.
- ``linkless``: the job finished, and no link to its video came (``link-late``, without an end).
- ``refused``: one prompt refused with 422, and asked for again in vain; another one with a key that
  was refused (401).
- ``again``: requests that were submitted again, with ``retry_failed`` or ``resubmit_uncertain``,
  each called after what came of it first and then.
- ``empty``: a batch without prompts.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve
from support.batches import client_for

from pika_async import (
    Batch,
    BudgetError,
    FixedPolling,
    JobFailedError,
    JournalEntry,
    JournalError,
    OtherServiceError,
    PikaClient,
    SubmissionUncertainError,
    read_journal,
    run_batch,
)
from pika_async._download.names import video_name
from pika_async._journal import schema
from pika_async._journal.file import JournalFile, read_only
from pika_async.dialects import Gateway
from pika_async.simulator import Polls, Simulator

FORMAT_1 = Path(__file__).parent / "format1"
FORMAT_2 = Path(__file__).parent / "format2"
FORMAT_3 = Path(__file__).parent / "format3"
FORMAT_4 = Path(__file__).parent / "format4"
FORMAT_5 = Path(__file__).parent / "format5"

# Each request, how far it has come, and how far each of its submits has.
FOUND = {
    "running": [
        ("in flight 0", "submitted", ["submitted"]),
        ("in flight 1", "submitted", ["submitted"]),
    ],
    "finished": [
        ("finished 0", "succeeded", ["succeeded"]),
        ("equal", "succeeded", ["succeeded"]),
        ("equal", "succeeded", ["succeeded"]),
    ],
    "files": [
        ("with a file", "succeeded", ["succeeded"]),
        ("three videos, two files", "succeeded", ["succeeded"]),
    ],
    "uncertain": [("uncertain", "uncertain", ["uncertain"])],
    "cut": [
        ("done before", "succeeded", ["succeeded"]),
        ("cut in the middle", "submitting", ["submitting"]),
    ],
    "failed": [("failed", "failed", ["failed"])],
    "linkless": [("without a link", "submitted", ["submitted"])],
    "refused": [("refused", "failed", []), ("hindered", "waiting", [])],
    "again": [
        # The last run came to one of them alone, and each before it to those that follow.
        ("given up, then refused", "submitted", ["submitted"]),
        ("uncertain, then refused", "uncertain", ["uncertain"]),
        ("failed, then succeeded", "succeeded", ["failed", "succeeded"]),
        ("refused, then succeeded", "succeeded", ["succeeded"]),
        ("uncertain, then succeeded", "succeeded", ["uncertain", "succeeded"]),
        ("given up", "succeeded", ["submitted", "succeeded"]),
    ],
    "empty": [],
}
every_journal = pytest.mark.parametrize("name", FOUND)


@pytest.fixture
def old(tmp_path):
    """A copy of a journal of format 1."""

    def copied(name: str) -> Path:
        for path in FORMAT_1.glob(f"{name}.journal*"):
            shutil.copy(path, tmp_path)
        return tmp_path / f"{name}.journal"

    return copied


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def told(path: Path) -> list[tuple[str, str, list[str]]]:
    return [
        (entry.prompt, entry.status, [attempt.status for attempt in entry.attempts])
        for entry in read_journal(path)
    ]


def entry(path: Path, prompt: str):
    return next(one for one in read_journal(path) if one.prompt == prompt)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        # The index of a log is shared memory, in which readers leave their marks.
        if not path.name.endswith("-shm")
    }


class TestReading:
    @every_journal
    def test_a_journal_of_format_1_is_read_as_what_it_tells(self, old, name):
        assert told(old(name)) == FOUND[name]

    @every_journal
    def test_it_stays_as_it_is_when_it_is_read(self, old, name, tmp_path):
        path = old(name)
        before = contents(tmp_path)
        list(read_journal(path))
        assert contents(tmp_path) == before
        assert version(path) == 1

    def test_it_is_read_while_the_older_version_writes_to_it(self, old):
        path = old("finished")
        with closing(sqlite3.connect(path, isolation_level=None)) as theirs:
            theirs.execute("BEGIN IMMEDIATE")
            theirs.execute("UPDATE items SET status = 'failed'")
            assert told(path) == FOUND["finished"]
            theirs.execute("COMMIT")

    def test_what_is_read_cannot_be_written_to(self, old):
        with closing(read_only(old("finished"))) as reader:
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader.execute("DELETE FROM attempts")


class TestOpening:
    @every_journal
    def test_a_batch_brings_it_to_this_format_and_nothing_is_lost(self, old, name):
        path = old(name)
        before = sorted(read_journal(path), key=lambda entry: entry.id)
        JournalFile(path, 1e10).close()
        assert version(path) == schema.SCHEMA_VERSION
        after = sorted(read_journal(path), key=lambda entry: entry.id)
        run_of = {entry.id: entry.run for entry in before}
        # The last run may seem to be longer now that another one has begun; its number stays.
        assert [entry.run.number for entry in after] == [entry.run.number for entry in before]
        assert [evolve(entry, run=run_of[entry.id]) for entry in after] == before

    @every_journal
    def test_its_tables_are_those_of_a_new_one(self, old, name, tmp_path):
        path, new = old(name), tmp_path / "new.journal"
        JournalFile(path, 1e10).close()
        JournalFile(new, 1e10).close()
        tables = []
        for one in (path, new):
            with closing(sqlite3.connect(one)) as connection:
                rows = connection.execute("SELECT name, sql FROM sqlite_schema")
                tables.append(dict(rows.fetchall()))
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert tables[0].keys() == tables[1].keys()
        assert {name: tables[0][name] for name in ("requests", "attempts")} == {
            name: tables[1][name] for name in ("requests", "attempts")
        }

    def test_what_went_to_an_unknown_address_of_the_gateway_says_so(self, old):
        (attempt,) = entry(old("uncertain"), "uncertain").attempts
        assert (attempt.service, attempt.base_url, attempt.submit_id) == ("gateway", None, None)

    def test_all_times_and_ends_of_a_job_are_kept(self, old):
        (attempt,) = entry(old("finished"), "finished 0").attempts
        times = (attempt.sent_at, attempt.accepted_at, attempt.running_at, attempt.ended_at)
        assert list(times) == sorted(times)
        assert attempt.end.video.job_id == attempt.job_id

    def test_each_saved_file_is_told_to_be_which_video_it_is(self, old):
        path = old("files")
        assert [file.place for file in entry(path, "with a file").files] == [0]
        files = entry(path, "three videos, two files").files
        assert [file.place for file in files] == [1, 2]
        assert [file.name[-6:] for file in files] == ["-2.mp4", "-3.mp4"]

    @pytest.mark.parametrize(
        ("names", "places"),
        [
            (["renamed.mp4", "also renamed.mp4", "and this.mp4"], [0, 1, 2]),
            (["renamed.mp4"], [None]),
        ],
        ids=["as many as videos", "fewer"],
    )
    def test_a_file_of_another_name_is_told_by_its_number_or_not_at_all(self, old, names, places):
        path = old("files")
        listed = ", ".join(f'{{"name": "{name}", "size": 1}}' for name in names)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE items SET files = ? WHERE id = 2", (f"[{listed}]",))
        files = entry(path, "three videos, two files").files
        assert [(file.name, file.place) for file in files] == list(zip(names, places, strict=True))

    def test_a_refusal_is_kept_with_the_request_and_has_no_attempt(self, old):
        path = old("refused")
        refused, hindered = entry(path, "refused"), entry(path, "hindered")
        assert (refused.problem.kind, refused.problem.status) == ("InvalidRequestError", 422)
        assert refused.refused_at is not None
        assert (hindered.problem.kind, hindered.refused_at) == ("AuthenticationError", None)

    def test_the_reason_that_a_submit_broke_off_is_kept(self, old):
        (attempt,) = entry(old("uncertain"), "uncertain").attempts
        assert attempt.problem.kind == "SubmissionUncertainError"
        assert attempt.problem.meaning.startswith("The job may exist and may be billed")

    def test_a_submit_hidden_by_the_refusal_of_another_comes_to_light(self, old):
        # Format 1 called it failed, and its job, if there was one, would have been forgotten.
        path = old("again")
        assert entry(path, "uncertain, then refused").attempt.job_id is None
        assert entry(path, "given up, then refused").attempt.job_id is not None


class TestBreakingOff:
    @pytest.mark.parametrize("rolled_back", [False, True], ids=["by us", "by SQLite itself"])
    def test_a_step_that_breaks_off_leaves_the_journal_as_it_was(
        self, old, rolled_back, monkeypatch
    ):
        path = old("again")

        def half_way(connection):
            schema._from_1_to_2(connection)
            if rolled_back:
                # As a full disk does.
                connection.execute("ROLLBACK")
            raise KeyboardInterrupt

        monkeypatch.setitem(schema._STEPS, 1, half_way)
        with pytest.raises(KeyboardInterrupt):
            JournalFile(path, 1e10)
        monkeypatch.undo()
        assert version(path) == 1
        assert told(path) == FOUND["again"]
        JournalFile(path, 1e10).close()
        assert version(path) == schema.SCHEMA_VERSION

    @pytest.mark.parametrize("statement", ["CREATE TABLE attempts", "DROP TABLE items"])
    def test_a_process_that_is_killed_in_the_step_leaves_a_journal_of_format_1(
        self, old, statement
    ):
        path = old("again")
        code = f"""
import os, sqlite3, sys
from pathlib import Path
from pika_async._journal import file
connect = sqlite3.connect
def watched(*arguments, **options):
    connection = connect(*arguments, **options)
    connection.set_trace_callback(
        lambda text: os._exit(9) if text.strip().startswith({statement!r}) else None
    )
    return connection
sqlite3.connect = watched
file.JournalFile(Path(sys.argv[1]), 1e10)
"""
        assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 9
        assert version(path) == 1
        assert told(path) == FOUND["again"]
        JournalFile(path, 1e10).close()
        assert version(path) == schema.SCHEMA_VERSION

    @pytest.mark.parametrize("opening", [lambda path: JournalFile(path, 1e10), read_only])
    @pytest.mark.parametrize(
        "damage",
        [
            "UPDATE items SET state = '[]', status = 'failed'",
            "UPDATE items SET files = '[7]'",
            "UPDATE items SET request = '{}'",
            "ALTER TABLE past RENAME TO passed",
        ],
    )
    def test_rows_that_no_batch_writes_are_told_and_left_as_they_are(self, old, opening, damage):
        path = old("files")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(damage)
        with pytest.raises(JournalError, match=r"files\.journal"):
            opening(path)
        assert version(path) == 1


class TestGoingOn:
    """What a batch of this version does with them: it pays for nothing twice."""

    @pytest.mark.parametrize("retry_failed", [False, True])
    @pytest.mark.parametrize(
        ("name", "prompt"), [("running", "in flight 0"), ("linkless", "without a link")]
    )
    async def test_a_job_that_has_no_end_is_polled_and_not_bought_again(
        self, old, name, prompt, retry_failed
    ):
        path = old(name)
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            job = await client.submit(prompt)
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("UPDATE items SET job_id = ? WHERE id = 1", (job.id,))
            (result,) = await run_batch(client, [prompt], journal=path, retry_failed=retry_failed)
            assert len(sim.submissions) == 1
        assert (result.job_id, result.ok, result.resumed) == (job.id, True, True)

    @pytest.mark.parametrize(
        ("name", "prompt"),
        [
            ("uncertain", "uncertain"),
            ("cut", "cut in the middle"),
            ("again", "uncertain, then refused"),
        ],
    )
    async def test_what_may_be_billed_is_bought_again_only_when_asked_to(self, old, name, prompt):
        path = old(name)
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            (result,) = await run_batch(client, [prompt], journal=path, retry_failed=True)
            assert sim.submissions == []
            assert isinstance(result.error, SubmissionUncertainError)
            (result,) = await run_batch(client, [prompt], journal=path, resubmit_uncertain=True)
            assert len(sim.submissions) == 1
        assert result.ok

    async def test_what_has_ended_comes_back_without_a_request(self, old):
        async with Simulator() as sim, client_for(sim) as client:
            equal = await run_batch(client, ["equal", "equal"], journal=old("finished"))
            (failed,) = await run_batch(client, ["failed"], journal=old("failed"))
            assert (sim.submissions, sim.polls) == ([], [])
        assert len({result.job_id for result in equal}) == 2
        assert all(result.ok for result in equal)
        assert isinstance(failed.error, JobFailedError)

    async def test_an_unknown_address_is_any_gateway_and_no_other_service(self, old):
        class Other(Gateway):
            name = "other"

        path = old("running")
        async with Simulator(duration=Polls(1)) as sim:
            client = PikaClient(
                "sk-other", base_url=sim.url, dialect=Other(), polling=FixedPolling(0)
            )
            async with client:
                (result,) = await run_batch(client, ["in flight 0"], journal=path)
            assert (sim.submissions, sim.polls) == ([], [])
        assert isinstance(result.error, OtherServiceError)
        assert (result.error.service, result.error.base_url) == ("gateway", None)

    async def test_an_empty_journal_is_gone_on_with(self, old):
        path = old("empty")
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            async with Batch(client, ["a panda"], journal=path) as batch:
                assert (await anext(batch)).ok
        assert told(path) == [("a panda", "succeeded", ["succeeded"])]


class TestFormat2:
    """Two that its version left.

    - ``finished``: three prompts, two of them equal; all succeeded, and their videos were saved.
    - ``killed``: two prompts; the process was killed with SIGKILL while both jobs were in flight.
      All that it wrote lies in the ``-wal``.
    """

    FOUND = (
        ("finished", {("finished 0", "succeeded"), ("equal", "succeeded")}),
        ("killed", {("in flight 0", "submitted"), ("in flight 1", "submitted")}),
    )
    each = pytest.mark.parametrize(("name", "found"), FOUND)

    @pytest.fixture
    def older(self, tmp_path):
        def copied(name: str) -> Path:
            for path in FORMAT_2.glob(f"{name}.journal*"):
                shutil.copy(path, tmp_path)
            return tmp_path / f"{name}.journal"

        return copied

    @each
    def test_it_is_read_and_stays_as_it_is(self, older, name, found, tmp_path):
        path = older(name)
        before = contents(tmp_path)
        entries = list(read_journal(path))
        assert {(entry.prompt, entry.status) for entry in entries} == found
        assert contents(tmp_path) == before

    @each
    def test_a_batch_brings_it_to_this_format_and_nothing_is_lost(self, older, name, found):
        path = older(name)
        before = {entry.id: entry.attempts for entry in read_journal(path)}
        JournalFile(path, 1e10).close()
        assert version(path) == schema.SCHEMA_VERSION
        assert {entry.id: entry.attempts for entry in read_journal(path)} == before
        assert {(entry.prompt, entry.status) for entry in read_journal(path)} == found

    @each
    def test_from_then_on_it_says_whether_its_log_is_with_it(self, older, name, found, tmp_path):
        path, copy = older(name), tmp_path / "copy.journal"
        with closing(JournalFile(path, 1e10)):
            shutil.copy(path, copy)
            with pytest.raises(JournalError, match="its log"):
                JournalFile(copy, 1e10)
        shutil.copy(path, copy)
        JournalFile(copy, 1e10).close()

    @each
    def test_a_step_that_breaks_off_leaves_it_as_it_was(self, older, name, found, monkeypatch):
        path = older(name)

        def half_way(connection):
            schema.make_log(connection)
            raise KeyboardInterrupt

        monkeypatch.setitem(schema._STEPS, 2, half_way)
        with pytest.raises(KeyboardInterrupt):
            JournalFile(path, 1e10)
        monkeypatch.undo()
        assert version(path) == 2
        JournalFile(path, 1e10).close()
        assert version(path) == schema.SCHEMA_VERSION
        assert {(entry.prompt, entry.status) for entry in read_journal(path)} == found


class TestFormat3:
    """Two that its version left. Its files had names with letters of ASCII alone.

    - ``saved``: four prompts, of two videos each; all succeeded, and their videos were saved.
    - ``running``: two prompts; the batch was left while both jobs were in flight.
    """

    PROMPTS = ("красная панда", "一只红熊猫在冲浪", "crème brûlée", "a red panda")
    each = pytest.mark.parametrize("name", ["saved", "running"])

    @pytest.fixture
    def older(self, tmp_path):
        def copied(name: str) -> Path:
            shutil.copy(FORMAT_3 / f"{name}.journal", tmp_path)
            return tmp_path / f"{name}.journal"

        return copied

    @pytest.fixture
    def folder(self, tmp_path):
        """The folder of the batch, where a test puts what the older version had saved."""
        folder = tmp_path / "videos"
        folder.mkdir()
        return folder

    def saved(self, path: Path) -> list:
        return [file for entry in read_journal(path) for file in entry.files]

    @each
    def test_it_is_read_and_stays_as_it_is(self, older, name, tmp_path):
        path = older(name)
        before = contents(tmp_path)
        assert {entry.prompt for entry in read_journal(path)} <= set(self.PROMPTS)
        assert next(entry.run.output_dir for entry in read_journal(path)) is None
        assert contents(tmp_path) == before

    @each
    def test_a_batch_brings_it_to_this_format_and_nothing_is_lost(self, older, name, folder):
        path = older(name)
        before = {entry.id: entry.attempts for entry in read_journal(path)}
        JournalFile(path, 1e10, folder).close()
        assert version(path) == schema.SCHEMA_VERSION
        assert {entry.id: entry.attempts for entry in read_journal(path)} == before

    @each
    def test_a_step_that_breaks_off_leaves_it_as_it_was(self, older, name, monkeypatch):
        path = older(name)

        def half_way(connection):
            connection.execute("ALTER TABLE runs ADD COLUMN output_dir TEXT")
            raise KeyboardInterrupt

        monkeypatch.setitem(schema._STEPS, 3, half_way)
        with pytest.raises(KeyboardInterrupt):
            JournalFile(path, 1e10)
        monkeypatch.undo()
        assert version(path) == 3
        JournalFile(path, 1e10).close()
        assert version(path) == schema.SCHEMA_VERSION

    async def test_saved_videos_are_found_under_the_names_they_have(self, older, folder):
        path = older("saved")
        files = self.saved(path)
        for file in files:
            (folder / file.name).write_bytes(bytes(file.size))
        async with Simulator() as sim, client_for(sim) as client:
            results = await run_batch(client, self.PROMPTS, journal=path, output_dir=folder)
            assert (sim.submissions, sim.polls, sim.downloads) == ([], [], [])
        assert [file.name for result in results for file in result.files] == [
            file.name for file in files
        ]
        assert len(list(folder.iterdir())) == len(files) == 8
        assert self.saved(path) == files

    async def test_those_that_it_was_killed_before_writing_down_are_found_too(self, older, folder):
        path = older("saved")
        files = self.saved(path)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE attempts SET files = NULL")
        for file in files:
            (folder / file.name).write_bytes(bytes(file.size))
        async with Simulator() as sim, client_for(sim) as client:
            results = await run_batch(client, self.PROMPTS, journal=path, output_dir=folder)
            assert (sim.submissions, sim.downloads) == ([], [])
        assert all(result.ok for result in results)
        assert {file.name for file in folder.iterdir()} == {file.name for file in files}
        assert self.saved(path) == files

    async def test_a_job_in_flight_is_waited_for_and_its_half_file_is_filled(self, older, folder):
        path, (prompt, *_) = older("running"), self.PROMPTS
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            job = await client.submit(prompt)
            with closing(sqlite3.connect(path)) as connection, connection:
                change = "UPDATE attempts SET job_id = ?, base_url = NULL WHERE request = ?"
                (first,) = [one.id for one in read_journal(path) if one.prompt == prompt]
                connection.execute(change, (job.id, first))
            former = video_name(0, prompt, job.id, ascii_only=True)
            (folder / f"{former}.part").write_bytes(b"half of it")
            (result,) = await run_batch(client, [prompt], journal=path, output_dir=folder)
            assert len(sim.submissions) == 1
        assert result.ok
        assert [file.name for file in folder.iterdir()] == [former]

    async def test_what_is_saved_from_now_on_has_the_letters_of_its_prompt(self, older, folder):
        path, (prompt, *_) = older("running"), self.PROMPTS
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            job = await client.submit(prompt)
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("UPDATE attempts SET job_id = ?, base_url = NULL", (job.id,))
            (result,) = await run_batch(client, [prompt], journal=path, output_dir=folder)
        assert [file.name for file in result.files] == [f"00000-красная-панда-{job.id}.mp4"]


class LikeFormat4:
    """What holds for journals of one older format, four of them; each class says which."""

    NUMBER: int
    FOLDER: Path
    BEGINNING_OF_STEP: str
    """The first statement of the step to the next format."""

    FOUND = (
        ("saved", {("a red panda", "succeeded"), ("красная панда", "succeeded")}),
        ("uncertain", {("uncertain", "uncertain")}),
        ("running", {("in flight 0", "submitted"), ("in flight 1", "submitted")}),
        ("killed", {("in flight 0", "submitted"), ("in flight 1", "submitted")}),
    )
    each = pytest.mark.parametrize(("name", "found"), FOUND)

    @staticmethod
    def new_in(entries: list[JournalEntry]) -> set[object]:
        """What the next format tells, as these tell it."""
        raise NotImplementedError

    @pytest.fixture
    def older(self, tmp_path):
        def copied(name: str) -> Path:
            for path in self.FOLDER.glob(f"{name}.journal*"):
                shutil.copy(path, tmp_path)
            return tmp_path / f"{name}.journal"

        return copied

    @each
    def test_it_is_read_and_stays_as_it_is(self, older, name, found, tmp_path):
        path = older(name)
        before = contents(tmp_path)
        entries = list(read_journal(path))
        assert {(entry.prompt, entry.status) for entry in entries} == found
        assert self.new_in(entries) == {None}
        assert contents(tmp_path) == before

    @each
    def test_a_batch_brings_it_to_this_format_and_nothing_is_lost(self, older, name, found):
        path = older(name)
        assert version(path) == self.NUMBER
        before = {entry.id: entry.attempts for entry in read_journal(path)}
        JournalFile(path, 1e10).close()
        assert version(path) == schema.SCHEMA_VERSION
        assert {entry.id: entry.attempts for entry in read_journal(path)} == before
        assert {(entry.prompt, entry.status) for entry in read_journal(path)} == found

    @each
    def test_a_step_that_breaks_off_leaves_it_as_it_was(self, older, name, found, monkeypatch):
        path = older(name)

        def half_way(connection):
            connection.execute(self.BEGINNING_OF_STEP)
            raise KeyboardInterrupt

        monkeypatch.setitem(schema._STEPS, self.NUMBER, half_way)
        with pytest.raises(KeyboardInterrupt):
            JournalFile(path, 1e10)
        monkeypatch.undo()
        assert version(path) == self.NUMBER
        JournalFile(path, 1e10).close()
        assert version(path) == schema.SCHEMA_VERSION
        assert {(entry.prompt, entry.status) for entry in read_journal(path)} == found


class TestFormat4(LikeFormat4):
    """Four that its version left, without a text of an observer's.

    - ``saved``: two prompts; both succeeded, and their videos were saved.
    - ``uncertain``: the connection was reset after the submit had left (``reset-after``).
    - ``running``: two prompts; the batch was left while both jobs were in flight.
    - ``killed``: the same, and the process was killed with SIGKILL. All that it wrote lies in the
      ``-wal``.
    """

    NUMBER = 4
    FOLDER = FORMAT_4
    BEGINNING_OF_STEP = "ALTER TABLE attempts ADD COLUMN origin TEXT"

    @staticmethod
    def new_in(entries):
        return {attempt.origin for entry in entries for attempt in entry.attempts}

    async def test_a_job_in_flight_is_polled_and_not_bought_again(self, older):
        path = older("killed")
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            job = await client.submit("in flight 0")
            JournalFile(path, 1e10).close()
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("UPDATE attempts SET job_id = ?, base_url = NULL", (job.id,))
            (result,) = await run_batch(client, ["in flight 0"], journal=path)
            assert len(sim.submissions) == 1
        assert (result.job_id, result.ok, result.resumed) == (job.id, True, True)


class TestFormat5(LikeFormat4):
    """Four that its version left, without a budget.

    - ``saved``: two prompts, with a budget of 1 dollar and a price of 0.40; both succeeded, and
      their videos were saved.
    - ``uncertain``: with the same budget; the connection was reset after the submit had left
      (``reset-after``).
    - ``running``: two prompts; the batch was left while both jobs were in flight.
    - ``killed``: the same, and the process was killed with SIGKILL. All that it wrote lies in the
      ``-wal``.
    """

    NUMBER = 5
    FOLDER = FORMAT_5
    BEGINNING_OF_STEP = "ALTER TABLE runs ADD COLUMN limits TEXT"

    @staticmethod
    def new_in(entries):
        return {entry.run.budget for entry in entries}

    async def test_what_it_has_spent_counts_and_its_budget_is_said_anew(self, older):
        """The budget itself was not written down; what was spent of it was."""
        path = older("saved")
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            (result,) = await run_batch(client, ["new"], journal=path, budget=1, price=0.4)
            assert "of the budget of $1.00 there are $0.20 left" in str(result.error)
            (result,) = await run_batch(client, ["new"], journal=path)
            assert isinstance(result.error, BudgetError)
            assert len(sim.submissions) == 0


def test_all_formats_lead_to_the_tables_that_a_new_journal_has(tmp_path):
    """Each step adds what it is to add, and none adds it twice."""
    with closing(JournalFile(tmp_path / "new", 1e10)):
        pass
    new = columns(tmp_path / "new")
    assert "origin" in new["attempts"]
    assert "limits" in new["runs"]
    for folder in (FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4, FORMAT_5):
        for path in sorted(folder.glob("*.journal*")):
            shutil.copy(path, tmp_path)
        for path in sorted(folder.glob("*.journal")):
            copy = tmp_path / path.name
            JournalFile(copy, 1e10).close()
            assert columns(copy) == new, path
            for each in tmp_path.glob("*.journal*"):
                if each.name.startswith(copy.name):
                    each.unlink()


def columns(path: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
            for (name,) in tables.fetchall()
        }
