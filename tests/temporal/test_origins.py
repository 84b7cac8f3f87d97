"""On a real engine: the worker that waits for a job links to the worker that submitted it."""

from __future__ import annotations

import pytest
from support.backend import Backend
from support.batches import until
from support.killed import be_quick
from support.scene import scene

from pika_async.simulator import Polls
from pika_async.temporal import Finished

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    be_quick(monkeypatch.setattr)


@pytest.fixture
def backend():
    kept = Backend()
    yield kept
    kept.traces.shutdown()
    kept.metrics.shutdown()


def ids(span):
    return span.context.trace_id, span.context.span_id


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_what_one_worker_submits_and_another_finishes_is_linked(engine, backend, service):
    """The two share nothing but the engine."""
    async with scene(engine, service=service, duration=Polls(30)) as at:
        handle = await at.start()
        with backend.telemetry() as telemetry:
            async with at.worker(observer=telemetry):
                await until(lambda: at.sim.polls)
        async with at.worker(observer=backend.telemetry()):
            outcome = await handle.result()
        assert isinstance(outcome, Finished)
        assert len(at.sim.submissions) == 1
    left, resumed = backend.named("generate_content")
    assert left.attributes["pika.outcome"] == "left"
    assert [ids(link) for link in resumed.links] == [ids(backend.submit)]
    assert resumed.attributes["pika.resumed"]
