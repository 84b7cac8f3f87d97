"""A workflow that is cancelled while the answer to its submit is on its way sends nothing more."""

from __future__ import annotations

import anyio
import pytest
from support.engine import posted
from support.killed import be_quick
from support.scene import scene

from pika_async.simulator import Fault
from pika_async.temporal import Uncertain, Why

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    be_quick(monkeypatch.setattr)


@pytest.mark.parametrize("started", [False, True])
async def test_it_is_not_sent_again_with_its_key_either(engine, started):
    """Where the first never arrived, the second would start a job that nobody wants any more."""
    lost = Fault("slow-headers", seconds=60, started=started)
    async with (
        scene(engine, lost, service="pika") as at,
        at.worker(request_timeout=1.0),
    ):
        handle = await at.start()
        await posted(at.sim)
        await handle.cancel()
        with anyio.fail_after(30):
            outcome = await handle.result()
        assert (len(at.sim.submissions), len(at.sim.jobs)) == (1, int(started))
    assert isinstance(outcome, Uncertain)
    assert outcome.why is Why.NO_ANSWER
