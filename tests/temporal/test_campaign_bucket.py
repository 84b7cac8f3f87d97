"""A whole campaign whose prompts, results and videos lie in a bucket."""

from __future__ import annotations

import uuid

import anyio
import pytest
from support.ledger import Ledger, pandas
from support.scene import scene

from pika_async.simulator import Fault
from pika_async.temporal import Campaign, Dropped, Uncertain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


async def test_a_bucket_serves_as_a_folder_does_from_the_first_prompt_to_the_last_decision(
    engine, s3
):
    """Each video once and whole, one line uncertain and given up, and nothing on this machine."""
    place = f"s3://bucket/{uuid.uuid4().hex}"
    await Campaign.prepare(pandas(7), place, page_size=3)
    async with scene(engine, Fault("reset-after", started=True)) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, place, **options)
        with anyio.fail_after(180):
            progress = await campaign.result()
        assert (progress.succeeded, progress.uncertain) == (6, 1)
        ledger = Ledger(at.sim)
        await ledger.read(campaign.results())
        assert (ledger.twice, ledger.lost, ledger.wrong) == ([], [], [])
        # As somebody who comes from elsewhere, and knows the name of the campaign alone.
        owner = Campaign(at.client, campaign.id)
        results = [result async for result in owner.results()]
        (unsure,) = (n for n, one in enumerate(results) if isinstance(one.outcome, Uncertain))
        assert await owner.resolve(unsure, drop=True) == Dropped()
        assert [result.outcome async for result in owner.results()][unsure] == Dropped()
    files = [f"{place}/{file}" for one in results for file in getattr(one.outcome, "files", ())]
    assert len(set(files)) == 6
    for file in files:
        assert b"ftyp" in s3.objects[file.removeprefix("s3://bucket/")][:12]
