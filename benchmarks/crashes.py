"""Kill a journalled batch at random moments; nothing may be paid for twice, and nothing lost.

    python -m benchmarks.crashes [--kills 100] [--prompts 200] [--seed 0]

The kills are spread over four kinds of batch, and over as many journals as they need; every
journal is run to its end afterwards, and its results are held against what the service, which
lives on in another process, has accepted. SIGKILL ends a process, not the machine: what was
written and not yet synced survives it, so this says nothing of a loss of power.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from attrs import define, evolve, frozen

from benchmarks.books import MUST_BE_NONE, Books, digest_of_video, once_more, to_its_end
from benchmarks.command import command
from benchmarks.crashing import Life, Nursery, Order, nursery
from benchmarks.rows import Row
from pika_async.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

QUICK = {"kills": 8, "prompts": 60}

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


KINDS = (
    Kind("plain"),
    Kind("with files", files=True, kills_a_journal=2),
    Kind("several kills", files=True, kills_a_journal=10),
    Kind("with 429s", submits_per_second=60.0, kills_a_journal=4),
)


async def ordeal(kind: Kind, kills: int, prompts: int, chance: random.Random) -> Counter[str]:
    """What was found in the books of as many batches of one kind as ``kills`` kills take."""
    simulator = Simulator(
        duration=lambda draw: draw.uniform(0.02, 0.15),
        submits_per_second=kind.submits_per_second,
        media_bytes=300_000,
        # The journal's clock too.
        now=time.time,
        seed=chance.getrandbits(32),
    )
    found: Counter[str] = Counter()
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
                for what in MUST_BE_NONE:
                    if books.found[what]:
                        print(f"{what}, for example: {books.examples[what]}")
    return found


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


async def ordeals(kills: int, prompts: int, seed: int) -> dict[str, Counter[str]]:
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    found = {}
    for place, kind in enumerate(KINDS):
        share = kills * (place + 1) // len(KINDS) - kills * place // len(KINDS)
        found[kind.name] = await ordeal(kind, share, prompts, chance)
    return found


def run(*, kills: int = 100, prompts: int = 200, seed: int = 0) -> list[Row]:
    found = asyncio.run(ordeals(kills, prompts, seed))
    total = sum(found.values(), Counter[str]())
    rows = [wrong(kind, counts) for kind, counts in found.items()]
    rows.append(evolve(wrong("all kinds", total), target="crashes"))
    told = [what for what in MUST_BE_NONE[:2] if not total[what]]
    told += [what for what, count in sorted(total.items()) if count]
    return rows + [Row("all kinds", what, (total[what],)) for what in told]


def wrong(kind: str, counts: Counter[str]) -> Row:
    """All that must not be, as one sum."""
    found = [what for what in MUST_BE_NONE if counts[what]]
    note = ", ".join(found) or f"{counts['kills']} kills"
    return Row(kind, "wrong", (sum(counts[what] for what in found),), note=note)


def main(argv: Sequence[str] | None = None) -> None:
    rows = command(run, QUICK, argv)
    sys.exit(any(row.unit == "wrong" and row.median for row in rows))


if __name__ == "__main__":
    main()
