"""What it will cost and what is left, where the service says so; and a job that is called off."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from anyio.lowlevel import checkpoint

from pika_async import (
    ClientStateError,
    ConfigurationError,
    FieldError,
    FixedPolling,
    GenerationRequest,
    InvalidRequestError,
    Money,
    MoneyMeaning,
    PikaClient,
    PikaError,
    RetryPolicy,
    UnsupportedError,
)
from pika_async.dialects import Fal, Pika
from tests.support.batches import until
from tests.support.held_loop import on_a_leaping_loop
from tests.support.toy import Ledgered, Toy, toy_service

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


def client_of(service, dialect=None) -> PikaClient:
    return PikaClient(
        "toy-key-12345",
        base_url=service.url,
        dialect=dialect or Ledgered(),
        polling=FixedPolling(0.001),
    )


async def test_a_quote_is_the_services_own_and_nothing_goes_up_for_it():
    async with toy_service() as service, client_of(service) as client:
        assert await client.quote("a cat") == Money(200_000)
        assert await client.quote("a cat", image=PNG) == Money(450_000)
    assert service.posts == []
    assert service.stored == []


async def test_equal_requests_are_asked_about_once():
    async with toy_service() as service, client_of(service) as client:
        quotes = await asyncio.gather(*(client.quote("a cat") for _ in range(20)))
        await client.quote(GenerationRequest("a cat"))
        assert set(quotes) == {Money(200_000)}
        assert service.prices_asked == 1
        await client.quote("a dog")
    assert service.prices_asked == 2


async def test_each_of_many_who_share_a_question_is_raised_an_error_of_its_own():
    """https://github.com/aio-libs/aiokafka/issues/246."""

    class Failing(Ledgered):
        def quote(self, endpoint, request):
            yield from ()
            raise InvalidRequestError("no such price", status=400)

    async with toy_service() as service, client_of(service, Failing()) as client:
        ends = await asyncio.gather(
            *(client.quote("a cat") for _ in range(3)), return_exceptions=True
        )
    assert [type(end) for end in ends] == [InvalidRequestError] * 3
    assert len(set(map(id, ends))) == 3
    assert {str(end) for end in ends} == {str(ends[0])}
    assert [end.__context__ for end in ends] == [None] * 3


async def test_a_quote_that_failed_is_asked_for_again():
    async with toy_service(price_fails=1) as service, client_of(service) as client:
        with pytest.raises(InvalidRequestError):
            await client.quote("a cat")
        assert await client.quote("a cat") == Money(200_000)


@pytest.mark.parametrize("way", ["closed", "silent", "unreadable"])
@pytest.mark.parametrize("ask", ["quote", "balance", "upload"])
@pytest.mark.parametrize("dialect", [Pika(), Fal()], ids=lambda dialect: dialect.name)
@on_a_leaping_loop
async def test_what_breaks_off_while_no_job_is_asked_for_has_started_none(dialect, ask, way):
    async def answer(request):
        if way == "closed":
            request.transport.abort()
        elif way == "silent":
            await asyncio.Event().wait()
        return web.json_response(["none of it"])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with (
        TestServer(app) as server,
        PikaClient(
            "toy-key-12345",
            base_url=str(server.make_url("")),
            dialect=dialect,
            request_timeout=0.1,
            retry=RetryPolicy(attempts=2, initial=0.001, maximum=0.001),
        ) as client,
    ):
        with pytest.raises(PikaError) as caught:
            match ask:
                case "quote":
                    await client.quote("a cat")
                case "balance":
                    await client.balance()
                case _:
                    await client.submit("a cat", image=PNG)
    assert caught.value.money is MoneyMeaning.NOT_CHARGED
    assert "Nothing was started" in str(caught.value)


async def test_one_that_leaves_does_not_take_the_answer_away_from_the_others():
    async with toy_service() as service, client_of(service) as client:
        impatient = asyncio.create_task(client.quote("a cat"))
        patient = asyncio.create_task(client.quote("a cat"))
        await checkpoint()
        impatient.cancel()
        assert await patient == Money(200_000)
    assert service.prices_asked == 1


@pytest.mark.parametrize("work", ["quote", "submit"])
async def test_whoever_asks_while_the_client_is_closed_is_told_so_and_not_cancelled(work):
    async with toy_service() as service:
        service.held = asyncio.Event()
        client = await client_of(service).open()
        asking = asyncio.create_task(getattr(client, work)("a cat", image=PNG))
        await until(lambda: service.paths)
        await client.aclose()
        with pytest.raises(ClientStateError, match="the client has been closed"):
            await asking
        service.held.set()
    assert service.posts == []


async def test_a_failure_that_nobody_stayed_for_is_nobodys_answer_later():
    async with toy_service(price_fails=1) as service, client_of(service) as client:
        impatient = asyncio.create_task(client.quote("a cat"))
        await until(lambda: service.paths)
        impatient.cancel()
        await asyncio.wait({impatient})
        await until(lambda: not service.price_fails)
        await client.balance()
        assert await client.quote("a cat") == Money(200_000)


async def test_what_the_service_does_not_have_has_no_price():
    async with toy_service() as service, client_of(service) as client:
        with pytest.raises(FieldError, match="motion"):
            await client.quote("a cat", motion=2)
    assert service.paths == []


async def test_a_balance_is_the_services_own():
    async with toy_service() as service, client_of(service) as client:
        assert await client.balance() == Money(12_500_000)


async def test_a_service_that_does_not_say_gives_none_and_never_a_guess():
    async with toy_service() as service, client_of(service, Toy()) as client:
        assert await client.quote("a cat") is None
        assert await client.balance() is None
    assert service.paths == []


async def test_a_job_can_be_called_off_where_the_service_can():
    async with toy_service() as service, client_of(service) as client:
        job = await client.submit("a cat")
        assert await job.cancel() is True
        await job.result()
        assert await job.cancel() is False
    assert service.paths.count("DELETE /jobs/toy-1") == 2


async def test_where_it_cannot_be_called_off_the_error_names_the_job_that_runs_on():
    async with toy_service() as service, client_of(service, Toy()) as client:
        job = await client.submit("a cat")
        with pytest.raises(UnsupportedError, match="the service 'toy' cannot stop a job") as caught:
            await job.cancel()
    assert caught.value.job_id == "toy-1"
    assert "runs on" in str(caught.value)


async def test_a_file_that_is_too_large_is_refused_before_anything_goes_up():
    async with toy_service() as service, client_of(service) as client:
        with pytest.raises(ConfigurationError, match="^image: "):
            await client.submit("a cat", image=PNG + bytes(1992))
    assert service.paths == []
