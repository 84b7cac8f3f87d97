"""How many polls are under way at once: the clock and the thread's work are arguments."""

from __future__ import annotations

import asyncio

import pytest
from support.virtual_time import in_virtual_time

from pika_async._wire.transport.limit import FEW, ConnectionLimit


class Thread:
    """A thread that can be told what it did."""

    def __init__(self):
        self.now = self.worked = 0.0

    def does(self, seconds, *, idle=0.0):
        self.now += seconds + idle
        self.worked += seconds


@pytest.fixture
def thread():
    return Thread()


@pytest.fixture
def limit(thread):
    return ConnectionLimit(now=lambda: thread.now, worked=lambda: thread.worked)


def taken(limit, most=10_000):
    count = 0
    while count < most and limit.take():
        count += 1
    return count


async def in_line(limit, count):
    waiting = [asyncio.create_task(limit.wait()) for _ in range(count)]
    await turns()
    return waiting


async def turns():
    for _ in range(3):
        await asyncio.sleep(0)  # noqa: TID251 - lets the tasks run, and waits for nothing


def gone(waiting):
    return [task.done() for task in waiting].count(True)


async def leave(waiting):
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


async def test_as_many_go_at_once_as_aiohttp_allows(limit):
    """Nobody who writes a loop by hand has more."""
    assert taken(limit) == FEW


async def test_who_waits_goes_when_another_has_come_back(limit):
    """First come, first served, and no more at once than are allowed."""
    taken(limit)
    waiting = await in_line(limit, 3)

    limit.give_back()
    await turns()

    assert [task.done() for task in waiting] == [True, False, False]
    assert not limit.take()
    await leave(waiting)


@in_virtual_time
async def test_twice_as_many_go_where_the_network_is_slow(limit, thread):
    """The thread had time to spare, and hardly an answer came: they waited for the pool."""
    taken(limit)
    waiting = await in_line(limit, 250)

    thread.does(0.001, idle=0.009)
    limit.look()
    await turns()
    assert gone(waiting) == FEW

    thread.does(0.001, idle=0.009)
    limit.look()
    await turns()
    assert gone(waiting) == 250
    assert limit.allowed == 4 * FEW


@in_virtual_time
async def test_a_busy_thread_opens_hardly_more(limit, thread):
    """More connections would not make it faster; nobody waits for good all the same."""
    taken(limit)
    waiting = await in_line(limit, 50)

    for _ in range(10):
        thread.does(0.01)
        limit.look()
    await turns()

    assert gone(waiting) == 10
    await leave(waiting)


@in_virtual_time
async def test_prompt_answers_open_hardly_more(limit, thread):
    """A thread that others keep from its processor has time to spare by the clock alone."""
    taken(limit)
    waiting = await in_line(limit, 200)

    for _ in range(FEW):
        limit.give_back()
    thread.does(0.01, idle=0.09)
    limit.look()
    await turns()

    assert gone(waiting) == FEW + 1
    await leave(waiting)


async def test_it_looks_by_itself_while_any_wait(thread, limit):
    """Nobody who waits has to be answered first by somebody else."""
    taken(limit)
    thread.does(0.0, idle=1.0)

    async with asyncio.timeout(30):
        await limit.wait()

    assert limit.allowed > FEW


@in_virtual_time
async def test_what_is_not_used_is_given_up(limit, thread):
    """After a second; so the next crowd does not open as many again without need."""
    taken(limit)
    waiting = await in_line(limit, 300)
    for _ in range(2):
        thread.does(0.0, idle=0.01)
        limit.look()
    await turns()
    assert limit.allowed == 4 * FEW

    thread.does(0.0, idle=0.5)
    for _ in range(FEW + 295):
        limit.give_back()
    assert limit.allowed == 4 * FEW

    for _ in range(5):
        thread.does(0.0, idle=1.5)
        limit.give_back()
    assert limit.allowed == FEW
    assert gone(waiting) == 300


async def test_who_leaves_the_line_takes_nobody_s_place(limit):
    """A cancelled poll was never under way."""
    taken(limit)
    first, second = await in_line(limit, 2)
    await leave([first])

    limit.give_back()
    await turns()

    assert second.done()
    assert not second.cancelled()


async def test_a_turn_that_comes_with_a_cancellation_goes_to_the_next(limit):
    """Else the limit would shrink with each, until nobody could go."""
    taken(limit)
    first, second = await in_line(limit, 2)

    limit.give_back()
    first.cancel()
    await turns()

    assert first.cancelled()
    assert second.done()
    assert not second.cancelled()
