"""Whoever is told the events of a worker knows which line of which campaign they are about."""

from __future__ import annotations

import uuid

import pytest
from support.ledger import pandas
from support.scene import scene

from pika_async import SubmitUncertain
from pika_async.simulator import Fault
from pika_async.temporal import Campaign, prompt_under_way

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


async def test_a_lost_submit_is_told_with_its_line_and_one_of_no_campaign_without(engine, tmp_path):
    lost = []

    def observer(event):
        if isinstance(event, SubmitUncertain):
            lost.append(prompt_under_way())

    faults = Fault("reset-after", times=None, started=True)
    async with scene(engine, faults) as at, at.worker(observer=observer):
        await Campaign.prepare(pandas(4), tmp_path, page_size=2)
        name = f"{uuid.uuid4().hex}/of 2026"
        way = {"queue": at.queue, "account": at.queue}
        campaign = await Campaign.start(at.client, name, tmp_path, **way)
        await campaign.result()
        await campaign.resolve(3, resubmit=True, queue=at.queue)
        assert [line.campaign for line in lost] == [name] * 5
        assert sorted(line.index for line in lost) == [0, 1, 2, 3, 3]
        await at.outcome("a red panda")
    assert lost[5:] == [None]
    assert prompt_under_way() is None
