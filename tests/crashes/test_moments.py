"""A journalled batch that is killed at chosen moments: paid for once, and nothing lost."""

from __future__ import annotations

import sys

import pytest
from crashes.books import once_more
from crashes.scene import PROMPTS, scene

from pika_async.simulator import Fault, Polls

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as on POSIX"),
]


async def test_only_the_submit_whose_answer_was_on_its_way_is_uncertain(tmp_path):
    async with scene(tmp_path) as (sim, batch):
        sim.faults.append(Fault("slow-headers", after=5, seconds=600))
        await batch.kill_when(lambda life: len(life.told) == PROMPTS - 1)
        found = await batch.end()
    assert found["uncertain"] == found["uncertain, and the service had it"] == 1


async def test_jobs_in_flight_are_waited_for_by_their_ids(tmp_path):
    async with scene(tmp_path, max_in_flight=PROMPTS) as (sim, batch):
        sim.duration = Polls(1_000_000)
        await batch.kill_when(lambda _: len({poll.job_id for poll in sim.polls}) == PROMPTS)
        for job in sim.jobs.values():
            job.duration = Polls(1)
        found = await batch.end()
    assert (found["jobs re-attached"], found["uncertain"]) == (PROMPTS, 0)


async def test_a_prompt_that_waits_to_be_sent_again_is_not_uncertain(tmp_path):
    async with scene(tmp_path) as (sim, batch):
        refusal = Fault("429-openai", after=3, times=None, retry_after=600)
        sim.faults.append(refusal)

        def all_wait(life):
            refused = sim.submissions[-1:] and sim.submissions[-1].fault is refusal
            return refused and len(life.told) == 3 and "submitting" not in batch.statuses

        await batch.kill_when(all_wait)
        sim.faults.clear()
        found = await batch.end()
    assert (found["uncertain"], found["jobs paid for"]) == (0, PROMPTS)


async def test_a_download_is_begun_again_and_whole_files_are_left_alone(tmp_path):
    async with scene(tmp_path) as (sim, batch):
        sim.faults.append(Fault("stalled", on="download", after=5, seconds=600))
        await batch.kill_when(lambda life: len(life.told) == PROMPTS - 1)
        found = await batch.end()
        await once_more(batch.nurse, batch.books)
        batch.check()
    assert found["videos asked for again after a kill on the way"] == 1
    assert found["parts left behind"] == 0


async def test_one_journal_outlives_many_kills(tmp_path):
    async with scene(tmp_path, prompts=30) as (sim, batch):
        for posts in (1, 2, 5, 9):
            await batch.kill_when(lambda _, posts=posts: len(sim.submissions) >= posts)
        found = await batch.end()
    assert found["kills"] == 4


async def test_where_the_service_knows_keys_the_cut_submit_names_its_job_and_none_is_uncertain(
    tmp_path,
):
    async with scene(tmp_path, "pika") as (sim, batch):
        sim.faults.append(Fault("slow-headers", after=5, seconds=600))
        await batch.kill_when(lambda life: len(life.told) == PROMPTS - 1)
        found = await batch.end()
    assert (found["uncertain"], found["jobs paid for"]) == (0, PROMPTS)
    twice = [sent for sent in sim.submissions if sent.job_id == sim.submissions[5].job_id]
    assert len({sent.headers["Idempotency-Key"] for sent in twice}) == 1
    assert len(twice) == 2


async def test_where_the_service_has_a_history_the_cut_submit_is_found_in_it(tmp_path):
    async with scene(tmp_path, "fal") as (sim, batch):
        sim.faults.append(Fault("slow-headers", after=5, seconds=600))
        await batch.kill_when(lambda life: len(life.told) == PROMPTS - 1)
        found = await batch.end()
    assert (found["uncertain"], found["jobs paid for"]) == (0, PROMPTS)
    assert len(sim.submissions) == len(sim.jobs) == PROMPTS


@pytest.mark.parametrize("made", [True, False])
async def test_killed_between_post_and_answer_the_files_keep_their_addresses(tmp_path, made):
    image = tmp_path / "a.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    async with scene(tmp_path, "pika", prompts=1, image=str(image)) as (sim, batch):
        sim.faults.append(Fault("slow-headers", seconds=600, started=made))
        await batch.kill_when(lambda _: sim.submissions)
        found = await batch.end()
    assert (found["uncertain"], found["jobs paid for"]) == (0, 1)
    first, again = sim.submissions
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"]
    assert first.body == again.body
    assert first.body["image"].startswith(sim.media_origin)
    assert len(sim.service_at_work.uploads.stored) == 1
