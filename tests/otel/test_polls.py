"""No poll is a span, also where aiohttp makes one of each request."""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import pytest
from opentelemetry import context
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from support.batches import client_for, until

from pika_async.otel import Telemetry
from pika_async.simulator import Fault, Polls, Simulator


@pytest.fixture
def instrumented(backend):
    instrumentor = AioHttpClientInstrumentor()
    instrumentor.instrument(tracer_provider=backend.traces, meter_provider=backend.metrics)
    yield backend
    instrumentor.uninstrument()


def requests(backend) -> list[str]:
    return [span.name for span in backend.spans if span.name in ("GET", "POST", "HTTP")]


async def test_a_job_of_ten_polls_is_one_request_in_the_trace(instrumented):
    async with Simulator(duration=Polls(10)) as sim:
        async with client_for(sim, observer=instrumented.telemetry()) as client:
            await client.generate("a red panda")
        assert len(sim.polls) == 10
        assert not any("traceparent" in poll.headers for poll in sim.polls)
        assert "traceparent" in sim.submissions[0].headers
    assert requests(instrumented) == ["POST"]


async def test_without_telemetry_each_of_them_is_one(instrumented):
    # Or else the test above would pass for want of any instrumentation.
    async with Simulator(duration=Polls(10)) as sim, client_for(sim) as client:
        await client.generate("a red panda")
    assert requests(instrumented) == ["POST", *["GET"] * 10]


async def test_polls_that_fail_are_none_either(instrumented):
    faults = [Fault("502-html", on="poll", times=3), Fault("reset-after", on="poll", times=2)]
    async with Simulator(duration=Polls(2), faults=faults) as sim:
        async with client_for(sim, observer=instrumented.telemetry()) as client:
            await client.generate("a red panda")
    assert requests(instrumented) == ["POST"]


async def test_what_the_program_asks_for_meanwhile_is_traced_as_ever(instrumented):
    async with Simulator(duration=Polls(20)) as sim:
        async with client_for(sim, observer=instrumented.telemetry()) as client:
            job = await client.submit("a red panda")
            async with aiohttp.ClientSession() as session:
                async for _ in job.transitions():
                    async with session.get(sim.url) as response:
                        await response.read()
    assert requests(instrumented).count("GET") >= 2


async def test_a_poll_that_is_cancelled_leaves_the_context_as_it_was(backend, caplog):
    faults = [Fault("slow-headers", on="poll", seconds=60)]
    async with Simulator(faults=faults) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            job = await client.submit("a red panda")
            before = context.get_current()

            async def watch():
                try:
                    await job.result()
                finally:
                    assert context.get_current() == before

            task = asyncio.create_task(watch())
            await until(lambda: sim.polls)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert "detach" not in caplog.text


async def test_where_nothing_is_instrumented_no_context_is_made(monkeypatch):
    """It would be most of what telemetry costs a poll, and nobody would ask for it."""
    monkeypatch.delitem(sys.modules, "opentelemetry.instrumentation.utils")
    before = context.get_current()

    assert Telemetry().around_poll() is None
    assert context.get_current() is before
