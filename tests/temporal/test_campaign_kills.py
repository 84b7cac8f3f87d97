"""Campaigns whose workers are ended over and over: paid once, nothing lost, no limit passed.

``--kills 100`` is the whole proof: a thousand prompts and a hundred ends at each service.
"""

from __future__ import annotations

import random
import signal
import sys
import uuid
from contextlib import asynccontextmanager
from time import monotonic, time

import anyio
import pytest
from attrs import define, field
from support.engine import connected
from support.films import Naive
from support.ledger import Ledger, ends_of_submits, line_of, most_at_once, pandas
from support.nursery import Killer, ended, worker

from pika_async import Money
from pika_async.simulator import Fault, Simulator
from pika_async.temporal import Campaign

LONG = pytest.mark.long
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as on POSIX"),
]

SERVICES = ["gateway", "pika", "fal"]
PAGE = 50
LIMIT = 30

# Widens the moment in which an answer is on its way.
SLOW = Fault("slow-headers", times=None, seconds=0.4, probability=0.5, started=True)
BUSY = Fault("429-retry-after-seconds", times=None, retry_after=1, probability=0.03)
UNSURE = [
    Fault("reset-after", times=None, probability=0.02, started=True),
    Fault("502-html", times=None, probability=0.02, started=True),
    Fault("502-html", on="poll", times=None, probability=0.02),
    Fault("reset-before", on="poll", times=None, probability=0.02),
]


@define
class Storm:
    """An engine, a service, and two workers at a time that come and go."""

    address: str
    client: object
    sim: Simulator
    folder: object
    kills: int
    chance: random.Random
    queue: str = field(factory=lambda: uuid.uuid4().hex)
    killer: Killer = field(init=False)
    ledger: Ledger = field(init=False)

    def __attrs_post_init__(self):
        self.killer = Killer(self.worker, self.sim, self.chance)
        self.ledger = Ledger(self.sim)

    def worker(self):
        return worker(self.address, self.sim, self.queue, self.folder)

    @asynccontextmanager
    async def ending(self, *signals):
        """Inside, workers are ended; the test may take as long as that, and then some."""
        self.killer.signals = signals
        with anyio.fail_after(60 + 12 * self.kills):
            async with self.killer.at_work(self.kills):
                yield
        clean = (0, -signal.SIGTERM)
        assert [code for sent, code in self.killer.codes if sent is signal.SIGTERM] == [
            code for sent, code in self.killer.codes if sent is signal.SIGTERM and code in clean
        ]

    async def start(self, name, lines, **options):
        folder = self.folder / name
        await Campaign.prepare(lines, folder, page_size=PAGE)
        options = {"max_in_flight": LIMIT, "account": self.queue, "queue": self.queue} | options
        return await Campaign.start(self.client, uuid.uuid4().hex, folder, **options)

    def check(self):
        """Nothing paid twice, nothing lost, every line told."""
        ledger = self.ledger
        assert (ledger.twice, ledger.lost, ledger.wrong) == ([], [], [])

    def told(self, what, ends, seconds):
        killed = sum(code == -signal.SIGKILL for _, code in self.killer.codes)
        stopped = len(self.killer.codes) - killed
        return (
            f"{self.sim.service}, {what}: {killed} kill -9 and {stopped} SIGTERM, "
            f"{len(self.sim.submissions)} POSTs, {len(self.sim.jobs)} jobs; twice "
            f"{len(self.ledger.twice)}, lost {len(self.ledger.lost)}, uncertain "
            f"{len(self.ledger.uncertain)}, adopted {ends['adopted']}, sent again "
            f"{ends['nothing']}; {seconds:.0f} s"
        )


@asynccontextmanager
async def storm(engine, folder, service, kills, *faults, seed="", **settings):
    client = await connected(engine)
    settings = {"duration": 1.0, "seed": 7} | settings
    async with Simulator(service=service, now=time, faults=faults, **settings) as sim:
        chance = random.Random(f"{service}{seed}")  # noqa: S311 - draws moments
        yield Storm(engine, client, sim, folder, kills, chance)


@pytest.fixture
def kills(request):
    """As many as the command line says, or half of its default."""
    given = request.config.getoption("kills")
    return given if given > 12 else 6


@pytest.mark.parametrize("service", ["gateway", "pika", pytest.param("fal", marks=LONG)])
async def test_workers_that_are_ended_at_random_pay_for_nothing_twice_and_lose_nothing(
    service, engine, tmp_path, kills, record_property
):
    """With kill -9 and SIGTERM, while the service resets, refuses and is slow."""
    prompts = 10 * kills
    began = monotonic()
    async with storm(engine, tmp_path, service, kills, SLOW, BUSY, *UNSURE) as at:
        async with at.ending(signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
            # As slow as the workers come and go.
            campaign = await at.start("store", pandas(prompts), submits_per_second=5)
            progress = await campaign.result()
        await at.ledger.read(campaign.results())
        ends = await ends_of_submits(at.client, campaign)
    record_property("told", at.told(f"{prompts} prompts", ends, monotonic() - began))
    at.check()
    assert len(at.ledger.outcomes) == prompts
    assert progress.uncertain == len(at.ledger.uncertain)
    assert progress.succeeded + progress.uncertain == prompts
    assert most_at_once(at.ledger.counted) <= LIMIT
    if service == "pika":
        assert at.ledger.uncertain == set()


@pytest.mark.long
@pytest.mark.parametrize("service", ["gateway"])
async def test_workers_that_are_asked_to_stop_leave_nothing_uncertain(
    service, engine, tmp_path, kills
):
    """SIGTERM alone: answers on their way are read."""
    prompts = 6 * min(kills, 12)
    async with storm(engine, tmp_path, service, min(kills, 12), SLOW, BUSY) as at:
        async with at.ending(signal.SIGTERM):
            campaign = await at.start("store", pandas(prompts), submits_per_second=6)
            await campaign.result()
        await at.ledger.read(campaign.results())
    at.check()
    assert at.ledger.uncertain == set()
    assert len(at.sim.jobs) == prompts


@pytest.mark.parametrize("service", ["pika", pytest.param("gateway", marks=LONG)])
@pytest.mark.long
async def test_a_budget_is_not_passed_while_workers_are_killed(service, engine, tmp_path, kills):
    """What may have been paid for counts as paid for."""
    kills = min(kills, 20)
    prompts, affordable = 4 * kills, 3 * kills
    async with storm(engine, tmp_path, service, kills, SLOW, *UNSURE) as at:
        each = Money(100_000) if service == "gateway" else await quote(at)
        async with at.ending(signal.SIGKILL):
            campaign = await at.start(
                "store",
                pandas(prompts),
                submits_per_second=5,
                budget=affordable * each,
                price=None if service == "pika" else each,
            )
            while (await patiently(campaign)).paused is None:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.1)
            assert len(at.sim.jobs) <= affordable
            await campaign.stop()
            progress = await campaign.result()
        await at.ledger.read(campaign.results())
        assert spent(at, each) <= affordable * each.micros
        assert progress.cost.micros <= affordable * each.micros
        # It is used up but for what the service has lost without a job.
        assert len(at.sim.jobs) + len(at.ledger.uncertain) >= affordable
    at.check()


async def patiently(campaign):
    """Its progress, as soon as a worker lives long enough to say it."""
    while True:
        try:
            return await campaign.progress()
        except Exception:  # noqa: BLE001 - whoever answered was killed
            await anyio.sleep(0.1)


async def quote(at):
    from pika_async import PikaClient  # noqa: PLC0415

    async with PikaClient("key", base_url=at.sim.url, dialect=at.sim.dialect) as client:
        return await client.quote(pandas(1)[0])


def spent(at, each):
    """Millionths, by the service's own books where it keeps any."""
    if at.sim.service == "pika":
        return at.sim.service_at_work.spent_micro_usd
    return len(at.sim.jobs) * each.micros


@pytest.mark.long
async def test_two_campaigns_on_one_key_keep_to_its_limit_while_workers_are_killed(
    engine, tmp_path, kills
):
    """At every instant, by the service's clock. Jobs that nobody knows of are not counted."""
    limit, kills = 8, min(kills, 20)
    prompts = 5 * kills
    async with storm(engine, tmp_path, "pika", kills, SLOW, *UNSURE) as at:
        async with at.ending(signal.SIGKILL):
            one = await at.start("one", pandas(prompts), max_in_flight=limit)
            two = await at.start("two", pandas(prompts, prompts), max_in_flight=limit)
            await one.result()
            await two.result()
        await at.ledger.read(one.results())
        await at.ledger.read(two.results(), prompts)
    at.check()
    assert at.ledger.uncertain == set()
    assert most_at_once(at.sim.jobs.values()) <= limit


@pytest.mark.long
async def test_with_the_engines_default_retries_the_same_kills_pay_twice(engine, tmp_path):
    """So the tests above are able to fail."""
    wide = Fault("slow-headers", times=None, seconds=0.8, started=True)
    async with storm(engine, tmp_path, "gateway", 6, wide) as at:
        async with at.ending(signal.SIGKILL):
            handles = [
                await at.client.start_workflow(
                    Naive.run, request.prompt, id=uuid.uuid4().hex, task_queue=at.queue
                )
                for request in pandas(60)
            ]
            for handle in handles:
                await handle.result()
    assert len(at.ledger.twice) >= 1
    assert len(at.sim.jobs) > len({line_of(job) for job in at.sim.jobs.values()}) == 60


@pytest.mark.parametrize("moment", ["while its page is opened", "while its page is sealed"])
@pytest.mark.long
async def test_a_page_whose_worker_is_lost_at_its_ends_goes_on_soon(moment, engine, tmp_path):
    """Not only once the longest time is over that opening or sealing may take."""
    async with storm(engine, tmp_path, "gateway", 0) as at:
        campaign = await at.start("store", pandas(5))
        first = worker(engine, at.sim, at.queue, tmp_path, moment)
        async with first as process:
            assert await ended(process) == -signal.SIGKILL
        async with at.worker():
            with anyio.fail_after(180):
                assert (await campaign.result()).succeeded == 5
        await at.ledger.read(campaign.results())
    at.check()
    assert len(at.sim.submissions) == 5


# The moment, then for gateway, pika and fal: how many lines are uncertain, and how many jobs.
# fmt: off
MOMENTS = {
    "before it is written down":     ((0, 1), (0, 1), (0, 1)),
    "after it is written down":      ((1, 0), (0, 1), (1, 0)),
    "after the answer":              ((1, 1), (0, 1), (0, 1)),
    "after the job is written down": ((0, 1), (0, 1), (0, 1)),
}
# fmt: on


async def test_at_each_moment_of_a_submit_a_worker_may_be_killed(engine, tmp_path):
    """A line is submitted again only where nothing can have left, and a named job is adopted."""

    async def killed(moment, service, expected):
        async with storm(engine, tmp_path / service, service, 0) as at:
            campaign = await at.start(moment, pandas(1))
            async with worker(engine, at.sim, at.queue, tmp_path, moment) as process:
                assert await ended(process) == -signal.SIGKILL
            async with at.worker():
                with anyio.fail_after(90):
                    await campaign.result()
            await at.ledger.read(campaign.results())
        at.check()
        found = (len(at.ledger.uncertain), len(at.sim.jobs))
        assert (service, moment, found) == (service, moment, expected)

    async with anyio.create_task_group() as tasks:
        for moment, row in MOMENTS.items():
            for service, expected in zip(SERVICES, row, strict=True):
                tasks.start_soon(killed, moment, service, expected)
