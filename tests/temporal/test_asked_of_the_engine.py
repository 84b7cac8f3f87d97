"""How activities are scheduled, read off a history: what is not here is done twice some day."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest
from support.scene import scene

from pika_async.simulator import Fault
from pika_async.temporal import Finished
from pika_async.temporal._names import FINISH, SUBMIT

pytestmark = pytest.mark.slow


async def scheduled(handle):
    """By the name of the activity, what the engine was asked for each time."""
    asked = defaultdict(list)
    async for event in handle.fetch_history_events():
        if event.HasField("activity_task_scheduled_event_attributes"):
            attributes = event.activity_task_scheduled_event_attributes
            asked[attributes.activity_type.name].append(attributes)
    return asked


async def test_each_post_is_an_activity_of_one_attempt_and_the_waiting_is_one_of_many(engine):
    """A submit is repeated by its workflow alone, which has read what the one before has written.

    It has no heartbeat timeout, since it beats twice; the waiting has one, and is begun again.
    """
    faults = [
        Fault("429-retry-after-seconds", times=2, retry_after=1),
        Fault("503-retry-after", retry_after=1),
    ]
    async with scene(engine, *faults) as at, at.worker(request_timeout=30.0):
        handle = await at.start()
        assert isinstance(await handle.result(), Finished)
        asked = await scheduled(handle)
        assert len(asked[SUBMIT]) == len(at.sim.submissions) == 4
    for submit in asked[SUBMIT]:
        assert submit.retry_policy.maximum_attempts == 1
        assert submit.task_queue.name == f"{at.queue}-submit"
        assert submit.start_to_close_timeout.ToTimedelta() == timedelta(seconds=30 + 15)
        assert submit.heartbeat_timeout.ToTimedelta() == timedelta(0)
    (waiting,) = asked[FINISH]
    assert waiting.retry_policy.maximum_attempts == 0
    assert waiting.task_queue.name == at.queue
    assert timedelta(0) < waiting.heartbeat_timeout.ToTimedelta() <= timedelta(minutes=1)
