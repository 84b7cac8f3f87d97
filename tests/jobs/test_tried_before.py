"""A submit that is to be sent again with its key: its first try may have started a job.

Until an answer names that job, whatever else happens does not undo it: the submit is uncertain, and
whoever leaves is told so.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest
from aiohttp import web
from support.batches import until
from support.toy import Toy, toy_service

from pika_async import (
    Batch,
    FixedPolling,
    Money,
    MoneyMeaning,
    PikaClient,
    QuotaExceededError,
    RetryPolicy,
    SubmissionUncertainError,
    SubmitHeldBack,
    SubmitUncertain,
    run_batch,
)

LONG = RetryPolicy(initial=600.0, maximum=600.0, jitter=0.0)
QUICK = RetryPolicy(initial=0.001, maximum=0.001, jitter=0.0)


def client_of(service, told, retry) -> PikaClient:
    return PikaClient(
        "toy-key-12345",
        base_url=service.url,
        dialect=Toy(),
        polling=FixedPolling(0.001),
        retry=retry,
        observer=told.append,
    )


def held_back(told) -> bool:
    return any(isinstance(event, SubmitHeldBack) for event in told)


def uncertain(told) -> list[SubmitUncertain]:
    return [event for event in told if isinstance(event, SubmitUncertain)]


def out_of_money():
    return web.json_response({"message": "no balance"}, status=402)


async def test_where_the_client_is_closed_before_the_next_try_it_is_uncertain():
    told = []
    async with toy_service(lose_answers=1) as service:
        client = await client_of(service, told, QUICK).open()
        hold, go_on = asyncio.Event(), asyncio.Event()

        async def sleep(_):
            hold.set()
            await go_on.wait()

        submitter = client._jobs._submitter
        submitter._timing = attrs.evolve(submitter._timing, sleep=sleep)
        task = asyncio.create_task(client.submit("a cat"))
        await hold.wait()
        await client.aclose()
        go_on.set()
        with pytest.raises(SubmissionUncertainError) as caught:
            await task
    assert caught.value.money is MoneyMeaning.MAY_BE_CHARGED
    assert len(service.posts) == 1
    assert [event.error for event in uncertain(told)] == [caught.value]


async def test_whoever_is_cancelled_before_the_next_try_leaves_word_of_it():
    told = []
    async with toy_service(lose_answers=1) as service, client_of(service, told, LONG) as client:
        task = asyncio.create_task(client.submit("a cat"))
        await until(lambda: held_back(told))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (event,) = uncertain(told)
    assert event.unclaimed
    assert event.error.request.prompt == "a cat"
    assert event.error.sent.submit_id == service.posts[0][0]


async def test_whoever_is_cancelled_during_the_next_try_is_told_of_once_also_where_it_is_refused():
    told = []
    async with toy_service(lose_answers=1) as service, client_of(service, told, QUICK) as client:
        task = asyncio.create_task(client.submit("a cat"))
        await until(lambda: held_back(told))
        service.answers = [out_of_money]
        await until(lambda: len(service.posts) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client._jobs.answered(lambda _: True)
        assert len(uncertain(told)) == 1


async def test_a_batch_that_is_left_before_the_next_try_names_it():
    told = []
    async with toy_service(lose_answers=1) as service, client_of(service, told, LONG) as client:
        async with Batch(client, ["a cat"]) as batch:
            await until(lambda: held_back(told))
        assert {index: lost.request.prompt for index, lost in batch.uncertain.items()} == {
            0: "a cat"
        }
    assert len(uncertain(told)) == 1


async def test_a_batch_that_stops_before_the_next_try_calls_it_uncertain_and_counts_it_as_spent():
    told = []
    retry = RetryPolicy(initial=0.2, maximum=0.2, jitter=0.0)
    async with toy_service(lose_answers=1) as service, client_of(service, told, retry) as client:

        async def requests():
            yield "a cat"
            await until(lambda: held_back(told))
            service.answers = [out_of_money]
            yield "a dog"

        async with Batch(client, requests(), budget=1, price=0.2) as batch:
            cat, dog = sorted([r async for r in batch], key=lambda r: r.index)
            spent = batch.stats.spent
    assert isinstance(dog.error, QuotaExceededError)
    assert isinstance(cat.error, SubmissionUncertainError)
    assert (spent.estimated, spent.total) == (Money(200_000), Money(200_000))
    assert len(service.posts) == 2


async def test_run_again_with_no_money_left_it_is_uncertain_as_before(tmp_path):
    told = []
    journal = tmp_path / "run.journal"
    async with toy_service(lose_answers=1) as service:
        async with client_of(service, told, LONG) as client:
            async with Batch(client, ["a cat"], journal=journal, budget=1, price=0.2):
                await until(lambda: held_back(told))
        service.answers = [out_of_money] * 5
        async with client_of(service, told, QUICK) as client:
            results = await run_batch(
                client,
                ["a dog", "a cat"],
                journal=journal,
                budget=1,
                price=0.2,
                max_in_flight=1,
            )
    assert [type(result.error) for result in results] == [
        QuotaExceededError,
        SubmissionUncertainError,
    ]
    (first,) = uncertain(told)[:1]
    assert abs(results[1].error.sent_at - first.error.sent_at) < timedelta(seconds=1)


async def test_a_submit_that_is_sent_again_with_its_key_is_not_logged_as_not_sent_again(caplog):
    async with toy_service(lose_answers=1) as service, client_of(service, [], QUICK) as client:
        await client.submit("a cat")
    (line,) = [record.getMessage() for record in caplog.records if "held back" in record.msg]
    assert "broke off" in line
    assert "not sent again" not in line
