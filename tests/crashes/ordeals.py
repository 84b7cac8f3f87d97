"""A journalled batch that is killed at random moments, and the books on what became of it.

Every journal is run to its end afterwards, and its results are held against what the service, which
lives on in another process, has accepted. SIGKILL ends a process, not the machine: what was written
and not yet synced survives it, so this says nothing of a loss of power.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from attrs import define, frozen
from crashes.books import Books, digest_of_video, once_more, to_its_end
from crashes.nursery import Life, Nursery, Order, nursery

from pika_async.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# From the fork on; the journal is made a few milliseconds later, within a few more.
_VERY_EARLY = 0.03
_SHARE_OF_EARLY = 0.2


@frozen
class Kind:
    """A kind of batch, and how often one journal of it is killed at most."""

    name: str
    files: bool = False
    submits_per_second: float | None = None
    kills_a_journal: int = 1
    service: str = "gateway"


KINDS = (
    Kind("plain"),
    Kind("with files", files=True, kills_a_journal=2),
    Kind("several kills", files=True, kills_a_journal=10),
    Kind("with 429s", submits_per_second=60.0, kills_a_journal=4),
    Kind("with keys", files=True, kills_a_journal=4, service="pika"),
    Kind("with a history", files=True, kills_a_journal=4, service="fal"),
)


async def ordeal(
    kind: Kind, kills: int, prompts: int, chance: random.Random
) -> tuple[Counter[str], dict[str, object]]:
    """What was found in the books of as many batches of one kind as ``kills`` kills take.

    The second is an example of each finding that must not be.
    """
    simulator = Simulator(
        service=kind.service,
        duration=lambda draw: draw.uniform(0.02, 0.15),
        submits_per_second=kind.submits_per_second,
        media_bytes=300_000,
        # The journal's clock too.
        now=time.time,
        seed=chance.getrandbits(32),
    )
    found: Counter[str] = Counter()
    examples: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with simulator as sim, nursery() as nurse:
            digest = await digest_of_video(sim)
            whole = await undisturbed(nurse, order_of(kind, sim, prompts, Path(folder), 0))
            while found["kills"] < kills:
                found["journals"] += 1
                books = Books(sim, order_of(kind, sim, prompts, Path(folder), found["journals"]))
                moments = Moments(whole, chance)
                await be_killed(
                    nurse, books, moments, min(kind.kills_a_journal, kills - found["kills"])
                )
                await to_its_end(nurse, books, digest)
                await once_more(nurse, books)
                found += books.found
                examples |= books.examples
    return found, examples


async def undisturbed(nurse: Nursery, order: Order) -> float:
    """Seconds from the opening of the journal to the end of a batch that nobody kills."""
    begun_at = []

    async def note(life: Life) -> None:
        await life.begun.wait()
        begun_at.append(time.monotonic())
        await life.ended.wait()

    life = await nurse.live(order, note)
    assert life.code == 0
    return time.monotonic() - begun_at[0]


def order_of(kind: Kind, sim: Simulator, prompts: int, folder: Path, number: int) -> Order:
    name = f"{kind.name} {number}"
    return Order(
        url=sim.url,
        service=kind.service,
        journal=str(folder / name / "journal"),
        output_dir=str(folder / name / "videos") if kind.files else None,
        name=name,
        prompts=prompts,
    )


@define
class Moments:
    """When to kill: anywhere in what is left of a batch, and more often than that very early."""

    _left: float
    _chance: random.Random

    def draw(self) -> Callable[[Life], Awaitable[object]]:
        early = self._chance.random() < _SHARE_OF_EARLY
        moment = self._chance.uniform(0, _VERY_EARLY if early else self._left)
        if not early:
            # Most of what had been done by then need not be done again.
            self._left = max(self._left - 0.8 * moment, 0.1)

        async def wait(life: Life) -> None:
            if not early:
                await life.begun.wait()
            await anyio.sleep(moment)

        return wait


async def be_killed(nurse: Nursery, books: Books, moments: Moments, kills: int) -> None:
    """Start a batch and kill it, until it comes to its end before its killer."""
    while books.found["kills"] < kills:
        books.begin_life()
        life = await nurse.live(books.order, moments.draw())
        books.close_life(life)
        if not life.killed:
            return
