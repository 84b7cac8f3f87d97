"""The end of a job as an activity: what it came to, and what it cost."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from temporalio.testing import ActivityEnvironment

from pika_async import FixedPolling, GenerationRequest, Money, PikaClient
from pika_async.simulator import Polls, Simulator
from pika_async.temporal import Finished, _finishing
from pika_async.temporal._contents.files import write_pages
from pika_async.temporal._contents.shelf import Shelf
from pika_async.temporal._finishing import Finishing
from pika_async.temporal._records import Accepted, Errand, Line
from pika_async.temporal._store.store import open_store

REQUEST = GenerationRequest("a red panda")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(_finishing, "LOOKS_AT_CHARGE", (0.0, 0.01))


@asynccontextmanager
async def waiting(service, folder, **settings):
    """A job that is paid for, and what a worker does for it."""
    manifest = await write_pages(open_store(folder), [REQUEST])
    line = Line(store=str(folder), digest=manifest.digest, page=0, place=0, index=0)
    async with (
        Simulator(service=service, duration=Polls(1), **settings) as sim,
        PikaClient(
            "key", base_url=sim.url, dialect=sim.dialect, polling=FixedPolling(0.01)
        ) as client,
    ):
        job = await client.submit(REQUEST)
        ours = Finishing(client, Shelf(), output_dir=None)
        accepted = Accepted(job_id=job.id, sent_at=datetime.now(UTC))

        async def finish(request=line):
            return await ActivityEnvironment().run(
                ours.finish, Errand(request=request, job=accepted)
            )

        yield finish


@pytest.mark.parametrize("of", ["a line", "a request"])
async def test_what_a_job_cost_is_asked_once_more_where_the_service_says_it_late(tmp_path, of):
    """As a batch does: else the campaign counts the price that was quoted for what was charged."""
    async with waiting("pika", tmp_path, variants=("billing-late",)) as finish:
        ended = await (finish() if of == "a line" else finish(REQUEST))
    assert isinstance(ended, Finished)
    assert isinstance(ended.charge, Money)


async def test_what_its_end_says_is_not_asked_for_again(tmp_path):
    """Each look costs something."""
    async with waiting("pika", tmp_path) as finish:
        assert isinstance((await finish()).charge, Money)


async def test_a_service_that_never_says_what_it_cost_keeps_nobody(tmp_path):
    """The price that was said for the campaign stands in."""
    async with waiting("pika", tmp_path, variants=("billing-unavailable",)) as finish:
        assert (await finish()).charge is None
