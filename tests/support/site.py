"""One of the web servers among the examples, as a process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import anyio
from support.impatient import IMPATIENT

if TYPE_CHECKING:
    from pika_async.simulator import Simulator

ROOT = Path(__file__).parents[2]
KEY = "sk-visitors-must-never-see-this"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def at_service(sim: Simulator, key: str) -> dict[str, str]:
    """What a user sets for the service of a simulator; nothing else in a program changes."""
    place = (
        {"FAL_KEY": key, "FAL_QUEUE_RUN_HOST": sim.url}
        if sim.service == "fal"
        else {"PIKA_API_KEY": key, "PIKA_BASE_URL": sim.url}
    )
    return {"PIKA_SERVICE": sim.service, **place}


class Site:
    """One of the examples, running, and its address."""

    def __init__(self, example: str, sim: Simulator, folder: Path, **environment: str) -> None:
        self.sim = sim
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.example = example
        self._data = str(folder / "data")
        self.folder = folder
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - starting is quick
                [
                    sys.executable,
                    IMPATIENT,
                    ROOT / "examples" / self.example,
                    self._data,
                    str(self._port),
                ],
                env={
                    **os.environ,
                    **at_service(self.sim, KEY),
                    "POLL_EVERY": "0.1",
                    **self._environment,
                },
                stdout=log,
                stderr=log,
            )
        with anyio.fail_after(60):
            async with aiohttp.ClientSession() as session:
                while True:
                    assert self._process.poll() is None, f"ended: {self.log}"
                    try:
                        async with session.get(self.url):
                            return
                    except aiohttp.ClientConnectionError:
                        await anyio.sleep(0.05)

    @property
    def ended(self) -> int | None:
        """The status with which it has ended, if it has."""
        return None if self._process is None else self._process.poll()

    async def stop(self, *, kill: bool = False) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill() if kill else self._process.terminate()
            await anyio.to_thread.run_sync(self._process.wait)

    def ticket(self) -> str:
        """The id of the one video that was asked for."""
        return str(json.loads(Path(self._data).read_text())["id"])

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()
