"""What an observer is told of a job's life, and what its own misfortunes do: nothing."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import anyio.lowlevel
import pytest
from support.batches import client_for, prompts, until
from support.toy import Toy, toy_service

from pika_async import (
    Batch,
    BatchLeft,
    FieldError,
    GenerationRequest,
    JobAccepted,
    JobEnded,
    JobTimeoutError,
    JournalError,
    PikaClient,
    PikaError,
    RateLimitError,
    RetryPolicy,
    Running,
    StateChanged,
    SubmissionUncertainError,
    SubmitHeldBack,
    SubmitRefused,
    SubmitSent,
    SubmitUncertain,
    SubmitWithdrawn,
    Succeeded,
    WaitingEnded,
)
from pika_async.simulator import Fault, Polls, Simulator


def kinds(told) -> list[str]:
    return [type(event).__name__ for event in told]


async def test_a_job_from_submit_to_file(tmp_path):
    told = []
    async with Simulator(duration=Polls(3)) as sim, client_for(sim, observer=told.append) as client:
        result = await client.generate("a red panda")
        await client.download(result.video, tmp_path / "panda.mp4")
        (job_id,) = sim.jobs
    assert kinds(told) == [
        "SubmitSent",
        "JobAccepted",
        "StateChanged",
        "StateChanged",
        "JobEnded",
        "VideoSaved",
    ]
    sent, accepted, *changes, ended, saved = told
    assert (sent.request.prompt, sent.service, sent.tries) == ("a red panda", "gateway", 1)
    assert sent.sent_at.utcoffset() == timedelta(0)
    assert (accepted.job_id, accepted.submit_id, accepted.unclaimed) == (
        job_id,
        sent.submit_id,
        False,
    )
    assert [type(change.state) for change in changes] == [Running, Succeeded]
    assert changes[1].previous == changes[0].state
    assert (ended.job_id, ended.state, ended.polls, ended.reattached) == (
        job_id,
        result,
        3,
        False,
    )
    assert saved.size == (tmp_path / "panda.mp4").stat().st_size


async def test_none_is_told_a_poll():
    told = []
    endless = Simulator(duration=Polls(50), variants=["progress-missing"])
    async with endless as sim, client_for(sim, observer=told.append) as client:
        await client.generate("a red panda")
        assert len(sim.polls) == 50
    assert len(told) < 8


async def test_several_watchers_are_one_change_and_one_end():
    told = []
    async with Simulator(duration=Polls(4)) as sim, client_for(sim, observer=told.append) as client:
        job = await client.submit("a red panda")
        await asyncio.gather(*(job.result() for _ in range(5)))
    assert len([event for event in told if isinstance(event, JobEnded)]) == 1
    states = [event.state for event in told if isinstance(event, StateChanged)]
    assert len(states) == len(set(map(repr, states)))


async def test_a_submit_that_is_held_back_and_one_that_is_refused():
    told = []
    faults = [Fault("429-empty"), Fault("400-openai")]
    async with Simulator(faults=faults) as sim, client_for(sim, observer=told.append) as client:
        with pytest.raises(Exception, match="refused the request"):
            await client.submit("a red panda")
    assert kinds(told) == ["SubmitSent", "SubmitHeldBack", "SubmitSent", "SubmitRefused"]
    assert isinstance(told[1], SubmitHeldBack)
    assert isinstance(told[1].error, RateLimitError)
    assert isinstance(told[2], SubmitSent)
    assert told[2].tries == 2
    assert isinstance(told[3], SubmitRefused)
    assert {event.submit_id for event in told} == {told[0].submit_id}


async def test_an_uncertain_submit_with_its_evidence():
    told = []
    faults = [Fault("reset-after")]
    async with Simulator(faults=faults) as sim, client_for(sim, observer=told.append) as client:
        with pytest.raises(SubmissionUncertainError) as caught:
            await client.submit("a red panda")
    (event,) = [event for event in told if isinstance(event, SubmitUncertain)]
    assert event.error is caught.value
    assert not event.unclaimed


class TestGivenUp:
    """Every submit that is told as sent is told to its end, and so is every wait that fails."""

    async def test_a_submit_that_is_cancelled_before_it_is_sent_again(self):
        told = []
        faults = [Fault("429-empty")]
        slow = RetryPolicy(initial=3600.0, maximum=3600.0)
        async with Simulator(faults=faults) as sim:
            async with client_for(sim, observer=told.append, retry=slow) as client:
                task = asyncio.create_task(client.submit("a red panda"))
                await until(lambda: len(told) == 2)
                task.cancel()
                await asyncio.wait({task})
        assert kinds(told) == ["SubmitSent", "SubmitHeldBack", "SubmitWithdrawn"]
        assert told[2] == SubmitWithdrawn(submit_id=told[0].submit_id)

    async def test_a_cancellation_between_two_tries_does_not_undo_the_doubt(self):
        told = []
        slow = RetryPolicy(initial=3600.0, maximum=3600.0)
        options = {"dialect": Toy(), "retry": slow, "observer": told.append}
        async with toy_service(lose_answers=1) as service:
            async with PikaClient("a-toy-key", base_url=service.url, **options) as client:
                task = asyncio.create_task(client.submit("a red panda"))
                await until(lambda: len(told) == 2)
                task.cancel()
                await asyncio.wait({task})
            assert len(service.jobs) == 1
        assert kinds(told) == ["SubmitSent", "SubmitHeldBack", "SubmitUncertain"]
        assert told[2].unclaimed

    async def test_a_submit_that_is_not_wanted_at_the_last_moment(self):
        told = []
        notebook = TestARecordOfOnesOwn.Notebook(unwanted=True)
        async with Simulator() as sim, client_for(sim, observer=told.append) as client:
            with pytest.raises(asyncio.CancelledError):
                await client.submit("a red panda", record=notebook)
        assert kinds(told) == ["SubmitSent", "SubmitWithdrawn"]

    async def test_a_submit_that_is_refused_after_its_caller_has_left(self):
        told = []
        faults = [Fault("400-openai", seconds=0.1)]
        async with Simulator(faults=faults) as sim:
            async with client_for(sim, observer=told.append) as client:
                task = asyncio.create_task(client.submit("a red panda"))
                await until(lambda: sim.submissions)
                task.cancel()
                await asyncio.wait({task})
        assert kinds(told) == ["SubmitSent", "SubmitRefused"]

    async def test_a_wait_whose_time_is_over(self):
        told = []
        async with Simulator(duration=Polls(10**6)) as sim:
            async with client_for(sim, observer=told.append) as client:
                with pytest.raises(JobTimeoutError) as caught:
                    await client.generate("a red panda", timeout=0)
        (ended,) = [event for event in told if isinstance(event, WaitingEnded)]
        assert ended == WaitingEnded(job_id=caught.value.job_id, error=caught.value)

    async def test_a_wait_that_the_service_refuses(self):
        told = []
        faults = [Fault("401-new-api-error", on="poll", times=100)]
        async with Simulator(faults=faults, duration=Polls(9)) as sim:
            async with client_for(sim, observer=told.append) as client:
                with pytest.raises(PikaError) as caught:
                    await client.generate("a red panda")
        (ended,) = [event for event in told if isinstance(event, WaitingEnded)]
        assert ended.error is caught.value

    async def test_a_change_of_state_says_what_was_asked_for(self):
        told = []
        async with Simulator(duration=Polls(2)) as sim:
            async with client_for(sim, observer=told.append) as client:
                job = await client.submit("a red panda")
                await job.result()
            async with client_for(sim, observer=told.append) as client:
                await client.job(job.id).result()
        changes = [event for event in told if isinstance(event, StateChanged)]
        assert [change.request for change in changes[:-1]] == [job.request] * (len(changes) - 1)
        assert changes[-1].request is None


class TestUnclaimed:
    """Whoever submitted was cancelled: the event is all that tells of the job."""

    async def test_a_job_that_was_accepted_all_the_same(self):
        told = []
        faults = [Fault("slow-headers", seconds=0.1)]
        async with Simulator(faults=faults) as sim:
            async with client_for(sim, observer=told.append) as client:
                task = asyncio.create_task(client.submit("a red panda"))
                await until(lambda: sim.submissions)
                task.cancel()
                await asyncio.wait({task})
            (job_id,) = sim.jobs
        (event,) = [event for event in told if isinstance(event, JobAccepted)]
        assert (event.job_id, event.unclaimed) == (job_id, True)
        assert event.request == GenerationRequest("a red panda")

    async def test_a_submit_that_broke_off_names_prompt_fingerprint_and_time(self, caplog):
        told = []
        faults = [Fault("closed-after")]
        async with Simulator(faults=faults) as sim:
            async with client_for(sim, observer=told.append) as client:
                task = asyncio.create_task(client.submit("a red panda"))
                await until(lambda: sim.submissions)
                task.cancel()
                await asyncio.wait({task})
        (event,) = [event for event in told if isinstance(event, SubmitUncertain)]
        assert event.unclaimed
        assert event.error.request.prompt == "a red panda"
        assert len(event.error.fingerprint) == 64
        assert event.error.sent_at.year > 2000
        assert "fingerprint" in caplog.text

    async def test_a_wait_that_was_cancelled_names_its_job(self):
        told = []
        async with Simulator(duration=Polls(10**6)) as sim:
            async with client_for(sim, observer=told.append) as client:
                task = asyncio.create_task(client.generate("a red panda"))
                await until(lambda: sim.polls)
                task.cancel()
                await asyncio.wait({task})
            (job_id,) = sim.jobs
        assert WaitingEnded(job_id=job_id) in told

    async def test_a_batch_that_was_left_names_its_jobs(self):
        told = []
        async with Simulator(duration=Polls(10**6)) as sim:
            async with client_for(sim, observer=told.append) as client:
                async with Batch(client, prompts(9), max_in_flight=3):
                    await until(lambda: len(sim.polls) > 6)
            (event,) = [event for event in told if isinstance(event, BatchLeft)]
            assert set(event.in_flight.values()) == set(sim.jobs)
        assert not event.journalled


class TestAroundPolls:
    """An observer may give a context for polls, to keep them out of a trace."""

    class Keeper:
        def __init__(self) -> None:
            self.entered = 0
            self.open = 0

        def __call__(self, event) -> None:
            assert self.open == 0, f"{event} was told in the middle of a poll"

        @contextmanager
        def around_poll(self):
            self.entered += 1
            self.open += 1
            try:
                yield
            finally:
                self.open -= 1

    async def test_each_poll_is_within_it_and_no_submit_is(self):
        keeper = self.Keeper()
        faults = [Fault("502-html", on="poll", times=2)]
        async with Simulator(duration=Polls(3), faults=faults) as sim:
            async with client_for(sim, observer=keeper) as client:
                job = await client.submit("a red panda")
                assert keeper.entered == 0
                await job.result()
                assert keeper.entered == len(sim.polls) > 3
        assert keeper.open == 0

    async def test_it_is_left_where_the_one_who_polls_is_cancelled(self):
        keeper = self.Keeper()
        faults = [Fault("slow-headers", on="poll", seconds=60)]
        async with Simulator(faults=faults) as sim, client_for(sim, observer=keeper) as client:
            job = await client.submit("a red panda")
            task = asyncio.create_task(job.result())
            await until(lambda: keeper.open)
            task.cancel()
            await asyncio.wait({task})
            assert keeper.open == 0


class TestMisfortunes:
    async def test_what_it_raises_is_logged_and_reaches_nobody(self, caplog):
        def bad(event):
            raise LookupError(type(event).__name__)

        async with Simulator(duration=Polls(1)) as sim, client_for(sim, observer=bad) as client:
            assert (await client.generate("a red panda")).video
        assert "the observer raised at JobAccepted" in caplog.text

    async def test_the_log_has_been_written_by_then(self, caplog):
        caplog.set_level(logging.INFO, "pika_async")
        seen = []
        async with (
            Simulator(duration=Polls(1)) as sim,
            client_for(sim, observer=lambda _: seen.append(len(caplog.records))) as client,
        ):
            await client.generate("a red panda")
        assert seen[-1] == 2


class TestARecordOfOnesOwn:
    """``client.submit(record=…)``: where a submit is written down as it goes."""

    class Notebook:
        def __init__(self, *, refuses: bool = False, unwanted: bool = False) -> None:
            self.lines: list[str] = []
            self.refuses = refuses
            self.unwanted = unwanted

        async def leaving(self) -> None:
            if self.refuses:
                raise JournalError("no ink")
            self.lines.append("leaving")

        async def accepted(self, job_id: str) -> None:
            self.lines.append(f"accepted {job_id}")

        def wanted(self) -> bool:
            return not self.unwanted

        def stayed(self) -> None:
            self.lines.append("stayed")

    async def test_it_is_told_before_the_post_and_before_anyone_of_the_job(self):
        notebook = self.Notebook()
        async with Simulator() as sim, client_for(sim) as client:
            job = await client.submit("a red panda", record=notebook)
        assert notebook.lines == ["leaving", f"accepted {job.id}"]

    async def test_what_cannot_be_written_down_is_not_sent(self):
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(JournalError, match="no ink"):
                await client.submit("a red panda", record=self.Notebook(refuses=True))
            assert sim.submissions == []

    async def test_what_provably_started_nothing_has_stayed(self):
        notebook = self.Notebook()
        faults = [Fault("429-empty")]
        async with Simulator(faults=faults) as sim, client_for(sim) as client:
            job = await client.submit("a red panda", record=notebook)
        assert notebook.lines == ["leaving", "stayed", "leaving", f"accepted {job.id}"]

    async def test_what_is_uncertain_has_not(self):
        notebook = self.Notebook()
        faults = [Fault("reset-after")]
        async with Simulator(faults=faults) as sim, client_for(sim) as client:
            with pytest.raises(SubmissionUncertainError):
                await client.submit("a red panda", record=notebook)
        assert notebook.lines == ["leaving"]

    async def test_what_is_not_wanted_at_the_last_moment_does_not_leave(self):
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(asyncio.CancelledError):
                await client.submit("a red panda", record=self.Notebook(unwanted=True))
            assert sim.submissions == []

    @pytest.mark.parametrize("name", ["wanted", "stayed"])
    async def test_what_is_never_awaited_is_no_coroutine(self, name):
        """An answer that nobody awaits is true, and a note that nobody awaits is not written."""
        notebook = self.Notebook()
        setattr(notebook, name, notebook.leaving)
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(FieldError, match=rf"record\.{name}: .* a plain function"):
                await client.submit("a red panda", record=notebook)
            assert sim.submissions == []

    @pytest.mark.parametrize("record", ["run.journal", Notebook], ids=["a path", "a class"])
    async def test_what_is_no_record_is_refused(self, record):
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(FieldError, match="record: .* allowed is an object"):
                await client.submit("a red panda", record=record)
            assert sim.submissions == []

    class Torn(Notebook):
        """Breaks where it is to raise nothing: its database is locked, say."""

        async def accepted(self, job_id: str) -> None:
            raise sqlite3.OperationalError("database is locked")

        def stayed(self) -> None:
            raise sqlite3.OperationalError("database is locked")

    async def test_a_record_that_breaks_loses_no_job(self, caplog):
        """The caller has the job all the same; event and log say that it is not recorded."""
        told = []
        async with Simulator() as sim, client_for(sim, observer=told.append) as client:
            job = await client.submit("a red panda", record=self.Torn())
            assert [job.id] == list(sim.jobs)
        assert [e.recorded for e in told if isinstance(e, JobAccepted)] == [False]
        (line,) = (one for one in caplog.records if one.levelno >= logging.ERROR)
        assert (line.job_id, line.exc_info[0]) == (job.id, sqlite3.OperationalError)

    async def test_a_record_that_breaks_loses_no_job_of_a_caller_who_has_left(self, caplog):
        """The warning names the job, as it does where there is no record at all."""
        told = []
        faults = [Fault("slow-headers", seconds=0.1)]
        async with Simulator(faults=faults) as sim:
            async with client_for(sim, observer=told.append) as client:
                task = asyncio.create_task(client.submit("a red panda", record=self.Torn()))
                await until(lambda: sim.submissions)
                task.cancel()
                await asyncio.wait({task})
            (job_id,) = sim.jobs
        (accepted,) = (event for event in told if isinstance(event, JobAccepted))
        assert (accepted.job_id, accepted.unclaimed, accepted.recorded) == (job_id, True, False)
        warned = [one.job_id for one in caplog.records if one.levelno == logging.WARNING]
        assert warned == [job_id]

    async def test_a_record_that_breaks_ends_no_submit_that_is_to_be_sent_again(self):
        """The first try started nothing, and the second is the job."""
        faults = [Fault("429-empty")]
        async with Simulator(faults=faults) as sim, client_for(sim) as client:
            job = await client.submit("a red panda", record=self.Torn())
            assert [job.id] == list(sim.jobs)

    async def test_a_record_that_breaks_stops_no_cancellation(self):
        """A caller who is cancelled is cancelled, and is told of no database."""
        options = {"retry": RetryPolicy(initial=3600.0, maximum=3600.0)}
        async with Simulator() as sim, client_for(sim, **options) as client:
            async with sim.unreachable():
                task = asyncio.create_task(client.submit("a red panda", record=self.Torn()))
                await anyio.lowlevel.checkpoint()
                task.cancel()
                await asyncio.wait({task})
        assert task.cancelled()


class TestWhatTheCallerKnows:
    """``client.job(job_id, request=…, submitted_at=…)``."""

    async def test_a_job_has_the_request_and_the_age_that_the_caller_knows(self):
        request = GenerationRequest("a red panda")
        async with Simulator(duration=Polls(1)) as sim:
            async with client_for(sim) as client:
                job_id = (await client.submit(request)).id
            ago = datetime.now(UTC) - timedelta(seconds=90)
            async with client_for(sim) as client:
                job = client.job(job_id, request=request, submitted_at=ago)
                assert job.request == request
                steps = [step async for step in job.transitions()]
        assert 90 <= steps[-1].elapsed < 120

    async def test_one_that_was_submitted_just_now_may_have_yet_to_appear(self):
        faults = [Fault("unknown-404", on="poll")]
        async with Simulator(duration=Polls(1), faults=faults) as sim:
            async with client_for(sim) as client:
                job_id = (await client.submit("a red panda")).id
            async with client_for(sim) as client:
                assert (await client.job(job_id, submitted_at=datetime.now(UTC)).result()).video

    async def test_a_time_without_a_zone_is_refused(self):
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(FieldError, match="submitted_at"):
                client.job("j", submitted_at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is wrong
