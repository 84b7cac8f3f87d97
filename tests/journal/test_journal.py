"""What a journal knows of each request, after the process that wrote it has ended."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sqlite3
import tempfile
from collections import Counter
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from support.batches import KEY, client_for

from pika_async import (
    Failed,
    GenerationRequest,
    InvalidRequestError,
    JobTimeoutError,
    JournalError,
    Succeeded,
    TransportError,
    Video,
    run_batch,
)
from pika_async._journal.file import read_only
from pika_async._journal.group_commit import GroupCommit
from pika_async._journal.history import SavedFile, Status
from pika_async._journal.journal import Journal
from pika_async._journal.records import problem_record, refusal_of
from pika_async._request.record import Intent
from pika_async.simulator import Fault, Polls, Simulator

VIDEO = Video(id="v-1", job_id="job-1", url="https://media.example/v.mp4", seed=2**70)
DONE = Succeeded(videos=(VIDEO,))
BAD = Failed(reason="no", code="moderation", videos=(VIDEO,))
BROKE_OFF = TransportError("reset", job_id="job-0")
REFUSAL = InvalidRequestError("no such model", status=422, code="model", body="{}")
GOING_ON = JobTimeoutError("not done in 1200 s", job_id="job-1", state=None)
HINTS = {"status": "https://queue.example/jobs/1"}
FILES = (
    SavedFile(name="00000-a.mp4", size=3, place=0),
    SavedFile(name="00000-a-2.mp4", size=2**40, place=1),
)
SERVICE, BASE_URL = "gateway", "https://api.example"


def sent(key="key-1", service=SERVICE, base_url=BASE_URL):
    return Intent(service=service, base_url=base_url, submit_id=key, digest="d" * 64, body="{}")


class Clock:
    """A second passes at each look."""

    def __init__(self) -> None:
        self.moment = 1000.0

    def __call__(self) -> float:
        self.moment += 1.0
        return self.moment


def refuse(error):
    raise AssertionError(error)


@asynccontextmanager
async def opened(path, clock=None, *, service=SERVICE, base_url=BASE_URL, broken=None):
    journal = await Journal.open(
        path, clock or Clock(), broken or refuse, service=service, base_url=base_url
    )
    try:
        yield journal
    finally:
        await journal.close()


def rows(path, table="attempts"):
    with closing(read_only(path)) as reader:
        reader.row_factory = sqlite3.Row
        return [dict(row) for row in reader.execute(f"SELECT * FROM {table}")]  # noqa: S608 - ours


async def found_again(path, fingerprint="f"):
    """What the next run is told of the request."""
    async with opened(path) as journal:
        return await journal.claim(fingerprint, 0, "{}")


async def started(journal, request, key="key-1"):
    await journal.submitting(request, sent(key))
    await journal.accepted(request, "job-1")


NOTHING = {
    "status": Status.WAITING,
    "service": None,
    "base_url": None,
    "submit_id": None,
    "job_id": None,
    "hints": None,
    "sent_at": None,
    "state": None,
    "problem": None,
    "files": (),
}
TOLD = NOTHING.keys() - {"state"}
SENT = NOTHING | {
    "service": SERVICE,
    "base_url": BASE_URL,
    "submit_id": "key-1",
    "sent_at": 1002.0,
}
SUBMITTED = SENT | {"status": Status.SUBMITTED, "job_id": "job-1"}
REFUSED = NOTHING | {"status": Status.FAILED, "problem": problem_record(REFUSAL)}


async def claimed(journal, request):
    pass


async def submitting(journal, request):
    await journal.submitting(request, sent())


async def stayed(journal, request):
    await journal.submitting(request, sent())
    await journal.stayed(request, "key-1")


async def stayed_after_all(journal, request):
    await failed(journal, request)
    await journal.submitting(request, sent("key-2"))
    await journal.stayed(request, "key-2")


async def stayed_and_hindered(journal, request):
    await stayed(journal, request)
    await journal.hindered(request, BROKE_OFF)


async def stayed_and_refused(journal, request):
    await stayed(journal, request)
    await journal.refused(request, REFUSAL)


async def refused_then_hindered(journal, request):
    await stayed_and_refused(journal, request)
    await journal.hindered(request, BROKE_OFF)


async def refused_then_submitting(journal, request):
    await stayed_and_refused(journal, request)
    await journal.submitting(request, sent("key-2"))


async def refused_then_stayed(journal, request):
    await refused_then_submitting(journal, request)
    await journal.stayed(request, "key-2")


async def uncertain_then_refused(journal, request):
    await uncertain(journal, request)
    await journal.submitting(request, sent("key-2"))
    await journal.stayed(request, "key-2")
    await journal.refused(request, REFUSAL)


async def cut_then_hindered(journal, request):
    await submitting(journal, request)
    await journal.submitting(request, sent("key-2"))
    await journal.stayed(request, "key-2")
    await journal.hindered(request, BROKE_OFF)


async def accepted(journal, request):
    await started(journal, request)


async def accepted_with_hints(journal, request):
    await journal.submitting(request, sent())
    await journal.accepted(request, "job-1", HINTS)


async def accepted_after_an_error(journal, request):
    await journal.submitting(request, sent())
    await journal.noted(request, REFUSAL)
    await journal.accepted(request, "job-1")


async def uncertain(journal, request):
    await journal.submitting(request, sent())
    await journal.uncertain(request, BROKE_OFF)


async def succeeded(journal, request):
    await started(journal, request)
    await journal.ended(request, DONE, 1500.5)


async def succeeded_after_an_error(journal, request):
    await started(journal, request)
    await journal.noted(request, GOING_ON)
    await journal.ended(request, DONE, None)


async def failed(journal, request):
    await started(journal, request)
    await journal.ended(request, BAD, None)


async def noted(journal, request):
    await started(journal, request)
    await journal.noted(request, GOING_ON)


async def saved(journal, request):
    await succeeded(journal, request)
    await journal.saved(request, FILES)


async def saved_again(journal, request):
    await saved(journal, request)
    await journal.saved(request, FILES[:1])


async def saved_nothing(journal, request):
    await succeeded(journal, request)
    await journal.saved(request, [])


async def begun_anew(journal, request):
    await saved(journal, request)
    await journal.submitting(request, sent("key-2"))


UNCERTAIN = SENT | {
    "status": Status.UNCERTAIN,
    "job_id": "job-0",
    "problem": problem_record(BROKE_OFF),
}
KNOWN = [
    (claimed, NOTHING),
    (submitting, SENT | {"status": Status.SUBMITTING}),
    (stayed, NOTHING),
    (stayed_after_all, SUBMITTED | {"status": Status.FAILED, "state": BAD}),
    (stayed_and_hindered, NOTHING | {"problem": problem_record(BROKE_OFF)}),
    (stayed_and_refused, REFUSED),
    (refused_then_hindered, REFUSED),
    (
        refused_then_submitting,
        SENT | {"status": Status.SUBMITTING, "submit_id": "key-2", "sent_at": 1004.0},
    ),
    (refused_then_stayed, REFUSED),
    (uncertain_then_refused, UNCERTAIN),
    (cut_then_hindered, SENT | {"status": Status.SUBMITTING}),
    (accepted, SUBMITTED),
    (accepted_with_hints, SUBMITTED | {"hints": HINTS}),
    (accepted_after_an_error, SUBMITTED),
    (uncertain, UNCERTAIN),
    (succeeded, SUBMITTED | {"status": Status.SUCCEEDED, "state": DONE}),
    (succeeded_after_an_error, SUBMITTED | {"status": Status.SUCCEEDED, "state": DONE}),
    (failed, SUBMITTED | {"status": Status.FAILED, "state": BAD}),
    (noted, SUBMITTED | {"problem": problem_record(GOING_ON)}),
    (saved, SUBMITTED | {"status": Status.SUCCEEDED, "state": DONE, "files": FILES}),
    (saved_again, SUBMITTED | {"status": Status.SUCCEEDED, "state": DONE, "files": FILES[:1]}),
    (saved_nothing, SUBMITTED | {"status": Status.SUCCEEDED, "state": DONE}),
    (begun_anew, SENT | {"status": Status.SUBMITTING, "submit_id": "key-2", "sent_at": 1005.0}),
]
every_course = pytest.mark.parametrize(
    ("course", "known"), KNOWN, ids=[course.__name__ for course, _ in KNOWN]
)


class TestWhatTheNextRunIsTold:
    @every_course
    async def test_all_that_was_written_is_known_again(self, course, known, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            await course(journal, (await journal.claim("f", 7, "{}")).request)
        found = await found_again(path)
        assert found.number == 7
        assert found.terminal_state() == known["state"]
        assert {name: getattr(found, name) for name in TOLD} == {name: known[name] for name in TOLD}

    @every_course
    async def test_one_request_leaves_the_others_alone(self, course, known, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            before = await journal.claim("before", 0, "{}")
            item = (await journal.claim("f", 1, "{}")).request
            after = await journal.claim("after", 2, "{}")
            await course(journal, item)
        assert await found_again(path, "before") == before
        assert await found_again(path, "after") == after

    async def test_what_is_told_of_a_refusal_brings_the_error_back(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            await stayed_and_refused(journal, (await journal.claim("f", 0, "{}")).request)
        assert str(refusal_of((await found_again(path)).problem)) == str(REFUSAL)

    async def test_the_times_are_those_of_the_events(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            await succeeded(journal, (await journal.claim("f", 0, "{}")).request)
        (row,) = rows(path)
        times = ("sent_at", "accepted_at", "running_at", "ended_at")
        # The clock was first looked at when the journal was opened.
        assert [row[name] for name in times] == [1002.0, 1003.0, 1500.5, 1004.0]
        assert rows(path, "runs")[0]["started_at"] == 1001.0

    async def test_a_refusal_has_the_time_it_came(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            await stayed_and_refused(journal, (await journal.claim("f", 0, "{}")).request)
        assert rows(path, "requests")[0]["refused_at"] == 1003.0

    async def test_what_was_sent_is_told_so_that_it_can_be_sent_again(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            await submitting(journal, (await journal.claim("f", 0, "{}")).request)
        assert (await found_again(path)).intent() == sent()

    async def test_a_key_that_is_not_known_cannot_be_sent_again(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            request = (await journal.claim("f", 0, "{}")).request
            assert (await journal.claim("g", 1, "{}")).intent() is None
            await submitting(journal, request)
            # As the step from format 1 leaves it.
            await journal._update(request, submit_id=None)
        assert (await found_again(path)).intent() is None

    async def test_the_request_is_kept_as_it_was_first_given(self, tmp_path):
        path = tmp_path / "journal.db"
        for record in ('{"prompt":"one"}', '{"prompt":"other"}'):
            async with opened(path) as journal:
                await journal.claim("f", 0, record)
        assert [row["request"] for row in rows(path, "requests")] == ['{"prompt":"one"}']

    @pytest.mark.parametrize(
        ("first", "then", "kept"),
        [
            ("{}", '{"metadata":{"a":"b"}}', '{"metadata":{"a":"b"}}'),
            ('{"prompt":"x","metadata":{"a":"b"}}', '{"prompt":"y"}', '{"prompt":"x"}'),
            ('{"metadata":{"a":"1"},"seed":1}', '{"metadata":{}}', '{"seed":1,"metadata":{}}'),
            ('{"metadata": {"a":"1"}}', '{"metadata":{"a":"1"}}', '{"metadata": {"a":"1"}}'),
        ],
    )
    async def test_its_metadata_are_those_of_the_last_time(self, tmp_path, first, then, kept):
        """They are no part of what is paid for; the rest stays as it was first given."""
        path = tmp_path / "journal.db"
        for record in (first, then):
            async with opened(path) as journal:
                await journal.claim("f", 0, record)
        assert [row["request"] for row in rows(path, "requests")] == [kept]

    async def test_odd_text_of_the_service_is_kept(self, tmp_path):
        path = tmp_path / "journal.db"
        odd = "a\0b \ud800 \N{FLAMINGO} '; DROP TABLE attempts; --"
        async with opened(path) as journal:
            item = (await journal.claim("f", 0, "{}")).request
            await started(journal, item)
            await journal.ended(item, Failed(reason=odd), None)
            await journal.noted(item, TransportError(odd))
        found = await found_again(path)
        assert found.terminal_state() == Failed(reason=odd)
        assert found.problem == problem_record(TransportError(odd))


class TestDurability:
    async def test_each_write_is_on_the_disk_when_it_is_done(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            request = (await journal.claim("f", 0, "{}")).request
            await journal.submitting(request, sent("key-0"))
            steps = [
                (journal.submitting, (sent("key-1"),), "submit_id", "key-1"),
                (journal.stayed, ("key-1",), "submit_id", "key-0"),
                (journal.uncertain, (BROKE_OFF,), "status", "uncertain"),
                (journal.accepted, ("job-1",), "job_id", "job-1"),
                (journal.noted, (GOING_ON,), "problem", problem_record(GOING_ON)),
                (journal.ended, (DONE, 2.5), "running_at", 2.5),
                (journal.saved, ([],), "files", "[]"),
            ]
            for method, arguments, column, value in steps:
                assert rows(path)[-1][column] != value
                await method(request, *arguments)
                assert rows(path)[-1][column] == value
            for method, error in ((journal.hindered, BROKE_OFF), (journal.refused, REFUSAL)):
                await method(request, error)
                assert rows(path, "requests")[0]["problem"] == problem_record(error)

    async def test_closing_waits_for_what_nobody_has_waited_for(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            item = (await journal.claim("f", 0, "{}")).request
            journal.submitting(item, sent())
            journal.accepted(item, "job-1")
        assert (await found_again(path)).job_id == "job-1"

    async def test_a_journal_in_use_cannot_be_opened(self, tmp_path):
        async with opened(tmp_path / "journal.db"):
            with pytest.raises(JournalError, match="in use"):
                async with opened(tmp_path / "journal.db"):
                    pass


class TestAttempts:
    async def test_what_came_of_it_before_is_kept_as_it_was(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            other = (await journal.claim("other", 0, "{}")).request
            request = (await journal.claim("f", 1, "{}")).request
            await started(journal, other)
            await failed(journal, request)
            before = rows(path)
            await started(journal, request, "key-2")
            await journal.ended(request, DONE, None)
            await journal.saved(request, FILES)
            await journal.noted(request, GOING_ON)
        assert rows(path)[:-1] == before

    async def test_every_job_given_up_is_kept(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            request = (await journal.claim("f", 0, "{}")).request
            for number in range(4):
                await journal.submitting(request, sent(f"key-{number}"))
                await journal.accepted(request, f"job-{number}")
        assert [row["job_id"] for row in rows(path)] == ["job-0", "job-1", "job-2", "job-3"]

    async def test_one_that_stays_after_all_leaves_everything_as_it_was(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            request = (await journal.claim("f", 0, "{}")).request
            await saved(journal, request)
            before = rows(path), rows(path, "requests")
            await journal.submitting(request, sent("key-2"))
            await journal.stayed(request, "key-2")
        assert (rows(path), rows(path, "requests")) == before

    async def test_the_submit_that_stayed_takes_no_other_attempt_with_it(self, tmp_path):
        # The insert of the second may have failed where the delete succeeds.
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            request = (await journal.claim("f", 0, "{}")).request
            other = (await journal.claim("g", 1, "{}")).request
            await submitting(journal, request)
            await submitting(journal, other)
            await journal.stayed(request, "key-2")
        assert [row["status"] for row in rows(path)] == ["submitting", "submitting"]

    @pytest.mark.parametrize("course", [accepted, uncertain, succeeded, failed])
    async def test_what_is_known_of_a_submit_cannot_be_taken_back(self, course, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            request = (await journal.claim("f", 0, "{}")).request
            await course(journal, request)
            before = rows(path)
            await journal.stayed(request, "key-1")
        assert rows(path) == before

    async def test_the_attempt_of_one_request_is_not_that_of_another(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            first = (await journal.claim("f", 0, "{}")).request
            second = (await journal.claim("g", 1, "{}")).request
            await started(journal, second)
            await started(journal, first)
            await journal.ended(second, DONE, None)
        assert (await found_again(path, "g")).status is Status.SUCCEEDED
        assert (await found_again(path, "f")).status is Status.SUBMITTED

    async def test_a_request_met_for_the_first_time_costs_one_statement(self, tmp_path):
        statements = []
        async with opened(tmp_path / "journal.db") as journal:
            await journal._commits.write(lambda it: it.set_trace_callback(statements.append))
            statements.clear()
            await journal.claim("f", 0, "{}")
        assert [one.split()[0] for one in statements] == ["BEGIN", "INSERT", "COMMIT"]


class TestElsewhere:
    @pytest.mark.parametrize(
        ("service", "base_url", "expected"),
        [
            (SERVICE, BASE_URL, False),
            (SERVICE, "https://other.example", True),
            (SERVICE, f"{BASE_URL.upper()}:443/", False),
            ("pika", BASE_URL, True),
        ],
    )
    async def test_an_attempt_belongs_to_the_service_and_the_address_it_went_to(
        self, service, base_url, expected, tmp_path
    ):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            await started(journal, (await journal.claim("f", 0, "{}")).request)
        async with opened(path, service=service, base_url=base_url) as journal:
            assert journal.is_elsewhere(await journal.claim("f", 0, "{}")) is expected

    @pytest.mark.parametrize(("service", "expected"), [(SERVICE, False), ("pika", True)])
    async def test_an_address_that_is_not_known_is_any_of_that_service(
        self, service, expected, tmp_path
    ):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            request = (await journal.claim("f", 0, "{}")).request
            await started(journal, request)
            await journal._update(request, base_url=None)
        async with opened(path, service=service) as journal:
            assert journal.is_elsewhere(await journal.claim("f", 0, "{}")) is expected

    @pytest.mark.parametrize(
        ("base_url", "known"),
        [(f"{BASE_URL.upper()}:443/", 1), ("https://other.example", 0)],
    )
    async def test_how_long_jobs_took_is_known_of_the_same_address_alone(
        self, base_url, known, tmp_path
    ):
        """However an earlier run has spelled it."""
        async with opened(tmp_path / "journal.db") as journal:
            request = (await journal.claim("f", 0, "{}")).request
            await started(journal, request)
            await journal.ended(request, DONE, None)
            await journal._update(request, base_url=base_url)
            assert len(await journal.durations(10)) == known

    async def test_what_was_never_submitted_is_nowhere_else(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            await journal.claim("f", 0, "{}")
        async with opened(path, service="pika", base_url="https://other.example") as journal:
            assert not journal.is_elsewhere(await journal.claim("f", 0, "{}"))


class TestMatching:
    async def test_equal_requests_of_one_run_are_told_apart(self, tmp_path):
        async with opened(tmp_path / "journal.db") as journal:
            found = await asyncio.gather(*(journal.claim("f", n, "{}") for n in range(5)))
        assert len({one.request for one in found}) == 5
        assert [one.number for one in found] == [0, 1, 2, 3, 4]

    async def test_the_second_of_this_run_is_the_second_of_earlier_runs(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            for number in range(3):
                item = (await journal.claim("f", number, "{}")).request
                await journal.submitting(item, sent())
                await journal.accepted(item, f"job-{number}")
        async with opened(path) as journal:
            found = [await journal.claim("f", n, "{}") for n in range(4)]
        assert [one.job_id for one in found] == ["job-0", "job-1", "job-2", None]

    async def test_a_request_is_known_in_any_place_and_keeps_its_number(self, tmp_path):
        path = tmp_path / "journal.db"
        async with opened(path) as journal:
            for number, name in enumerate("abc"):
                request = (await journal.claim(name, number, "{}")).request
                await journal.submitting(request, sent())
                await journal.accepted(request, name)
        async with opened(path) as journal:
            found = [await journal.claim(name, n, "{}") for n, name in enumerate("xcab")]
        assert [one.job_id for one in found] == [None, "c", "a", "b"]
        # The one in front is new: its number is no one else's.
        assert [one.number for one in found] == [3, 2, 0, 1]

    async def test_where_a_request_stands_in_the_latest_run_is_known(self, tmp_path):
        path = tmp_path / "journal.db"
        for names in ("abc", "ca"):
            async with opened(path) as journal:
                for number, name in enumerate(names):
                    await journal.claim(name, number, "{}")
        stand = {
            row["fingerprint"]: (row["run"], row["position"]) for row in rows(path, "requests")
        }
        assert stand == {"a": (2, 1), "b": (1, 1), "c": (2, 0)}

    async def test_a_claim_that_could_not_be_written_does_not_count(self, tmp_path):
        path, broken = tmp_path / "journal.db", []
        async with opened(path, broken=broken.append) as journal:
            # The second and the third are gathered while the first is committed.
            journal.claim("other", 0, "{}")
            bad = journal._commits.write(lambda it: it.execute("SELECT * FROM nowhere"))
            lost = journal.claim("f", 1, "{}")
            for write in (bad, lost):
                with pytest.raises(JournalError, match="nowhere"):
                    await write
            await journal.claim("f", 2, "{}")
            await journal.claim("f", 3, "{}")
        assert len(broken) == 1
        stand = [(row["fingerprint"], row["occurrence"]) for row in rows(path, "requests")]
        assert stand == [("other", 1), ("f", 1), ("f", 2)]

    @settings(max_examples=15)
    @given(st.lists(st.lists(st.sampled_from("abc"), max_size=6), max_size=4))
    def test_however_runs_differ_the_nth_of_a_kind_is_always_the_same(self, runs):
        first_met: dict[tuple[str, int], tuple[int, int]] = {}

        async def check(path):
            for names in runs:
                seen = Counter()
                async with opened(path) as journal:
                    claims = [journal.claim(name, n, "{}") for n, name in enumerate(names)]
                    for place, name in enumerate(names):
                        found = await claims[place]
                        seen[name] += 1
                        known = found.request, found.number
                        assert first_met.setdefault((name, seen[name]), known) == known
                        if names is runs[0]:
                            assert found.number == place
            for kind in zip(*first_met.values(), strict=True):
                assert len(set(kind)) == len(kind)

        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(check(Path(folder) / "journal.db"))


class Steps:
    """Counts what SQLite's machine executes, in hundreds of its instructions."""

    def __init__(self) -> None:
        self.hundreds = 0

    def count(self) -> int:
        self.hundreds += 1
        return 0

    async def watch(self, journal):
        def install(connection):
            connection.set_progress_handler(self.count, 100)

        await journal._commits.write(install)

    async def of(self, writes) -> int:
        before = self.hundreds
        await asyncio.gather(*writes)
        return self.hundreds - before


class TestCost:
    async def test_ten_thousand_equal_requests_cost_no_more_each_than_a_few(self, tmp_path):
        path = tmp_path / "journal.db"
        for _ in range(2):
            steps = Steps()
            async with opened(path) as journal:
                await steps.watch(journal)
                blocks = [
                    await steps.of(
                        journal.claim("f", number, "{}") for number in range(at, at + 1000)
                    )
                    for at in range(0, 10_000, 1000)
                ]
            assert max(blocks) < 1.5 * blocks[0]
        assert len(rows(path, "requests")) == 10_000

    async def test_an_update_costs_the_same_in_a_large_journal(self, tmp_path):
        steps = Steps()
        async with opened(tmp_path / "journal.db") as journal:
            await steps.watch(journal)
            item = (await journal.claim("f", 0, "{}")).request

            await journal.submitting(item, sent())

            def updates():
                return [journal.accepted(item, "job-1") for _ in range(500)]

            early = await steps.of(updates())
            claims = [journal.claim(f"{n}", n, "{}") for n in range(5000)]
            await asyncio.gather(
                *[journal.submitting((await claim).request, sent()) for claim in claims]
            )
            late = await steps.of(updates())
        assert late < 1.5 * early


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


class TestSecrets:
    async def test_neither_the_key_nor_a_byte_of_an_image_is_in_any_of_its_files(self, tmp_path):
        image = b"\x89PNG\r\n\x1a\n" + hashlib.shake_256(b"a red panda").digest(9_000)
        text = base64.b64encode(image).decode()
        requests = [
            GenerationRequest("with bytes", image=image),
            GenerationRequest("with a data URL", image=f"data:image/png;base64,{text}"),
            GenerationRequest("with more in extra", extra={"mask": [{"data": text}]}),
            GenerationRequest("refused", image=image),
            GenerationRequest("broken off", image=image),
            GenerationRequest("forbidden", image=image),
        ]
        faults = [
            Fault("400-invalid-request", prompt="refused"),
            Fault("reset-after", prompt="broken off"),
            Fault("401-new-api-error", prompt="forbidden"),
        ]
        (tmp_path / "home").mkdir()
        path = tmp_path / "home" / "journal.db"
        beside = tmp_path / "home" / "journal.db-wal"
        log = []

        def look(_):
            log.append(beside.read_bytes())

        async with Simulator(duration=Polls(1), faults=faults) as sim, client_for(sim) as client:
            # One after the other: the last one's refused key stops all that have not been sent.
            results = await run_batch(
                client, requests, journal=path, on_transition=look, max_in_flight=1
            )
        assert sum(result.ok for result in results) == 3
        kept = b"".join([all_bytes(tmp_path), *log])
        assert b"with more in extra" in kept
        assert max(map(len, log)) > 0
        assert KEY.encode() not in kept
        assert b"secret" not in kept
        for at in range(0, len(image) - 12, 50):
            assert image[at : at + 12] not in kept
        for at in range(0, len(text) - 16, 50):
            assert text[at : at + 16].encode() not in kept


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (
            '{"status": 5, "result": "https://queue.example/1"}',
            {"result": "https://queue.example/1"},
        ),
        ('["status"]', {}),
        ('"status"', {}),
        ("{", {}),
    ],
)
async def test_addresses_that_are_none_are_left_aside_since_the_id_is_enough(kept, told, tmp_path):
    path = tmp_path / "run.journal"
    async with opened(path) as journal:
        request = (await journal.claim("f", 0, "{}")).request
        await accepted_with_hints(journal, request)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE attempts SET hints = ?", (kept,))
    async with opened(path) as journal:
        found = await journal.claim("f", 0, "{}")
    assert (found.job_id, found.hints) == ("job-1", told)


async def test_a_journal_whose_opening_is_cancelled_at_its_first_write_can_be_opened_again(
    tmp_path, monkeypatch
):
    writing = asyncio.Event()

    def never(*_: object) -> asyncio.Future[object]:
        writing.set()
        return asyncio.get_running_loop().create_future()

    with monkeypatch.context() as patch:
        patch.setattr(GroupCommit, "write", never)
        opening = asyncio.ensure_future(found_again(tmp_path / "journal.sqlite3"))
        await writing.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    async with opened(tmp_path / "journal.sqlite3"):
        pass


class TestOrigins:
    """What the observer calls a submit is kept with it, and told to whoever comes back."""

    async def test_it_is_written_with_the_intent(self, tmp_path):
        async with opened(tmp_path / "j") as journal:
            found = await journal.claim("f", 0, "{}")
            await journal.submitting(found.request, evolve(sent(), origin="mine: 1"))
        again = await found_again(tmp_path / "j")
        assert (again.origin, again.intent().origin) == ("mine: 1", "mine: 1")

    async def test_it_stays_when_the_job_is_named(self, tmp_path):
        async with opened(tmp_path / "j") as journal:
            found = await journal.claim("f", 0, "{}")
            await journal.submitting(found.request, evolve(sent(), origin="mine: 1"))
            await journal.accepted(found.request, "job-1")
        assert (await found_again(tmp_path / "j")).origin == "mine: 1"

    async def test_that_of_the_submit_that_named_the_job_takes_its_place(self, tmp_path):
        async with opened(tmp_path / "j") as journal:
            found = await journal.claim("f", 0, "{}")
            await journal.submitting(found.request, evolve(sent(), origin="mine: 1"))
            await journal.accepted(found.request, "job-1", None, "mine: 2")
        assert (await found_again(tmp_path / "j")).origin == "mine: 2"
