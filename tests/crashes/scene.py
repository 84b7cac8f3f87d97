"""A service, a batch that is going to be killed, and the books on both."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from attrs import define
from crashes.books import MUST_BE_NONE, Books, digest_of_video, to_its_end
from crashes.journal import journal_rows
from crashes.nursery import Life, Nursery, Order, nursery

from pika_async.simulator import Polls, Simulator

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator, Callable

PROMPTS = 12


@asynccontextmanager
async def scene(
    folder: Path, service: str = "gateway", **order: Any
) -> AsyncIterator[tuple[Simulator, Scene]]:
    """A service, a batch that is going to be killed, and the books on both."""
    order = {"prompts": PROMPTS, "max_in_flight": 4, "polling": 0.01} | order
    simulator = Simulator(service=service, duration=Polls(2), now=time.time)
    async with simulator as sim, nursery() as nurse:
        digest = await digest_of_video(sim)
        journal, videos = folder / "journal", folder / "videos"
        order = Order(
            url=sim.url,
            service=service,
            journal=str(journal),
            output_dir=str(videos),
            name="a red panda",
            **order,
        )
        yield sim, Scene(nurse, Books(sim, order), digest)


@define
class Scene:
    """A batch and its killer."""

    nurse: Nursery
    books: Books
    digest: str

    async def kill_when(self, happened: Callable[[Life], object]) -> None:
        """Kill it at an event, however long that takes on this machine."""

        async def wait(life: Life) -> None:
            # Some events are in files, which set no flag.
            while not happened(life):  # noqa: ASYNC110
                await anyio.sleep(0.001)

        self.books.begin_life()
        life = await self.nurse.live(self.books.order, wait)
        self.books.close_life(life)
        assert life.killed

    async def end(self) -> Counter[str]:
        """Run the journal to its end, and give what is in the books."""
        await to_its_end(self.nurse, self.books, self.digest)
        self.check()
        return self.books.found

    def check(self) -> None:
        """What must not be in the books is not there."""
        wrong = {what: self.books.found[what] for what in MUST_BE_NONE if self.books.found[what]}
        assert wrong == {}, self.books.examples

    @property
    def statuses(self) -> list[str]:
        rows = journal_rows(Path(self.books.order.journal))
        return [row["status"] for row in rows.values()]
