"""What the engine's own database holds of a campaign that was settled by hand: numbers alone."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing

import anyio
import pytest
from attrs import evolve
from support.engine import DevelopmentServer
from support.ledger import pandas
from support.scene import scene

from pika_async.simulator import Fault
from pika_async.temporal import Campaign, Finished, Uncertain

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]

KEY = "a-secret-key"
SIGNED = "https://bucket.example/cat.png?X-Amz-Signature=5ecre7-0f-mine"


def holds(database, word):
    """Whether the word is anywhere in it, as a text or in what SQL spells as X'…'."""
    with closing(sqlite3.connect(database)) as connection:
        return any(
            word in line or word.encode().hex().upper() in line for line in connection.iterdump()
        )


async def test_it_holds_no_prompt_and_no_key_also_after_decisions(tmp_path):
    """A line is submitted again and one adopted; a refusal quotes what it was sent."""
    folder = tmp_path / "engine"
    folder.mkdir()
    server = DevelopmentServer(folder)
    server.start()
    quoting = {"error": {"message": f"not allowed: violet {SIGNED}", "type": "invalid_request"}}
    faults = [
        Fault("reset-after", times=2, started=True),
        Fault("custom", status=400, body=quoting, after=3),
    ]
    try:
        async with scene(server.address, *faults) as at, at.worker():
            lines = [
                evolve(line, prompt=f"{line.prompt} beside a violet", image=SIGNED)
                for line in pandas(4)
            ]
            await Campaign.prepare(lines, tmp_path / "store")
            name = uuid.uuid4().hex
            options = {"queue": at.queue, "account": at.queue}
            campaign = await Campaign.start(at.client, name, tmp_path / "store", **options)
            with anyio.fail_after(180):
                assert (await campaign.result()).uncertain == 2
            found = [one.outcome async for one in campaign.results()]
            first, second = (n for n, one in enumerate(found) if isinstance(one, Uncertain))
            (job_id,) = (
                job.id for job in at.sim.jobs.values() if f"panda {first:05}" in str(job.body)
            )
            adopted = await campaign.resolve(first, adopt=job_id, queue=at.queue)
            assert isinstance(adopted, Finished)
            await campaign.resolve(second, resubmit=True, queue=at.queue)
            assert len(at.sim.submissions) >= 5
            assert all("violet" in str(one.body) for one in at.sim.submissions)
    finally:
        server.stop()
    database = folder / "engine.db"
    # What is looked for would be found where it is.
    assert holds(database, f"{name}/repair/{second}-1")
    assert holds(database, job_id)
    words = (KEY, "red panda", "red-panda", "violet", "5ecre7-0f-mine", "X-Amz", "cat.png")
    assert [word for word in words if holds(database, word)] == []
