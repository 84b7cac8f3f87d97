"""What one campaign gives up, another gets only once it is not in use any more."""

from __future__ import annotations

import uuid

import anyio
import pytest
from support.killed import be_quick
from support.ledger import most_at_once, pandas
from support.scene import scene

from pika_async.temporal import Campaign

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    be_quick(monkeypatch.setattr)


@pytest.mark.long
async def test_a_campaign_that_joins_waits_until_jobs_of_the_other_have_ended(engine, tmp_path):
    """They are long: what was promised too soon would be in flight beside them."""
    limit = 8
    async with scene(engine, duration=4.0) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": limit}
        for name, first in (("one", 0), ("two", 16)):
            await Campaign.prepare(pandas(16, first), tmp_path / name, page_size=8)
        names = uuid.uuid4().hex, uuid.uuid4().hex
        one = await Campaign.start(at.client, names[0], tmp_path / "one", **options)
        with anyio.fail_after(60):
            while len(at.sim.jobs) < limit:  # noqa: ASYNC110 - sets no flag
                await anyio.sleep(0.02)
            two = await Campaign.start(at.client, names[1], tmp_path / "two", **options)
            assert (await one.result()).succeeded == 16
            assert (await two.result()).succeeded == 16
    assert most_at_once(at.sim.jobs.values()) == limit
