"""On a real engine: the worker that waits for a job links to the worker that submitted it."""

from __future__ import annotations

import uuid

import anyio
import pytest
from support.backend import Backend
from support.batches import until
from support.scene import prepared, scene

from pika_async import GenerationRequest
from pika_async.simulator import Polls
from pika_async.temporal import Campaign, Decision, Finished, NoAnswerError, Uncertain, Why
from pika_async.temporal._repairs import attended

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


@pytest.fixture
def backend():
    kept = Backend()
    yield kept
    kept.traces.shutdown()
    kept.metrics.shutdown()


def ids(span):
    return span.context.trace_id, span.context.span_id


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_what_one_worker_submits_and_another_finishes_is_linked(engine, backend, service):
    """The two share nothing but the engine."""
    async with scene(engine, service=service, duration=Polls(30)) as at:
        handle = await at.start()
        with backend.telemetry() as telemetry:
            async with at.worker(observer=telemetry):
                await until(lambda: at.sim.polls)
        async with at.worker(observer=backend.telemetry()):
            outcome = await handle.result()
        assert isinstance(outcome, Finished)
        assert len(at.sim.submissions) == 1
    left, resumed = backend.named("generate_content")
    assert left.attributes["pika.outcome"] == "left"
    assert [ids(link) for link in resumed.links] == [ids(backend.submit)]
    # The worker that submits has taken it for the engine.
    assert len(left.attributes["pika.request.fingerprint"]) == 64
    assert resumed.attributes["pika.resumed"]


async def campaign_of(at, folder):
    """One that has ended, with a line that is uncertain."""
    unsure = Uncertain(fingerprint=None, sent_at=None, why=Why.NO_ANSWER)
    await prepared(folder, [unsure])
    return await at.ended(folder)


async def test_a_repair_that_goes_on_with_the_job_of_an_ended_one_is_linked_to_its_submit(
    engine, backend, tmp_path, monkeypatch
):
    """Somebody has ended the first by hand; its history names the job and the submit."""
    monkeypatch.setattr(attended, "PATIENCE", 1.0)
    async with scene(engine, duration=Polls(30)) as at:
        campaign = await campaign_of(at, tmp_path)
        with backend.telemetry() as telemetry:
            async with at.worker(observer=telemetry), anyio.create_task_group() as group:
                group.start_soon(_ignoring, campaign.resolve, at)
                await until(lambda: at.sim.polls)
                group.cancel_scope.cancel()
        await at.client.get_workflow_handle(f"{campaign.id}/repair/0-1").terminate()
        async with at.worker(observer=backend.telemetry()):
            outcome = await campaign.resolve(0, resubmit=True, queue=at.queue)
        assert isinstance(outcome, Finished)
        assert len(at.sim.submissions) == 1
    *_, resumed = backend.named("generate_content")
    assert [ids(link) for link in resumed.links] == [ids(backend.submit)]


async def _ignoring(resolve, at):
    try:
        await resolve(0, resubmit=True, queue=at.queue)
    except NoAnswerError:
        return


async def test_a_job_that_a_page_had_when_it_was_ended_is_linked_to_its_submit(
    engine, backend, tmp_path
):
    """Its owner adopts it, as the history of the page names it."""
    async with scene(engine, duration=Polls(30)) as at:
        await Campaign.prepare([GenerationRequest("a red panda")], tmp_path)
        way = {"queue": at.queue, "account": at.queue}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **way)
        with backend.telemetry() as telemetry:
            async with at.worker(observer=telemetry):
                await until(lambda: at.sim.polls)
        for name in (campaign.id, f"{campaign.id}/page/000000"):
            await at.client.get_workflow_handle(name).terminate()
        (job_id,) = (await campaign.known_jobs([0])).values()
        decisions = [Decision(index=0, adopt=job_id)]
        async with at.worker(observer=backend.telemetry()):
            (one,) = [one async for one in campaign.resolve_all(decisions, queue=at.queue)]
        assert isinstance(one.outcome, Finished)
    *_, resumed = backend.named("generate_content")
    assert [ids(link) for link in resumed.links] == [ids(backend.submit)]
