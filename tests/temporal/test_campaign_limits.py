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
@pytest.mark.parametrize("in_flight", [100, 12])
async def test_as_many_submits_a_second_leave_as_were_said(in_flight, engine, tmp_path):
    """Within a tenth, while lines wait; and never more than a quarter above it over ten seconds."""
    rate, count = 10.0, 200
    await Campaign.prepare(pandas(count), tmp_path)
    async with scene(engine) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": in_flight}
        campaign = await Campaign.start(
            at.client, uuid.uuid4().hex, tmp_path, submits_per_second=rate, **options
        )
        with anyio.fail_after(60):
            await campaign.result()
    times = sorted(job.submitted_at for job in at.sim.jobs.values())
    assert 0.9 * rate <= (count - 1) / (times[-1] - times[0]) <= 1.1 * rate
    assert max(sum(start <= each < start + 10 for each in times) for start in times) <= 12.5 * rate


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
