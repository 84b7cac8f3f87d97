"""Paying once: the brake, cancellation, files, and what is left of a caller who leaves."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import socket
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from attrs import evolve
from support.held_loop import on_a_leaping_loop
from support.tables import every_row
from support.wire import wired

from pika_async import (
    APIError,
    ClientStateError,
    ConfigurationError,
    GenerationRequest,
    MoneyMeaning,
    NotFoundError,
    RateLimitError,
    RetryPolicy,
    SubmissionUncertainError,
    SubmitSent,
    TransportError,
)
from pika_async.simulator import Fault, Simulator

REQUEST = GenerationRequest("a red panda surfing")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


async def until(condition) -> None:
    """Let the other tasks and the server run until ``condition()`` holds."""
    with anyio.fail_after(20):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def leave(task) -> None:
    """Cancel the caller of a submit."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_429_makes_every_submit_of_the_client_wait():
    fault = Fault("429-retry-after-seconds", retry_after=30)
    async with Simulator(faults=[fault]) as sim, wired(sim) as wire:
        first = asyncio.create_task(wire.submit(REQUEST))
        await until(lambda: len(sim.submissions) == 1 and wire.clock.naps)
        await wire.submit(REQUEST)
        await first
        assert wire.clock.naps[0] == pytest.approx(30, rel=0.2)
        assert wire.clock.moment >= 1030
        assert len(sim.jobs) == 2
        assert len(sim.submissions) == 3


class TestTheMostAtOnce:
    """No more submits are under way than the process may have connections."""

    async def test_the_others_wait_and_all_are_accepted(self):
        fault = Fault("slow-headers", on="submit", times=None, seconds=0.05)
        most = 0

        def all_done():
            nonlocal most
            most = max(most, len(wire.jobs._posts._under_way))
            return all(task.done() for task in tasks)

        async with Simulator(faults=[fault]) as sim, wired(sim, most_submits=2) as wire:
            tasks = [asyncio.create_task(wire.submit(REQUEST)) for _ in range(7)]
            await until(all_done)
        assert most == 2
        assert len({task.result().id for task in tasks}) == len(sim.jobs) == 7

    async def test_who_waits_is_held_by_a_refusal_that_comes_meanwhile(self):
        fault = Fault("429-retry-after-seconds", retry_after=30)
        async with Simulator(faults=[fault]) as sim, wired(sim, most_submits=1) as wire:
            tasks = [asyncio.create_task(wire.submit(REQUEST)) for _ in range(3)]
            await until(lambda: all(task.done() for task in tasks))
            waited = [sent.waited for sent in wire.told(SubmitSent)]
        assert [seconds >= 30 for seconds in waited] == [False, True, True, True]
        assert len(sim.jobs) == 3

    async def test_a_wait_for_a_place_alone_is_not_told_as_one_for_the_service(self):
        """It has limited nothing: this process has no more connections."""
        async with Simulator() as sim, wired(sim, most_submits=1) as wire:
            assert wire.jobs._posts.places.take()
            task = asyncio.create_task(wire.submit(REQUEST))
            await until(lambda: wire.jobs._posts.places._line)
            wire.clock.moment += 20
            wire.jobs._posts.places.give_back()
            await task
        assert [sent.waited for sent in wire.told(SubmitSent)] == [0.0]

    async def test_who_leaves_the_line_and_who_is_refused_give_their_places_back(self):
        async with Simulator(faults=[Fault("400-openai", times=2)]) as sim:
            async with wired(sim, most_submits=1) as wire:
                tasks = [asyncio.create_task(wire.submit(REQUEST)) for _ in range(4)]
                await until(lambda: wire.jobs._posts._under_way)
                await leave(tasks.pop())
                tasks.append(asyncio.create_task(wire.submit(REQUEST)))
                await until(lambda: all(task.done() for task in tasks))
        refused = [isinstance(task.exception(), APIError) for task in tasks]
        assert refused == [True, True, False, False]
        assert len(sim.jobs) == 2

    async def test_a_record_that_cannot_be_written_gives_the_place_back(self):
        class Full:
            async def leaving(self):
                raise ConfigurationError("the disk is full")

            async def accepted(self, job_id):
                raise AssertionError(job_id)

            def wanted(self):
                return True

            def stayed(self):
                """It has not left."""

        async with Simulator() as sim, wired(sim, most_submits=1) as wire:
            with anyio.fail_after(20):
                for _ in range(2):
                    with pytest.raises(ConfigurationError):
                        await wire.submit(REQUEST, record=Full())
                await wire.submit(REQUEST)
        assert len(sim.jobs) == 1


class TestTheMostThatGoUpAtOnce:
    """An upload takes a connection to one machine for its address, one to another for the bytes."""

    async def test_the_others_wait_and_all_arrive_although_some_break_and_some_leave(
        self, monkeypatch
    ):
        going_up = most = 0
        requests = [GenerationRequest("a cat", image=PNG + bytes([n])) for n in range(7)]
        faults = [Fault("upload-503", times=3)]
        async with Simulator(service="fal", faults=faults) as sim:
            async with wired(sim, most_uploads=2) as wire:
                ask = wire.api.ask

                async def counted(conversation):
                    nonlocal going_up, most
                    going_up += 1
                    most = max(most, going_up)
                    try:
                        return await ask(conversation)
                    finally:
                        going_up -= 1

                monkeypatch.setattr(wire.api, "ask", counted)
                tasks = [asyncio.create_task(wire.submit(request)) for request in requests]
                await until(lambda: most)
                await leave(tasks.pop())
                await until(lambda: all(task.done() for task in tasks))
        assert most == 2
        assert len({task.result().id for task in tasks}) == len(sim.jobs) == 6

    async def test_who_waits_when_the_client_is_closed_is_told_so(self, monkeypatch):
        async def never_ends(_):
            await anyio.sleep_forever()

        requests = [GenerationRequest("a cat", image=PNG + bytes([n])) for n in range(3)]
        async with Simulator(service="fal") as sim, wired(sim, most_uploads=1) as wire:
            monkeypatch.setattr(wire.api, "ask", never_ends)
            tasks = [asyncio.create_task(wire.submit(request)) for request in requests]
            await until(lambda: len(wire.jobs._uploads._under_way) == 3)
            await wire.jobs.close()
            for task in tasks:
                with pytest.raises(ClientStateError, match="closed"):
                    await task
        assert sim.submissions == []


async def test_an_outage_begins_with_a_try_and_not_while_a_submit_waits_its_turn():
    """Whoever was held for longer than the outage budget is sent again like everybody else."""
    faults = [Fault("reset-after", on="submit", times=2)]
    async with Simulator(service="pika", faults=faults) as sim, wired(sim) as wire:
        wire.submitter._brake.hold(400, wire.clock.now())
        job = await wire.submit(REQUEST)
        assert wire.clock.moment > 1400
        assert [job.id] == list(sim.jobs)
        assert len(sim.submissions) == 3


async def test_it_is_told_how_long_the_brake_has_held_a_submit():
    """Those after it go one by one, twenty a second to begin with; that is told too."""
    fault = Fault("429-retry-after-seconds", retry_after=30)
    async with Simulator(faults=[fault]) as sim, wired(sim) as wire:
        await wire.submit(REQUEST)
        await wire.submit(REQUEST)
    waited = [event.waited for event in wire.events if isinstance(event, SubmitSent)]
    assert waited == [0.0, pytest.approx(30, rel=0.2), pytest.approx(0.05)]


async def test_retry_after_as_a_date_is_honoured():
    fault = Fault("429-retry-after-date", retry_after=90)
    async with Simulator(faults=[fault]) as sim, wired(sim) as wire:
        await wire.submit(REQUEST)
        assert sum(wire.clock.naps) == pytest.approx(90, abs=2)


async def test_the_last_refusal_holds_the_others_back_too():
    fault = Fault("429-retry-after-seconds", retry_after=30)
    retry = RetryPolicy(attempts=1, jitter=0)
    async with Simulator(faults=[fault]) as sim, wired(sim, retry=retry) as wire:
        with pytest.raises(RateLimitError):
            await wire.submit(REQUEST)
        await wire.submit(REQUEST)
        assert wire.clock.naps == [30]


async def test_a_service_that_cannot_be_reached_holds_nobody_else_back():
    retry = RetryPolicy(attempts=1)
    async with Simulator() as sim, wired(sim, retry=retry) as wire:
        async with sim.unreachable():
            with pytest.raises(TransportError):
                await wire.submit(REQUEST)
        await wire.submit(REQUEST)
        assert wire.clock.naps == []


async def test_a_long_retry_after_is_capped():
    fault = Fault("429-retry-after-seconds", retry_after=86400)
    retry = RetryPolicy(retry_after_maximum=60, jitter=0)
    async with Simulator(faults=[fault]) as sim, wired(sim, retry=retry) as wire:
        await wire.submit(REQUEST)
        assert wire.clock.naps == [60]


async def test_without_retry_after_the_backoff_grows():
    retry = RetryPolicy(attempts=4, jitter=0)
    async with (
        Simulator(faults=[Fault("429-empty", times=None)]) as sim,
        wired(sim, retry=retry) as wire,
    ):
        with pytest.raises(RateLimitError):
            await wire.submit(REQUEST)
        assert wire.clock.naps == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("fault", ["500-message", "reset-before", "504-html"])
async def test_one_that_is_sent_again_with_its_key_backs_off_as_long_as_the_outage_lasts(fault):
    """A service that is down is asked some twenty times in five minutes, and not twice a second."""
    retry = RetryPolicy(jitter=0, outage_budget=60)
    faults = [Fault(fault, times=None)]
    async with (
        Simulator(service="pika", faults=faults) as sim,
        wired(sim, retry=retry) as wire,
    ):
        with pytest.raises(SubmissionUncertainError):
            await wire.submit(REQUEST)
        assert wire.clock.naps == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]


@pytest.mark.parametrize(("hours", "sent"), [(0, 2), (2, 1)], ids=["awake", "asleep"])
async def test_a_machine_that_sleeps_longer_than_a_key_is_known_sends_it_no_more(hours, sent):
    """The clock by which an outage is measured stands still meanwhile; the service's does not."""
    async with (
        Simulator(service="pika", faults=[Fault("reset-after")]) as sim,
        wired(sim) as wire,
    ):

        async def wakes_up_later(_: float) -> None:
            later = datetime.now(UTC) + timedelta(hours=hours)
            wire.submitter._timing = evolve(wire.submitter._timing, utc=lambda: later)

        wire.submitter._timing = evolve(wire.submitter._timing, sleep=wakes_up_later)
        if hours:
            with pytest.raises(SubmissionUncertainError, match="may have forgotten its key"):
                await wire.submit(REQUEST)
        else:
            await wire.submit(REQUEST)
        assert len(sim.submissions) == sent
        assert len(sim.jobs) == 1


def crowd(wire, monkeypatch) -> None:
    """From now on other submits are admitted before every refusal."""
    hold = wire.submitter._brake.hold
    monkeypatch.setattr(
        wire.submitter._brake, "hold", lambda *told, asked: hold(*told, asked=asked) is None or True
    )


async def test_refused_for_the_crowd_it_goes_with_a_submit_does_not_give_up(monkeypatch):
    retry = RetryPolicy(attempts=2, jitter=0)
    async with (
        Simulator(faults=[Fault("429-empty", times=12)]) as sim,
        wired(sim, retry=retry) as wire,
    ):
        crowd(wire, monkeypatch)
        await wire.submit(REQUEST)
        assert len(sim.submissions) == 13


async def test_even_in_a_crowd_it_gives_up_after_the_outage_budget(monkeypatch):
    retry = RetryPolicy(attempts=2, jitter=0, outage_budget=60)
    async with (
        Simulator(faults=[Fault("429-empty", times=None)]) as sim,
        wired(sim, retry=retry) as wire,
    ):
        crowd(wire, monkeypatch)
        with pytest.raises(RateLimitError, match="It was tried"):
            await wire.submit(REQUEST)
        # Then its own attempts are counted, each after 20 s.
        assert 60 <= sum(wire.clock.naps) <= 60 + 20 + 2 * 20


async def test_retries_are_visible_in_the_log(caplog):
    async with Simulator(faults=[Fault("429-openai")]) as sim, wired(sim) as wire:
        await wire.submit(REQUEST)
    [record] = [r for r in caplog.records if r.name == "pika_async"]
    assert record.levelno == logging.WARNING
    assert "attempt 1" in record.getMessage()


async def test_an_error_beside_a_job_id_names_the_job():
    fault = Fault("200-success-false", body={"success": False, "id": "job-1", "message": "no"})
    async with Simulator(faults=[fault]) as sim, wired(sim) as wire:
        with pytest.raises(APIError, match=r"client\.job\('job-1'\)\.refresh") as caught:
            await wire.submit(REQUEST)
    assert caught.value.job_id == "job-1"
    assert len(sim.submissions) == 1


async def test_a_file_is_read_when_the_request_is_sent_and_goes_as_a_data_url(tmp_path):
    """It need not be there when the request is built."""
    image = tmp_path / "cat.png"
    request = GenerationRequest("a cat", image=image)
    image.write_bytes(PNG)
    async with Simulator() as sim, wired(sim) as wire:
        await wire.submit(request)
    sent = sim.submissions[0].body["image"]
    assert sent == "data:image/png;base64," + base64.b64encode(PNG).decode()


async def test_a_body_of_many_megabytes_arrives_whole():
    image = PNG + bytes(3_000_000)
    async with Simulator() as sim, wired(sim) as wire:
        await wire.submit(GenerationRequest("a cat", image=image))
    sent = sim.submissions[0].body["image"].partition(",")[2]
    assert base64.b64decode(sent) == image


@every_row(
    ("content", "reason"),
    [
        (None, "there is no file of this name in the folder"),
        (b"notes", "it does not begin like an image."),
    ],
)
async def test_a_file_that_cannot_be_used_is_named_before_anything_is_sent(
    tmp_path_factory, content, reason
):
    image = tmp_path_factory.mktemp("media") / "cat.png"
    if content is not None:
        image.write_bytes(content)
    async with Simulator() as sim, wired(sim) as wire:
        with pytest.raises(ConfigurationError) as caught:
            await wire.submit(GenerationRequest("a cat", image=image))
    assert str(caught.value).startswith(f"image: the file {str(image)!r} cannot be used: {reason}")
    assert caught.value.money is MoneyMeaning.NOT_SENT
    assert sim.submissions == []


async def test_equal_files_have_equal_fingerprints_wherever_they_lie(tmp_path):
    prints = set()
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(PNG)
        async with Simulator(faults=[Fault("502-html")]) as sim, wired(sim) as wire:
            with pytest.raises(SubmissionUncertainError) as caught:
                await wire.submit(GenerationRequest("a cat", image=tmp_path / name))
        prints.add(caught.value.fingerprint)
        assert caught.value.request.image == tmp_path / name
    assert len(prints) == 1


class TestCancellation:
    @pytest.mark.parametrize("warm", [False, True], ids=["new connection", "kept alive"])
    async def test_a_caller_cancelled_before_the_post_leaves_pays_nothing(self, warm):
        """Also over a kept connection: since Python 3.12 its POST leaves in its first turn."""
        async with Simulator() as sim, wired(sim) as wire:
            if warm:
                await wire.submit(REQUEST)
            with anyio.CancelScope() as scope:
                scope.cancel()
                await wire.submit(REQUEST)
            assert scope.cancelled_caught
            await wire.answered()
            assert len(sim.submissions) == warm

    async def test_a_caller_cancelled_while_held_back_sends_nothing_more(self):
        fault = Fault("429-retry-after-seconds", times=None)
        async with Simulator(faults=[fault]) as sim, wired(sim) as wire:
            task = asyncio.create_task(wire.submit(REQUEST))
            await until(lambda: wire.clock.naps)
            sent = len(sim.submissions)
            await leave(task)
            await wire.answered()
            assert len(sim.submissions) <= sent + 1

    @on_a_leaping_loop
    async def test_the_answer_of_a_post_that_has_left_is_still_read_and_its_job_named(self, caplog):
        fault = Fault("slow-headers", seconds=0.2)
        async with Simulator(faults=[fault]) as sim, wired(sim) as wire:
            task = asyncio.create_task(wire.submit(REQUEST))
            await until(lambda: sim.submissions)
            await leave(task)
            await wire.answered()
            [job_id] = sim.jobs
            assert f"client.job('{job_id}').result()" in caplog.text
            assert len(sim.submissions) == 1

    async def test_a_caller_cancelled_while_connecting_pays_nothing(self):
        with socket.socket() as listener:
            # A full backlog answers no SYN, so the connection stays on its way.
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            address = listener.getsockname()
            stuck = [socket.socket() for _ in range(4)]
            for one in stuck:
                one.setblocking(False)
                one.connect_ex(address)
            async with Simulator() as sim, wired(sim, url=f"http://127.0.0.1:{address[1]}") as wire:
                task = asyncio.create_task(wire.submit(REQUEST))
                await until(lambda: wire.jobs._posts._under_way)
                for _ in range(20):
                    await anyio.lowlevel.checkpoint()
                await leave(task)
                with anyio.fail_after(5):
                    await wire.answered()
            for one in stuck:
                one.close()

    async def test_a_caller_cancelled_as_its_post_is_about_to_begin_leaves_nothing_behind(
        self, caplog
    ):
        class Cancelling:
            """Cancels whoever submits, before the task of the POST has its first turn."""

            stays = 0

            async def leaving(self):
                asyncio.get_running_loop().call_soon(task.cancel)

            async def accepted(self, job_id):
                raise AssertionError(job_id)

            def wanted(self):
                return True

            def stayed(self):
                self.stays += 1

        async with Simulator() as sim, wired(sim) as wire:
            record = Cancelling()
            task = asyncio.create_task(wire.submit(REQUEST, record=record))
            await asyncio.wait({task})
            assert task.cancelled()
            await wire.answered()
            assert wire.jobs._posts._under_way == {}
            assert sim.submissions == []
        assert record.stays == 1
        assert not [one for one in caplog.records if one.levelno >= logging.WARNING]

    async def test_a_post_that_is_cancelled_before_its_first_turn_cancels_its_caller(self):
        async with Simulator() as sim, wired(sim) as wire:
            task = asyncio.create_task(wire.submit(REQUEST))
            with anyio.fail_after(20):
                # One turn at a time, and no more.
                while not wire.jobs._posts._under_way:  # noqa: ASYNC110
                    await asyncio.sleep(0)  # noqa: TID251
                [post] = wire.jobs._posts._under_way
                post.cancel()
                await asyncio.wait({task})
            assert task.cancelled()
            assert wire.jobs._posts._under_way == {}

    async def test_a_submit_that_was_called_off_is_no_submit_that_broke_off(self, caplog):
        async with Simulator() as sim, wired(sim) as wire:
            for turns in range(1, 12):
                task = asyncio.create_task(wire.submit(REQUEST))
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                if wire.jobs._posts._under_way and not sim.submissions:
                    task.cancel()
                await asyncio.wait({task})
                await wire.answered()
        assert not [one for one in caplog.records if getattr(one, "uncertain", False)]

    @pytest.mark.parametrize("warm", [False, True], ids=["new connection", "kept alive"])
    async def test_cancelled_at_any_turn_no_job_is_lost(self, warm, caplog):
        async with Simulator() as sim, wired(sim) as wire:
            known = set()
            if warm:
                known.add((await wire.submit(REQUEST)).id)
            for turns in range(25):
                task = asyncio.create_task(wire.submit(REQUEST))
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                task.cancel()
                await asyncio.wait({task})
                if not task.cancelled():
                    known.add(task.result().id)
                await wire.answered()
                # Whatever was written has been read by the time a later request is answered.
                with contextlib.suppress(NotFoundError):
                    await wire.job("none").refresh()
            named = {record.job_id for record in caplog.records if hasattr(record, "job_id")}
            assert set(sim.jobs) <= known | named

    async def test_a_caller_cancelled_between_two_attempts_sends_no_second(self):
        async with Simulator(faults=[Fault("429-empty", times=None)]) as sim, wired(sim) as wire:
            with anyio.CancelScope() as scope:

                async def sleep_through_it(seconds, _):
                    wire.clock.moment += seconds
                    scope.cancel()

                wire.submitter._brake._rest = sleep_through_it
                await wire.submit(REQUEST)
            assert scope.cancelled_caught
            assert len(sim.submissions) == 1

    @on_a_leaping_loop
    async def test_a_refusal_that_comes_after_its_caller_left_is_nobodys_concern(self, caplog):
        fault = Fault("slow-headers", seconds=0.2, status=401, started=False)
        async with Simulator(faults=[fault]) as sim, wired(sim) as wire:
            task = asyncio.create_task(wire.submit(REQUEST))
            await until(lambda: sim.submissions)
            await leave(task)
            await wire.answered()
        assert [r for r in caplog.records if r.name == "pika_async"] == []

    async def test_a_post_that_breaks_after_its_caller_left_is_reported_as_uncertain(self, caplog):
        fault = Fault("closed-after")
        async with Simulator(faults=[fault]) as sim, wired(sim) as wire:
            task = asyncio.create_task(wire.submit(REQUEST))
            await until(lambda: sim.submissions)
            await leave(task)
            await wire.answered()
        assert "may exist and be billed" in caplog.text
