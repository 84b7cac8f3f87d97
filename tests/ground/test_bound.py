"""How long something may take, on a loop that is on time, late, or held up without end."""

from __future__ import annotations

import asyncio

import pytest
from support.tables import every_row
from support.virtual_time import in_virtual_time, now

from pika_async._bound import Bound, Bounds


def hold_up(seconds: float) -> None:
    asyncio.get_running_loop().moment += seconds


async def sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)  # noqa: TID251 - virtual


@in_virtual_time
async def test_what_comes_in_time_comes():
    with Bound(3.0):
        await sleep(2.9)
    await sleep(10)


@in_virtual_time
async def test_on_a_loop_that_is_on_time_it_ends_to_the_moment():
    begun = now()
    with pytest.raises(TimeoutError), Bound(3.0):
        await sleep(10)
    assert now() == begun + 3.0


@in_virtual_time
async def test_what_takes_turns_and_no_time_is_waited_for():
    with Bound(3.0):
        hold_up(60.0)
        for _ in range(3):
            await sleep(0)


@every_row(("late", "more"), [(0.01, 0.01), (2.0, 2.0), (60.0, 5.0)])
def test_a_bound_that_is_late_ends_as_long_again_later_and_never_much(late, more):
    @in_virtual_time
    async def held_up_once():
        begun = now()
        asyncio.get_running_loop().call_later(2.9, hold_up, 0.1 + late)
        with pytest.raises(TimeoutError), Bound(3.0):
            await sleep(1000)
        assert now() - begun == pytest.approx(3.0 + late + more)

    held_up_once()


@in_virtual_time
async def test_a_loop_that_is_held_up_without_end_does_not_wait_without_end():
    async def stutter():
        while True:
            hold_up(7.0)
            await sleep(0.5)

    begun = now()
    stuttering = asyncio.ensure_future(stutter())
    with pytest.raises(TimeoutError), Bound(3.0):
        await sleep(100_000)
    stuttering.cancel()
    assert now() - begun < 200


@in_virtual_time
async def test_it_is_put_off_and_brought_forward():
    begun = now()
    with pytest.raises(TimeoutError), Bound(3.0) as bound:
        await sleep(2)
        bound.move(begun + 20)
        await sleep(17)
        bound.move(begun + 30)
        bound.move(begun + 25)
        await sleep(100)
    assert now() == begun + 25


@in_virtual_time
async def test_whoever_is_cancelled_at_its_end_is_cancelled():
    async def bounded():
        with Bound(3.0):
            await sleep(10)

    task = asyncio.ensure_future(bounded())
    await sleep(3.0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


@in_virtual_time
async def test_it_holds_within_another_and_leaves_the_outer_as_it_was():
    with pytest.raises(TimeoutError), Bound(5.0):
        with pytest.raises(TimeoutError), Bound(3.0):
            await sleep(10)
        assert asyncio.current_task().cancelling() == 0
        await sleep(10)
    assert asyncio.current_task().cancelling() == 0


@in_virtual_time
async def test_an_error_of_what_is_within_comes_as_it_is():
    with pytest.raises(LookupError), Bound(3.0):
        raise LookupError


class TestBoundsOfOneLength:
    """Requests of one client are bounded alike: one timer does for all of them."""

    @in_virtual_time
    async def test_each_ends_so_long_after_it_was_entered(self):
        bounds, begun, ended = Bounds(3.0), now(), []

        async def bounded(after, takes):
            await sleep(after)
            try:
                with bounds.of():
                    await sleep(takes)
            except TimeoutError:
                ended.append(now() - begun)

        await asyncio.gather(
            bounded(0, 10), bounded(1, 2.9), bounded(1.5, 10), bounded(1.5, 10), bounded(20, 10)
        )
        assert ended == [3.0, 4.5, 4.5, 23.0]

    @in_virtual_time
    async def test_those_that_are_left_in_time_take_one_timer_together(self, monkeypatch):
        loop, set_timers = asyncio.get_running_loop(), []
        call_at = loop.call_at
        monkeypatch.setattr(
            loop, "call_at", lambda *given, **more: set_timers.append(1) or call_at(*given, **more)
        )
        bounds = Bounds(3.0)
        for _ in range(100):
            with bounds.of():
                pass
        assert len(set_timers) == 1

    @in_virtual_time
    async def test_once_they_are_closed_no_timer_is_left(self, monkeypatch):
        """Each download has its own: their timers would add up for as long as silence may last."""
        loop, timers = asyncio.get_running_loop(), []
        call_at = loop.call_at

        def kept(*given, **more):
            timers.append(call_at(*given, **more))
            return timers[-1]

        monkeypatch.setattr(loop, "call_at", kept)
        bounds = Bounds(3.0)
        with bounds.of():
            pass
        bounds.close()
        assert [timer.cancelled() for timer in timers] == [True]

    @in_virtual_time
    async def test_who_is_within_while_they_are_closed_is_bounded_still(self):
        """A poll over a lent session outlives its client."""
        bounds, begun = Bounds(3.0), now()
        with pytest.raises(TimeoutError), bounds.of():
            bounds.close()
            await sleep(10)
        assert now() == begun + 3.0

    @in_virtual_time
    async def test_a_shorter_one_does_not_wait_for_the_others(self):
        bounds, begun = Bounds(30.0), now()
        with bounds.of(), pytest.raises(TimeoutError), bounds.of(3.0):
            await sleep(10)
        assert now() == begun + 3.0

    @in_virtual_time
    async def test_a_longer_one_is_as_long_as_the_others(self):
        bounds, begun = Bounds(3.0), now()
        with pytest.raises(TimeoutError), bounds.of(30.0):
            await sleep(10)
        assert now() == begun + 3.0

    @in_virtual_time
    async def test_on_a_loop_that_was_held_up_each_has_its_turns(self):
        bounds = Bounds(3.0)

        async def bounded():
            with bounds.of():
                await sleep(1.0)
                for _ in range(3):
                    await sleep(0)

        both = asyncio.gather(bounded(), bounded())
        await sleep(0)
        hold_up(60.0)
        await both
