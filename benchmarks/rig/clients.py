"""Who is measured: the loop written by hand, and this package doing the same work.

Every run is a process of its own, and the runs of those that are compared alternate, so that a
noisy machine is noisy to all of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from pika_async import Batch, FixedPolling, GenerationRequest, PikaClient
from pika_async.dialects import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.rig.rows import Figures

PROMPT = "a red panda surfing"
HEADERS = {"Authorization": "Bearer key"}
BODY = Gateway().encode_request(GenerationRequest(PROMPT))


def session_by_hand() -> aiohttp.ClientSession:
    """As people write it: with the 100 connections that aiohttp opens at most by itself."""
    return aiohttp.ClientSession(headers=HEADERS)


def session_without_limit() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=HEADERS)


async def job_by_hand(session: aiohttp.ClientSession, url: str, interval: float) -> str:
    """What one writes without an SDK: no retries, no typed states, no shared polls."""
    return await result_by_hand(session, url, await submit_by_hand(session, url), interval)


async def submit_by_hand(session: aiohttp.ClientSession, url: str) -> str:
    async with session.post(f"{url}/pika/generate", json=BODY) as response:
        response.raise_for_status()
        return str((await response.json())["id"])


async def result_by_hand(
    session: aiohttp.ClientSession, url: str, job_id: str, interval: float
) -> str:
    while True:
        await asyncio.sleep(interval)  # noqa: TID251 - real time is what is measured
        async with session.get(f"{url}/pika/feed/{job_id}") as response:
            response.raise_for_status()
            video = (await response.json())["videos"][0]
        if video["status"] == "finished":
            return str(video["resultUrl"])
        if video["status"] == "error":
            raise RuntimeError(video["error"])


def our_client(url: str, interval: float) -> PikaClient:
    return PikaClient("key", base_url=url, polling=FixedPolling(interval))


async def batch(client: PikaClient, jobs: int, at_once: int, journal: str | None = None) -> None:
    """A whole batch of ours, all of whose jobs must succeed."""
    prompts = (f"{PROMPT} {number}" for number in range(jobs))
    done = 0
    async with Batch(client, prompts, max_in_flight=at_once, journal=journal) as running:
        async for result in running:
            result.unwrap()
            done += 1
    assert done == jobs


def alternating(rounds: int, measures: Mapping[str, Callable[[], float]]) -> Figures:
    """Each measured ``rounds`` times, in turn."""
    figures: Figures = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            figures[name].append(measure())
    return figures
