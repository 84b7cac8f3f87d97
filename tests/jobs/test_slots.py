"""One bound for all jobs of a client: who may go, who waits, and how many go before."""

from __future__ import annotations

import asyncio
import random

import anyio
import anyio.lowlevel
import pytest
from support.batches import client_for, until

from pika_async import Batch, ClientStateError
from pika_async._jobs.slots import Slot, Slots
from pika_async.simulator import Polls, Simulator


async def stand(slot, went=None, until=None):
    """Wait for the turn, then hold it until told to go."""
    async with slot:
        if went is not None:
            went.append(slot)
        await (until or asyncio.Event()).wait()


async def turns(count=5):
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


class TestTheLine:
    async def test_so_many_go_at_once_and_the_others_in_the_order_they_came(self):
        slots, went, ends = Slots(2), [], [asyncio.Event() for _ in range(6)]
        line = [Slot(slots) for _ in range(6)]
        tasks = [
            asyncio.create_task(stand(slot, went, end))
            for slot, end in zip(line, ends, strict=True)
        ]
        for gone in range(5):
            await turns()
            assert went == line[: min(6, 2 + gone)]
            ends[gone].set()
        ends[5].set()
        await asyncio.gather(*tasks)
        assert went == line

    async def test_a_slot_knows_how_many_go_before_it(self):
        slots = Slots(1)
        line = [Slot(slots) for _ in range(4)]
        assert [slot.position for slot in line] == [None] * 4
        tasks = [asyncio.create_task(stand(slot)) for slot in line]
        await turns()
        assert [slot.position for slot in line] == [None, 0, 1, 2]
        tasks[0].cancel()
        await turns()
        assert [slot.position for slot in line] == [None, None, 0, 1]
        tasks[2].cancel()
        await turns()
        assert [slot.position for slot in line] == [None, None, None, 0]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [slot.position for slot in line] == [None] * 4

    async def test_without_a_bound_nobody_waits(self):
        slots = Slots(None)
        line = [Slot(slots) for _ in range(100)]
        async with anyio.create_task_group() as group:
            went = []
            for slot in line:
                group.start_soon(stand, slot, went)
            await turns()
            assert went == line
            group.cancel_scope.cancel()

    async def test_a_turn_that_comes_with_a_cancellation_goes_to_the_next(self):
        slots, went = Slots(1), []
        async with Slot(slots):
            second = asyncio.create_task(stand(Slot(slots), went))
            third = asyncio.create_task(stand(heir := Slot(slots), went))
            await turns()
        second.cancel()
        await turns()
        assert second.cancelled()
        assert went == [heir]
        third.cancel()
        await asyncio.wait({third})

    @pytest.mark.parametrize("seed", range(20))
    async def test_however_they_come_and_go_no_turn_is_lost_and_none_is_made(self, seed):
        chance = random.Random(seed)  # noqa: S311 - a seeded course of events
        slots, held, most = Slots(3), 0, 0

        async def visit(stays):
            nonlocal held, most
            async with Slot(slots):
                held += 1
                most = max(most, held)
                try:
                    await turns(stays)
                finally:
                    held -= 1

        tasks = [asyncio.create_task(visit(chance.randrange(6))) for _ in range(60)]
        while not all(task.done() for task in tasks):
            await turns(chance.randrange(3))
            chance.choice(tasks).cancel()
        assert most <= 3
        # All three are there for those who come later.
        late = [asyncio.create_task(stand(Slot(slots), went := [])) for _ in range(3)]
        await turns()
        assert all(not task.done() for task in late)
        assert slots._free == 0
        assert not slots._line
        assert went
        for task in late:
            task.cancel()
        await asyncio.wait(late)

    async def test_a_slot_is_entered_once(self):
        slot = Slot(Slots(1))
        async with slot:
            pass
        with pytest.raises(ClientStateError, match="ask the client for another"):
            await slot.__aenter__()


class TestAClientsSlots:
    async def test_generate_batches_and_slots_share_one_bound(self):
        async with (
            Simulator(duration=3600) as sim,
            client_for(sim, max_in_flight=2) as client,
            client.slot(),
            Batch(client, ["one of a batch"] * 3),
        ):
            await until(lambda: len(sim.submissions) == 1)
            waiting = client.slot()
            entering = asyncio.create_task(stand(waiting))
            generating = asyncio.create_task(client.generate("later"))
            await turns(50)
            assert len(sim.submissions) == 1
            # Two of the batch came before it.
            assert waiting.position == 2
            for task in (entering, generating):
                task.cancel()
            await asyncio.wait({entering, generating})

    async def test_a_job_of_a_slot_frees_it_when_the_slot_is_left(self):
        async with (
            Simulator(duration=Polls(1)) as sim,
            client_for(sim, max_in_flight=1) as client,
        ):
            async with client.slot():
                job = await client.submit("a red panda")
                later = asyncio.create_task(client.generate("the next"))
                await job.result()
                assert len(sim.submissions) == 1
            await later
            assert len(sim.submissions) == 2
