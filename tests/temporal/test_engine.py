"""On a real engine: what it does to workflows, and what becomes of the money."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing

import pytest
from support.engine import connected, posted
from support.films import Clumsy, Farewell, Film
from support.scene import reset, scene
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, CancelledError

from pika_async import ConfigurationError, GenerationRequest
from pika_async.simulator import Fault
from pika_async.temporal import (
    Declined,
    Finished,
    PikaPlugin,
    Refused,
    Uncertain,
    Why,
    run_worker,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


async def test_a_request_becomes_videos_in_a_folder(engine, tmp_path):
    request = GenerationRequest("a red panda", seed=7, metadata={"sku": "7"})
    async with scene(engine) as at, at.worker(output_dir=tmp_path):
        outcome = await at.outcome(request)
    assert isinstance(outcome, Finished)
    assert [str(path) for path in tmp_path.iterdir()] == list(outcome.files)
    assert list(at.sim.jobs) == [outcome.job_id]


async def test_a_job_that_fails_is_data(engine):
    async with scene(engine, failure="it broke") as at, at.worker():
        outcome = await at.outcome()
    assert outcome == Declined(job_id=next(iter(at.sim.jobs)), reason="it broke")


async def test_what_is_refused_is_data_and_not_sent_again(engine):
    async with scene(engine, Fault("403-quota-not-enough", times=None)) as at, at.worker():
        outcome = await at.outcome()
        assert len(at.sim.submissions) == 1
    assert isinstance(outcome, Refused)
    assert outcome.error == "QuotaExceededError"


async def test_where_the_service_has_no_room_it_is_sent_later(engine):
    async with scene(engine, Fault("429-openai", times=2, retry_after=1)) as at, at.worker():
        assert isinstance(await at.outcome(), Finished)
        assert (len(at.sim.submissions), len(at.sim.jobs)) == (3, 1)


@pytest.mark.parametrize(
    ("service", "expected", "posts"),
    [("gateway", Uncertain, 1), ("pika", Finished, 2), ("fal", Finished, 1)],
)
async def test_a_lost_answer_is_settled_as_the_service_can(engine, service, expected, posts):
    lost = Fault("reset-after", started=True)
    async with scene(engine, lost, service=service) as at, at.worker():
        outcome = await at.outcome()
        assert (len(at.sim.submissions), len(at.sim.jobs)) == (posts, 1)
    assert isinstance(outcome, expected)
    if expected is Uncertain:
        assert outcome.why is Why.NO_ANSWER


async def test_a_finished_workflow_that_is_reset_sends_nothing(engine):
    async with scene(engine) as at, at.worker():
        handle = await at.start()
        await handle.result()
        # To its beginning: the engine then asks for the submit again.
        again = await reset(at.client, handle, 4)
        outcome = await again.result()
        assert len(at.sim.submissions) == 1
    assert outcome == Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)


async def test_a_workflow_that_is_reset_while_its_submit_is_under_way_sends_nothing_more(engine):
    async with scene(engine, Fault("slow-headers", seconds=1)) as at, at.worker():
        handle = await at.start()
        await posted(at.sim)
        outcome = await (await reset(at.client, handle, 4)).result()
        assert len(at.sim.submissions) == 1
    assert isinstance(outcome, Uncertain)


async def test_a_workflow_that_is_retried_as_a_whole_sends_nothing_more(engine):
    async with scene(engine) as at, at.worker():
        twice = RetryPolicy(maximum_attempts=2)
        outcome = await at.outcome(run=Clumsy.run, retry_policy=twice)
        assert outcome == Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)
        assert len(at.sim.submissions) == 1


async def test_a_workflow_that_continued_as_new_submits_as_any_other(engine):
    async with scene(engine) as at, at.worker():
        assert isinstance(await at.outcome("a red panda", 2, None, run=Film.run), Finished)


async def test_nobody_waits_longer_than_was_said_and_the_job_is_named(engine):
    async with scene(engine, duration=60) as at, at.worker():
        handle = await at.start("a red panda", 0, 0.5, run=Film.run)
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        cause = caught.value.cause
        assert isinstance(cause, ApplicationError)
        assert (cause.type, list(cause.details)) == ("JobTimeout", list(at.sim.jobs))


async def test_a_workflow_that_is_cancelled_before_a_worker_takes_it_up_sends_nothing(engine):
    async with scene(engine) as at:
        handle = await at.start()
        await handle.cancel()
        async with at.worker():
            with pytest.raises(WorkflowFailureError) as caught:
                await handle.result()
        assert isinstance(caught.value.cause, CancelledError)
        assert at.sim.submissions == []


async def test_one_that_is_cancelled_while_its_answer_is_on_its_way_keeps_the_id_of_the_job(engine):
    async with scene(engine, Fault("slow-headers", seconds=1)) as at, at.worker():
        handle = await at.start()
        await posted(at.sim)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        assert isinstance(caught.value.cause, CancelledError)
        (told,) = [
            json.loads(payload.data)["job_id"]
            async for event in handle.fetch_history_events()
            for payload in event.activity_task_completed_event_attributes.result.payloads
        ]
        assert [told] == list(at.sim.jobs)


async def test_a_workflow_that_was_cancelled_and_cleans_up_may_still_make_a_video(engine):
    async with scene(engine) as at, at.worker():
        handle = await at.start(run=Farewell.run)
        await handle.cancel()
        assert isinstance(await handle.result(), Finished)


async def test_a_worker_that_stops_reads_the_answer_and_leaves_the_job_to_another(engine):
    async with scene(engine, Fault("slow-headers", seconds=1), duration=2) as at:
        handle = await at.start()
        async with at.worker():
            await posted(at.sim)
        async with at.worker():
            assert isinstance(await handle.result(), Finished)
        assert len(at.sim.submissions) == 1


async def test_the_key_is_nowhere_in_the_engine(engine, tmp_path_factory):
    async with scene(engine) as at, at.worker():
        handle = await at.start()
        await handle.result()
        assert "a-secret-key" not in (await handle.fetch_history()).to_json()
    # Each module of tests has an engine of its own, and one of them is this one's.
    dumps = []
    for database in tmp_path_factory.getbasetemp().glob("engine*[0-9]/engine.db"):
        with closing(sqlite3.connect(database)) as connection:
            dumps.append(bytes_of("\n".join(connection.iterdump())))
    assert any("a red panda" in dump for dump in dumps)
    assert not any("a-secret-key" in dump for dump in dumps)


def bytes_of(dump):
    """What SQL spells as X'…', as text too."""
    blobs = (bytes.fromhex(found) for found in re.findall(r"X'([0-9A-F]*)'", dump))
    return dump + "".join(blob.decode("latin-1") for blob in blobs)


async def test_a_client_without_the_plugin_is_refused_with_what_to_do(engine):
    await connected(engine)
    client = await Client.connect(engine)
    with pytest.raises(ConfigurationError, match=r"plugins=\[PikaPlugin\(\)\]"):
        await run_worker(client, api_key="key")


async def test_a_worker_without_a_key_says_so(engine, monkeypatch):
    monkeypatch.delenv("PIKA_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="key"):
        await run_worker(await connected(engine))


async def test_a_request_that_takes_longer_than_a_submit_may_is_refused(engine):
    with pytest.raises(ValueError, match="request_timeout: 31 is not allowed"):
        await run_worker(await connected(engine), api_key="key", request_timeout=31)


def test_the_plugin_says_its_name():
    assert PikaPlugin().name() == "pika_async"
