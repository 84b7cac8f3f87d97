"""A batch run again with its journal: nothing is paid for twice, nothing is lost."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest
from support.batches import KEY, client_for, prompts, until
from support.journals import changed

from pika_async import (
    AuthenticationError,
    Batch,
    Failed,
    FixedPolling,
    GenerationRequest,
    InvalidRequestError,
    JobFailedError,
    JobTimeoutError,
    JournalError,
    NotFoundError,
    NotSubmittedError,
    RetryPolicy,
    SubmissionUncertainError,
    Video,
    read_journal,
    run_batch,
)
from pika_async._batch.batch import bound_submits
from pika_async._batch.record import Choices, JournalRecord
from pika_async._journal import attempts
from pika_async._journal.journal import Journal
from pika_async._request.record import Intent
from pika_async.simulator import Fault, Polls, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from pika_async import PikaClient, PikaError

ENDLESS = Polls(1_000_000)
PNG = b"\x89PNG\r\n\x1a\n" + b"the pixels of a cat" * 1000


@pytest.fixture
def journal(tmp_path) -> Path:
    return tmp_path / "journal.sqlite"


def rows(journal: Path, columns: str) -> list[tuple]:
    """Of the attempts, the oldest first."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        return connection.execute(f"SELECT {columns} FROM attempts ORDER BY id").fetchall()  # noqa: S608


def statuses(journal: Path) -> list[str]:
    """Of the requests."""
    return [entry.status for entry in read_journal(journal)]


class TestRunAgain:
    async def test_what_is_done_comes_back_without_a_request(self, journal):
        async with Simulator(duration=Polls(2)) as sim, client_for(sim) as client:
            first = await run_batch(client, prompts(10), journal=journal)
            before = len(sim.submissions), len(sim.polls)
            again = await run_batch(client, prompts(10), journal=journal)
            assert (len(sim.submissions), len(sim.polls)) == before
        assert [result.state for result in again] == [result.state for result in first]
        assert all(result.ok and result.resumed for result in again)

    async def test_jobs_that_were_in_flight_are_waited_for_again(self, journal):
        async with Simulator(duration=ENDLESS) as sim:
            async with client_for(sim) as client:
                async with Batch(client, prompts(5), journal=journal) as batch:
                    await until(lambda: len(batch.in_flight) == 5)
            for job in sim.jobs.values():
                job.duration = Polls(1)
            async with client_for(sim) as client:
                results = await run_batch(client, prompts(5), journal=journal)
            assert len(sim.submissions) == 5
            assert {result.job_id for result in results} == set(sim.jobs)
        assert all(result.ok and result.resumed for result in results)

    async def test_a_job_whose_waiting_ended_is_waited_for_again(self, journal):
        async with Simulator(duration=Polls(3)) as sim, client_for(sim) as client:
            (late,) = await run_batch(client, ["a panda"], journal=journal, timeout=0)
            assert type(late.error) is JobTimeoutError
            (result,) = await run_batch(client, ["a panda"], journal=journal)
            assert result.ok
            assert result.resumed
            assert len(sim.submissions) == 1

    async def test_the_order_may_change_and_requests_may_be_added(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(6), journal=journal)
            changed = ["a new one", *reversed(prompts(6)), "another"]
            results = await run_batch(client, changed, journal=journal)
            assert len(sim.submissions) == 8
        assert [result.prompt for result in results] == changed
        assert [result.resumed for result in results] == [False, *[True] * 6, False]

    async def test_equal_requests_are_counted(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, ["a panda"] * 3, journal=journal)
            results = await run_batch(client, ["a panda"] * 5, journal=journal)
            assert len(sim.submissions) == 5
        assert len({result.job_id for result in results}) == 5

    async def test_a_request_that_differs_in_anything_is_another(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, [GenerationRequest("a panda", seed=1)], journal=journal)
            await run_batch(client, [GenerationRequest("a panda", seed=2)], journal=journal)
            assert len(sim.submissions) == 2

    async def test_an_image_counts_by_its_content_and_not_by_its_name(self, journal, tmp_path):
        one, moved = tmp_path / "one.png", tmp_path / "moved.png"
        one.write_bytes(PNG)
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, [GenerationRequest("it melts", image=one)], journal=journal)
            one.rename(moved)
            same = [GenerationRequest("it melts", image=moved)]
            assert (await run_batch(client, same, journal=journal))[0].resumed
            moved.write_bytes(PNG + b"another")
            assert not (await run_batch(client, same, journal=journal))[0].resumed

    async def test_without_a_journal_everything_is_new(self):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(2))
            results = await run_batch(client, prompts(2))
            assert len(sim.submissions) == 4
        assert not any(result.resumed for result in results)

    async def test_stats_tell_the_resumed_from_the_submitted(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(4), journal=journal)
            async with Batch(client, prompts(6), journal=journal) as batch:
                async for _ in batch:
                    pass
        stats = batch.stats
        assert (stats.resumed, stats.submitted, stats.succeeded) == (4, 2, 6)


class TestOrderOfWriting:
    async def test_the_intent_is_durable_before_the_submit_leaves(self, journal):
        seen = []
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.failure = lambda _: seen.append(rows(journal, "status, sent_at"))
            await run_batch(client, ["a panda"], journal=journal)
        (((status, sent_at),),) = seen
        assert status == "submitting"
        assert sent_at is not None

    async def test_the_id_is_durable_before_anyone_is_told_of_it(self, journal):
        def told(transition):
            seen.append(rows(journal, "status, job_id") == [("submitted", transition.job_id)])

        seen = []
        async with Simulator(duration=Polls(2)) as sim, client_for(sim) as client:
            await run_batch(client, ["a panda"], journal=journal, on_transition=told)
        assert seen
        assert all(seen)

    async def test_a_batch_that_is_left_while_an_id_is_being_written_names_the_job(
        self, journal, monkeypatch
    ):
        true_execute = attempts.execute
        writing, disk = threading.Event(), threading.Event()

        def slow(statement, parameters, connection):
            if "job_id = ?" in statement:
                writing.set()
                disk.wait(60)
            true_execute(statement, parameters, connection)

        monkeypatch.setattr("pika_async._journal.attempts.execute", slow)
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            batch = await Batch(client, ["a panda"], journal=journal).__aenter__()
            leaving = None
            try:
                await until(writing.is_set)
                (job_id,) = sim.jobs
                assert batch.in_flight == {0: job_id}
                leaving = asyncio.ensure_future(batch.__aexit__(None, None, None))
                await anyio.wait_all_tasks_blocked()
                assert batch.in_flight == {0: job_id}
                assert rows(journal, "status, job_id") == [("submitting", None)]
            finally:
                disk.set()
                await (leaving or batch.__aexit__(None, None, None))
        assert batch.in_flight == {0: job_id}
        assert rows(journal, "status, job_id") == [("submitted", job_id)]

    async def test_the_result_is_durable_before_it_is_told(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            async with Batch(client, ["a panda"], journal=journal) as batch:
                await anext(batch)
                assert rows(journal, "status") == [("succeeded",)]

    async def test_times_of_every_step_are_kept(self, journal):
        async with Simulator(duration=Polls(3)) as sim, client_for(sim) as client:
            await run_batch(client, ["a panda"], journal=journal)
        ((sent, accepted, running, ended),) = rows(
            journal, "sent_at, accepted_at, running_at, ended_at"
        )
        assert sent <= accepted <= running <= ended

    async def test_neither_the_key_nor_an_image_is_written(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.faults.append(
                Fault("custom", status=401, body={"error": {"message": f"{KEY} is unknown"}})
            )
            requests = [GenerationRequest("it melts", image=PNG), "a panda"]
            async with Batch(client, requests, journal=journal) as batch:
                async for _ in batch:
                    pass
                written = b"".join(path.read_bytes() for path in journal.parent.iterdir())
        written += journal.read_bytes()
        assert b"it melts" in written
        assert KEY.encode() not in written
        assert b"pixels" not in written
        assert b"dGhlIHBpeGVs" not in written  # "the pixel" in base64


class TestWhatIsUncertain:
    async def test_a_submit_that_broke_off_stays_uncertain(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.faults.append(Fault("reset-after"))
            (first,) = await run_batch(client, ["a panda"], journal=journal)
            (again,) = await run_batch(client, ["a panda"], journal=journal)
            assert len(sim.submissions) == 1
        assert isinstance(again.error, SubmissionUncertainError)
        assert again.resumed
        assert again.error.fingerprint == first.error.fingerprint
        assert again.error.request == first.request
        assert abs((again.error.sent_at - first.error.sent_at).total_seconds()) < 60
        assert "resubmit_uncertain" in str(again.error)

    async def test_a_submit_cut_by_the_end_of_the_process_is_uncertain(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await self.cut(client, sim, journal)
            (result,) = await run_batch(client, ["a panda"], journal=journal)
            assert len(sim.submissions) == 1
        assert isinstance(result.error, SubmissionUncertainError)
        assert "ended between sending the submit and reading its answer" in str(result.error)

    @pytest.mark.parametrize("end", ["cut", "broken"])
    async def test_it_is_submitted_again_only_when_asked_to(self, journal, end):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await getattr(self, end)(client, sim, journal)
            (result,) = await run_batch(
                client, ["a panda"], journal=journal, resubmit_uncertain=True
            )
            assert len(sim.submissions) == 2
        assert result.ok
        assert not result.resumed
        assert rows(journal, "status") in (
            [("submitting",), ("succeeded",)],
            [("uncertain",), ("succeeded",)],
        )

    async def test_waiting_for_a_limit_is_not_uncertain(self, journal):
        async with Simulator(duration=Polls(1)) as sim:
            sim.faults.append(Fault("429-openai", retry_after=60, times=None))
            async with client_for(sim) as client:
                async with Batch(client, ["a panda"], journal=journal):
                    await until(lambda: sim.submissions)
                    await until(lambda: rows(journal, "status") == [])
                    # What a crash would leave behind now:
                    assert statuses(journal) == ["waiting"]
            sim.faults.clear()
            async with client_for(sim) as client:
                (result,) = await run_batch(client, ["a panda"], journal=journal)
        assert result.ok

    @pytest.mark.parametrize("by", ["leaving", "a limit"])
    async def test_what_was_to_be_submitted_again_and_was_not_is_uncertain_as_before(
        self, journal, by
    ):
        async with Simulator(duration=Polls(1)) as sim:
            async with client_for(sim) as client:
                await self.broken(client, sim, journal)
            before = len(sim.submissions), len(sim.jobs)
            sim.faults.append(Fault("429-openai", retry_after=60, times=None))
            async with client_for(sim, max_in_flight=1) as client:
                if by == "leaving":
                    await client.slot().__aenter__()
                async with Batch(
                    client, ["a panda"], journal=journal, resubmit_uncertain=True
                ) as batch:
                    await until(lambda: batch.stats.taken)
                    await until(lambda: len(sim.submissions) > before[0] or by == "leaving")
                    await anyio.wait_all_tasks_blocked()
            assert rows(journal, "status") == [("uncertain",)]
            sim.faults.clear()
            async with client_for(sim) as client:
                (result,) = await run_batch(client, ["a panda"], journal=journal)
            assert len(sim.jobs) == before[1]
        assert isinstance(result.error, SubmissionUncertainError)

    async def test_why_it_broke_off_is_still_told_when_submitting_again_was_in_vain(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await self.broken(client, sim, journal)
            ((before,),) = rows(journal, "problem")
            sim.faults.append(Fault("401-new-api-error"))
            await run_batch(client, ["a panda"], journal=journal, resubmit_uncertain=True)
            assert rows(journal, "status, problem") == [("uncertain", before)]

    async def test_a_refusal_does_not_hide_that_an_earlier_submit_is_uncertain(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await self.broken(client, sim, journal)
            sim.faults.append(Fault("422-detail"))
            (result,) = await run_batch(
                client, ["a panda"], journal=journal, resubmit_uncertain=True
            )
            assert isinstance(result.error, InvalidRequestError)
            (result,) = await run_batch(client, ["a panda"], journal=journal, retry_failed=True)
            assert len(sim.submissions) == 2
        assert isinstance(result.error, SubmissionUncertainError)

    async def test_leaving_between_the_intent_and_the_submit_takes_the_intent_back(self, journal):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            for _ in range(6):
                with anyio.CancelScope() as scope:
                    async with Batch(client, prompts(16), journal=journal) as batch:
                        await until(lambda: journal.exists() and self.some_intent(journal))
                        scope.cancel()
                        await anext(batch)
                assert "submitting" not in statuses(journal)
            submitted = [job for status, job in rows(journal, "status, job_id") if job]
            assert sorted(submitted) == sorted(sim.jobs)

    @staticmethod
    def some_intent(journal: Path) -> bool:
        try:
            return ("submitting",) in rows(journal, "status")
        except sqlite3.Error:
            return False

    @staticmethod
    async def cut(client: PikaClient, _: Simulator, journal: Path) -> None:
        await run_batch(client, ["a panda"], journal=journal)
        changed(journal, "status = 'submitting', job_id = NULL, state = NULL")

    @staticmethod
    async def broken(client: PikaClient, sim: Simulator, journal: Path) -> None:
        sim.faults.append(Fault("reset-after"))
        await run_batch(client, ["a panda"], journal=journal)

    async def test_an_answer_that_comes_while_leaving_is_written_down(self, journal):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            sim.faults.append(Fault("slow-headers", on="submit", seconds=0.3))
            async with Batch(client, ["a panda"], journal=journal):
                await until(lambda: sim.jobs)
            assert rows(journal, "status, job_id") == [("submitted", *sim.jobs)]


class TestJobsThatAreNotFound:
    async def test_a_job_that_was_just_submitted_by_an_earlier_run_has_time_to_appear(
        self, journal
    ):
        async with Simulator(duration=Polls(2)) as sim:
            async with client_for(sim) as client:
                async with Batch(client, ["a panda"], journal=journal) as batch:
                    await until(lambda: batch.in_flight)
            sim.faults.append(Fault("unknown-404", times=3))
            async with client_for(sim) as client:
                (result,) = await run_batch(
                    client, ["a panda"], journal=journal, resubmit_uncertain=True
                )
            assert len(sim.submissions) == 1
        assert result.ok
        assert result.resumed

    async def test_one_given_up_leaves_nothing_of_itself_in_the_result(self, journal):
        async with self.forgetful(journal) as (sim, client, _):
            sim.faults.append(Fault("400-invalid-request"))
            (result,) = await run_batch(
                client, ["a panda"], journal=journal, resubmit_uncertain=True
            )
        assert isinstance(result.error, InvalidRequestError)
        assert result.job_id is None

    async def test_a_job_of_an_earlier_run_that_is_not_found_is_not_bought_again(self, journal):
        async with self.forgetful(journal) as (sim, client, _):
            for _ in range(2):
                (result,) = await run_batch(client, ["a panda"], journal=journal)
                assert isinstance(result.error, NotFoundError)
                assert result.job_id == result.error.job_id is not None
            assert len(sim.submissions) == 1

    async def test_it_is_submitted_again_only_when_asked_to(self, journal):
        async with self.forgetful(journal) as (sim, client, gone):
            async with Batch(
                client, ["a panda"], journal=journal, resubmit_uncertain=True
            ) as batch:
                result = await anext(batch)
            assert len(sim.submissions) == 2
        assert result.ok
        assert not result.resumed
        assert (batch.stats.resumed, batch.stats.submitted, batch.in_flight) == (0, 1, {})
        assert rows(journal, "status, job_id") == [
            ("submitted", gone),
            ("succeeded", result.job_id),
        ]

    @pytest.mark.parametrize("spare", [0, 1])
    async def test_with_a_limit_no_more_are_submitted_again_than_were_named_before(
        self, journal, spare
    ):
        async with self.forgetful(journal) as (sim, client, gone):
            batch = Batch(client, ["a panda"], journal=journal, resubmit_uncertain=True)
            bound_submits(batch, 1, spare)
            async with batch:
                result = await anext(batch)
            assert len(sim.submissions) == 1 + spare
        assert result.ok == bool(spare)
        assert (result.job_id == gone) == (not spare)

    @staticmethod
    @asynccontextmanager
    async def forgetful(journal: Path) -> AsyncIterator[tuple[Simulator, PikaClient, str]]:
        """A service that knows nothing of the job that an earlier run submitted long ago."""
        async with Simulator(duration=ENDLESS) as sim:
            async with client_for(sim) as client:
                async with Batch(client, ["a panda"], journal=journal) as batch:
                    await until(lambda: batch.in_flight)
            changed(journal, "accepted_at = accepted_at - 3600")
            sim.jobs.clear()
            sim.duration = Polls(1)
            # Another client, since the first one knows that it has just submitted the job.
            async with client_for(sim) as client:
                yield sim, client, batch.in_flight[0]


class TestWhatFailed:
    async def test_a_failed_job_comes_back_failed_without_a_request(self, journal):
        async with Simulator(duration=Polls(1), failure="it did not work") as sim:
            async with client_for(sim) as client:
                (first,) = await run_batch(client, ["a panda"], journal=journal)
                sim.failure = None
                (again,) = await run_batch(client, ["a panda"], journal=journal)
            assert len(sim.submissions) == 1
        assert type(again.error) is JobFailedError
        assert str(again.error) == str(first.error)
        assert again.job_id == first.job_id

    async def test_it_is_submitted_again_only_when_asked_to(self, journal):
        async with Simulator(duration=Polls(1), failure="it did not work") as sim:
            async with client_for(sim) as client:
                (first,) = await run_batch(client, ["a panda"], journal=journal)
                sim.failure = None
                (again,) = await run_batch(client, ["a panda"], journal=journal, retry_failed=True)
                assert again.ok
                assert not again.resumed
                # The next run finds it done, with or without being asked.
                await run_batch(client, ["a panda"], journal=journal, retry_failed=True)
            assert len(sim.submissions) == 2
        assert rows(journal, "job_id") == [(first.job_id,), (again.job_id,)]

    async def test_what_the_service_refused_comes_back_refused(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.faults.append(Fault("422-detail"))
            (first,) = await run_batch(client, ["a panda"], journal=journal)
            (again,) = await run_batch(client, ["a panda"], journal=journal)
            assert len(sim.submissions) == 1
            assert type(again.error) is InvalidRequestError
            assert str(again.error) == str(first.error)
            (retried,) = await run_batch(client, ["a panda"], journal=journal, retry_failed=True)
        assert retried.ok

    @pytest.mark.parametrize(
        "fault", ["401-new-api-error", "403-quota-not-enough", "404-wrong-path", "200-html"]
    )
    async def test_what_circumstances_refused_is_submitted_in_the_next_run(self, journal, fault):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.faults.append(Fault(fault))
            (first,) = await run_batch(client, ["a panda"], journal=journal)
            (again,) = await run_batch(client, ["a panda"], journal=journal)
        assert not first.ok
        assert again.ok
        assert not again.resumed

    async def test_a_service_that_is_not_reached_loses_nothing(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            async with sim.unreachable():
                first = await run_batch(client, prompts(3), journal=journal)
            again = await run_batch(client, prompts(3), journal=journal)
            assert len(sim.submissions) == 3
        assert not any(result.ok for result in first)
        assert all(result.ok for result in again)

    async def test_a_poll_that_is_refused_says_nothing_of_the_request(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.faults.append(Fault("400-invalid-request", on="poll"))
            (first,) = await run_batch(client, ["a panda"], journal=journal)
            assert isinstance(first.error, InvalidRequestError)
            (again,) = await run_batch(client, ["a panda"], journal=journal)
            assert len(sim.submissions) == 1
        assert again.ok

    async def test_polling_that_is_refused_leaves_the_job_to_the_next_run(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.faults.append(Fault("401-new-api-error", on="poll"))
            (first,) = await run_batch(client, ["a panda"], journal=journal)
            assert type(first.error) is AuthenticationError
            assert first.job_id in sim.jobs
            (again,) = await run_batch(client, ["a panda"], journal=journal)
            assert len(sim.submissions) == 1
        assert again.ok


class TestTheFile:
    async def test_a_second_batch_on_it_is_refused_before_anything_is_sent(self, journal):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            async with Batch(client, prompts(1), journal=journal) as batch:
                await until(lambda: batch.in_flight)
                with pytest.raises(JournalError, match="in use by another batch"):
                    await run_batch(client, prompts(5), journal=journal)
            assert len(sim.submissions) == 1

    async def test_it_is_free_again_after_the_batch(self, journal):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            for _ in range(3):
                await run_batch(client, prompts(2), journal=journal)
            with pytest.raises(ZeroDivisionError):
                async with Batch(client, prompts(2), journal=journal):
                    1 / 0  # noqa: B018
            await run_batch(client, prompts(2), journal=journal)

    async def test_what_is_no_journal_is_refused_before_anything_is_sent(self, journal):
        journal.write_text("my precious notes\n" * 100)
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(JournalError, match="Give the journal another path"):
                await run_batch(client, prompts(2), journal=journal)
            assert sim.submissions == []
        assert journal.read_text() == "my precious notes\n" * 100

    async def test_a_journal_that_cannot_be_written_stops_the_submits(self, journal, monkeypatch):
        def full(*_):
            raise sqlite3.OperationalError("database or disk is full")

        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            async with Batch(client, prompts(30), journal=journal, max_in_flight=2) as batch:
                assert (await anext(batch)).ok
                monkeypatch.setattr("pika_async._journal.attempts.execute", full)
                rest = [result async for result in batch]
            submitted = len(sim.submissions)
        assert submitted < 10
        assert len(rest) == 29
        for result in rest:
            if not result.ok:
                assert isinstance(result.error, NotSubmittedError)
                assert "nothing was sent for it and nothing is charged" in str(result.error).lower()
        assert sum(result.ok for result in rest) == submitted - 1

    async def test_a_paid_job_that_cannot_be_written_down_is_named_and_waited_for(
        self, journal, monkeypatch, caplog
    ):
        true_execute = attempts.execute

        def full(statement, parameters, connection):
            if "job_id = ?" in statement:
                raise sqlite3.OperationalError("database or disk is full")
            true_execute(statement, parameters, connection)

        monkeypatch.setattr("pika_async._journal.attempts.execute", full)
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            result, *rest = await run_batch(client, prompts(5), journal=journal, max_in_flight=1)
            (job,) = sim.jobs
            # And nothing more is submitted.
            assert len(sim.submissions) == 1
        assert result.ok
        assert not any(other.ok for other in rest)
        (record,) = [one for one in caplog.records if getattr(one, "job_id", None) == job]
        assert record.levelno == logging.ERROR
        assert "is not in the journal" in record.getMessage()

    async def test_a_slow_disk_holds_up_neither_the_loop_nor_other_jobs(self, journal):
        disk = threading.Event()
        async with Simulator(duration=Polls(2)) as sim, client_for(sim) as client:
            async with Batch(client, prompts(1), journal=journal) as batch:
                assert batch._journal is not None
                stuck = batch._journal._commits.write(lambda _: disk.wait(60))
                # Both the loop and whoever does not write to this journal go on.
                assert (await client.generate("another job")).video
                assert not stuck.done()
                disk.set()
                assert (await anext(batch)).ok


async def test_limits_are_met_with_the_same_patience_as_without_a_journal(journal):
    async with Simulator(duration=Polls(1)) as sim:
        sim.faults.append(Fault("429-openai", times=3))
        async with client_for(
            sim, retry=RetryPolicy(initial=0.0, maximum=0.0), polling=FixedPolling(0)
        ) as client:
            results = await run_batch(client, prompts(4), journal=journal)
        assert all(result.ok for result in results)
        assert len(sim.jobs) == 4


async def test_many_batches_with_journals_of_their_own_share_one_client(tmp_path):
    async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
        await asyncio.gather(
            *(
                run_batch(client, prompts(5), journal=tmp_path / f"{number}.sqlite")
                for number in range(5)
            )
        )
        assert len(sim.submissions) == 25


class TestJobsWithoutALink:
    """A job that is finished and whose link never came is paid for: nothing to buy again."""

    @pytest.mark.parametrize("retry_failed", [False, True])
    async def test_it_is_looked_at_again_by_its_id(self, journal, retry_failed):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            async with Batch(client, ["a panda"], journal=journal) as batch:
                await until(lambda: batch.in_flight)
                await until(lambda: rows(journal, "status") == [("submitted",)])
            (job_id,) = sim.jobs
            await self.no_link_came(journal, sim.url, job_id)
            for job in sim.jobs.values():
                job.duration = Polls(1)
            (result,) = await run_batch(
                client, ["a panda"], journal=journal, retry_failed=retry_failed
            )
            assert len(sim.submissions) == 1
        assert (result.job_id, result.ok, result.resumed) == (job_id, True, True)

    async def test_the_journal_says_why_it_has_no_end(self, journal):
        await self.no_link_came(journal, "https://api.test", "job-1")
        (entry,) = read_journal(journal)
        assert (entry.status, entry.attempt.end, entry.attempt.ended_at) == (
            "submitted",
            None,
            None,
        )
        assert entry.attempt.problem.kind == "JobFailedError"
        assert "no link came" in entry.attempt.problem.what

    @staticmethod
    async def no_link_came(journal: Path, base_url: str, job_id: str) -> None:
        """What a batch writes down when the wait for the link is over."""
        async with recorded(journal, base_url) as record:
            known = await record.begin(PANDA, PANDA)
            if known.job_id is None:
                await record.leaving(partial(sent, base_url))
                await record.accepted(job_id)
            video = Video(id="v", job_id=job_id, url="")
            await record.ended(Failed(reason="no link came", videos=(video,)), None)


class TestTheSameSubmitAgain:
    """Where a service knows a repeated key, the same submit may be sent more than once."""

    async def test_what_was_sent_is_told_with_its_key(self, journal):
        async with recorded(journal) as record:
            await record.begin(PANDA, PANDA)
            await record.leaving(sent)
        async with recorded(journal) as record:
            known = await record.begin(PANDA, PANDA)
        assert isinstance(known.error, SubmissionUncertainError)
        assert known.intent == sent()

    async def test_it_is_told_also_where_a_new_one_is_allowed(self, journal):
        async with recorded(journal) as record:
            await record.begin(PANDA, PANDA)
            await record.leaving(sent)
        async with recorded(journal, resubmit_uncertain=True) as record:
            known = await record.begin(PANDA, PANDA)
        assert (known.error, known.intent) == (None, sent())

    async def test_the_same_key_is_the_same_attempt(self, journal):
        async with recorded(journal) as record:
            await record.begin(PANDA, PANDA)
            await record.leaving(sent)
        async with recorded(journal) as record:
            await record.begin(PANDA, PANDA)
            await record.leaving(sent)
            await record.accepted("job-1", {"status": "https://queue.test/1"})
        (attempt,) = (entry.attempt for entry in read_journal(journal))
        assert (attempt.job_id, attempt.hints) == ("job-1", {"status": "https://queue.test/1"})
        assert rows(journal, "submit_id") == [("key-1",)]

    @pytest.mark.parametrize("ran", ["in an earlier run", "in this run"])
    async def test_one_that_may_have_arrived_is_not_taken_back_by_one_that_stayed(
        self, journal, ran
    ):
        async with recorded(journal) as record:
            await record.begin(PANDA, PANDA)
            await record.leaving(sent)
            if ran == "in this run":
                await record.leaving(sent)
                record.stayed()
        if ran == "in an earlier run":
            async with recorded(journal) as record:
                await record.begin(PANDA, PANDA)
                await record.leaving(sent)
                record.stayed()
        assert rows(journal, "status, submit_id") == [("submitting", "key-1")]

    async def test_one_that_stayed_can_leave_again_under_the_same_key(self, journal):
        async with recorded(journal) as record:
            await record.begin(PANDA, PANDA)
            await record.leaving(sent)
            record.stayed()
            await record.leaving(sent)
            assert rows(journal, "status, submit_id") == [("submitting", "key-1")]
            record.stayed()
        assert rows(journal, "status") == []

    async def test_an_intent_that_could_not_be_written_does_not_pass_for_one_that_was(
        self, journal, monkeypatch
    ):
        def full(*_):
            raise sqlite3.OperationalError("database or disk is full")

        told = []
        async with recorded(journal, told=told.append) as record:
            await record.begin(PANDA, PANDA)
            with monkeypatch.context() as patch:
                patch.setattr(attempts, "begin_attempt", full)
                with pytest.raises(NotSubmittedError, match="disk is full"):
                    await record.leaving(sent)
            await record.leaving(sent)
            assert rows(journal, "status, submit_id") == [("submitting", "key-1")]
        assert all(isinstance(error, JournalError) for error in told)

    async def test_addresses_of_a_job_in_flight_are_told_to_the_next_run(self, journal):
        hints = {"status": "https://queue.test/1"}
        async with recorded(journal) as record:
            await record.begin(PANDA, PANDA)
            await record.leaving(sent)
            await record.accepted("job-1", hints)
        async with recorded(journal) as record:
            known = await record.begin(PANDA, PANDA)
        assert (known.job_id, known.hints, known.intent) == ("job-1", hints, None)


PANDA = GenerationRequest("a panda")


def sent(base_url: str = "https://api.test", key: str = "key-1") -> Intent:
    return Intent(
        service="gateway", base_url=base_url, submit_id=key, digest="d" * 64, body='{"a": 1}'
    )


@asynccontextmanager
async def recorded(
    journal: Path,
    base_url: str = "https://api.test",
    *,
    resubmit_uncertain: bool = False,
    told: Callable[[PikaError], None] | None = None,
) -> AsyncIterator[JournalRecord]:
    """The record of one request, in a run of its own."""

    def refuse(*problem: object) -> None:
        raise AssertionError(problem)

    broken = told or refuse
    opened = await Journal.open(journal, time.time, broken, service="gateway", base_url=base_url)
    choices = Choices(resubmit_uncertain=resubmit_uncertain, retry_failed=False)
    try:
        yield JournalRecord(0, opened, choices, broken, refuse)
    finally:
        await opened.close()


async def test_the_journal_keeps_the_metadata_of_the_last_run(tmp_path):
    """They are the caller's own and no part of what is paid for: a report is to show today's."""
    journal = tmp_path / "run.journal"
    async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
        for sku in ("A-1", "A-2"):
            request = GenerationRequest("a panda", metadata={"sku": sku})
            await run_batch(client, [request], journal=journal)
    (entry,) = read_journal(journal)
    assert entry.request["metadata"] == {"sku": "A-2"}
    assert len(sim.submissions) == 1
