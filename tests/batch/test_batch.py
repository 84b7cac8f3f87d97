"""A batch: taken lazily, bounded, one result a request, and left without one more submit."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref

import aiohttp
import anyio
import pytest
from support.batches import KEY, client_for, prompts, until
from support.held_loop import on_a_leaping_loop
from support.tables import every_row

from pika_async import (
    Batch,
    BatchStats,
    ClientStateError,
    ConfigurationError,
    FieldError,
    FixedPolling,
    GenerationRequest,
    InvalidRequestError,
    JobFailedError,
    JobTimeoutError,
    ModerationError,
    PikaClient,
    Queued,
    Spent,
    SubmissionUncertainError,
    Succeeded,
    run_batch,
)
from pika_async.simulator import Fault, Polls, Simulator

ENDLESS = Polls(1_000_000)


class Source:
    """Prompts without end, counting how many were taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self):
        return self

    def __next__(self) -> str:
        self.taken += 1
        return f"prompt {self.taken - 1}"


class AsyncSource(Source):
    __iter__ = None  # type: ignore[assignment]

    def __aiter__(self):
        return self

    async def __anext__(self) -> str:
        await anyio.lowlevel.checkpoint()
        return next(self)


def in_flight_at_most(sim) -> int:
    """The largest number of jobs at once, as the service saw it."""
    events = sorted(
        [(one.at, 1) for one in sim.submissions if one.job_id]
        + [(max(poll.at for poll in sim.polls if poll.job_id == job), -1) for job in sim.jobs]
    )
    count = most = 0
    for _, change in events:
        count += change
        most = max(most, count)
    return most


class TestResults:
    async def test_run_batch_returns_one_result_a_request_in_the_order_of_the_requests(self):
        async with Simulator(duration=lambda random: random.random() / 20) as sim:
            async with client_for(sim) as client:
                results = await run_batch(client, prompts(20))
        assert [result.index for result in results] == list(range(20))
        assert [result.prompt for result in results] == prompts(20)
        assert all(result.ok for result in results)

    async def test_results_are_iterated_over_as_they_are_ready(self):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.faults.append(Fault("502-html", on="poll", prompt="prompt 0", times=None))
            async with Batch(client, prompts(3)) as batch:
                first = {(await anext(batch)).prompt, (await anext(batch)).prompt}
                assert first == {"prompt 1", "prompt 2"}
                sim.faults.clear()
                assert (await anext(batch)).prompt == "prompt 0"

    async def test_a_result_has_the_request_the_job_and_its_end(self):
        request = GenerationRequest("a red panda", motion=2)
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            (result,) = await run_batch(client, [request])
            (job,) = sim.jobs
        assert result.request is request
        assert result.job_id == job
        assert isinstance(result.state, Succeeded)
        assert result.unwrap() is result.state
        assert (result.error, result.files, result.resumed) == (None, (), False)

    async def test_equal_prompts_are_separate_items(self):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            results = await run_batch(client, ["a red panda"] * 5)
        assert len({result.job_id for result in results}) == 5

    async def test_no_requests_give_no_results(self):
        async with Simulator() as sim, client_for(sim) as client:
            assert await run_batch(client, []) == []

    async def test_several_may_iterate_over_one_batch(self):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            async with Batch(client, prompts(10)) as batch:

                async def collected():
                    return [result.index async for result in batch]

                one, other = await asyncio.gather(collected(), collected())
        assert sorted(one + other) == list(range(10))

    async def test_transitions_of_every_job_are_told_as_they_come(self):
        told = []
        async with Simulator(duration=Polls(3)) as sim, client_for(sim) as client:
            results = await run_batch(client, prompts(4), on_transition=told.append)
        for result in results:
            states = [one.state for one in told if one.job_id == result.job_id]
            assert isinstance(states[0], Queued)
            assert states[-1] == result.state


class TestFailuresOfOneItem:
    @pytest.mark.parametrize(
        ("fault", "error", "money"),
        [
            ("400-invalid-request", InvalidRequestError, "nothing is charged"),
            ("reset-after", SubmissionUncertainError, "may be billed"),
            ("502-html", SubmissionUncertainError, "may be billed"),
        ],
    )
    async def test_a_submit_that_fails_is_the_result_of_that_item_alone(self, fault, error, money):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.faults.append(Fault(fault, prompt="prompt 3"))
            results = await run_batch(client, prompts(8))
        bad = results.pop(3)
        assert type(bad.error) is error
        assert money in str(bad.error)
        assert (bad.ok, bad.state) == (False, None)
        with pytest.raises(error):
            bad.unwrap()
        assert all(result.ok for result in results)

    async def test_a_job_that_fails_keeps_its_id_and_reason(self):
        def reason(body):
            return "prompt not allowed" if body["promptText"] == "prompt 1" else None

        async with Simulator(duration=Polls(2), failure=reason) as sim, client_for(sim) as client:
            results = await run_batch(client, prompts(4))
        assert type(results[1].error) is ModerationError
        assert results[1].job_id == results[1].error.job_id
        assert [result.ok for result in results] == [True, False, True, True]

    async def test_time_is_counted_for_each_job_and_a_late_one_runs_on(self):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            results = await run_batch(client, prompts(3), timeout=0)
            assert [type(result.error) for result in results] == [JobTimeoutError] * 3
            assert {result.job_id for result in results} == set(sim.jobs)
            async with Batch(client, prompts(3), timeout=0) as batch:
                async for _ in batch:
                    pass
            assert (batch.in_flight, batch.stats.running) == ({}, 0)

    @pytest.mark.parametrize("bad", ["", "  ", 42, None, b"bytes"])
    async def test_what_is_no_request_is_the_result_of_that_item_and_kept_as_it_came(self, bad):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            results = await run_batch(client, ["good", bad, "better"])
            assert len(sim.submissions) == 2
        assert type(results[1].error) is ConfigurationError
        assert "Nothing was sent" in str(results[1].error)
        assert results[1].request is bad
        assert [result.ok for result in results] == [True, False, True]

    async def test_a_file_that_has_gone_is_the_result_of_that_item(self, tmp_path):
        image = tmp_path / "cat.png"
        image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(32))
        gone = GenerationRequest("a cat", image=image)
        image.unlink()
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            results = await run_batch(client, [gone, "a dog"])
            assert len(sim.submissions) == 1
        assert "Nothing was sent" in str(results[0].error)
        assert results[1].ok


class TestBounds:
    @pytest.mark.parametrize("bound", [1, 3, 16])
    async def test_at_most_so_many_jobs_are_in_flight_at_once(self, bound):
        async with Simulator(duration=Polls(3)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(40), max_in_flight=bound)
            assert in_flight_at_most(sim) == bound

    async def test_the_bound_of_the_client_holds_for_all_its_batches_and_generates_together(self):
        async with (
            Simulator(duration=Polls(3)) as sim,
            client_for(sim, max_in_flight=4) as client,
        ):
            await asyncio.gather(
                run_batch(client, prompts(15), max_in_flight=10),
                run_batch(client, prompts(15), max_in_flight=10),
                *(client.generate("a single one") for _ in range(10)),
            )
            assert in_flight_at_most(sim) == 4

    @pytest.mark.parametrize("source", [Source, AsyncSource])
    async def test_a_request_is_taken_only_when_there_is_room_for_it(self, source):
        requests = source()
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            async with Batch(client, requests, max_in_flight=5):
                await until(lambda: len(sim.polls) >= 50)
                assert requests.taken == 5
                assert len(sim.submissions) == 5

    async def test_a_slow_consumer_pauses_submits_and_not_the_polling_of_paid_jobs(self):
        requests = Source()
        async with Simulator(duration=Polls(4)) as sim, client_for(sim) as client:
            async with Batch(client, requests, max_in_flight=5) as batch:
                await until(lambda: batch.stats.succeeded == 5)
                assert requests.taken == 5
                for taken in range(1, 8):
                    await anext(batch)
                    await until(lambda: batch.stats.succeeded == 5 + taken)  # noqa: B023
                    assert len(sim.submissions) == 5 + taken

    async def test_memory_does_not_grow_with_the_number_of_prompts(self):
        alive = weakref.WeakSet()
        most = 0

        def requests():
            nonlocal most
            for number in range(400):
                request = GenerationRequest(f"prompt {number}")
                alive.add(request)
                most = max(most, len(alive))
                yield request

        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            async with Batch(client, requests(), max_in_flight=8) as batch:
                async for _ in batch:
                    gc.collect(0)
        assert most <= 3 * 8

    async def test_nothing_is_kept_of_an_item_that_has_ended(self):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            async with Batch(client, prompts(20), max_in_flight=4) as batch:
                await until(lambda: batch._board.items)
                async for _ in batch:
                    assert len(batch._board.items) <= 4
                assert batch._board.items == {}

    async def test_an_idle_source_holds_no_place_of_the_client(self):
        async def idle():
            await anyio.sleep_forever()
            yield "never"

        async with (
            Simulator(duration=Polls(1)) as sim,
            client_for(sim, max_in_flight=1) as client,
            Batch(client, idle()),
        ):
            assert (await client.generate("meanwhile")).video


class TestLeaving:
    async def test_leaving_early_sends_nothing_more(self):
        requests = Source()
        async with Simulator(duration=Polls(2)) as sim, client_for(sim) as client:
            async with Batch(client, requests, max_in_flight=5) as batch:
                count = 0
                async for _ in batch:
                    count += 1
                    if count == 10:
                        break
            sent, taken = len(sim.submissions), requests.taken
            assert sent <= taken <= 15
            await client.generate("afterwards")
            await client.generate("and again")
            assert len(sim.submissions) == sent + 2
            assert requests.taken == taken

    async def test_a_slot_that_becomes_free_while_leaving_is_not_used(self):
        # The order that once let a feeder submit: jobs end in the very moment of leaving.
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            for _ in range(20):
                before = len(sim.submissions)
                async with Batch(client, Source(), max_in_flight=3) as batch:
                    await anext(batch)
                assert len(sim.submissions) - before <= 4

    async def test_no_submit_begins_to_leave_once_the_batch_is_being_left(self):
        """Also one that gets its connection in the moment of leaving, before it is cancelled."""
        connected, go_on = asyncio.Event(), asyncio.Event()

        class Held(aiohttp.TCPConnector):
            async def connect(self, *args, **options):
                connection = await super().connect(*args, **options)
                connected.set()
                await go_on.wait()
                return connection

        async with Simulator() as sim, aiohttp.ClientSession(connector=Held()) as session:
            async with client_for(sim, session=session) as client:
                async with Batch(client, ["a red panda"]):
                    await connected.wait()
                    go_on.set()
            assert sim.submissions == []

    @pytest.mark.parametrize("warm", [False, True], ids=["new connection", "kept alive"])
    async def test_what_has_not_left_when_the_batch_is_left_is_not_called_uncertain(
        self, warm, caplog
    ):
        async with Simulator(duration=Polls(1)) as sim:
            for turns in range(0, 40, 3):
                async with client_for(sim) as client:
                    if warm:
                        await client.submit("warm")
                    async with Batch(client, ["a panda", "a fox"]):
                        for _ in range(turns):
                            await anyio.lowlevel.checkpoint()
        assert not [one for one in caplog.records if getattr(one, "uncertain", False)]

    async def test_a_source_that_swallows_the_cancellation_sends_nothing_more(self):
        async def stubborn():
            while True:
                try:
                    await anyio.sleep_forever()
                except asyncio.CancelledError:
                    yield "late"

        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            with anyio.fail_after(20):
                async with Batch(client, stubborn()):
                    await anyio.wait_all_tasks_blocked()
            assert sim.submissions == []

    async def test_leaving_waits_for_no_other_submits_than_its_own(self):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            sim.faults.append(Fault("slow-headers", on="submit", prompt="slow", seconds=3600))
            slow = asyncio.create_task(client.submit("slow"))
            await until(lambda: sim.jobs)
            with anyio.fail_after(20):
                assert (await run_batch(client, ["quick"]))[0].ok
            slow.cancel()
            await asyncio.wait({slow})
            for task in client._jobs._posts._under_way:
                task.cancel()

    async def test_jobs_that_ended_and_were_not_taken_are_named_where_no_journal_knows_them(
        self, caplog
    ):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            async with Batch(client, prompts(5)) as batch:
                taken = await anext(batch)
                await until(lambda: batch.stats.succeeded == 5)
            assert set(batch.unclaimed.values()) == set(sim.jobs) - {taken.job_id}
        (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
        assert set(record.job_ids) == set(batch.unclaimed.values())

    async def test_jobs_in_flight_run_on_and_are_named(self, caplog):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            async with Batch(client, prompts(9), max_in_flight=3) as batch:
                await until(lambda: len(batch.in_flight) == 3)
            assert set(batch.in_flight.values()) == set(sim.jobs)
        (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
        assert set(record.job_ids) == set(batch.in_flight.values())
        assert all(job_id in record.getMessage() for job_id in sim.jobs)

    @on_a_leaping_loop
    async def test_a_submit_whose_answer_was_under_way_is_named_too(self):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            sim.faults.append(Fault("slow-headers", on="submit", seconds=0.2))
            async with Batch(client, ["slow"], max_in_flight=3) as batch:
                await until(lambda: sim.jobs)
                assert batch.in_flight == {}
            assert list(batch.in_flight.values()) == list(sim.jobs)

    async def test_cancelling_whoever_iterates_leaves_the_batch(self):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            with anyio.CancelScope() as scope:
                async with Batch(client, Source(), max_in_flight=3) as batch:
                    await until(lambda: len(batch.in_flight) == 3)
                    scope.cancel()
                    await anext(batch)
            assert scope.cancelled_caught
            assert len(sim.submissions) == 3

    async def test_no_task_stays_behind(self):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            before = asyncio.all_tasks()
            async with Batch(client, Source(), max_in_flight=3) as batch:
                await until(lambda: len(batch.in_flight) == 3)
            sockets = {task for task in asyncio.all_tasks() - before if "batch" in repr(task)}
            assert sockets == set()

    async def test_an_exception_in_the_loop_leaves_as_it_is(self):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            with pytest.raises(ZeroDivisionError):
                async with Batch(client, Source()) as batch:
                    async for _ in batch:
                        1 / 0  # noqa: B018


class TestExceptionsOfTheCallersOwn:
    @pytest.mark.parametrize("kind", [RuntimeError, asyncio.CancelledError, JobFailedError])
    async def test_those_of_a_source_leave_the_batch_as_they_are(self, kind):
        mine = kind("mine", job_id="j", state=None) if kind is JobFailedError else kind("mine")

        def source():
            yield "good"
            raise mine

        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            with pytest.raises(kind, match="mine") as caught:
                await run_batch(client, source())
        assert caught.value is mine or kind is asyncio.CancelledError

    async def test_those_of_an_async_source_do_too(self):
        async def source():
            yield "good"
            raise LookupError("mine")

        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            with pytest.raises(LookupError, match="mine"):
                await run_batch(client, source())

    @pytest.mark.parametrize("kind", [RuntimeError, asyncio.CancelledError, JobFailedError])
    async def test_those_of_on_transition_do_too(self, kind):
        mine = kind("mine", job_id="j", state=None) if kind is JobFailedError else kind("mine")

        def raising(_):
            raise mine

        async with Simulator(duration=Polls(2)) as sim, client_for(sim) as client:
            with anyio.fail_after(20), pytest.raises(kind, match="mine"):
                await run_batch(client, prompts(3), on_transition=raising)

    async def test_a_group_of_exceptions_of_a_source_stays_whole(self):
        def source():
            yield "good"
            raise ExceptionGroup("two problems", [ValueError("A"), KeyError("B")])

        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            with pytest.raises(ExceptionGroup, match="two problems") as caught:
                await run_batch(client, source())
        assert len(caught.value.exceptions) == 2

    @pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
    async def test_what_would_pass_for_the_end_of_the_batch_is_told_as_a_mistake(self, kind):
        def raising(_):
            raise kind

        class Mistaken(Source):
            def __next__(self):
                raise StopAsyncIteration

        async with Simulator(duration=Polls(2)) as sim, client_for(sim) as client:
            with pytest.raises(RuntimeError, match=kind.__name__):
                await run_batch(client, prompts(3), on_transition=raising)
            with pytest.raises(RuntimeError, match="StopAsyncIteration"):
                await run_batch(client, Mistaken())

    async def test_one_beside_an_exception_of_the_loop_is_noted_on_it(self):
        def source():
            yield "good"
            raise LookupError("mine")

        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            with pytest.raises(ZeroDivisionError) as caught:
                async with Batch(client, source()):
                    await anyio.wait_all_tasks_blocked()
                    1 / 0  # noqa: B018
        assert "LookupError('mine')" in caught.value.__notes__[0]

    async def test_results_that_were_ready_come_before_the_exception(self):
        def source():
            yield "good"
            while not ready:
                yield "good"
            raise LookupError("mine")

        ready = False
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            with pytest.raises(LookupError):
                async with Batch(client, source(), max_in_flight=1) as batch:
                    assert (await anext(batch)).ok
                    ready = True
                    assert (await anext(batch)).ok
                    await anext(batch)

    async def test_one_that_nobody_has_met_yet_is_raised_on_leaving(self):
        def source():
            yield "good"
            raise LookupError("mine")

        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            with pytest.raises(LookupError):
                async with Batch(client, source(), max_in_flight=2):
                    await anyio.wait_all_tasks_blocked()


class TestArguments:
    @pytest.mark.parametrize(
        ("name", "value", "allowed"),
        [
            ("max_in_flight", 0, "a whole number from 1"),
            ("max_in_flight", True, "a whole number from 1"),
            ("max_in_flight", 2.5, "a whole number from 1"),
            ("timeout", -1, "seconds from 0"),
            ("on_transition", anyio.sleep, "a plain function, without async"),
            ("on_transition", 3, "a plain function, without async, that takes a transition"),
        ],
    )
    async def test_what_is_not_allowed_is_refused_before_anything_is_taken(
        self, name, value, allowed
    ):
        requests = Source()
        with pytest.raises(ValueError, match=f"{name}: .*{allowed}"):
            Batch(PikaClient(KEY), requests, **{name: value})
        assert requests.taken == 0

    @every_row("single", ["a prompt", GenerationRequest("a prompt"), b"bytes", {"prompt": "x"}, 7])
    def test_one_request_alone_is_refused_rather_than_taken_apart(self, single):
        with pytest.raises(ValueError, match=r"requests: .* such as a list"):
            Batch(PikaClient(KEY), single)

    @every_row("client", [["a prompt"], "my key", PikaClient, None])
    def test_what_is_no_client_is_refused_by_name(self, client):
        """Also where the two arguments have changed places."""
        with pytest.raises(FieldError, match="PikaClient") as caught:
            Batch(client, ["a prompt"])
        assert caught.value.field == "client"

    async def test_a_client_that_is_not_open_is_refused(self):
        with pytest.raises(ClientStateError, match="async with PikaClient"):
            async with Batch(PikaClient(KEY), ["a prompt"]):
                pass

    async def test_iterating_outside_says_how_to(self):
        async with Simulator() as sim, client_for(sim) as client:
            batch = Batch(client, ["a prompt"])
            with pytest.raises(ClientStateError, match="async with Batch"):
                await anext(batch)
            async with batch:
                pass
            with pytest.raises(ClientStateError, match="has been left"):
                await anext(batch)

    async def test_entering_it_twice_is_an_error_with_a_sentence(self):
        async with Simulator() as sim, client_for(sim) as client:
            async with Batch(client, []) as batch:
                with pytest.raises(ClientStateError, match="is running already"):
                    await batch.__aenter__()
            with pytest.raises(ClientStateError, match="has been left; a batch is run once"):
                await batch.__aenter__()


class TestStats:
    async def test_they_count_what_has_come_of_each_request(self):
        def reason(body):
            return "it did not work" if body["promptText"] == "prompt 1" else None

        async with Simulator(duration=Polls(1), failure=reason) as sim, client_for(sim) as client:
            sim.faults.append(Fault("reset-after", prompt="prompt 2"))
            async with Batch(client, [*prompts(6), ""]) as batch:
                assert batch.stats == BatchStats()
                async for _ in batch:
                    pass
        assert batch.stats == BatchStats(
            taken=7, submitted=5, succeeded=4, failed=2, uncertain=1, spent=Spent(unpriced=6)
        )
        assert batch.stats.finished == 7

    async def test_jobs_in_flight_are_running(self):
        async with Simulator(duration=ENDLESS) as sim, client_for(sim) as client:
            async with Batch(client, Source(), max_in_flight=4) as batch:
                await until(lambda: len(sim.polls) > 8)
                assert batch.stats == BatchStats(
                    taken=4, submitted=4, running=4, spent=Spent(unpriced=4)
                )


async def test_polls_of_a_batch_follow_the_client_s_policy():
    async with Simulator(duration=Polls(3)) as sim:
        async with client_for(sim, polling=FixedPolling(0.0)) as client:
            await run_batch(client, prompts(4))
        assert len(sim.polls) == 12
