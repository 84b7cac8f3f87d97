"""What is too large for the engine costs nothing, and ends."""

from __future__ import annotations

import pytest
from support.scene import scene
from temporalio.service import RPCError

from pika_async import GenerationRequest
from pika_async.temporal import Declined

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


async def test_an_image_that_the_engine_has_no_room_for_is_refused_and_nothing_is_sent(engine):
    """Where the workflow of one is started: an image is a path, or a link."""
    image = "data:image/png;base64," + "A" * 3_000_000
    async with scene(engine) as at, at.worker():
        with pytest.raises(RPCError, match="exceeds limit"):
            await at.start(GenerationRequest("a red panda", image=image))
        assert at.sim.submissions == []


async def test_the_end_of_a_job_is_told_however_much_the_service_says_of_it(engine):
    """A result without bounds would be told over and over, and never taken."""
    async with scene(engine, failure="it broke " * 350_000) as at, at.worker():
        outcome = await at.outcome()
        assert len(at.sim.jobs) == 1
    assert isinstance(outcome, Declined)
    assert len(outcome.reason) < 10_000
