"""CPU per request of single jobs in an asyncio.gather, against a hand-written aiohttp loop.

    python -m benchmarks.overhead [--jobs 1000] [--polls 12] [--rounds 5]

Both clients do the same work against one server in another process: submit all jobs at once, poll
each every second until it is finished. Each run is a process of its own; the runs alternate.
Reported: client CPU time (user + system) per request from first submit to last result, and the
ratio of ours to the loop's, round by round.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import aiohttp

from pika_async import FixedPolling, GenerationRequest, PikaClient
from pika_async.dialects import Gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPT = "a red panda surfing"
HEADERS = {"Authorization": "Bearer key"}


async def loop_by_hand(url: str, jobs: int) -> float:
    """What one writes without an SDK: no retries, no typed states, no shared polls."""
    body = Gateway().encode_request(GenerationRequest(PROMPT))

    async def one(session: aiohttp.ClientSession) -> str:
        async with session.post(f"{url}/pika/generate", json=body) as response:
            response.raise_for_status()
            job_id = (await response.json())["id"]
        while True:
            await asyncio.sleep(1.0)  # noqa: TID251 - real time is what is measured
            async with session.get(f"{url}/pika/feed/{job_id}") as response:
                response.raise_for_status()
                video = (await response.json())["videos"][0]
            if video["status"] == "finished":
                return str(video["resultUrl"])
            if video["status"] == "error":
                raise RuntimeError(video["error"])

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
        begun = cpu_seconds()
        await asyncio.gather(*(one(session) for _ in range(jobs)))
        return cpu_seconds() - begun


async def pika_async_client(url: str, jobs: int) -> float:
    async with PikaClient("key", base_url=url, polling=FixedPolling(1.0)) as client:
        begun = cpu_seconds()
        await asyncio.gather(*(client.generate(PROMPT) for _ in range(jobs)))
        return cpu_seconds() - begun


CLIENTS = {"loop": loop_by_hand, "pika_async": pika_async_client}


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def server(polls: int) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", str(polls)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


def measure(client: str, jobs: int, polls: int) -> float:
    """CPU milliseconds per request."""
    with server(polls) as url:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.overhead", "--client", client, url, str(jobs)],
            capture_output=True,
            text=True,
            check=True,
        )
    return 1000 * float(done.stdout) / (jobs * (1 + polls))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--polls", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        name, url, jobs = given.client
        print(asyncio.run(CLIENTS[name](url, int(jobs))))
        return
    rounds = [
        {name: measure(name, given.jobs, given.polls) for name in CLIENTS}
        for _ in range(given.rounds)
    ]
    ratios = sorted(one["pika_async"] / one["loop"] for one in rounds)
    for name in CLIENTS:
        median = statistics.median(one[name] for one in rounds)
        print(f"{name:>12}: {median:.3f} ms CPU per request")
    print(
        f"{'ratio':>12}: {statistics.median(ratios):.2f} "
        f"(from {ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} rounds, "
        f"{given.jobs} jobs, {given.polls} polls each)"
    )


if __name__ == "__main__":
    main()
