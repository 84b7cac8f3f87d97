"""One job has one poller, whoever holds what, and what one look finds is everybody's."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import traceback
import weakref

import aiohttp
import anyio
import pytest
from support.batches import KEY, client_for, until
from support.held_loop import on_a_leaping_loop
from support.jobs import DONE, Service, attached, running, submitted
from support.virtual_time import in_virtual_time, now

from pika_async import (
    Batch,
    ClientStateError,
    FixedPolling,
    JobAccepted,
    JobTimeoutError,
    PikaClient,
    Queued,
    RetryPolicy,
    ServerError,
    SubmitHeldBack,
    SubmitSent,
    SubmitUncertain,
    TransportTimeoutError,
)
from pika_async._batch.record import JournalRecord
from pika_async._meaning import Started
from pika_async.simulator import Fault, Polls, Simulator


class Listening(FixedPolling):
    """A policy that counts the ends it is told of."""

    def __init__(self):
        super().__init__(0)
        object.__setattr__(self, "ends", [])

    def finished(self, observation):
        self.ends.append(observation.job_id)


class TestVisitors:
    async def test_twenty_who_hold_no_job_poll_as_one_and_its_end_is_told_once(self):
        policy = Listening()
        async with Simulator(duration=Polls(40)) as sim:
            async with client_for(sim) as other:
                job_id = (await other.submit("a red panda")).id
            async with client_for(sim, polling=policy) as client:

                async def visit():
                    async for transition in client.job(job_id).transitions():
                        last = transition.state
                    return last

                ends = await asyncio.gather(*(visit() for _ in range(20)))
            assert len(sim.polls) <= 42
        assert len(set(map(repr, ends))) == 1
        assert policy.ends == [job_id]

    async def test_a_watcher_keeps_the_job_that_the_client_would_forget(self):
        async with Simulator(duration=Polls(40)) as sim, client_for(sim) as client:
            job_id = (await client.submit("a red panda")).id
            watcher = client.job(job_id).transitions()
            first = id(watcher._tracker)
            gc.collect()
            assert id(client.job(job_id)._tracker) == first


class Down(Service):
    """Raises a new error at each look, as the wire does."""

    async def look(self, handle, limit, heard=None):
        self.script = [ServerError(status=500)]
        return await super().look(handle, limit, heard)


def frames_of(error) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


class TestOutages:
    @in_virtual_time
    async def test_time_in_which_nobody_looked_is_no_part_of_one(self):
        service = Service(running(1), ServerError(status=500), ServerError(status=500), DONE)
        job = submitted(service)
        with anyio.move_on_after(2.2):
            await job.result()
        assert service.polls == 2
        await anyio.sleep(80_000)
        assert await job.result() == DONE

    @in_virtual_time
    async def test_time_in_which_all_looks_fail_is_one_however_many_watch(self):
        service = Service(running(1), ServerError(status=500))
        job = submitted(service)
        with pytest.raises(ServerError):
            for _ in range(100):
                with anyio.move_on_after(10):
                    await job.result()
        assert 1300 <= now() <= 1330

    @in_virtual_time
    async def test_whoever_waits_again_after_one_has_the_whole_budget_again(self):
        service = Service(running(1), ServerError(status=500))
        job = submitted(service)
        ended = []
        for _ in range(3):
            with pytest.raises(ServerError):
                await job.result()
            ended.append(now())
        assert ended == [1302.0, 1602.0, 1902.0]
        assert service.polls <= 1 + 3 * 25

    @in_virtual_time
    async def test_one_ends_the_waiting_of_all_also_where_one_of_them_waits_again(self):
        service = Service(running(1), ServerError(status=500))
        job = submitted(service)

        async def ask_again():
            for _ in range(5):
                with contextlib.suppress(ServerError):
                    await job.result(timeout=None)

        stubborn = asyncio.create_task(ask_again())
        others = [asyncio.create_task(job.result(timeout=None)) for _ in range(3)]
        ends = await asyncio.gather(*others, return_exceptions=True)
        assert [type(end) for end in ends] == [ServerError] * 3
        assert now() == 1302.0
        stubborn.cancel()

    @in_virtual_time
    async def test_each_has_an_error_of_his_own_which_tells_where_he_waited(self):
        class LocalError(Exception):
            """Found by no other process."""

        down = ServerError("down", status=500)
        down.__cause__ = cause = LocalError()
        job = submitted(Service(running(1), down))
        waiting = (job.result(timeout=None) for _ in range(5))
        errors = await asyncio.gather(*waiting, return_exceptions=True)
        assert len(set(map(id, errors))) == 5
        assert {str(error) for error in errors} == {str(down)}
        assert {error.__cause__ for error in errors} == {cause}
        depths = [len(traceback.extract_tb(error.__traceback__)) for error in errors[1:]]
        assert max(depths) == min(depths)

    @in_virtual_time
    async def test_what_it_left_behind_is_freed_by_the_next_answer(self):
        service = Service(running(1), ServerError("down", status=500))
        job = submitted(service)

        async def held() -> weakref.ref[Service]:
            mine = Service()
            with contextlib.suppress(ServerError):
                await job.result(timeout=None)
            return weakref.ref(mine)

        of_a_frame = await held()
        service.script = [running(2)]
        await job.refresh()
        gc.collect()
        assert of_a_frame() is None

    @in_virtual_time
    async def test_who_asks_the_same_iterator_again_after_one_is_patient_again(self):
        service = Service(running(1), ServerError(status=500))
        changes = submitted(service).transitions(timeout=None)
        ended = []
        # Once for what the submit said, once for the first look.
        await anext(changes)
        await anext(changes)
        for _ in range(3):
            with pytest.raises(ServerError):
                await anext(changes)
            ended.append(now())
        assert ended == [1302.0, 1602.0, 1902.0]

    @in_virtual_time
    async def test_who_did_not_look_himself_is_patient_again_too(self):
        service = Service(running(1), ServerError(status=500))
        job = submitted(service)
        looking = asyncio.create_task(job.result(timeout=None))
        changes = job.transitions(timeout=None)
        await anext(changes)
        await anext(changes)
        ended = []
        for _ in range(2):
            with pytest.raises(ServerError):
                await anext(changes)
            ended.append(now())
        with pytest.raises(ServerError):
            await looking
        assert ended == [1302.0, 1602.0]

    @in_virtual_time
    async def test_one_that_ended_while_nobody_waited_here_is_no_news_of_today(self):
        service = Service(running(1), ServerError(status=500))
        job = submitted(service)
        changes = job.transitions(timeout=None)
        await anext(changes)
        await anext(changes)
        with pytest.raises(ServerError):
            await job.result(timeout=None)
        service.script = [DONE]
        assert (await anext(changes)).state == DONE

    @pytest.mark.parametrize("verb", ["result", "refresh"])
    @in_virtual_time
    async def test_each_of_many_is_raised_an_error_of_its_own(self, verb):
        """One object, raised to all, gathers the tracebacks of all of them, and so their memory.

        https://github.com/aio-libs/aiokafka/issues/246,
        https://github.com/python/cpython/issues/91110,
        https://github.com/aio-libs/async-lru/pull/199.
        """
        job = submitted(Down(takes=1.0))

        async def noting(number):
            try:
                await getattr(job, verb)()
            except ServerError as error:
                error.add_note(f"seen by {number}")
                return error

        errors = await asyncio.gather(*(noting(number) for number in range(20)))
        assert len(set(map(id, errors))) == 20
        assert {str(error) for error in errors} == {str(errors[0])}
        assert [error.__notes__ for error in errors] == [[f"seen by {n}"] for n in range(20)]
        for error in errors:
            # Of this class and of the one above it.
            assert (frames_of(error).count("noting"), frames_of(error).count("look")) == (1, 2)

    @in_virtual_time
    async def test_whoever_hears_of_an_outage_later_is_raised_an_error_of_its_own(self):
        """https://github.com/python/cpython/issues/90082."""
        job = submitted(Down())
        late = job.transitions()
        assert (await anext(late)).state == Queued()
        with pytest.raises(ServerError) as first:
            await job.result()
        with pytest.raises(ServerError) as second:
            await anext(late)
        assert second.value is not first.value
        assert str(second.value) == str(first.value)
        frames = frames_of(second.value)
        assert (frames.count("__anext__"), frames.count("look"), frames.count("result")) == (
            1,
            2,
            0,
        )


class Slow(Service):
    """Answers in 10 s; a look that may not take as long is cut."""

    async def look(self, handle, limit, heard=None):
        await anyio.sleep(min(limit, 10.0))
        if limit < 10.0:
            raise TransportTimeoutError("no whole answer in time")
        return await super().look(handle, limit, heard)


class TestTheImpatient:
    @in_virtual_time
    async def test_a_look_that_they_cut_is_no_failure_for_the_patient(self):
        service = Slow(*[running(number) for number in range(9)], DONE)
        job = attached(service, retry=RetryPolicy(jitter=0.0, outage_budget=0))
        hasty = [asyncio.create_task(job.result(timeout=0)) for _ in range(3)]
        await anyio.wait_all_tasks_blocked()
        patient = asyncio.create_task(job.result())
        for one in hasty:
            with pytest.raises(JobTimeoutError):
                await one
        while not patient.done():
            # Again and again, at every moment of his looks.
            with contextlib.suppress(JobTimeoutError):
                await job.result(timeout=0)
            await anyio.sleep(0.7)
        assert await patient == DONE

    @in_virtual_time
    async def test_a_look_that_hangs_for_all_of_its_time_is_one(self):
        job = attached(
            Service(TransportTimeoutError("no whole answer in time")),
            retry=RetryPolicy(jitter=0.0, outage_budget=0),
        )
        with pytest.raises(TransportTimeoutError):
            await job.result()


class TestSleepers:
    @in_virtual_time
    async def test_a_refresh_wakes_those_who_sleep(self):
        service = Service(running(1), DONE)
        job = submitted(service, polling=FixedPolling(500))
        watchers = [asyncio.create_task(job.result()) for _ in range(3)]
        await anyio.sleep(510)
        begun = now()
        assert await job.refresh() == DONE
        assert await asyncio.gather(*watchers) == [DONE] * 3
        assert (now(), service.polls) == (begun, 2)

    @in_virtual_time
    async def test_a_change_that_another_watcher_finds_at_its_deadline_wakes_them_too(self):
        service = Service(running(1), DONE)
        job = submitted(service, polling=FixedPolling(500))
        patient = asyncio.create_task(job.result())
        await anyio.sleep(510)
        begun = now()
        assert await job.result(timeout=5) == DONE
        assert await patient == DONE
        assert now() == begun + 5


WRONG = {
    "raises": ZeroDivisionError("mine"),
    "negative": -1,
    "infinite": float("inf"),
    "no number": float("nan"),
    "nothing": None,
    "a word": "soon",
}


class Wrong:
    def __init__(self, answer):
        self.answer = answer

    def delay(self, observation, random_number):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def finished(self, observation):
        raise LookupError("mine")


class TestPoliciesThatFail:
    @on_a_leaping_loop
    async def test_an_accepted_job_is_returned_and_waited_for_all_the_same(self):
        async def submitted_and_waited_for(answer):
            async with (
                Simulator(duration=Polls(1)) as sim,
                PikaClient(KEY, base_url=sim.url, polling=Wrong(answer)) as client,
            ):
                job = await client.submit("a red panda")
                assert [job.id] == list(sim.jobs)
                states = await asyncio.gather(*(job.result() for _ in range(4)))
                return len({state.video.id for state in states})

        # Side by side: each waits for the second that takes the place of a wrong answer.
        with anyio.fail_after(20):
            found = await asyncio.gather(
                *map(submitted_and_waited_for, WRONG.values()), return_exceptions=True
            )
        assert dict(zip(WRONG, found, strict=True)) == dict.fromkeys(WRONG, 1)


class TestClosing:
    @on_a_leaping_loop
    async def test_what_waits_behind_the_brake_is_not_sent_any_more(self):
        told = []
        async with Simulator() as sim, aiohttp.ClientSession() as session:
            sim.faults.append(Fault("429-empty", times=None))
            retry = RetryPolicy(initial=0.2, maximum=0.2, jitter=0.0)
            async with client_for(
                sim, session=session, retry=retry, observer=told.append
            ) as client:
                tasks = [asyncio.create_task(client.submit(f"{n}")) for n in range(30)]
                await until(lambda: any(isinstance(one, SubmitHeldBack) for one in told))
            sim.faults.clear()
            sent = len(sim.submissions)
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert len(sim.submissions) == sent
            assert sim.jobs == {}
        assert {type(result) for result in results} == {ClientStateError}

    @on_a_leaping_loop
    async def test_what_waits_in_a_backoff_is_not_sent_any_more(self, unused_port):
        told = []
        async with aiohttp.ClientSession() as session:
            async with PikaClient(
                KEY,
                base_url=f"http://127.0.0.1:{unused_port}",
                session=session,
                retry=RetryPolicy(initial=0.2, maximum=0.2, jitter=0.0),
                observer=told.append,
            ) as client:
                task = asyncio.create_task(client.submit("a red panda"))
                await until(lambda: any(isinstance(one, SubmitHeldBack) for one in told))
            with pytest.raises(ClientStateError, match="closed"):
                await task
        assert len([one for one in told if isinstance(one, SubmitSent)]) == 1

    async def test_what_is_still_connecting_is_not_sent_and_its_caller_told_why(self):
        """And its record says that it stayed, so that it does not count as uncertain."""
        connecting, go_on = asyncio.Event(), asyncio.Event()
        noted = []

        class Record:
            async def leaving(self):
                noted.append("leaving")

            async def accepted(self, job_id):
                noted.append(job_id)

            def wanted(self):
                return True

            def stayed(self):
                noted.append("stayed")

        class Held(aiohttp.TCPConnector):
            async def connect(self, *args, **options):
                connecting.set()
                await go_on.wait()
                return await super().connect(*args, **options)

        async with Simulator() as sim, aiohttp.ClientSession(connector=Held()) as session:
            client = PikaClient(KEY, base_url=sim.url, session=session)
            await client.__aenter__()
            task = asyncio.create_task(client.submit("a red panda", record=Record()))
            await connecting.wait()
            closing = asyncio.create_task(client.__aexit__(None, None, None))
            await until(lambda: client._jobs._posts.closed)
            go_on.set()
            await closing
            with pytest.raises(ClientStateError, match="closed") as caught:
                await task
            assert caught.value.started is Started.NO
            assert sim.submissions == []
            assert noted == ["leaving", "stayed"]

    @pytest.mark.parametrize("how", ["a scope", "a deadline"])
    @on_a_leaping_loop
    async def test_inside_a_scope_that_ends_the_answer_on_its_way_is_read(self, how, caplog):
        told = []
        async with Simulator() as sim:
            sim.faults.append(Fault("slow-headers", on="submit", seconds=0.3))
            scope = anyio.CancelScope() if how == "a scope" else anyio.move_on_after(0.1)
            with scope:
                async with client_for(sim, observer=told.append) as client:
                    submit = asyncio.create_task(client.submit("a red panda"))
                    await until(lambda: sim.jobs)
                    submit.cancel()
                    if how == "a scope":
                        scope.cancel()
                    await anyio.sleep_forever()
            assert scope.cancelled_caught
            (accepted,) = [one for one in told if isinstance(one, JobAccepted)]
            assert (accepted.job_id, accepted.unclaimed) == (*sim.jobs, True)
        assert accepted.job_id in caplog.text


class TestUncertainForNobody:
    @on_a_leaping_loop
    async def test_it_is_told_with_prompt_fingerprint_and_time(self, caplog):
        told = []
        faults = [Fault("slow-headers", on="submit", seconds=60)]
        async with (
            Simulator(faults=faults) as sim,
            client_for(sim, observer=told.append, request_timeout=0.3) as client,
        ):
            submit = asyncio.create_task(client.submit("a red panda"))
            await until(lambda: sim.jobs)
            submit.cancel()
        (event,) = [one for one in told if isinstance(one, SubmitUncertain)]
        error = event.error
        assert (event.unclaimed, error.request.prompt) == (True, "a red panda")
        for word in ("a red panda", error.fingerprint[:12], f"{error.sent_at:%Y-%m-%d %H:%M:%S}"):
            assert word in caplog.text


class TestJobsOfABatch:
    async def test_one_that_is_come_back_to_before_it_is_written_down_is_the_same(
        self, tmp_path, monkeypatch
    ):
        written = asyncio.Event()
        write = JournalRecord.accepted

        async def slowly(record, *accepted):
            await written.wait()
            await write(record, *accepted)

        monkeypatch.setattr(JournalRecord, "accepted", slowly)
        async with Simulator(duration=Polls(20)) as sim, client_for(sim) as client:
            async with Batch(client, ["a red panda"], journal=tmp_path / "j") as batch:
                await until(lambda: batch.in_flight)
                job = client.job(batch.in_flight[0])
                assert (job.request.prompt, job.state) == ("a red panda", Queued())
                written.set()
                with anyio.fail_after(20):
                    result, state = await asyncio.gather(anext(batch), job.result())
            assert (result.state, result.job_id) == (state, job.id)
            assert len(sim.polls) <= 22


@pytest.fixture
def unused_port():
    """Nobody listens there, and nobody else gets it meanwhile."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]
