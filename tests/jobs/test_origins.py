"""A video that is saved into a folder is named by its job and its prompt, where they are known."""

from __future__ import annotations

import gc

import pytest
from attrs import evolve
from support.tables import every_row

from pika_async import FixedPolling, PikaClient, RetryPolicy, Video, run_batch
from pika_async._jobs.live import LiveJobs
from pika_async._jobs.origins import Origin, Origins
from pika_async.simulator import Polls, Simulator

SERVICES = ["gateway", "pika", "fal"]
PROMPT = "a red panda surfing"


def client_for(sim):
    return PikaClient(
        "key-0123456789",
        base_url=sim.url,
        dialect=sim.dialect,
        polling=FixedPolling(0.0),
        retry=RetryPolicy(initial=0.01),
    )


def simulator(name, *variants):
    return Simulator(service=name, duration=Polls(1), variants=variants)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", SERVICES)
async def test_after_generate_the_prompt_is_known_though_nobody_holds_the_job(name, tmp_path):
    """Whoever saves many videos into one folder can tell them apart."""
    async with simulator(name) as sim, client_for(sim) as client:
        done = await client.generate(PROMPT)
        gc.collect()
        await client.download(done.video, f"{tmp_path}/")
    (saved,) = names(tmp_path)
    assert saved.startswith("pika-a-red-panda-surfing-")


@pytest.mark.parametrize("name", ["gateway", "pika"])
async def test_each_of_several_videos_has_a_name_of_its_own(name, tmp_path):
    """The second was refused under the name of the first, or replaced it: a paid video less."""
    async with simulator(name, "several-videos") as sim, client_for(sim) as client:
        done = await client.generate(PROMPT)
        (result,) = await run_batch(client, [PROMPT])
        gc.collect()
        for video in (*done.videos, *result.unwrap().videos):
            await client.download(video, f"{tmp_path}/")
    assert len(names(tmp_path)) == len(done.videos) + len(result.state.videos) > 2


async def test_what_is_known_of_a_video_goes_with_it():
    """A client that runs for a year must not keep the prompts of a year."""
    async with simulator("gateway") as sim, client_for(sim) as client:
        done = await client.generate(PROMPT)
        origins = client._jobs.origins
        video = evolve(done.video)
        assert origins.of(video).prompt == PROMPT
        del done
        gc.collect()
        assert origins.of(video).prompt == ""
        assert not origins._kept


@every_row(
    ("video", "name", "place"),
    [
        ("job", "job", 0),
        ("job-2", "job", 1),
        ("job-99", "job", 98),
        ("job-1", "job-job-1", 0),
        ("job-x", "job-job-x", 0),
        ("job-100", "job-job-100", 0),
        ("own", "job-own", 0),
    ],
)
def test_where_the_job_is_not_known_the_names_of_both_tell_videos_apart(video, name, place):
    """No two videos of one job are ever given the same name and place."""
    origins = Origins(None, LiveJobs())
    told = origins.of(Video(id=video, job_id="job", url=""))
    assert told == Origin("", name, place)
