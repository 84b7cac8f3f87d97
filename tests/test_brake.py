"""The brake of a client's submits, in virtual time."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from support.virtual_time import in_virtual_time, now

from pika_async._brake import FIRST_INTERVAL, Brake


def brake() -> Brake:
    return Brake(now, anyio.sleep)


async def gone(one: Brake, count: int) -> list[float]:
    return sorted(await asyncio.gather(*(one.released() for _ in range(count))))


@in_virtual_time
async def test_without_a_hold_nobody_waits():
    assert await gone(brake(), 100) == [1000.0] * 100


@in_virtual_time
async def test_a_hold_makes_everyone_wait():
    one = brake()
    one.hold(5.0, now())
    assert min(await gone(one, 10)) == 1005.0


@in_virtual_time
async def test_after_a_hold_submits_go_one_by_one():
    one = brake()
    one.hold(5.0, now())
    assert await gone(one, 4) == pytest.approx([1005 + FIRST_INTERVAL * n for n in range(4)])


@in_virtual_time
async def test_a_longer_hold_stays_and_one_that_comes_meanwhile_counts():
    one = brake()
    one.hold(5.0, now())
    one.hold(1.0, now())
    waiters = asyncio.create_task(gone(one, 3))
    await anyio.sleep(4.0)
    one.hold(6.0, now())
    assert min(await waiters) == 1010.0


@in_virtual_time
async def test_a_burst_of_refusals_slows_down_once():
    one = brake()
    sent = [await one.released() for _ in range(50)]
    for moment in sent:
        one.hold(1.0, moment)
        await anyio.sleep(0.001)
    times = await gone(one, 2)
    assert times[1] - times[0] == pytest.approx(FIRST_INTERVAL)


@in_virtual_time
async def test_each_later_refusal_slows_down_and_each_success_speeds_up_to_no_pace_at_all():
    one = brake()
    one.hold(1.0, await one.released())
    one.hold(1.0, await one.released())
    first, second = await gone(one, 2)
    assert second - first == pytest.approx(1.5 * FIRST_INTERVAL)
    for _ in range(300):
        one.succeeded()
    await anyio.sleep(10)
    assert len(set(await gone(one, 5))) == 1


@in_virtual_time
async def test_a_service_that_admits_ten_a_second_is_met_with_few_refusals():
    one = brake()
    refused = 0
    tokens, filled_at = 10.0, now()

    async def submit():
        nonlocal refused, tokens, filled_at
        while True:
            went = await one.released()
            tokens = min(10.0, tokens + 10.0 * (now() - filled_at))
            filled_at = now()
            await anyio.sleep(0.01)
            if tokens >= 1:
                tokens -= 1
                one.succeeded()
                return
            refused += 1
            one.hold(0.5, went)

    async def all_of_them():
        limiter = anyio.Semaphore(16)

        async def within():
            async with limiter:
                await submit()

        async with anyio.create_task_group() as group:
            for _ in range(500):
                group.start_soon(within)

    await all_of_them()
    ideal = (500 - 10) / 10
    assert now() - 1000 <= 1.3 * ideal
    assert refused <= 0.3 * 500
