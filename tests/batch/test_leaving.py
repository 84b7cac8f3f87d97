"""Whoever leaves a batch, however he leaves: what is paid for and was not taken is named once."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging

import aiohttp
import anyio
import anyio.lowlevel
import pytest
from support.batches import KEY, client_for, prompts, until
from support.held_loop import on_a_leaping_loop
from support.toy import Ledgered, toy_service

from pika_async import (
    AuthenticationError,
    Batch,
    BatchLeft,
    BatchStopped,
    ClientStateError,
    DownloadError,
    FixedPolling,
    JobTimeoutError,
    MoneyMeaning,
    PermissionDeniedError,
    PikaClient,
    QuotaExceededError,
    RetryPolicy,
    SubmissionUncertainError,
    SubmitUncertain,
    TransportError,
    run_batch,
)
from pika_async.simulator import Fault, Polls, Simulator

ENDLESS = Polls(1_000_000)


def left_of(told):
    """The one event that a batch was left with something."""
    (event,) = [event for event in told if isinstance(event, BatchLeft)]
    return event


def warnings_of(caplog):
    return [record for record in caplog.records if record.levelno == logging.WARNING]


UNTAKEN = {
    "a time-out": ([], {"timeout": 0.05}, JobTimeoutError),
    "an outage": ([Fault("reset-before", on="poll", times=None)], {}, TransportError),
    "a refused key": ([Fault("401-new-api-error", on="poll", times=None)], {}, AuthenticationError),
}


class TestResultsThatNobodyTook:
    @pytest.mark.parametrize(("faults", "options", "cls"), UNTAKEN.values(), ids=UNTAKEN)
    async def test_a_job_that_was_given_up_is_unclaimed_and_named(
        self, faults, options, cls, caplog
    ):
        told = []
        async with (
            Simulator(duration=ENDLESS, faults=faults) as sim,
            client_for(
                sim, observer=told.append, retry=RetryPolicy(initial=0.0, outage_budget=0)
            ) as client,
        ):
            async with Batch(client, ["one"], **options) as batch:
                await until(lambda: batch.stats.failed)
            assert list(batch.unclaimed.values()) == list(sim.jobs)
            assert (batch.in_flight, batch.uncertain) == ({}, {})
        assert left_of(told).unclaimed == batch.unclaimed
        (record,) = warnings_of(caplog)
        assert record.job_ids == tuple(sim.jobs)
        assert isinstance(batch._board.results.get_nowait().error, cls)

    async def test_an_uncertain_submit_is_named_with_prompt_fingerprint_and_time(self, caplog):
        told = []
        async with (
            Simulator(faults=[Fault("reset-after", on="submit")]) as sim,
            client_for(sim, observer=told.append) as client,
        ):
            async with Batch(client, ["a red panda"]) as batch:
                await until(lambda: batch.stats.uncertain)
        (error,) = batch.uncertain.values()
        assert (error.request.prompt, batch.unclaimed, batch.in_flight) == ("a red panda", {}, {})
        assert left_of(told).uncertain == {0: error}
        (record,) = warnings_of(caplog)
        assert record.uncertain
        for word in ("a red panda", error.fingerprint[:12], f"{error.sent_at:%Y-%m-%d %H:%M:%S}"):
            assert word in record.getMessage()

    async def test_what_was_taken_is_named_no_more(self, caplog):
        faults = [Fault("reset-after", on="submit", prompt="prompt 0")]
        async with (
            Simulator(duration=ENDLESS, faults=faults) as sim,
            client_for(sim) as client,
            Batch(client, prompts(3), timeout=0.05) as batch,
        ):
            kinds = {type(result.error) async for result in batch}
            assert (batch.unclaimed, batch.uncertain) == ({}, {})
        assert kinds == {SubmissionUncertainError, JobTimeoutError}
        assert warnings_of(caplog) == []

    @on_a_leaping_loop
    async def test_a_submit_that_becomes_uncertain_while_the_batch_is_left_is_named_once(
        self, caplog
    ):
        told = []
        faults = [Fault("slow-headers", on="submit", seconds=60)]
        async with (
            Simulator(faults=faults) as sim,
            client_for(sim, observer=told.append, request_timeout=0.5) as client,
        ):
            async with Batch(client, ["a red panda"]) as batch:
                await until(lambda: sim.jobs)
        (error,) = batch.uncertain.values()
        assert error.request.prompt == "a red panda"
        (record,) = warnings_of(caplog)
        assert "a red panda" in record.getMessage()
        (event,) = [event for event in told if isinstance(event, SubmitUncertain)]
        assert (event.error, event.unclaimed) == (error, True)

    async def test_with_a_journal_what_ended_is_the_journals_to_tell(self, tmp_path, caplog):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            async with Batch(client, ["one"], journal=tmp_path / "j", timeout=0.05) as batch:
                await until(lambda: batch.stats.failed)
        assert list(batch.unclaimed.values()) == list(sim.jobs)
        assert warnings_of(caplog) == []


class TestRunBatch:
    """It holds the results that it has taken, so what it does not return is named."""

    async def test_cancelled_it_names_the_jobs_whose_results_it_had_taken(self, caplog):
        told = []
        faults = [Fault("reset-after", on="submit", prompt="prompt 1")]
        async with (
            Simulator(duration=Polls(1), faults=faults) as sim,
            client_for(sim, observer=told.append) as client,
        ):
            quick = [f"prompt {number}" for number in range(4)]
            sim.faults.append(Fault("slow-headers", on="poll", prompt="never", seconds=60))

            def source():
                yield from quick
                yield "never"

            running = asyncio.create_task(run_batch(client, source(), max_in_flight=2))
            await until(lambda: len(sim.submissions) == 5 and len(sim.jobs) == 5)
            await anyio.sleep(0.1)
            running.cancel()
            await asyncio.wait({running})
            assert running.cancelled()
        event = left_of(told)
        named = {*event.in_flight.values(), *event.unclaimed.values()}
        (lost,) = event.uncertain.values()
        assert lost.request.prompt == "prompt 1"
        assert len(named) == 4
        assert named < set(sim.jobs)
        assert len(warnings_of(caplog)) == 2

    async def test_cancelled_while_its_batch_is_being_left_it_names_them_all(self, monkeypatch):
        told = []
        async with (
            Simulator(duration=Polls(1)) as sim,
            client_for(sim, observer=told.append) as client,
        ):
            leave = Batch._leave

            async def cancelled_meanwhile(batch):
                running.cancel()
                await anyio.lowlevel.checkpoint()
                await leave(batch)

            monkeypatch.setattr(Batch, "_leave", cancelled_meanwhile)
            running = asyncio.create_task(run_batch(client, prompts(5)))
            await asyncio.wait({running})
            assert running.cancelled()
        assert set(left_of(told).unclaimed.values()) == set(sim.jobs)

    async def test_ended_by_on_transition_it_names_them_too(self):
        told, count = [], itertools.count()

        def heard(transition):
            if transition.state.is_terminal and next(count) == 3:
                raise LookupError("mine")

        async with (
            Simulator(duration=Polls(1)) as sim,
            client_for(sim, observer=told.append) as client,
        ):
            with pytest.raises(LookupError, match="mine"):
                await run_batch(client, prompts(9), max_in_flight=1, on_transition=heard)
            event = left_of(told)
            assert {*event.in_flight.values(), *event.unclaimed.values()} == set(sim.jobs)
        assert event.in_flight == {}

    async def test_one_that_comes_to_its_end_names_none(self, caplog):
        told = []
        async with (
            Simulator(duration=Polls(1)) as sim,
            client_for(sim, observer=told.append) as client,
        ):
            assert len(await run_batch(client, prompts(5))) == 5
        assert [event for event in told if isinstance(event, BatchLeft)] == []
        assert warnings_of(caplog) == []


class TestWhatEndsTheProgram:
    """What is raised by ``on_transition`` or a source, and is no Exception."""

    @pytest.mark.parametrize("place", ["on_transition", "source"])
    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
    def test_it_ends_the_program_after_the_jobs_were_named(self, kind, place, caplog):
        seen, named = [], []

        def heard(transition):
            seen.append(transition)
            if place == "on_transition" and len(seen) == 2:
                raise kind("mine")

        async def source():
            yield "one"
            yield "two"
            await until(lambda: len(seen) >= 2)
            if place == "source":
                raise kind("mine")
            await anyio.sleep_forever()

        def told(event):
            if isinstance(event, BatchLeft):
                named.append(len(event.in_flight) + len(event.unclaimed))

        async def program():
            async with (
                Simulator(duration=ENDLESS) as sim,
                client_for(sim, observer=told) as client,
                Batch(client, source(), on_transition=heard) as batch,
            ):
                async for _ in batch:
                    pass

        with pytest.raises(kind, match="mine"):
            asyncio.run(program())
        gc.collect()
        assert named == [2]
        assert "never retrieved" not in caplog.text

    @pytest.mark.parametrize(
        "kind", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError]
    )
    async def test_it_comes_out_of_run_batch_as_it_is_and_the_loop_goes_on(self, kind):
        told = []

        def heard(_):
            raise kind("mine")

        async with (
            Simulator(duration=ENDLESS) as sim,
            client_for(sim, observer=told.append) as client,
        ):
            with pytest.raises(kind, match="mine"):
                await run_batch(client, prompts(2), on_transition=heard)
            assert set(left_of(told).in_flight.values()) == set(sim.jobs)
            assert await client.submit("another")

    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
    async def test_of_a_source_it_comes_where_results_are_taken_after_those_that_are_ready(
        self, kind
    ):
        """It does not end the loop from within a task, where nobody could catch it."""
        delivered = asyncio.Event()

        async def source():
            yield "one"
            await delivered.wait()
            raise kind("mine")

        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            async with Batch(client, source()) as batch:
                assert (await anext(batch)).ok
                delivered.set()
                with pytest.raises(kind, match="mine"):
                    await anext(batch)
            assert await client.submit("another")

    async def test_it_is_not_hidden_by_what_whoever_leaves_was_leaving_for(self):
        def heard(_):
            raise KeyboardInterrupt("mine")

        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            with pytest.raises(KeyboardInterrupt, match="mine"):
                async with Batch(client, prompts(2), on_transition=heard) as batch:
                    await until(lambda: batch._board.failure)
                    1 / 0  # noqa: B018


class TestAClientThatIsClosedUnderneath:
    async def test_a_source_without_an_end_is_not_drained(self):
        taken = itertools.count()
        async with Simulator(duration=Polls(1)) as sim, aiohttp.ClientSession() as session:
            async with client_for(sim, session=session) as client:
                requests = (f"prompt {next(taken)}" for _ in itertools.count())
                async with Batch(client, requests, max_in_flight=2) as batch:
                    assert (await anext(batch)).ok
                    await session.close()
                    with anyio.fail_after(20):
                        rest = [result async for result in batch]
        assert next(taken) < 20
        assert any(isinstance(result.error, ClientStateError) for result in rest)
        assert len(rest) == batch.stats.taken - 1

    async def test_a_list_comes_back_whole(self):
        async with Simulator(duration=Polls(1)) as sim, aiohttp.ClientSession() as session:
            async with client_for(sim, session=session) as client:
                async with Batch(client, prompts(50), max_in_flight=2) as batch:
                    assert (await anext(batch)).ok
                    await session.close()
                    assert len([result async for result in batch]) == 49

    async def test_a_video_that_could_not_be_saved_stays_paid_for(self, tmp_path):
        told = []
        faults = [Fault("slow-headers", on="download", seconds=0.3, times=None)]
        async with (
            Simulator(duration=Polls(1), faults=faults) as sim,
            aiohttp.ClientSession() as session,
        ):
            async with client_for(sim, session=session, observer=told.append) as client:
                async with Batch(client, prompts(20), output_dir=tmp_path) as batch:
                    await until(lambda: batch.stats.downloading == 16)
                    await session.close()
                    with anyio.fail_after(20):
                        results = [result async for result in batch]
        unsaved = [result for result in results if result.state is not None and not result.files]
        assert unsaved
        for result in unsaved:
            assert isinstance(result.error, DownloadError)
            assert (result.error.money, result.error.job_id) == (
                MoneyMeaning.STAYS_PAID,
                result.job_id,
            )
            assert "Nothing was sent" not in str(result.error)
        assert len([event for event in told if isinstance(event, BatchStopped)]) == 1

    async def test_a_job_that_was_being_waited_for_is_named_as_paid(self):
        async with Simulator(duration=ENDLESS) as sim, aiohttp.ClientSession() as session:
            async with client_for(sim, session=session) as client:
                async with Batch(client, ["one"]) as batch:
                    await until(lambda: batch.in_flight)
                    await session.close()
                    result = await anext(batch)
            assert [result.job_id] == list(sim.jobs)
        assert isinstance(result.error, ClientStateError)
        assert result.error.money is MoneyMeaning.STAYS_PAID


class Stubborn:
    """A source that gives some requests, and then swallows so many cancellations."""

    def __init__(self, swallows=1_000_000, *, gives=1):
        self.swallows = swallows
        self.gives = gives
        self.given = 0
        self.released = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        self.given += 1
        if self.given <= self.gives:
            return f"request {self.given}"
        while self.swallows and not self.released:
            try:
                await anyio.sleep_forever()
            except asyncio.CancelledError:
                self.swallows -= 1
        return "late"


class TestSourcesThatSwallowCancellations:
    @pytest.mark.parametrize("swallows", [1, 2, 1_000_000])
    async def test_what_on_transition_raises_comes_to_its_consumer_all_the_same(
        self, swallows, monkeypatch
    ):
        monkeypatch.setattr("pika_async._batch.feeding._CANCELLED_AGAIN", 0.01)
        source = Stubborn(swallows)

        def heard(_):
            raise LookupError("mine")

        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            with anyio.fail_after(20), pytest.raises(LookupError, match="mine"):
                async with Batch(client, source, on_transition=heard) as batch:
                    await anext(batch)
            assert len(sim.submissions) == 1
            assert list(batch.in_flight.values()) == list(sim.jobs)
            await let_go(source, batch)

    async def test_one_that_swallows_all_holds_nobody_for_ever_and_its_jobs_are_named(
        self, caplog, monkeypatch
    ):
        monkeypatch.setattr("pika_async._batch.feeding._CANCELLED_AGAIN", 0.01)
        source = Stubborn()
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            with anyio.fail_after(20):
                async with Batch(client, source) as batch:
                    await until(lambda: batch.in_flight)
            left_behind, jobs = warnings_of(caplog)
            assert "source of requests" in left_behind.getMessage()
            assert jobs.job_ids == tuple(sim.jobs)
            await let_go(source, batch)
            assert len(sim.submissions) == 1

    async def test_meanwhile_a_request_whose_turn_comes_asks_the_service_for_nothing(
        self, monkeypatch
    ):
        monkeypatch.setattr("pika_async._batch.feeding._CANCELLED_AGAIN", 60.0)
        source = Stubborn(gives=2)
        async with toy_service(looks=1_000_000) as service:
            options = {"base_url": service.url, "dialect": Ledgered(), "max_in_flight": 1}
            async with PikaClient(KEY, polling=FixedPolling(0.001), **options) as client:
                batch = await Batch(client, source, budget=10).__aenter__()
                await until(lambda: batch.in_flight and batch._board.jobs.slots._line)
                leaving = asyncio.create_task(batch.__aexit__(None, None, None))
                await until(lambda: batch._board.left)
                service.looks = 0
                await until(lambda: not batch._board.items)
                await let_go(source, batch)
                await leaving
        assert (service.prices_asked, len(service.posts)) == (1, 1)


async def let_go(source, batch):
    """End what the source has held, and see that it sends nothing."""
    source.released = True
    with anyio.fail_after(20):
        while not batch._feeding.task.done():
            batch._feeding.task.cancel()
            await asyncio.wait({batch._feeding.task}, timeout=0.01)


FROM_ELSEWHERE = ["403-empty", "403-challenge", "401-empty", "401-html"]


class TestRefusalsThatAreNotTheApis:
    @pytest.mark.parametrize("fault", FROM_ELSEWHERE)
    async def test_a_page_of_a_firewall_stops_no_batch(self, fault):
        told = []
        async with (
            Simulator(duration=Polls(1), faults=[Fault(fault, on="submit", after=3)]) as sim,
            client_for(sim, observer=told.append) as client,
        ):
            results = await run_batch(client, prompts(20), max_in_flight=2)
        (bad,) = [result for result in results if not result.ok]
        assert isinstance(
            bad.error, AuthenticationError | PermissionDeniedError | QuotaExceededError
        )
        assert not bad.error.is_api_answer
        assert [event for event in told if isinstance(event, BatchStopped)] == []


def named_by(told):
    """The ids of jobs, and the prompts of uncertain submits, once for each warning."""
    jobs, lost = [], []
    for event in told:
        match event:
            case BatchLeft():
                jobs += [*event.in_flight.values(), *event.unclaimed.values()]
                lost += [error.request.prompt for error in event.uncertain.values()]
            case SubmitUncertain(unclaimed=True):
                lost.append(event.error.request.prompt)
            case _:
                pass
    return sorted(jobs), lost


class TestAtEveryTurn:
    """Cancelled at any turn of the loop: each job that is paid for is named once."""

    @pytest.mark.parametrize("how", ["once", "twice", "a scope"])
    @pytest.mark.parametrize(
        "turns_to_try",
        [
            pytest.param(range(0, 400, 37), id="some"),
            pytest.param(range(0, 400, 7), id="many", marks=[pytest.mark.slow, pytest.mark.long]),
        ],
    )
    async def test_what_run_batch_does_not_return_is_named(self, how, turns_to_try):
        for turns in turns_to_try:
            told = []
            faults = [Fault("reset-after", on="submit", prompt="prompt 2")]
            async with (
                Simulator(duration=Polls(2), faults=faults) as sim,
                client_for(sim, observer=told.append) as client,
            ):
                returned = None
                if how == "a scope":
                    with anyio.CancelScope() as scope:
                        async with anyio.create_task_group() as group:
                            group.start_soon(cancelled_after, turns, scope.cancel)
                            returned = await run_batch(client, prompts(6), max_in_flight=3)
                            scope.cancel()
                else:
                    running = asyncio.create_task(run_batch(client, prompts(6), max_in_flight=3))
                    await cancelled_after(turns, running.cancel)
                    if how == "twice":
                        await cancelled_after(2, running.cancel)
                    await asyncio.wait({running})
                    returned = None if running.cancelled() else running.result()
            started = [one for one in sim.submissions if one.job_id]
            paid = sorted(one.job_id for one in started if one.fault is None)
            lost = ["prompt 2" for one in started if one.fault is not None]
            if returned is None:
                assert named_by(told) == (paid, lost), turns
            else:
                assert named_by(told) == ([], []), turns
                assert sorted(one.job_id for one in returned if one.job_id) == paid, turns


async def cancelled_after(turns, cancel):
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
    cancel()
