"""Workers as processes, which are born quickly and die as they are told."""

from __future__ import annotations

import multiprocessing
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from attrs import define, field
from support.killed import live

from pika_async.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


# What a worker needs is loaded once, and each is forked from there.
NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(["support.killed"])

_LONGEST_LIFE = 8.0


@asynccontextmanager
async def worker(
    engine: str,
    sim: Simulator,
    queue: str,
    output_dir: Any,
    dies_at: str | None = None,
    **more: Any,
) -> AsyncIterator[Any]:
    """A worker until it is not needed any more; see ``support.killed`` for what it may be told."""
    order = {
        "engine": engine,
        "url": sim.url,
        "service": sim.service,
        "queue": queue,
        "output_dir": str(output_dir),
        "dies_at": dies_at,
    }
    process = NURSERY.Process(target=live, args=(order | more,))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        await ended(process)


async def ended(process: Any) -> int:
    """How a process has ended."""
    # Its end sets no flag of the loop.
    while process.exitcode is None:  # noqa: ASYNC110
        await anyio.sleep(0.02)
    code: int = process.exitcode
    return code


@define
class Killer:
    """Two workers at a time, each ended at a random moment after a submit of anybody has arrived.

    Attributes:
        start: Starts a worker.
        sim: The service, which counts the submits.
        chance: Draws the moments, and the signals.
        signals: Those that end a worker, each as likely.
        codes: How each worker has ended that was told to.
        over: Set when no more are to be ended; then two work on in peace.
    """

    start: Callable[[], Any]
    sim: Simulator
    chance: random.Random
    signals: Sequence[signal.Signals] = (signal.SIGKILL,)
    codes: list[tuple[signal.Signals, int]] = field(factory=list)
    over: anyio.Event = field(factory=anyio.Event)

    @asynccontextmanager
    async def at_work(self, kills: int) -> AsyncIterator[None]:
        """Inside, so many workers are ended, and at last two are left alone."""
        async with anyio.create_task_group() as tasks:
            for number in (kills // 2, kills - kills // 2):
                tasks.start_soon(self._lives, number)
            yield
            self.over.set()

    async def _lives(self, kills: int) -> None:
        for _ in range(kills):
            if self.over.is_set():
                return
            async with self.start() as process:
                with anyio.move_on_after(_LONGEST_LIFE):
                    posts = len(self.sim.submissions)
                    while len(self.sim.submissions) == posts and not self.over.is_set():  # noqa: ASYNC110
                        await anyio.sleep(0.01)
                    await anyio.sleep(self.chance.uniform(0.0, 0.8))
                sent = self.chance.choice(self.signals)
                process.kill() if sent is signal.SIGKILL else process.terminate()
                self.codes.append((sent, await ended(process)))
        async with self.start() as process:
            await self.over.wait()
            process.terminate()
            self.codes.append((signal.SIGTERM, await ended(process)))
