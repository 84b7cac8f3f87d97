"""The client: its life, its one bound, and what it promises around a job."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import traceback
from functools import partial
from pathlib import Path

import aiohttp
import anyio
import pytest
from aioresponses import aioresponses
from support.held_loop import on_a_leaping_loop
from support.mocks import RepairedResponse
from support.tables import every_row

from pika_async import (
    APIError,
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    DecodeError,
    FieldError,
    FixedPolling,
    GenerationRequest,
    InvalidRequestError,
    JobFailedError,
    JobTimeoutError,
    ModerationError,
    NotFoundError,
    PermissionDeniedError,
    PikaClient,
    PikaError,
    Queued,
    QuotaExceededError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    SubmissionUncertainError,
    Succeeded,
    TransportError,
)
from pika_async._jobs.job import ended
from pika_async.dialects import Gateway
from pika_async.simulator import Fault, Polls, Simulator

KEY = "sk-secret-0123456789"


def client_for(sim, **options) -> PikaClient:
    return PikaClient(KEY, base_url=sim.url, **({"polling": FixedPolling(0)} | options))


async def heard_later(_event) -> None:
    """An observer that would never be awaited."""


class HearsLater:
    """The same as an object."""

    async def __call__(self, _event) -> None:
        """Nothing."""


async def until(condition) -> None:
    with anyio.fail_after(20):
        while not condition():
            await anyio.lowlevel.checkpoint()


def open_sockets() -> int:
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(1 for link in links if "socket" in str(link.readlink()))


class TestLife:
    def test_without_asyncio_it_says_that_it_needs_it(self):
        """Whoever opens it with trio, or without a loop, is told what it works with."""
        client = PikaClient(KEY)
        for _ in range(2):
            with pytest.raises(ClientStateError, match="asyncio.*not with trio"):
                # As any loop but asyncio's begins a coroutine.
                client.open().send(None)

    async def test_opening_it_twice_is_an_error_with_a_sentence(self):
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(ClientStateError, match="is open already; a client is opened once"):
                await client.__aenter__()
            await client.submit("the first opening still works")

    async def test_opening_it_again_after_closing_is_one_too(self):
        client = PikaClient(KEY)
        async with client:
            pass
        with pytest.raises(ClientStateError, match="has been closed"):
            await client.__aenter__()

    async def test_it_opens_and_closes_without_a_block_as_notebooks_need(self):
        async with Simulator() as sim:
            client = await PikaClient(KEY, base_url=sim.url).open()
            job = await client.submit("a red panda")
            await client.aclose()
            await client.aclose()
            with pytest.raises(ClientStateError, match="has been closed"):
                await client.submit("another")
        assert list(sim.jobs) == [job.id]

    async def test_using_it_unopened_says_how_to_open_it(self):
        client = PikaClient(KEY)
        with pytest.raises(ClientStateError, match="async with PikaClient") as caught:
            await client.submit("a red panda")
        assert isinstance(caught.value, RuntimeError)

    @pytest.mark.parametrize("verb", ["submit", "generate"])
    async def test_using_it_closed_sends_nothing(self, verb):
        async with Simulator() as sim:
            async with client_for(sim) as client:
                pass
            with pytest.raises(ClientStateError, match="closed"):
                await getattr(client, verb)("a red panda")
            assert sim.submissions == []

    async def test_waiting_for_a_job_of_a_closed_client_says_that_the_job_runs_on(self):
        async with Simulator() as sim:
            async with client_for(sim) as client:
                job = await client.submit("a red panda")
            with pytest.raises(ClientStateError, match="stays paid for"):
                await job.result()

    @pytest.mark.skipif(
        not Path("/proc/self/fd").exists(), reason="counts sockets in /proc, which Linux has"
    )
    async def test_closing_leaves_no_task_and_no_socket(self):
        async with Simulator(duration=Polls(3)) as sim:
            before = open_sockets()
            async with client_for(sim, polling=FixedPolling(0.01)) as client:
                job = await client.submit("a red panda")
                async for _ in job.transitions():
                    break
                watcher = asyncio.create_task(job.result())
                await until(lambda: sim.polls)
                watcher.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await watcher
                await client.generate("another")
            gc.collect()
            # The server's ends of the connections close as soon as it runs.
            await until(lambda: open_sockets() == before)
            ours = [t for t in asyncio.all_tasks() if "pika_async._" in repr(t)]
            assert ours == []

    @on_a_leaping_loop
    async def test_closing_reads_the_answer_of_a_post_whose_caller_left(self, caplog):
        async with Simulator(faults=[Fault("slow-headers", seconds=0.2)]) as sim:
            async with client_for(sim) as client:
                task = asyncio.create_task(client.submit("a red panda"))
                await until(lambda: sim.submissions)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert next(iter(sim.jobs)) in caplog.text

    @on_a_leaping_loop
    async def test_closing_waits_for_a_submit_under_way(self):
        async with Simulator(faults=[Fault("slow-headers", seconds=0.3)]) as sim:
            async with client_for(sim) as client:
                task = asyncio.create_task(client.submit("a red panda"))
                await until(lambda: sim.submissions)
            assert (await task).id in sim.jobs

    async def test_a_lent_session_survives_the_client(self):
        async with Simulator() as sim, aiohttp.ClientSession() as session:
            async with client_for(sim, session=session) as client:
                await client.submit("a red panda")
            assert not session.closed

    async def test_it_opens_and_closes_in_different_tasks(self):
        async with Simulator() as sim:
            client = client_for(sim)
            await asyncio.create_task(client.__aenter__())
            await asyncio.create_task(client.submit("a red panda"))
            await asyncio.create_task(client.__aexit__(None, None, None))


class TestConfiguration:
    def test_the_environment_gives_key_and_url_and_arguments_win(self, monkeypatch):
        monkeypatch.setenv("PIKA_API_KEY", "from-environment")
        monkeypatch.setenv("PIKA_BASE_URL", "https://env.example/v1/")
        assert "https://env.example/v1'" in repr(PikaClient())
        assert "https://arg.example'" in repr(PikaClient(base_url="https://arg.example/"))

    def test_without_a_key_it_says_what_to_do(self, monkeypatch):
        monkeypatch.delenv("PIKA_API_KEY", raising=False)
        with pytest.raises(ConfigurationError, match="api_key=… or set PIKA_API_KEY"):
            PikaClient()

    def test_a_key_over_plain_http_to_another_machine_is_refused(self):
        with pytest.raises(ConfigurationError, match="plain http"):
            PikaClient(KEY, base_url="http://api.example")
        PikaClient(KEY, base_url="http://api.example", allow_insecure=True)

    @every_row("value", [0, -1, float("nan"), float("inf"), True])
    def test_request_timeout_is_above_zero(self, value):
        with pytest.raises(ValueError, match="request_timeout: .* is not allowed"):
            PikaClient(KEY, request_timeout=value)

    @every_row("value", [0, -1, 1.5, True])
    def test_max_in_flight_is_a_whole_number_from_one(self, value):
        with pytest.raises(ValueError, match="max_in_flight: .* is not allowed"):
            PikaClient(KEY, max_in_flight=value)

    @every_row(
        ("argument", "value", "allowed"),
        [
            ("dialect", "pika", r"a dialect, such as pika_async\.dialects\.Pika\(\)$"),
            ("dialect", "", "a dialect"),
            ("dialect", Gateway, r"an object of it, Gateway\(…\), and not the class$"),
            ("polling", 2, r"a PollPolicy, such as FixedPolling\(2\)$"),
            ("polling", FixedPolling, "an object of it"),
            ("retry", 3, "a RetryPolicy$"),
            ("retry", 0, "a RetryPolicy$"),
            ("session", "s", "an aiohttp.ClientSession$"),
            ("session", aiohttp.ClientSession, "an object of it"),
            ("observer", 3, "a plain function, without async, that takes an event$"),
            ("observer", heard_later, "a plain function, without async"),
            ("observer", partial(heard_later), "a plain function, without async"),
            ("observer", HearsLater(), "a plain function, without async"),
        ],
    )
    def test_what_a_job_would_trip_over_is_refused_at_once(self, argument, value, allowed):
        """A policy or an observer that is none would be found out by a job that is paid for."""
        with pytest.raises(
            FieldError, match=f"^{argument}: .* is not allowed; allowed is {allowed}"
        ):
            PikaClient(KEY, **{argument: value})

    def test_an_observer_may_be_any_plain_callable(self):
        for observer in (print, [].append, lambda _: None, partial(print, end="")):
            PikaClient(KEY, observer=observer)

    def test_the_key_is_in_no_repr(self):
        client = PikaClient(KEY)
        shown = [repr(client), repr(vars(client)), repr(client._endpoint)]
        assert KEY not in "".join(shown)

    async def test_a_base_url_with_a_path_is_kept(self):
        async with Simulator(prefix="/gateways/pika", duration=0) as sim:
            async with client_for(sim) as client:
                assert (await client.generate("a red panda")).video.url


class TestSubmit:
    async def test_a_prompt_alone_is_a_request(self):
        async with Simulator() as sim, client_for(sim) as client:
            job = await client.submit("a red panda")
            assert job.request == GenerationRequest("a red panda")
            assert job.state == Queued()
            assert job.state.raw["id"] == job.id

    @pytest.mark.parametrize("request_", ["", "  ", None, 7])
    async def test_bad_input_is_refused_before_anything_is_sent(self, request_):
        async with Simulator() as sim, client_for(sim) as client:
            for verb in (client.submit, client.generate):
                with pytest.raises(ValueError, match="not allowed"):
                    await verb(request_)
            assert sim.submissions == []

    async def test_a_bad_timeout_is_refused_before_anything_is_sent(self):
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(ValueError, match="timeout"):
                await client.generate("a red panda", timeout=-1)
            assert sim.submissions == []


class TestFieldsByKeyword:
    async def test_a_prompt_and_fields_are_a_request(self):
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            result = await client.generate("a red panda", seed=7, pikaffect="melt", timeout=60)
            job = await client.submit("another", aspect_ratio="16:9")
        bodies = [submission.body for submission in sim.submissions]
        assert bodies[0]["options"]["parameters"]["seed"] == 7
        assert bodies[0]["pikaffect"] == "Melt"
        assert bodies[1]["options"]["aspectRatio"] == 16 / 9
        assert result.videos
        assert job.request == GenerationRequest("another", aspect_ratio="16:9")

    async def test_they_replace_those_of_a_request_that_is_given(self):
        async with Simulator() as sim, client_for(sim) as client:
            job = await client.submit(GenerationRequest("a red panda", seed=7, motion=2), seed=8)
        assert job.request == GenerationRequest("a red panda", seed=8, motion=2)

    @pytest.mark.parametrize("verb", ["submit", "generate", "quote"])
    async def test_a_wrong_field_is_refused_before_anything_is_sent(self, verb):
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(FieldError, match="^motion: 9 is not allowed"):
                await getattr(client, verb)("a red panda", motion=9)
            with pytest.raises(TypeError, match="'sead' is no field of a request; its fields are"):
                await getattr(client, verb)("a red panda", sead=9)
            with pytest.raises(FieldError, match="duration"):
                client.check("a red panda", duration=5)
        assert sim.submissions == []

    @pytest.mark.parametrize("verb", ["submit", "generate", "quote"])
    async def test_what_the_service_does_not_have_is_refused_before_anything_is_sent(self, verb):
        """A field that would be dropped would be paid for all the same."""
        async with Simulator() as sim, client_for(sim) as client:
            with pytest.raises(FieldError, match="duration: 5 is not allowed; the gateway has no"):
                await getattr(client, verb)("a red panda", duration=5)
        assert sim.submissions == []


class TestJobs:
    async def test_the_same_id_is_the_same_live_job(self):
        async with Simulator() as sim, client_for(sim) as client:
            job = await client.submit("a red panda")
            assert client.job(job.id) is job
            assert client.job("other") is not job

    async def test_a_service_that_names_one_job_twice_has_one_job(self):
        same = Fault("custom", status=200, body={"id": "same"}, times=2)
        async with Simulator(faults=[same]) as sim, client_for(sim) as client:
            assert await client.submit("a red panda") is await client.submit("a red panda")

    async def test_a_job_nobody_holds_is_forgotten(self):
        async with Simulator() as sim, client_for(sim) as client:
            await client.submit("a red panda")
            gc.collect()
            assert not client._jobs._jobs

    @on_a_leaping_loop
    async def test_a_job_just_submitted_has_its_minute_even_if_nobody_held_it(self):
        lost = Fault("unknown-404", on="poll")
        async with Simulator(duration=Polls(1), faults=[lost]) as sim, client_for(sim) as client:
            job_id = (await client.submit("a red panda")).id
            gc.collect()
            assert (await client.job(job_id).result()).video

    async def test_only_the_submits_of_the_last_minute_are_remembered(self):
        async with Simulator() as sim, client_for(sim) as client:
            first = (await client.submit("a red panda")).id
            client._jobs._lately._sent_at[first] -= 61
            second = (await client.submit("a red panda")).id
            assert list(client._jobs._lately._sent_at) == [second]

    async def test_no_more_submits_are_remembered_than_a_bounded_number(self, monkeypatch):
        monkeypatch.setattr("pika_async._jobs.latest._REMEMBERED", 3)
        async with Simulator() as sim, client_for(sim) as client:
            ids = [(await client.submit("a red panda")).id for _ in range(5)]
            assert list(client._jobs._lately._sent_at) == ids[-3:]

    async def test_who_waits_for_the_end_hears_first_what_is_known(self):
        async with Simulator(duration=Polls(3)) as sim, client_for(sim) as client:
            job = await client.submit("a panda")
            known, heard = await job.refresh(), []
            await ended(job, 60.0, heard.append)
        assert heard[0] == known
        assert heard[-1] == job.state

    async def test_renewing_a_link_is_no_second_end_of_the_job(self, caplog, tmp_path):
        caplog.set_level(logging.INFO, "pika_async")
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            video = (await client.generate("a red panda")).video
            gc.collect()
            sim.faults.append(Fault("410-expired"))
            await client.download(video, tmp_path / "panda.mp4")
        assert [r.levelname for r in caplog.records if r.name == "pika_async"] == ["INFO", "INFO"]

    async def test_a_job_is_found_again_by_another_client(self):
        async with Simulator(duration=Polls(1)) as sim:
            async with client_for(sim) as first:
                job_id = (await first.submit("a red panda")).id
            async with client_for(sim) as second:
                job = second.job(job_id)
                assert (job.state, job.request) == (None, None)
                assert (await job.result()).video.job_id == job_id
            assert len(sim.submissions) == 1

    @every_row("job_id", ["", " ", None, 7])
    def test_an_id_is_text(self, job_id):
        with pytest.raises(ValueError, match="job_id: .* is not allowed"):
            PikaClient(KEY).job(job_id)

    @pytest.mark.parametrize("job_id", ["a/b", "..", "a?b#c", "ä", "a%2Fb"])
    async def test_any_id_stays_one_segment_of_the_path(self, job_id):
        async with Simulator(unknown_job="404") as sim, client_for(sim) as client:
            with pytest.raises(NotFoundError):
                await client.job(job_id).refresh()
            assert [poll.job_id for poll in sim.polls] == [job_id]

    async def test_two_watchers_cost_the_polls_of_one(self):
        async with Simulator(duration=Polls(4)) as sim:
            async with client_for(sim, polling=FixedPolling(0.02)) as client:
                job = await client.submit("a red panda")
                results = await asyncio.gather(*(job.result() for _ in range(8)))
            assert len(set(map(id, results))) == 1
            assert len(sim.polls) == 4

    async def test_breaking_out_leaves_the_remote_job_alone(self):
        async with Simulator(duration=Polls(3)) as sim, client_for(sim) as client:
            job = await client.submit("a red panda")
            async for _ in job.transitions():
                break
            assert (await job.result()).video
            assert len(sim.submissions) == 1


class TestGenerate:
    async def test_from_prompt_to_videos(self):
        async with Simulator(duration=Polls(2)) as sim, client_for(sim) as client:
            state = await client.generate("a red panda")
            assert isinstance(state, Succeeded)
            assert state.video.url.startswith(sim.media_url)

    async def test_a_failure_carries_the_job(self):
        async with Simulator(duration=0, failure="server on fire") as sim:
            async with client_for(sim) as client:
                with pytest.raises(JobFailedError, match="server on fire") as caught:
                    await client.generate("a red panda")
                assert caught.value.job_id in sim.jobs

    async def test_a_refused_prompt_is_a_moderation_error(self):
        async with Simulator(duration=0, failure="prompt not allowed") as sim:
            async with client_for(sim) as client:
                with pytest.raises(ModerationError):
                    await client.generate("a red panda")

    async def test_a_timeout_carries_the_job_which_runs_on(self):
        async with Simulator(duration=Polls(2)) as sim, client_for(sim) as client:
            with pytest.raises(JobTimeoutError) as caught:
                await client.generate("a red panda", timeout=0)
            assert (await client.job(caught.value.job_id).result()).video
            assert len(sim.submissions) == 1

    async def test_a_caller_who_leaves_is_told_the_job_in_the_log(self, caplog):
        async with Simulator(duration=3600) as sim, client_for(sim) as client:
            task = asyncio.create_task(client.generate("a red panda"))
            await until(lambda: sim.polls)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            [job_id] = sim.jobs
            assert f"client.job('{job_id}').result()" in caplog.text

    async def test_max_in_flight_bounds_all_of_them_together(self):
        async with Simulator(duration=Polls(2)) as sim:
            async with client_for(sim, max_in_flight=3) as client:
                peak = 0

                async def one():
                    nonlocal peak
                    await client.generate("a red panda")

                def unfinished():
                    return sum(1 for job in sim.jobs.values() if job.polls < 2)

                tasks = [asyncio.create_task(one()) for _ in range(12)]
                while not all(task.done() for task in tasks):
                    peak = max(peak, unfinished())
                    await anyio.lowlevel.checkpoint()
                await asyncio.gather(*tasks)
            assert len(sim.jobs) == 12
            assert peak <= 3

    async def test_a_caller_cancelled_in_the_queue_pays_nothing(self):
        async with Simulator(duration=3600) as sim:
            async with client_for(sim, max_in_flight=1) as client:
                first = asyncio.create_task(client.generate("a red panda"))
                await until(lambda: sim.polls)
                second = asyncio.create_task(client.generate("never"))
                await anyio.lowlevel.checkpoint()
                second.cancel()
                first.cancel()
                await asyncio.gather(first, second, return_exceptions=True)
            assert len(sim.submissions) == 1


class TestStatuses:
    """Where a status is all that matters."""

    URL = "https://api.yescale.io/pika/generate"

    @pytest.mark.parametrize(
        ("status", "payload", "error"),
        [
            (400, {"code": "invalid_request", "message": "no"}, InvalidRequestError),
            (401, {"error": {"message": "no", "type": "new_api_error"}}, AuthenticationError),
            (402, {}, QuotaExceededError),
            (403, {"error": {"message": "no", "type": "new_api_error"}}, PermissionDeniedError),
            (403, {"code": "quota_not_enough", "message": "no"}, QuotaExceededError),
            (404, {"error": {"message": "Invalid URL"}}, NotFoundError),
            (409, {}, APIError),
            (413, {}, InvalidRequestError),
            (422, {}, InvalidRequestError),
            (429, {}, RateLimitError),
            (503, {"error": {"message": "no channel", "type": "new_api_error"}}, ServerError),
            (500, {}, SubmissionUncertainError),
            (200, {}, SubmissionUncertainError),
        ],
    )
    async def test_a_status_becomes_its_error(self, status, payload, error):
        with aioresponses() as mock:
            mock.post(
                self.URL,
                status=status,
                payload=payload,
                response_class=RepairedResponse,
                repeat=True,
            )
            async with PikaClient(KEY, retry=RetryPolicy(attempts=1)) as client:
                with pytest.raises(PikaError) as caught:
                    await client.submit("a red panda")
        assert type(caught.value) is error

    @pytest.mark.parametrize(
        ("exception", "posts"),
        [
            (aiohttp.ServerDisconnectedError(), 1),
            (aiohttp.ClientOSError(104, "reset"), 1),
            (aiohttp.ClientPayloadError("truncated"), 1),
            (TimeoutError(), 1),
            (aiohttp.SocketTimeoutError(), 1),
            (aiohttp.ConnectionTimeoutError(), 2),
        ],
        ids=lambda value: type(value).__name__,
    )
    async def test_a_broken_connection_is_sent_again_only_if_nothing_had_left(
        self, exception, posts
    ):
        retry = RetryPolicy(attempts=2, initial=0)
        with aioresponses() as mock:
            mock.post(self.URL, exception=exception, repeat=True)
            async with PikaClient(KEY, retry=retry) as client:
                with pytest.raises(PikaError) as caught:
                    await client.submit("a red panda")
            assert sum(len(calls) for calls in mock.requests.values()) == posts
        expected = SubmissionUncertainError if posts == 1 else TransportError
        assert isinstance(caught.value, expected)

    async def test_a_web_page_says_that_the_base_url_is_wrong(self):
        with aioresponses() as mock:
            mock.post(
                "https://wrong.example/pika/generate",
                body="<!doctype html>",
                content_type="text/html",
                response_class=RepairedResponse,
            )
            async with PikaClient(KEY, base_url="https://wrong.example") as client:
                with pytest.raises(DecodeError, match="base URL is wrong"):
                    await client.submit("a red panda")


class TestLentSessions:
    @pytest.mark.skipif(
        not hasattr(aiohttp, "ClientHandlerType"), reason="middlewares came with aiohttp 3.12"
    )
    async def test_a_middleware_that_retries_does_not_pay_twice(self):
        async def retrying(request, handler):
            try:
                return await handler(request)
            except aiohttp.ClientError:
                return await handler(request)

        async with (
            Simulator(faults=[Fault("reset-after")]) as sim,
            aiohttp.ClientSession(middlewares=(retrying,)) as session,
            client_for(sim, session=session) as client,
        ):
            with pytest.raises(SubmissionUncertainError):
                await client.submit("a red panda")
            assert len(sim.submissions) == 1

    @pytest.mark.skipif(
        not hasattr(aiohttp, "ClientHandlerType"), reason="middlewares came with aiohttp 3.12"
    )
    async def test_all_but_a_submit_goes_through_its_middlewares(self):
        """And a submit has the headers of the session, and is traced."""
        seen, traced = [], []

        async def noting(request, handler):
            seen.append(request.method)
            return await handler(request)

        async def note(session, context, params):  # noqa: ARG001 - aiohttp calls it so
            traced.append(params.method)

        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(note)
        options = {"middlewares": (noting,), "headers": {"X-Studio": "quasar"}}
        async with (
            Simulator(duration=Polls(1)) as sim,
            aiohttp.ClientSession(trace_configs=[trace], **options) as session,
            client_for(sim, session=session) as client,
        ):
            await client.generate("a red panda")
            assert sim.submissions[0].headers["X-Studio"] == "quasar"
        assert (seen, traced) == (["GET"], ["POST", "GET"])

    async def test_its_own_authorization_does_not_reach_the_media_host(self, tmp_path):
        async with (
            Simulator(duration=0) as sim,
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session,
            client_for(sim, session=session) as client,
        ):
            video = (await client.generate("a red panda")).video
            await client.download(video, tmp_path / "panda.mp4")
            assert [r for r in sim.downloads if "Authorization" in r.headers] == []
            assert not session.closed


class TestSecrets:
    @pytest.mark.parametrize("key", ["key", "id", "status", "e", "finished"])
    async def test_answers_that_are_no_errors_are_taken_as_they_are(self, key):
        async with Simulator(duration=0) as sim:
            async with PikaClient(
                key.strip() or "x", base_url=sim.url, polling=FixedPolling(0)
            ) as client:
                job = await client.submit("a monkey finished")
                assert "a_monkey_finished" in (await job.result()).video.url

    async def test_a_gateway_that_quotes_the_key_does_not_bring_it_into_errors(self, caplog):
        caplog.set_level(logging.DEBUG)
        echo = {"error": {"message": f"Incorrect API key provided: {KEY}", "type": "x"}}
        faults = [Fault("custom", status=401, body=echo)]
        async with Simulator(faults=faults) as sim, client_for(sim) as client:
            with pytest.raises(AuthenticationError) as caught:
                await client.submit("a red panda")
        error = caught.value
        shown = [
            *(str(error), repr(error), error.body, error.message, caplog.text),
            "".join(traceback.format_exception(error)),
            pickle.dumps(error).decode("latin-1"),
        ]
        assert KEY not in "".join(shown)
        assert "[API key]" in error.message

    async def test_prompts_are_logged_at_debug_at_most(self, caplog):
        caplog.set_level(logging.INFO, "pika_async")
        async with Simulator(duration=0) as sim, client_for(sim) as client:
            await client.generate("a very private prompt")
        assert "private" not in caplog.text


async def test_a_dialect_of_ones_own_is_used():
    class Shouting(Gateway):
        def encode_request(self, request):
            return super().encode_request(request) | {"promptText": request.prompt.upper()}

    async with Simulator() as sim, client_for(sim, dialect=Shouting()) as client:
        await client.submit("a red panda")
        assert sim.submissions[0].body["promptText"] == "A RED PANDA"
