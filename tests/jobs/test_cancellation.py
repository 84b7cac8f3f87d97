"""The attack on cancellation: at every turn of the loop, by every way of cancelling.

After each, the service's own books are held against what was told: each job that exists is named
by a result that was taken, by an event that becomes a warning, or by the journal; and a journal
that is run to its end afterwards pays for nothing twice.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import define, field
from support.batches import client_for
from support.turns import EagerStage, ForeignStage, Stage

from pika_async import (
    Batch,
    BatchLeft,
    BatchResult,
    Event,
    JobAccepted,
    SubmissionUncertainError,
    SubmitUncertain,
    WaitingEnded,
    read_journal,
    run_batch,
)
from pika_async.simulator import Fault, Polls, Simulator

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pika_async import PikaClient

PROMPTS = [f"prompt {number}" for number in range(4)]
LOST = PROMPTS[1]


@define
class Run:
    """One run of a piece of work: what its caller has taken, and what was told."""

    sim: Simulator
    journal: Path
    told: list[Event] = field(factory=list)
    taken: list[str] = field(factory=list)
    """Jobs, and prompts of uncertain submits."""
    results: list[BatchResult] = field(factory=list)

    def client(self) -> PikaClient:
        return client_for(self.sim, observer=self.told.append)

    def take(self, results: list[BatchResult]) -> None:
        for result in results:
            if isinstance(result.error, SubmissionUncertainError):
                self.taken.append(result.request.prompt)
            elif result.job_id is not None:
                self.taken.append(result.job_id)


async def submit(run: Run) -> None:
    async with run.client() as client:
        run.taken.append((await client.submit("a cat")).id)


async def submit_that_becomes_uncertain(run: Run) -> None:
    async with run.client() as client:
        try:
            await client.submit(LOST)
        except SubmissionUncertainError as error:
            run.taken.append(error.request.prompt)


async def generate(run: Run) -> None:
    async with run.client() as client:
        run.taken.append((await client.generate("a cat")).video.job_id)


async def transitions(run: Run) -> None:
    async with run.client() as client:
        job = await client.submit("a cat")
        run.taken.append(job.id)
        async for _ in job.transitions():
            pass


async def batch(run: Run) -> None:
    async with run.client() as client, Batch(client, PROMPTS, max_in_flight=3) as batch:
        async for result in batch:
            run.take([result])


async def journalled_batch(run: Run) -> None:
    async with run.client() as client:
        async with Batch(client, PROMPTS, max_in_flight=3, journal=run.journal) as batch:
            async for result in batch:
                run.take([result])


async def batch_that_saves(run: Run) -> None:
    async with run.client() as client:
        options = {"journal": run.journal, "output_dir": run.journal.with_suffix(".videos")}
        async with Batch(client, PROMPTS, max_in_flight=3, **options) as batch:
            async for result in batch:
                run.take([result])


async def whole_batch(run: Run) -> None:
    async with run.client() as client:
        run.take(await run_batch(client, PROMPTS, max_in_flight=3))


async def journalled_whole_batch(run: Run) -> None:
    async with run.client() as client:
        run.take(await run_batch(client, PROMPTS, max_in_flight=3, journal=run.journal))


WORKS = [
    submit,
    submit_that_becomes_uncertain,
    generate,
    transitions,
    batch,
    journalled_batch,
    batch_that_saves,
    whole_batch,
    journalled_whole_batch,
]

# Turns after the first cancellation at which it is cancelled again; and whether by a scope.
WAYS: dict[str, tuple[tuple[int, ...], bool]] = {
    "once": ((), False),
    "twice at once": ((1,), False),
    "twice": ((3,), False),
    "by a scope": ((), True),
}


def named_by(run: Run) -> Counter[str]:
    """Jobs, and prompts of uncertain submits: how often each is named to somebody."""
    named = Counter(run.taken)
    for event in run.told:
        match event:
            case BatchLeft():
                named.update([*event.in_flight.values(), *event.unclaimed.values()])
                named.update(error.request.prompt for error in event.uncertain.values())
            case (
                JobAccepted(unclaimed=True, recorded=False, job_id=job_id)
                | WaitingEnded(job_id=job_id)
            ):
                named.update([job_id])
            case SubmitUncertain(unclaimed=True, error=error):
                named.update([error.request.prompt])
            case _:
                pass
    return named


def paid_for(submissions: list) -> set[str]:
    """By the service's books, in the same words."""
    return {
        LOST if one.fault is not None else one.job_id
        for one in submissions
        if one.job_id is not None
    }


def in_journal(run: Run) -> set[str]:
    found = set()
    for entry in read_journal(run.journal) if run.journal.exists() else ():
        for attempt in entry.attempts:
            found.add(attempt.job_id or entry.request["prompt"])
    return found


async def check(run: Run, submissions: list) -> None:
    paid, named = paid_for(submissions), named_by(run)
    known = in_journal(run)
    missing = paid - known - named.keys()
    assert not missing, f"told to nobody: {missing}"
    if not known:
        assert named == Counter(paid), "named other than once"
    if known:
        again = Run(run.sim, run.journal)
        await journalled_whole_batch(again)
        jobs = Counter(one.body["promptText"] for one in run.sim.submissions if one.job_id)
        assert jobs == Counter(PROMPTS), "paid for twice"
        assert {*again.taken} == paid_for(run.sim.submissions), "lost"


async def attack(
    stage: Stage,
    work: Callable[[Run], Awaitable[None]],
    way: str,
    folder: Path,
    turns: Iterable[int],
) -> int:
    """Cancel ``work`` at the one and then the other turn, until it ends by itself; how often."""
    later, scoped = WAYS[way]
    async with Simulator(duration=Polls(2), queue=0.0) as sim:
        for count, turn in enumerate(turns):
            sim.submissions.clear()
            sim.faults[:] = [Fault("reset-after", on="submit", prompt=LOST)]
            run = Run(sim, folder / f"journal-{turn}")
            before = asyncio.all_tasks()
            moments = [turn, *(turn + more for more in later)]
            try:
                cut = await stage.cancelled_at(moments, lambda: work(run), scoped=scoped)  # noqa: B023
                left = {
                    task
                    for task in asyncio.all_tasks() - before
                    # One for each connection, on the side of the simulator.
                    if "RequestHandler" not in repr(task.get_coro())
                }
                assert not left, f"tasks left over: {left}"
                await check(run, [*sim.submissions])
                assert stage.complaints == []
            except BaseException as error:
                error.add_note(f"{work.__name__} cancelled {way} at turn {turn}")
                raise
            if not cut:
                return count
    return len([*turns])


def run_attack(stage, work, way, folder, turns=None) -> int:
    with asyncio.Runner(loop_factory=stage.loop) as runner:
        number = runner.run(attack(stage, work, way, folder, turns or stage.turns))
    assert stage.collected() == []
    return number


works = pytest.mark.parametrize("work", WORKS, ids=lambda work: work.__name__)
has_no_eager_tasks = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="eager tasks came with Python 3.12"
)
has_no_uvloop = pytest.mark.skipif(
    importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed"
)


# Where each turn takes long, and another work goes the same way, it is cancelled once.
PAIRS = [
    (work, way)
    for work in WORKS
    for way in WAYS
    if work not in (batch_that_saves, journalled_whole_batch) or not way.startswith("twice")
]


@pytest.mark.slow
@pytest.mark.parametrize(("work", "way"), PAIRS, ids=lambda value: getattr(value, "__name__", None))
def test_at_every_turn_of_the_loop_nothing_is_untold_or_paid_twice(
    work, way, tmp_path, record_property
):
    number = run_attack(Stage(), work, way, tmp_path)
    record_property("told", f"{work.__name__} cancelled {way}: {number} turns")


@pytest.mark.slow
@has_no_eager_tasks
@pytest.mark.parametrize("way", ["once", "by a scope"])
@works
def test_the_same_with_eager_tasks(work, way, tmp_path):
    assert run_attack(EagerStage(), work, way, tmp_path) > 10


@pytest.mark.slow
@has_no_uvloop
@pytest.mark.parametrize("way", ["once", "by a scope"])
@works
def test_the_same_on_uvloop(work, way, tmp_path):
    assert run_attack(ForeignStage(), work, way, tmp_path) > 10


@works
def test_at_some_turns_nothing_is_untold_or_paid_twice(work, tmp_path):
    assert run_attack(Stage(), work, "once", tmp_path, range(2, 40, 8)) > 2
