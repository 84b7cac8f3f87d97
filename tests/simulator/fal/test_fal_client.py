"""fal's own Python client, against the simulator: what it accepts is fal's wire."""

from __future__ import annotations

import importlib

import anyio
import pytest

from pika_async.simulator import Polls, Simulator

fal_client = pytest.importorskip("fal_client", reason="fal-client is not installed")

TEXT = "fal-ai/pika/v2.2/text-to-video"


@pytest.fixture
async def client():
    """Its client, with connections that are closed in the end."""
    made = fal_client.AsyncClient(key="id:secret")
    yield made
    await (await made._client).aclose()


@pytest.fixture
async def sim(monkeypatch):
    async with Simulator(service="fal", duration=Polls(3)) as sim:
        # It reads a host from the environment, and asks it over TLS alone.
        module = importlib.import_module("fal_client.client")
        monkeypatch.setattr(module, "QUEUE_URL_FORMAT", f"{sim.url}/")
        yield sim


async def test_it_submits_looks_and_has_the_result(client, sim) -> None:
    handle = await client.submit(TEXT, {"prompt": "a red panda surfing"})
    seen = [await handle.status() for _ in range(3)]
    result = await handle.get()

    assert [type(status).__name__ for status in seen] == ["Queued", "InProgress", "Completed"]
    assert result["video"]["url"].startswith(sim.media_url)
    assert [handle.request_id] == list(sim.jobs)


@pytest.mark.usefixtures("sim")
async def test_it_has_a_result_by_the_id_alone(client) -> None:
    handle = await client.submit(TEXT, {"prompt": "a red panda surfing"})
    again = await client.get_handle(TEXT, handle.request_id)

    assert (await again.get(interval=0))["video"]["url"]


async def test_it_is_told_why_a_job_failed(client, sim) -> None:
    sim.failure = "the hat is too big"
    handle = await client.submit(TEXT, {"prompt": "a red panda surfing"})

    with pytest.raises(fal_client.FalClientHTTPError, match="the hat is too big") as caught:
        await handle.get(interval=0)
    assert caught.value.status_code == 422


async def test_it_cancels(client, sim) -> None:
    # A job that has left the queue runs on.
    sim.duration, sim.queue = 3600.0, 1.0
    handle = await client.submit(TEXT, {"prompt": "a red panda surfing"})

    await handle.cancel()

    with anyio.fail_after(20), pytest.raises(fal_client.FalClientHTTPError) as caught:
        await handle.get(interval=0)
    assert caught.value.status_code == 499
