"""Storms of faults by seeds, over each kind of run: nothing twice, nothing lost or untold."""

from __future__ import annotations

import asyncio
import random
import sys
from hashlib import sha256
from pathlib import Path

import anyio
import pytest
from crashes.books import digest_of_video
from crashes.nursery import Order, nursery, prompts
from crashes.weather import jobs_of, weather
from support.batches import client_for, until

from pika_async import (
    BatchLeft,
    DownloadError,
    JobAccepted,
    MoneyMeaning,
    PikaError,
    RetryPolicy,
    SubmissionUncertainError,
    run_batch,
)
from pika_async._meaning import Started
from pika_async.simulator import Polls, Simulator

SEEDS = range(4)
PROMPTS = 120
SILENCE = 0.5
RETRY = RetryPolicy(initial=0.001, maximum=0.01, outage_budget=20.0)

seeds = pytest.mark.parametrize("seed", SEEDS)
pytestmark = pytest.mark.slow


def stormy(seed: int, **options: object) -> Simulator:
    return Simulator(
        duration=lambda draw: Polls(draw.randint(1, 4)),
        media_bytes=30_000,
        faults=weather(seed, silence=SILENCE, **options),  # type: ignore[arg-type]
        seed=seed,
    )


def in_storm(sim: Simulator, **options: object):
    return client_for(sim, retry=RETRY, request_timeout=0.3, **options)


def wrong_with(sim: Simulator, prompt: str, job_id: str | None, error: BaseException | None) -> str:
    """What is wrong with the outcome of one prompt, by the service's books; "" for nothing."""
    jobs = jobs_of(sim, prompt)
    if len(jobs) > 1:
        return f"paid for {len(jobs)} times"
    named = job_id or getattr(error, "job_id", None)
    if named is not None:
        return "" if {named} == jobs else f"names {named!r}, and the service {jobs}"
    if isinstance(error, SubmissionUncertainError):
        return ""
    if not isinstance(error, PikaError):
        return f"ends with {error!r}"
    if jobs or error.started is not Started.NO:
        return f"is paid for, and says {error!r} ({error.started})"
    return ""


def wrong_outcomes(sim, outcomes):
    """By prompts; ``outcomes`` are tuples of a prompt, an id and an error."""
    wrong = {}
    for prompt, job_id, error in outcomes:
        if what := wrong_with(sim, prompt, job_id, error):
            wrong[prompt] = what
    return wrong


@seeds
async def test_generate_in_a_storm(seed, record_property):
    texts = [f"prompt {number}" for number in range(PROMPTS)]
    async with stormy(seed) as sim, in_storm(sim, max_in_flight=16) as client:
        results = await asyncio.gather(
            *(client.generate(text) for text in texts), return_exceptions=True
        )
        outcomes = [
            (text, None, result)
            if isinstance(result, BaseException)
            else (text, result.video.job_id, None)
            for text, result in zip(texts, results, strict=True)
        ]
        assert wrong_outcomes(sim, outcomes) == {}, f"seed {seed}"
        failed = sum(isinstance(result, BaseException) for result in results)
        record_property("told", f"generate, seed {seed}: {len(sim.jobs)} jobs, {failed} errors")


@seeds
@pytest.mark.parametrize("journalled", [False, True], ids=["no journal", "journal"])
async def test_run_batch_in_a_storm(seed, journalled, tmp_path, record_property):
    texts = [f"prompt {number}" for number in range(PROMPTS)]
    options = {"journal": tmp_path / "j", "output_dir": tmp_path / "v"} if journalled else {}
    async with stormy(seed) as sim, in_storm(sim) as client:
        results = await run_batch(client, texts, max_in_flight=16, **options)
        outcomes = [(result.prompt, result.job_id, result.error) for result in results]
        assert sorted(prompt for prompt, _, _ in outcomes) == sorted(texts)
        assert wrong_outcomes(sim, outcomes) == {}, f"seed {seed}"
        failed = sum(not result.ok for result in results)
        record_property("told", f"run_batch, seed {seed}: {len(sim.jobs)} jobs, {failed} errors")


@seeds
async def test_a_batch_that_is_cancelled_again_and_again_in_a_storm(seed, tmp_path):
    """Each time after some more jobs; the journal brings all of it to its end."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    texts = [f"prompt {number}" for number in range(PROMPTS)]
    told = []
    async with stormy(seed, places=("poll", "download")) as sim:
        results = None
        while results is None:
            async with in_storm(sim, observer=told.append) as client:
                running = asyncio.ensure_future(
                    run_batch(client, texts, max_in_flight=16, journal=tmp_path / "j")
                )
                enough = len(sim.jobs) + chance.randrange(1, 40)
                await until(lambda: running.done() or len(sim.jobs) >= enough)  # noqa: B023
                running.cancel()
                await asyncio.wait({running})
                results = None if running.cancelled() else running.result()
        outcomes = [(result.prompt, result.job_id, result.error) for result in results]
        assert wrong_outcomes(sim, outcomes) == {}, f"seed {seed}"
        assert len(sim.jobs) == PROMPTS, f"seed {seed}"
        accepted = {event.job_id for event in told if isinstance(event, JobAccepted)}
        assert accepted == set(sim.jobs), f"seed {seed}"
        assert any(isinstance(event, BatchLeft) for event in told), f"seed {seed}"


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as on POSIX")
@pytest.mark.parametrize("seed", SEEDS[:3])
async def test_a_batch_that_is_killed_again_and_again_in_a_storm(seed, tmp_path, record_property):
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    # Its client has the usual patience: a silence only makes it slow.
    faults = weather(seed, silence=0.1)
    sim = Simulator(duration=lambda draw: draw.uniform(0.02, 0.15), seed=seed, faults=faults)
    told = []
    async with sim, nursery() as nurse:
        order = Order(
            url=sim.url,
            journal=str(tmp_path / "journal"),
            output_dir=str(tmp_path / "videos"),
            name=f"storm {seed}",
            prompts=60,
        )
        for _ in range(4):
            moment = chance.uniform(0.05, 1.0)

            async def wait(life, moment=moment):
                await life.begun.wait()
                await anyio.sleep(moment)

            told.append((await nurse.live(order, wait)).told)
        sim.faults[:] = [fault for fault in faults if fault.on != "submit"]
        last = await nurse.live(order)
        results = {result["prompt"]: result for result in last.told}
        assert sorted(results) == sorted(prompts(order)), f"seed {seed}"
        for prompt, result in results.items():
            jobs = jobs_of(sim, prompt)
            assert len(jobs) <= 1, f"seed {seed}: {prompt} is paid for {len(jobs)} times"
            if not result["uncertain"]:
                # One that was refused has no job, and there is none.
                assert {result["job_id"]} - {None} == jobs, f"seed {seed}: {result}"
                assert jobs or not result["ok"], f"seed {seed}: {result}"
        before = {one["prompt"]: one["job_id"] for life in told for one in life if one["ok"]}
        for prompt, job_id in before.items():
            assert results[prompt]["job_id"] == job_id, f"seed {seed}: {prompt} was told otherwise"
        uncertain = sum(result["uncertain"] for result in results.values())
        record_property("told", f"killed, seed {seed}: {len(sim.jobs)} jobs, {uncertain} uncertain")


@seeds
async def test_downloads_in_a_storm(seed, tmp_path, record_property):
    async with stormy(seed, places=("download",)) as sim:
        calm, sim.faults[:] = [*sim.faults], []
        digest = await digest_of_video(sim)
        sim.faults[:] = calm
        async with in_storm(sim, max_in_flight=16) as client:

            async def saved(number: int) -> Path | DownloadError:
                result = await client.generate(f"prompt {number}")
                try:
                    return await client.download(result.video, tmp_path / f"{number}.mp4")
                except DownloadError as error:
                    return error

            results = await asyncio.gather(*map(saved, range(PROMPTS // 2)))
        for error in results:
            if isinstance(error, DownloadError):
                assert error.job_id in sim.jobs, f"seed {seed}"
                assert error.money is MoneyMeaning.STAYS_PAID, f"seed {seed}"
        whole = {result for result in results if isinstance(result, Path)}
        found = {path for path in tmp_path.iterdir() if path.suffix == ".mp4"}
        assert found == whole, f"seed {seed}"
        damaged = [path for path in whole if sha256(path.read_bytes()).hexdigest() != digest]
        assert damaged == [], f"seed {seed}"
        assert len(sim.jobs) == PROMPTS // 2
        record_property("told", f"downloads, seed {seed}: {len(whole)} of {len(results)} saved")
