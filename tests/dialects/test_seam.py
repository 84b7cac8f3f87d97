"""A second dialect runs through the same client, on real sockets: the seam fits a second service.

The toy service (support/toy.py) knows idempotency keys, takes two requests a look, takes media from
another origin, and has jobs that fail at their submit. Nobody knows it outside of that file.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import math
import traceback

import pytest
from attrs import evolve, frozen
from support.batches import until
from support.tables import every_row
from support.toy import Toy, toy_service
from support.wire import KEY, wired_to

from pika_async import (
    APIError,
    AuthenticationError,
    Batch,
    ConfigurationError,
    Failed,
    FieldError,
    FixedPolling,
    GenerationRequest,
    JobFailedError,
    PikaClient,
    PikaError,
    Queued,
    RetryPolicy,
    SubmissionUncertainError,
    SubmitHeldBack,
    Succeeded,
    TransportError,
    run_batch,
)
from pika_async._http import Endpoint, HTTPRequest, HTTPResponse
from pika_async._meaning import Started
from pika_async._wire.api import API
from pika_async._wire.departure import Departure
from pika_async.dialects import Dialect, Gateway, Handle, Pika

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300
REQUEST = GenerationRequest("a red panda surfing")
QUICK = {"polling": FixedPolling(0), "retry": RetryPolicy(initial=0.0, maximum=0.0)}


def toy_client(service, **options) -> PikaClient:
    return PikaClient(KEY, base_url=service.url, **(QUICK | {"dialect": Toy()} | options))


@every_row("dialect", [Toy(), Gateway(), Pika()], ids=lambda dialect: dialect.name)
def test_every_dialect_answers_everything_that_the_seam_asks(dialect):
    asked = {name for name in vars(Dialect) if not name.startswith("_")}
    assert asked == {
        "name",
        "hosts",
        "key_variables",
        "repeatable",
        "check",
        "encode_submit",
        "decode_submit",
        "poll",
    }
    assert all(hasattr(dialect, name) for name in asked)


class TestAJob:
    async def test_it_runs_from_submit_to_result_by_two_requests_a_look(self):
        async with toy_service() as service, toy_client(service) as client:
            job = await client.submit("a red panda surfing")
            assert isinstance(job.state, Queued)
            result = await job.result()
        assert result.video.url.endswith("/v.mp4")
        assert service.paths == [
            "POST /jobs",
            "GET /jobs/toy-1",
            "GET /jobs/toy-1",
            "GET /jobs/toy-1/result",
        ]

    async def test_its_id_alone_leads_back_to_it(self):
        async with toy_service() as service:
            async with toy_client(service) as client:
                job_id = (await client.submit("a red panda surfing")).id
            async with toy_client(service) as another:
                assert (await another.job(job_id).result()).video

    async def test_one_that_failed_at_its_submit_is_a_job_that_failed(self):
        async with toy_service(fail_at_once=True) as service, toy_client(service) as client:
            job = await client.submit("a red panda surfing")
            assert job.state == Failed(reason="no balance")
            seen = [step.state async for step in job.transitions()]
            with pytest.raises(JobFailedError, match="no balance"):
                await job.result()
        assert seen == [Failed(reason="no balance")]
        assert service.paths == ["POST /jobs"]

    async def test_what_the_service_does_not_have_is_refused_before_anything_is_sent(self):
        request = GenerationRequest("a cat", motion=2, image=PNG)
        async with toy_service() as service, toy_client(service) as client:
            with pytest.raises(FieldError, match="motion"):
                client.check(request)
            with pytest.raises(FieldError) as caught:
                await client.submit(request)
            (result,) = await run_batch(client, [request])
        assert (caught.value.field, caught.value.value) == ("motion", 2)
        assert isinstance(result.error, ConfigurationError)
        assert service.paths == []


class TestARepeatedKey:
    @pytest.mark.parametrize("lost", [1, 3])
    async def test_a_submit_whose_answer_was_lost_is_asked_again_and_names_the_one_job(self, lost):
        async with (
            toy_service(lose_answers=lost) as service,
            wired_to(service.url, dialect=Toy()) as wire,
        ):
            job = await wire.submit(REQUEST)
        assert job.id == "toy-1"
        assert len(service.jobs) == 1
        assert len(service.posts) == lost + 1
        assert len(set(service.posts)) == 1
        assert len(wire.told(SubmitHeldBack)) == lost

    async def test_it_may_be_answered_with_a_job_that_is_done_by_now(self):
        async with toy_service(lose_answers=1, looks=0) as service, toy_client(service) as client:
            job = await client.submit("a red panda surfing")
            assert isinstance(await job.result(), Succeeded)
        assert len(service.jobs) == 1

    async def test_beyond_the_outage_budget_it_is_uncertain(self):
        retry = RetryPolicy(jitter=0.0, outage_budget=60)
        async with (
            toy_service(lose_answers=1000) as service,
            wired_to(service.url, dialect=Toy(), retry=retry) as wire,
        ):
            with pytest.raises(SubmissionUncertainError, match="may be billed"):
                await wire.submit(REQUEST)
        assert 60 <= sum(wire.clock.naps) <= 120
        assert len(service.jobs) == 1

    async def test_a_refusal_of_a_later_try_does_not_undo_the_doubt(self):
        from aiohttp import web  # noqa: PLC0415 - of this one answer

        async with (
            toy_service(lose_answers=1) as service,
            wired_to(service.url, dialect=Toy()) as wire,
        ):
            sleep = wire.clock.sleep

            async def refuse_from_now_on(seconds):
                service.answers = [lambda: web.json_response({}, status=401)]
                await sleep(seconds)

            wire.submitter._timing = evolve(wire.submitter._timing, sleep=refuse_from_now_on)
            with pytest.raises(SubmissionUncertainError) as caught:
                await wire.submit(REQUEST)
        assert isinstance(caught.value.cause, TransportError)

    async def test_each_submit_has_a_key_of_its_own(self):
        async with toy_service() as service, toy_client(service) as client:
            await client.submit("a red panda surfing")
            await client.submit("a red panda surfing")
        assert len({key for key, _ in service.posts}) == 2
        assert len(service.jobs) == 2


class TestUploads:
    async def test_bytes_go_up_first_and_their_address_into_the_body(self):
        async with toy_service() as service, toy_client(service) as client:
            await client.submit(GenerationRequest("a cat", image=PNG))
        assert [content for _, content in service.stored] == [PNG]
        assert b"https://files.example/1.png" in service.posts[0][1]
        assert service.paths == ["POST /uploads", "POST /jobs"]

    async def test_they_go_without_the_key(self):
        async with toy_service() as service, toy_client(service) as client:
            await client.submit(GenerationRequest("a cat", image=PNG))
        (headers, _) = service.stored[0]
        assert KEY not in "".join(headers.values())
        assert headers["Content-Type"] == "image/png"

    async def test_the_same_bytes_go_up_once_a_client(self):
        async with toy_service() as service, toy_client(service) as client:
            await asyncio.gather(
                *(client.submit(GenerationRequest(f"cat {n}", image=PNG)) for n in range(5))
            )
            await client.submit(GenerationRequest("another", image=PNG))
        assert len(service.stored) == 1
        assert len(service.jobs) == 6

    async def test_a_file_that_the_service_would_not_take_is_refused_before_its_bytes_leave(
        self, tmp_path
    ):
        @frozen(kw_only=True)
        class Small(Toy):
            @property
            def most_bytes(self):
                return {"image": 1000}

        file = tmp_path / "a.png"
        file.write_bytes(PNG)
        async with toy_service() as service, toy_client(service, dialect=Small()) as client:
            for image in (PNG, file):
                with pytest.raises(ConfigurationError, match="allowed is 1000 bytes at most"):
                    await client.submit(GenerationRequest("a cat", image=image))
            (result,) = await run_batch(client, [GenerationRequest("a cat", image=file)])
        assert isinstance(result.error, ConfigurationError)
        assert service.paths == []

    async def test_one_that_broke_is_begun_anew_and_costs_nothing(self):
        async with toy_service(lose_uploads=2) as service, toy_client(service) as client:
            await client.submit(GenerationRequest("a cat", image=PNG))
        assert len(service.stored) == 1
        assert len(service.posts) == 1

    async def test_one_that_keeps_breaking_is_an_error_and_nothing_is_submitted(self):
        async with toy_service(lose_uploads=1000) as service, toy_client(service) as client:
            with pytest.raises(Exception, match="503"):
                await client.submit(GenerationRequest("a cat", image=PNG))
        assert service.posts == []

    async def test_one_caller_that_leaves_does_not_take_it_from_another(self):
        async with toy_service() as service, toy_client(service) as client:
            request = GenerationRequest("a cat", image=PNG)
            leaving = asyncio.create_task(client.submit(request))
            staying = asyncio.create_task(client.submit(request))
            await until(lambda: service.paths)
            leaving.cancel()
            await staying
        assert len(service.stored) == 1

    async def test_addresses_and_text_are_sent_as_they_are(self):
        async with toy_service() as service, toy_client(service) as client:
            await client.submit(GenerationRequest("a cat", image="https://host.example/a.png"))
        assert service.stored == []


class TestInABatch:
    async def test_what_was_cut_in_the_middle_is_sent_again_with_its_key(self, tmp_path):
        journal = tmp_path / "journal"
        requests = [GenerationRequest("a cat", image=PNG), "a panda"]
        impatient = RetryPolicy(initial=0.0, maximum=0.0, outage_budget=0.0)
        async with toy_service(lose_answers=2) as service:
            async with toy_client(service, retry=impatient) as client:
                first = await run_batch(client, requests, journal=journal)
            assert all(isinstance(result.error, SubmissionUncertainError) for result in first)
            async with toy_client(service) as client:
                again = await run_batch(client, requests, journal=journal)
        assert all(result.ok for result in again)
        assert len(service.jobs) == 2
        assert len(service.posts) == 4
        # The address that was uploaded for it is kept: byte for byte, and nothing goes up again.
        assert len(set(service.posts)) == 2
        assert len(service.stored) == 1

    @pytest.mark.parametrize("encodes_otherwise", [False, True])
    async def test_a_body_too_long_to_be_kept_is_sent_again_only_where_it_comes_out_the_same(
        self, tmp_path, encodes_otherwise
    ):
        class Newer(Toy):
            def encode_submit(self, endpoint, request, key):
                sent = super().encode_submit(endpoint, request, key)
                return evolve(sent, body=sent.body.replace(b"{", b'{"version": 2, ', 1))

        journal = tmp_path / "journal"
        image = "data:image/png;base64," + base64.b64encode(PNG + bytes(20_000)).decode()
        requests = [GenerationRequest("a cat", image=image)]
        impatient = RetryPolicy(initial=0.0, maximum=0.0, outage_budget=0.0)
        async with toy_service(lose_answers=1) as service:
            async with toy_client(service, retry=impatient) as client:
                await run_batch(client, requests, journal=journal)
            dialect = Newer() if encodes_otherwise else Toy()
            async with toy_client(service, dialect=dialect) as client:
                (again,) = await run_batch(client, requests, journal=journal)
        assert len(service.jobs) == 1
        assert len(service.posts) == (1 if encodes_otherwise else 2)
        assert isinstance(again.error, SubmissionUncertainError) is encodes_otherwise

    async def test_a_job_that_failed_at_its_submit_is_a_result_like_any_other(self):
        async with toy_service(fail_at_once=True) as service, toy_client(service) as client:
            async with Batch(client, ["a", "b"]) as batch:
                results = [result async for result in batch]
        assert all(isinstance(result.error, JobFailedError) for result in results)
        assert len(service.jobs) == 2


BASE = "https://toy.example"


class FakeTransport:
    """Answers with what it was given, one after the other, and keeps what it was sent."""

    def __init__(self, *answers: HTTPResponse) -> None:
        self.answers = list(answers)
        self.sent: list[HTTPRequest] = []

    async def post(self, request, departure):
        return await self.send(request)

    async def send(self, request, *, timeout=None):
        self.sent.append(request)
        return (
            self.answers.pop(0)
            if self.answers
            else HTTPResponse(status=200, headers={}, body=b"{}")
        )


def guarded(*answers: HTTPResponse, dialect: Dialect | None = None) -> tuple[API, FakeTransport]:
    transport = FakeTransport(*answers)
    endpoint = Endpoint(base_url=BASE, api_key=KEY, hosts={"files": "https://files.toy.example"})
    api = API(endpoint=endpoint, dialect=dialect or Toy(), transport=transport, now=lambda: 0.0)
    return api, transport


def asking(*requests: HTTPRequest):
    for request in requests:  # noqa: UP028 - sent answers, which an iterator cannot take
        yield request
    return "meant"


def ask(url: str, host: str | None = "api", headers: dict[str, str] | None = None) -> HTTPRequest:
    return HTTPRequest(method="GET", url=url, headers=headers or {"X-Key": KEY}, host=host)


ELSEWHERE = [
    "https://evil.example/jobs/7",
    "http://toy.example/jobs/7",
    "https://toy.example:8443/jobs/7",
    "https://toy.example.evil.example/",
    "https://toy.example@evil.example/",
    "https://toy.example:x/",
    "//evil.example/",
    "/jobs/7",
    "file:///etc/passwd",
    "7",
    "",
]


class TestTheGuard:
    @pytest.mark.parametrize("url", ELSEWHERE, ids=repr)
    async def test_a_request_for_a_host_goes_to_that_host_alone(self, url):
        api, transport = guarded()
        with pytest.raises(
            ConfigurationError, match="is not at the service's host 'api'"
        ) as caught:
            await api.converse(asking(ask(url)))
        assert transport.sent == []
        assert KEY not in str(caught.value)

    async def test_an_address_that_the_service_gave_elsewhere_is_not_followed(self):
        api, transport = guarded()
        with pytest.raises(ConfigurationError):
            await api.look(Handle("7", {"status": "https://evil.example/jobs/7"}), math.inf)
        assert transport.sent == []

    async def test_the_service_s_other_hosts_are_its_own_too(self):
        api, transport = guarded()
        await api.converse(asking(ask("https://files.toy.example/x", "files")))
        assert len(transport.sent) == 1

    async def test_one_host_is_not_another(self):
        api, transport = guarded()
        with pytest.raises(ConfigurationError, match="host 'files'"):
            await api.converse(asking(ask(f"{BASE}/x", "files")))
        assert transport.sent == []

    async def test_a_host_that_the_service_does_not_have_is_none(self):
        api, _ = guarded()
        with pytest.raises(ConfigurationError, match="host 'nowhere'"):
            await api.converse(asking(ask(f"{BASE}/x", "nowhere")))

    async def test_the_same_origin_in_another_spelling_is_the_same(self):
        api, transport = guarded()
        await api.converse(asking(ask("https://TOY.example:443/x")))
        assert len(transport.sent) == 1

    async def test_a_request_for_any_origin_goes_without_the_key(self):
        api, transport = guarded()
        assert await api.converse(asking(ask("https://x.example/put", None, {"A": "b"}))) == "meant"
        assert len(transport.sent) == 1

    @pytest.mark.parametrize(
        "request_",
        [ask("https://x.example/put", None), ask(f"https://x.example/?k={KEY}", None, {"A": "b"})],
        ids=["in a header", "in the address"],
    )
    async def test_one_that_holds_the_key_is_not_sent(self, request_):
        api, transport = guarded()
        with pytest.raises(ConfigurationError, match="another origin holds the API key") as caught:
            await api.converse(asking(request_))
        assert transport.sent == []
        assert KEY not in str(caught.value)


class TestConversations:
    async def test_one_without_end_is_ended(self):
        def for_ever():
            while True:
                yield ask(f"{BASE}/x")

        api, transport = guarded()
        with pytest.raises(ConfigurationError, match="'toy' asks for more than 100 requests"):
            await api.converse(for_ever())
        assert len(transport.sent) == 100

    async def test_a_generator_is_closed_whatever_happens(self):
        closed = []

        def watched():
            try:
                yield ask("https://evil.example/")
            finally:
                closed.append(True)

        api, _ = guarded()
        with pytest.raises(ConfigurationError):
            await api.converse(watched())
        assert closed == [True]

    async def test_its_time_is_for_all_of_its_requests(self):
        moments = iter([0.0, 4.0])
        endpoint = Endpoint(base_url=BASE, api_key=KEY)

        class Timed(FakeTransport):
            bounds: list[float] = []  # noqa: RUF012 - of this one

            async def send(self, request, *, timeout=None):
                self.bounds.append(timeout)
                return await super().send(request)

        transport = Timed()
        api = API(endpoint=endpoint, dialect=Toy(), transport=transport, now=lambda: next(moments))
        await api.converse(asking(ask(f"{BASE}/x"), ask(f"{BASE}/y")), 10.0)
        assert transport.bounds == [10.0, 6.0]

    async def test_a_key_that_a_service_quotes_is_kept_out_of_failures_and_their_raw_bodies(self):
        quoted = f'{{"status": "broken", "why": "no quota left for {KEY}"}}'.encode()
        api, _ = guarded(HTTPResponse(status=200, headers={}, body=quoted))
        state = await api.look(Handle("7"), math.inf)
        assert state == Failed(reason="no quota left for [API key]")
        assert KEY not in str(state.raw)

    @pytest.mark.parametrize(
        "shown",
        [
            "3f0c9a1e-name",
            "5ec8e75ec8e7",
            "3f0c9a1e-name:5ec8e75ec8e7",
            "3f0c9a1e-name%3A5ec8e75ec8e7",
        ],
    )
    @pytest.mark.parametrize("status", [200, 422])
    async def test_nor_is_a_part_of_a_key_told_or_the_key_as_it_stands_in_an_address(
        self, shown, status
    ):
        answer = HTTPResponse(
            status=status,
            headers={"X-Request-ID": shown},
            body=json.dumps(
                {"id": "media_7", "status": "failed", "error": f"key {shown} is blocked"}
            ).encode(),
        )
        endpoint = Endpoint(base_url=BASE, api_key="3f0c9a1e-name:5ec8e75ec8e7")
        transport = FakeTransport(answer, answer)
        api = API(endpoint=endpoint, dialect=Pika(), transport=transport, now=lambda: 0.0)
        accepted = await api.submit(Pika().encode_submit(endpoint, REQUEST, "once"), Departure())
        told = f"{accepted.state!r} {accepted.state.raw}"
        with pytest.raises(PikaError) as caught:
            await api.look(Handle("media_8"), math.inf)
        told += f"{caught.value} {vars(caught.value)}"
        assert "3f0c9a1e-name" not in told
        assert "5ec8e75ec8e7" not in told
        assert "[API key] is blocked" in told

    async def test_a_link_that_holds_the_key_is_left_as_it_is(self):
        done = b'{"status": "done"}'
        link = f'{{"video": "https://cdn.example/v.mp4?k={KEY}"}}'.encode()
        api, _ = guarded(
            HTTPResponse(status=200, headers={}, body=done),
            HTTPResponse(status=200, headers={}, body=link),
        )
        state = await api.look(Handle("7"), math.inf)
        assert state.video.url.endswith(KEY)

    @pytest.mark.parametrize(
        "packed",
        [
            lambda text: text.encode("utf-16"),
            lambda text: text.encode("utf-32-le"),
            lambda text: gzip.compress(text.encode(), mtime=0),
            lambda text: json.dumps(text).encode(),
            lambda text: text.replace("s", "\\u0073").encode(),
        ],
        ids=["UTF-16", "UTF-32", "packed", "JSON in JSON", "escaped"],
    )
    @pytest.mark.parametrize("status", [200, 401])
    async def test_a_key_is_kept_out_of_errors_however_the_answer_spells_it(self, packed, status):
        quoted = packed(f'{{"error": {{"message": "no quota left for {KEY}"}}}}')
        api, _ = guarded(
            *[HTTPResponse(status=status, headers={}, body=quoted)] * 2, dialect=Gateway()
        )
        with pytest.raises(APIError) as on_poll:
            await api.look(Handle("7"), math.inf)
        with pytest.raises(APIError) as on_submit:
            await api.submit(ask(f"{BASE}/jobs"), Departure())
        for caught in (on_poll, on_submit):
            assert caught.value.message == "no quota left for [API key]"
            assert KEY not in repr(vars(caught.value))

    async def test_an_error_that_quotes_the_key_still_says_that_nothing_was_started(self):
        quoted = f'{{"error": {{"message": "no quota left for {KEY}"}}}}'.encode()
        api, _ = guarded(HTTPResponse(status=401, headers={}, body=quoted), dialect=Gateway())
        with pytest.raises(AuthenticationError) as caught:
            await api.submit(ask(f"{BASE}/jobs"), Departure())
        assert caught.value.started is Started.NO

    @pytest.mark.parametrize("body", [b'{"input": "%s"}', b'{"error": "busy", "input": "%s"}'])
    async def test_an_error_holds_no_answer_in_its_frames(self, body):
        answers = [HTTPResponse(status=200, headers={}, body=body % (b"A" * 1_500_000))] * 2
        api, _ = guarded(*answers, dialect=Gateway())
        with pytest.raises(PikaError) as on_poll:
            await api.look(Handle("7"), math.inf)
        with pytest.raises(PikaError) as on_submit:
            await api.submit(ask(f"{BASE}/jobs"), Departure())
        for caught in (on_poll, on_submit):
            frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
            ours = [frame for frame in frames if "pika_async" in frame.f_code.co_filename]
            held = [value for frame in ours for value in frame.f_locals.values()]
            assert ours
            assert not any(isinstance(value, HTTPResponse | bytes) for value in held)
