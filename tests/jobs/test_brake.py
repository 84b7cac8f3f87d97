"""The brake of a client's submits, in virtual time."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass, field
from functools import partial

import anyio
import pytest
from support.virtual_time import in_virtual_time, now

from pika_async import RetryPolicy
from pika_async._jobs.brake import FIRST_INTERVAL, Brake
from pika_async._settled import rest

RETRY = RetryPolicy()
ATTEMPTS = RETRY.attempts


@dataclass
class Refusal:
    """A 429, and for how long it asks."""

    retry_after: float | None


def brake() -> Brake:
    return Brake(now, rest)


async def released(one: Brake) -> float:
    """The moment of going, waited for where there is a line."""
    at_once = one.take()
    return await one.wait() if at_once is None else at_once


async def gone(one: Brake, count: int) -> list[float]:
    return list(await asyncio.gather(*(released(one) for _ in range(count))))


async def interval(one: Brake) -> float:
    """Between two submits that go now."""
    await anyio.sleep(100)
    first, second = await gone(one, 2)
    return second - first


async def refused_while_admitting(one: Brake) -> None:
    """One submit that is refused after another was admitted."""
    await released(one)
    one.succeeded()
    one.hold(1.0, await released(one))


@dataclass
class Service:
    """Admits ``rate`` submits a second, ``burst`` at once, and tells ``latency`` later."""

    rate: float
    burst: float
    latency: float
    tells_when: bool = False
    """Whether it asks for whole seconds, as with Retry-After."""
    chance: random.Random = field(default_factory=partial(random.Random, 0))
    refused: int = 0
    given_up: int = 0
    too_soon: int = 0
    """Submits that went within the time that the client had been asked to wait."""

    def __post_init__(self) -> None:
        self._tokens = self.burst
        self._at = now()
        self._wanted_at = -math.inf

    def missing(self) -> float:
        """Seconds until one more is admitted; 0 if it is."""
        self._tokens = min(self.burst, self._tokens + self.rate * (now() - self._at))
        self._at = now()
        if self._tokens < 1:
            return (1 - self._tokens) / self.rate
        self._tokens -= 1
        return 0.0

    async def submit(self, one: Brake) -> None:
        attempt = 0
        while attempt < ATTEMPTS:
            attempt += 1
            went = await released(one)
            self.too_soon += went < self._wanted_at
            await anyio.sleep(self.latency / 2)
            missing = self.missing()
            await anyio.sleep(self.latency / 2)
            if not missing:
                one.succeeded()
                return
            self.refused += 1
            refusal = Refusal(math.ceil(missing) if self.tells_when else None)
            delay = RETRY.delay(attempt, refusal, self.chance.random())
            asked = refusal.retry_after or 0.0
            self._wanted_at = max(self._wanted_at, now() + asked)
            attempt -= one.hold(delay, went, asked=asked)
        self.given_up += 1

    async def submit_all(self, count: int, at_once: int) -> float:
        """Seconds over the ideal time."""
        one, begun, places = brake(), now(), anyio.Semaphore(at_once)

        async def within() -> None:
            async with places:
                await self.submit(one)

        await asyncio.gather(*(within() for _ in range(count)))
        return (now() - begun) / ((count - self.burst) / self.rate)


@in_virtual_time
async def test_without_a_crowd_nobody_waits():
    one = brake()
    assert await gone(one, 10) == [1000.0] * 10
    for _ in range(1000):
        one.succeeded()
        await released(one)
    assert now() == 1000.0


@in_virtual_time
async def test_a_crowd_does_not_leave_before_the_first_answers_are_read():
    times = await gone(brake(), 500)
    within_20_ms = sum(moment < 1000.02 for moment in times)
    assert within_20_ms < 100
    assert times == sorted(times)


@in_virtual_time
async def test_a_thousand_are_on_their_way_soon_where_the_service_admits_them_all():
    one, begun, left = brake(), now(), []

    async def submit():
        left.append(await released(one) - begun)
        await anyio.sleep(0.15)
        one.succeeded()

    await asyncio.gather(*(submit() for _ in range(1000)))
    assert max(left) < 0.45


@in_virtual_time
async def test_a_crowd_whose_answers_never_come_trickles_on():
    times = await gone(brake(), 500)
    assert 2 < times[-1] - 1000 < 10


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
async def test_who_came_first_goes_first():
    one, order = brake(), []
    one.hold(5.0, now())

    async def submit(number):
        await released(one)
        order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(submit(number))
    assert order == list(range(20))


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
async def test_a_crowd_waits_as_long_as_the_first_of_it_that_was_refused():
    """Not as long as the unluckiest draw of all."""
    one = brake()
    crowd = await gone(one, 10)
    one.hold(1.02, crowd[0], asked=1.0)
    for went in crowd[1:]:
        one.hold(1.12, went, asked=1.0)
    assert await released(one) == pytest.approx(now()) == pytest.approx(1001.02)


@in_virtual_time
async def test_nobody_goes_sooner_than_the_service_asks_for():
    """A later answer to the same crowd may ask for more."""
    one = brake()
    crowd = await gone(one, 2)
    one.hold(1.05, crowd[0], asked=1.0)
    await anyio.sleep(0.5)
    one.hold(2.2, crowd[1], asked=2.0)
    assert await released(one) == pytest.approx(1002.5)


@in_virtual_time
async def test_a_refusal_that_comes_when_the_hold_is_over_holds_as_any_other():
    """Its answer was long under way."""
    one = brake()
    crowd = await gone(one, 2)
    one.hold(1.0, crowd[0])
    await anyio.sleep(2)
    one.hold(1.0, crowd[1])
    assert await released(one) == pytest.approx(1003)


@in_virtual_time
async def test_once_one_is_admitted_after_a_hold_the_next_goes_at_the_pace_that_counts_then():
    """It does not wait for its place behind one of whom nothing was known."""
    one = brake()
    for _ in range(80):
        await released(one)
        one.succeeded()
    one.hold(1.0, await released(one))
    await released(one)
    waiting = asyncio.create_task(released(one))
    await anyio.sleep(0.004)
    one.succeeded()
    assert await waiting == pytest.approx(1001 + 1 / 101, abs=0.001)


@in_virtual_time
async def test_whoever_is_cancelled_leaves_no_gap_behind():
    one = brake()
    one.hold(5.0, now())
    tasks = [asyncio.create_task(released(one)) for _ in range(10)]
    await anyio.sleep(1)
    for task in tasks[:3] + tasks[5:8]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    times = [moment for moment in done if isinstance(moment, float)]
    assert times == pytest.approx([1005 + FIRST_INTERVAL * n for n in range(4)])


@in_virtual_time
async def test_a_hold_tells_whether_others_have_been_admitted_since_the_refused_one_left():
    one = brake()
    first = await released(one)
    await anyio.sleep(0.1)
    assert one.hold(1.0, first) is False
    second = await released(one)
    await anyio.sleep(0.1)
    one.succeeded()
    assert one.hold(1.0, second) is True


@in_virtual_time
async def test_a_burst_of_refusals_slows_down_once():
    one = brake()
    await refused_while_admitting(one)
    await anyio.sleep(100)
    for _ in range(10):
        await released(one)
        one.succeeded()
    sent = [await released(one) for _ in range(20)]
    before = one._pace
    for moment in sent:
        one.hold(1.0, moment)
        await anyio.sleep(0.001)
    assert 0.75 * before < one._pace < before


@in_virtual_time
async def test_the_share_of_chance_in_a_hold_does_not_count_for_the_pace_that_is_guessed():
    """What the service asks for is how long it takes to have something saved again."""
    paces = []
    for seconds in (1.0, 1.12):
        one = brake()
        for _ in range(80):
            await released(one)
            one.succeeded()
        one.hold(seconds, await released(one), asked=1.0)
        paces.append(one._pace)
    assert paces[0] == paces[1] == pytest.approx(1.25 * 80, rel=0.05)


@in_virtual_time
async def test_each_refusal_slows_down():
    one, paces = brake(), []
    for _ in range(4):
        await refused_while_admitting(one)
        paces.append(one._pace)
        await anyio.sleep(100)
    assert paces == sorted(paces, reverse=True)
    assert len(set(paces)) == 4


@in_virtual_time
async def test_a_refusal_where_none_was_admitted_since_the_last_hold_doubles_the_hold():
    one = brake()
    for seconds in (0.5, 1.0, 2.0, 4.0):
        went = await released(one)
        one.hold(0.5, went)
        assert await released(one) - went == pytest.approx(seconds)
        await anyio.sleep(FIRST_INTERVAL)


@in_virtual_time
async def test_successes_speed_up_to_no_pace_at_all():
    one = brake()
    await refused_while_admitting(one)
    slow = await interval(one)
    for _ in range(20):
        one.succeeded()
    faster = await interval(one)
    for _ in range(2000):
        one.succeeded()
    assert slow > faster > 0.005
    assert await interval(one) < 0.001


@in_virtual_time
async def test_after_the_second_refusal_the_pace_stays_below_the_refused_one_for_long():
    one = brake()
    await refused_while_admitting(one)
    await anyio.sleep(100)
    one.succeeded()
    for _ in range(15):
        one.succeeded()
    refused = one._pace
    one.hold(1.0, await released(one))
    await anyio.sleep(100)
    paces = []
    for _ in range(200):
        one.succeeded()
        paces.append(one._pace)
    assert paces == sorted(paces)
    assert paces[-1] < refused


@pytest.mark.parametrize("at_once", [16, 64, 500])
@pytest.mark.parametrize("latency", [0.002, 0.02])
@pytest.mark.parametrize("tells_when", [False, True])
@in_virtual_time
async def test_a_hundred_a_second_are_met_with_few_refusals_and_in_good_time(
    at_once, latency, tells_when
):
    """And never sooner than it asks for."""
    service = Service(rate=100, burst=100, latency=latency, tells_when=tells_when)
    assert await service.submit_all(500, at_once) <= 1.15
    assert service.refused <= 0.25 * 500
    assert service.given_up == 0
    assert service.too_soon == 0


@pytest.mark.parametrize("rate", [2, 10])
@pytest.mark.parametrize("burst", [1, 10])
@in_virtual_time
async def test_a_slow_service_is_met_with_few_refusals_and_none_is_given_up(rate, burst):
    service = Service(rate=rate, burst=burst, latency=0.1)
    assert await service.submit_all(500, at_once=500) <= 1.35
    assert service.refused <= 0.4 * 500
    assert service.given_up == 0


@in_virtual_time
async def test_a_limit_that_is_lowered_and_raised_is_followed():
    service = Service(rate=100, burst=10, latency=0.02)

    async def change():
        await anyio.sleep(5)
        service.rate = 20
        await anyio.sleep(20)
        service.rate = 200

    changing = asyncio.create_task(change())
    begun = now()
    await service.submit_all(2000, at_once=500)
    await changing
    ideal = 25 + (2000 - 900) / 200
    assert now() - begun <= 1.5 * ideal
    assert service.refused <= 0.1 * 2000
    assert service.given_up == 0
