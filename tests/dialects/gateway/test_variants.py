"""Every variant of the gateway's bodies, on real sockets: each job leads to its video."""

from __future__ import annotations

import pickle

import pytest
from support.wire import wired

from pika_async import Failed, GenerationRequest, JobFailedError, Queued, Running, Unknown
from pika_async.simulator import Polls, Simulator
from pika_async.simulator._common import VARIANTS as COMMON
from pika_async.simulator._services.gateway.answers import VARIANTS as GATEWAYS

REQUEST = GenerationRequest("a red panda surfing")
TASKS = [name for name in GATEWAYS if name.startswith("task")]
every = pytest.mark.parametrize("variant", [*GATEWAYS, *COMMON])


@every
async def test_a_job_is_paid_once_and_leads_to_its_video(variant):
    variants = [variant]
    async with Simulator(duration=Polls(3), variants=variants) as sim, wired(sim) as wire:
        job = await wire.submit(REQUEST)
        if variant == "mixed-outcomes":
            with pytest.raises(JobFailedError) as caught:
                await job.result()
            videos = caught.value.state.videos
        else:
            videos = (await job.result()).videos
        assert [job.id] == list(sim.jobs)
        assert len(sim.submissions) == 1
        assert all(video.url.startswith(sim.media_url) for video in videos)


@pytest.mark.parametrize("shape", ["id-in-data-task-id", "id-is-data", "id-in-video-id", None])
async def test_a_number_is_an_id_in_each_place(shape):
    variants = ["number-ids", *([shape] if shape else [])]
    async with Simulator(duration=Polls(2), variants=variants) as sim, wired(sim) as wire:
        job = await wire.submit(REQUEST)
        assert job.id.isdecimal()
        assert (await job.result()).video.job_id == job.id
        assert [poll.job_id for poll in sim.polls] == [job.id] * 2


@pytest.mark.parametrize("variant", TASKS)
async def test_a_task_passes_through_the_same_states_as_a_feed(variant):
    async with (
        Simulator(duration=Polls(5), queue=0.3, variants=[variant]) as sim,
        wired(sim) as wire,
    ):
        job = await wire.submit(REQUEST)
        seen = [step.state async for step in job.transitions()]
    assert seen[:-1] == [Queued(), *(Running(progress=n) for n in (28, 64))]


@pytest.mark.parametrize("variant", TASKS)
async def test_a_task_that_fails_gives_its_reason(variant):
    async with (
        Simulator(duration=Polls(2), failure="prompt not allowed", variants=[variant]) as sim,
        wired(sim) as wire,
    ):
        job = await wire.submit(REQUEST)
        with pytest.raises(JobFailedError):
            await job.result()
        assert job.state == Failed(reason="prompt not allowed", code="moderation")


async def test_a_status_that_nobody_documented_is_polled_on():
    variants = ["task", "unknown-status"]
    async with (
        Simulator(duration=Polls(4), queue=0.3, variants=variants) as sim,
        wired(sim) as wire,
    ):
        job = await wire.submit(REQUEST)
        seen = [step.state async for step in job.transitions()]
    assert Unknown(status="UPSCALING") in seen
    assert seen[-1].video.url


@pytest.mark.parametrize("others", [[], ["task"], ["task-later", "number-ids"]], ids=repr)
async def test_an_image_that_is_echoed_is_not_kept(others):
    # Beyond this the transport has its own bound.
    image = b"\x89PNG\r\n\x1a\n" + bytes(300_000)
    async with (
        Simulator(duration=Polls(3), variants=["echo", *others]) as sim,
        wired(sim) as wire,
    ):
        job = await wire.submit(GenerationRequest("a cat", image=image))
        states = [step.state async for step in job.transitions()]
        assert states[-1].video.job_id == job.id
        assert all(len(pickle.dumps(state)) < 10_000 for state in states)
