"""A development server of Temporal, and a client of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from attrs import Factory, define
from temporalio.client import Client

from pika_async.temporal import PikaPlugin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async.simulator import Simulator

SERVER = shutil.which("temporal", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@define
class DevelopmentServer:
    """One that can be killed, and started again at the same place. What it has acknowledged is on
    disk.

    Attributes:
        folder: Where its database lies.
        port: Where it listens.
        attributes: The search attributes that it knows, with their types, on a new database.
    """

    folder: Path
    port: int = Factory(free_port)
    attributes: Mapping[str, str] = Factory(dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return once it listens."""
        assert SERVER is not None
        options = "--headless --log-level never --sqlite-pragma journal_mode=wal"
        self.process = subprocess.Popen(
            [
                *(SERVER, "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)),
                *(*options.split(), "--sqlite-pragma", "synchronous=full"),
                *("--db-filename", str(self.folder / "engine.db")),
                *(
                    word
                    for name, kind in self.attributes.items()
                    for word in ("--search-attribute", f"{name}={kind}")
                ),
                # As the command line starts it.
                *("--dynamic-config-value", "matching.numTaskqueueReadPartitions=1"),
                *("--dynamic-config-value", "matching.numTaskqueueWritePartitions=1"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _until_it_listens(self.port)

    def kill(self) -> None:
        """As ``kill -9`` does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Let it end in peace."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait()


@contextmanager
def development_server(folder: Path, attributes: Mapping[str, str] | None = None) -> Iterator[str]:
    """Its address."""
    server = DevelopmentServer(folder, attributes=attributes or {})
    try:
        server.start()
        yield server.address
    finally:
        server.stop()


def _until_it_listens(port: int) -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        threading.Event().wait(0.1)
    raise RuntimeError("the development server does not listen")


async def connected(address: str) -> Client:
    """A client, as soon as the server answers."""
    with anyio.fail_after(30):
        while True:
            with suppress(RuntimeError):
                return await Client.connect(address, plugins=[PikaPlugin()])
            await anyio.sleep(0.1)


async def posted(sim: Simulator) -> None:
    """Return once a submit has arrived at the service."""
    with anyio.fail_after(30):
        # The simulator sets no flag.
        while not sim.submissions:  # noqa: ASYNC110
            await anyio.sleep(0.01)
