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

    limit.give_back(0.01)
    await turns()

    assert [task.done() for task in waiting] == [True, False, False]
    assert not limit.take()
    await leave(waiting)


def rounds(limit, count, seconds):
    """So many rounds of answers that took so long."""
    for _ in range(count):
        for _ in range(limit.allowed):
            limit.give_back(seconds)


@in_virtual_time
async def test_before_the_first_answer_twice_as_many_go_at_each_look(limit, thread):
    """The thread had time to spare, so it is the network that takes its time."""
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
async def test_a_busy_thread_opens_no_more_before_the_first_answer(limit, thread):
    """It may not have come to read it."""
    taken(limit)
    waiting = await in_line(limit, 50)

    for _ in range(10):
        thread.does(0.01)
        limit.look()
    await turns()

    assert gone(waiting) == 0
    await leave(waiting)


@in_virtual_time
async def test_where_twice_as_many_bring_more_answers_a_second_they_may_go(limit):
    """Answers take as long as before: it is the network that they wait for."""
    taken(limit)
    waiting = await in_line(limit, 10_000)

    rounds(limit, 1, 0.15)
    assert limit.allowed == 2 * FEW
    # Those that were under way before tell nothing of it.
    rounds(limit, 1, 0.15)
    assert limit.allowed == 2 * FEW
    rounds(limit, 1, 0.16)
    assert limit.allowed == 4 * FEW
    await leave(waiting)


@in_virtual_time
async def test_where_answers_take_so_much_longer_it_is_as_before(limit, thread):
    """They wait at the service in place of here. It is tried again after a second."""
    taken(limit)
    waiting = await in_line(limit, 10_000)
    rounds(limit, 1, 0.05)
    assert limit.allowed == 2 * FEW

    rounds(limit, 1, 0.05)
    rounds(limit, 1, 0.08)
    assert limit.allowed == FEW

    rounds(limit, 4, 0.05)
    rounds(limit, 1, 0.1)  # by chance
    assert limit.allowed == FEW
    thread.does(0.0, idle=1.1)
    rounds(limit, 1, 0.05)
    assert limit.allowed == 2 * FEW
    await leave(waiting)


@in_virtual_time
async def test_where_answers_have_ceased_twice_as_many_go_each_second(limit, thread):
    """Connections may be dead; over others there may be answers."""
    taken(limit)
    waiting = await in_line(limit, 1_000)
    limit.give_back(0.01)
    limit.look()
    for allowed in (FEW, 2 * FEW, 2 * FEW, 4 * FEW):
        thread.does(0.0, idle=0.6)
        limit.look()
        assert limit.allowed == allowed
    await leave(waiting)


@in_virtual_time
async def test_who_begin_to_wait_after_a_pause_wait_for_no_answer_of_the_past(limit, thread):
    """That nothing was heard while nothing was asked is no sign."""
    taken(limit)
    limit.give_back(0.01)
    taken(limit)
    thread.does(0.0, idle=60)
    waiting = await in_line(limit, 10)
    thread.does(0.0, idle=0.01)
    limit.look()
    assert limit.allowed == FEW
    await leave(waiting)


class Service:
    """Answers so many a second, each after the latency of its line."""

    def __init__(self, a_second, latency):
        self.seconds, self.latency = 1 / a_second, latency
        self.free_at = 0.0

    async def answer(self):
        now = asyncio.get_running_loop().time()
        self.free_at = max(self.free_at, now) + self.seconds
        await asyncio.sleep(self.free_at - now + self.latency)  # noqa: TID251 - virtual


async def polled(limit, service, count):
    """So many polls that are due at once; the most that were allowed, and the seconds taken."""
    now = asyncio.get_running_loop().time
    most, begun = limit.allowed, now()

    async def poll():
        nonlocal most
        if not limit.take():
            await limit.wait()
        let_go = now()
        await service.answer()
        limit.give_back(now() - let_go)
        most = max(most, limit.allowed)

    await asyncio.gather(*(poll() for _ in range(count)))
    return most, now() - begun


def by_the_loop(*, busy):
    now = asyncio.get_running_loop().time
    return ConnectionLimit(now=now, worked=now if busy else lambda: 0.0)


@pytest.mark.parametrize("latency", [0.001, 0.02])
@in_virtual_time
async def test_a_service_that_is_at_its_limit_is_given_no_more_connections(latency):
    """Ten thousand polls take it five seconds, over however many they come."""
    limit = by_the_loop(busy=True)
    most, seconds = await polled(limit, Service(2_000, latency), 10_000)
    assert most <= 2 * FEW
    assert seconds < 5.2


@in_virtual_time
async def test_over_a_slow_line_hundreds_go_at_once_from_the_first_crowd_on():
    """Two thousand polls take hardly longer than one."""
    limit = by_the_loop(busy=False)
    most, seconds = await polled(limit, Service(1_000_000, 0.15), 2_000)
    assert most >= 1_600
    assert seconds < 0.35


@in_virtual_time
async def test_over_a_line_that_has_become_slow_hundreds_go_after_some_crowds():
    """Nobody goes on waiting for a connection because it was quick once."""
    limit = by_the_loop(busy=True)
    await polled(limit, Service(1_000_000, 0.001), 300)
    taken = [(await polled(limit, Service(1_000_000, 0.15), 2_000))[1] for _ in range(6)]
    assert taken[-1] < 0.4, taken


@in_virtual_time
async def test_a_crowd_that_comes_again_and_again_keeps_what_it_uses():
    """Jobs that were submitted together are looked at in waves, with a second between them."""
    limit = by_the_loop(busy=False)
    await polled(limit, Service(1_000_000, 0.15), 800)
    allowed = limit.allowed
    for _ in range(4):
        await asyncio.sleep(1.0)  # noqa: TID251 - of the virtual clock
        await polled(limit, Service(1_000_000, 0.15), 800)
        assert limit.allowed == allowed


@in_virtual_time
async def test_it_looks_by_itself_while_any_wait():
    """Nobody who waits has to be answered first by somebody else."""
    limit = by_the_loop(busy=False)
    taken(limit)
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
        limit.give_back(0.01)
    assert limit.allowed == 4 * FEW

    for _ in range(5):
        thread.does(0.0, idle=1.5)
        limit.give_back(0.01)
    assert limit.allowed == FEW
    assert gone(waiting) == 300


async def shrunk_during_a_trial(limit, thread):
    """As few as at first, after twice as many as had been found good were on trial."""
    taken(limit)
    waiting = await in_line(limit, 1_020)
    rounds(limit, 2, 0.15)
    rounds(limit, 3, 0.15)
    assert limit.allowed == 4 * FEW
    thread.does(0.0, idle=1.5)
    while limit.allowed > FEW:
        limit.give_back(0.15)
        thread.does(0.0, idle=0.5)
    await turns()
    assert gone(waiting) == 1_020
    taken(limit)


@in_virtual_time
async def test_nobody_goes_before_those_who_wait_however_a_trial_ends(limit, thread):
    """A trial that was begun before the limit shrank does not raise it behind their backs."""
    await shrunk_during_a_trial(limit, thread)
    waiting = await in_line(limit, 10_000)
    for _ in range(4):
        rounds(limit, 1, 0.15)
        assert not limit.take()
    await leave(waiting)


@in_virtual_time
async def test_what_many_brought_once_is_no_measure_for_few(limit, thread):
    """After it has shrunk, a crowd finds out anew, as soon as the first one did."""
    await shrunk_during_a_trial(limit, thread)
    waiting = await in_line(limit, 10_000)
    rounds(limit, 1, 0.15)
    assert limit.allowed == 2 * FEW
    rounds(limit, 2, 0.15)
    assert limit.allowed == 4 * FEW
    await leave(waiting)


async def test_who_leaves_the_line_takes_nobody_s_place(limit):
    """A cancelled poll was never under way."""
    taken(limit)
    first, second = await in_line(limit, 2)
    await leave([first])

    limit.give_back(0.01)
    await turns()

    assert second.done()
    assert not second.cancelled()


async def test_a_turn_that_comes_with_a_cancellation_goes_to_the_next(limit):
    """Else the limit would shrink with each, until nobody could go."""
    taken(limit)
    first, second = await in_line(limit, 2)

    limit.give_back(0.01)
    first.cancel()
    await turns()

    assert first.cancelled()
    assert second.done()
    assert not second.cancelled()


@in_virtual_time
async def test_never_more_go_than_the_process_may_have_connections(thread):
    """However long answers take."""
    limit = ConnectionLimit(250, now=lambda: thread.now, worked=lambda: thread.worked)
    taken(limit)
    waiting = await in_line(limit, 10_000)

    for _ in range(5):
        thread.does(0.001, idle=0.009)
        limit.look()
    assert limit.allowed == 250
    rounds(limit, 20, 0.15)
    assert limit.allowed == 250
    await turns()
    await leave(waiting)


def test_that_may_be_fewer_than_the_usual_hundred():
    """A process with 64 descriptors has no hundred connections."""
    assert taken(ConnectionLimit(32)) == 32
