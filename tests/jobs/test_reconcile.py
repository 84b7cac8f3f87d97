"""A submit whose answer was lost: which job is it, and who is asked."""

from __future__ import annotations

import asyncio
import pickle

import attrs
import pytest

from pika_async import (
    FixedPolling,
    GenerationRequest,
    OtherServiceError,
    PikaClient,
    RetryPolicy,
    SubmissionUncertainError,
    Succeeded,
    UnsupportedError,
)
from pika_async.dialects import Gateway
from tests.support.batches import until
from tests.support.toy import Ledgered, Toy, toy_service

REQUEST = GenerationRequest("a red panda surfing", seed=7)


def client_of(service, dialect=None, **options) -> PikaClient:
    return PikaClient(
        "toy-key-12345",
        base_url=service.url,
        dialect=dialect or Ledgered(),
        polling=FixedPolling(0.001),
        **options,
    )


async def lost_submit(client, request=REQUEST) -> SubmissionUncertainError:
    with pytest.raises(SubmissionUncertainError) as caught:
        await client.submit(request)
    return caught.value


async def test_exactly_one_job_that_asks_for_the_same_is_the_lost_one():
    async with toy_service(lose_answers=1) as service, client_of(service) as client:
        job = await client.find(await lost_submit(client))
        assert job is not None
        assert (job.id, job.request) == ("toy-1", REQUEST)
        assert isinstance(await job.result(), Succeeded)
    assert len(service.posts) == 1


async def test_it_is_found_by_another_client_from_the_error_alone():
    async with toy_service(lose_answers=1) as service:
        async with client_of(service) as client:
            lost = pickle.loads(pickle.dumps(await lost_submit(client)))  # noqa: S301 - its own
        async with client_of(service) as another:
            job = await another.find(lost)
    assert job is not None
    assert job.id == "toy-1"


async def test_a_job_of_an_equal_request_is_never_taken_for_it():
    async with toy_service() as service, client_of(service) as client:
        mine = await client.submit(REQUEST)
        service.lose_answers, service.hide = 1, 1
        lost = await lost_submit(client)
        assert await client.find(lost) is None
        service.hide = 0
        found = await client.find(lost)
    assert found is not None
    assert {mine.id, found.id} == {"toy-1", "toy-2"}


async def test_several_that_cannot_be_told_apart_are_none():
    async with toy_service(lose_answers=2) as service, client_of(service) as client:
        lost = await lost_submit(client)
        await lost_submit(client)
        assert await client.find(lost) is None


async def test_one_that_was_found_is_not_found_for_another_submit():
    async with toy_service(lose_answers=1) as service, client_of(service) as client:
        first = await lost_submit(client)
        found = await client.find(first)
        service.lose_answers = 1
        second = await lost_submit(client)
        again = await client.find(second)
    assert found is not None
    assert again is not None
    assert (found.id, again.id) == ("toy-1", "toy-2")


async def test_the_same_submit_is_found_as_often_as_it_is_looked_for():
    async with toy_service(lose_answers=1) as service, client_of(service) as client:
        lost = await lost_submit(client)
        found = [await client.find(lost), await client.find(lost)]
    assert [job and job.id for job in found] == ["toy-1", "toy-1"]


async def test_one_job_is_found_for_one_of_two_that_are_looked_for_at_once():
    async with toy_service(lose_answers=2, hide=1) as service, client_of(service) as client:
        lost = [await lost_submit(client), await lost_submit(client)]
        found = await asyncio.gather(*map(client.find, lost))
    assert sorted(job.id if job else "none" for job in found) == ["none", "toy-1"]


async def test_the_job_of_an_equal_submit_that_is_under_way_is_not_taken_for_it():
    async with toy_service(lose_answers=1) as service, client_of(service) as client:
        lost = await lost_submit(client)
        # It had never arrived.
        service.jobs.clear()
        service.held = asyncio.Event()
        under_way = asyncio.create_task(client.submit(REQUEST))
        await until(lambda: service.jobs)
        looking = asyncio.create_task(client.find(lost))
        await until(lambda: "GET /ledger/1" in service.paths)
        service.held.set()
        assert (await under_way).id == "toy-1"
        assert await looking is None


async def test_a_history_that_fails_for_a_moment_is_asked_again():
    retry = RetryPolicy(initial=0.001, jitter=0.0)
    async with toy_service(lose_answers=1) as service, client_of(service, retry=retry) as client:
        lost = await lost_submit(client)
        service.ledger_fails = 2
        found = await client.find(lost)
    assert found is not None
    assert found.id == "toy-1"


async def test_none_is_found_where_the_history_is_late():
    async with toy_service(lose_answers=1, hide=1) as service, client_of(service) as client:
        assert await client.find(await lost_submit(client)) is None
    assert len(service.posts) == 1


@pytest.mark.parametrize("dialect", [Toy(), Gateway()], ids=lambda dialect: dialect.name)
async def test_a_service_without_a_history_says_so(dialect):
    async with toy_service(lose_answers=1) as service:
        async with client_of(service) as client:
            lost = await lost_submit(client)
        async with client_of(service, dialect) as another:
            with pytest.raises(UnsupportedError, match=f"the service '{dialect.name}' has no hist"):
                await another.find(lost)


async def test_what_was_sent_to_another_service_is_not_looked_for_here():
    async with toy_service(lose_answers=1) as service, client_of(service) as client:
        lost = await lost_submit(client)
        asked = len(service.paths)
        lost.sent = attrs.evolve(lost.sent, base_url="https://elsewhere.example")
        with pytest.raises(OtherServiceError, match=r"went to ledgered at https://elsewhere"):
            await client.find(lost)
    assert len(service.paths) == asked


async def test_the_same_place_in_another_spelling_is_no_other_service():
    """As where an earlier run named it with a slash at the end, or in large letters."""
    async with toy_service(lose_answers=1) as service, client_of(service) as client:
        lost = await lost_submit(client)
        spelled = f"{lost.sent.base_url.replace('http', 'HTTP')}/"
        lost.sent = attrs.evolve(lost.sent, base_url=spelled)
        assert (await client.find(lost)) is not None


class TestANameInTheFailedAnswer:
    async def test_the_job_is_looked_at_once_and_is_the_job(self):
        async with (
            toy_service(lose_answers=1, names_lost=True) as service,
            client_of(service) as client,
        ):
            job = await client.submit(REQUEST)
            assert job.id == "toy-1"
        assert service.paths == ["POST /jobs", "GET /jobs/toy-1"]

    async def test_where_the_look_fails_the_submit_is_uncertain_and_names_it(self):
        async with (
            toy_service(lose_answers=1, names_lost=True) as service,
            client_of(service) as client,
        ):
            service.forgets = True
            lost = await lost_submit(client)
        assert lost.job_id == "toy-1"
        assert len(service.posts) == 1

    async def test_where_the_look_has_failed_it_is_found_by_that_name_later(self):
        async with (
            toy_service(lose_answers=1, names_lost=True, hide=1) as service,
            client_of(service) as client,
        ):
            service.forgets = True
            lost = await lost_submit(client)
            assert await client.find(lost) is None
            service.forgets = False
            job = await client.find(lost)
        assert job is not None
        assert job.id == "toy-1"
