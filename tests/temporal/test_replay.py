"""Workflows that began with an earlier version go on with this one. Needs no engine."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from pika_async.temporal import GenerateVideo, PikaPlugin
from pika_async.temporal._account.account import Account
from pika_async.temporal._campaign.campaign import CampaignRun
from pika_async.temporal._campaign.page import Page
from pika_async.temporal._repairs.repair import Repair

HISTORIES = sorted(Path(__file__).with_name("histories").glob("*.json"))
WORKFLOWS = [GenerateVideo, Account, CampaignRun, Page, Repair]


def read(path):
    kept = json.loads(path.read_text(encoding="utf-8"))
    return WorkflowHistory.from_json(kept["id"], kept["history"])


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_what_running_workflows_have_been_through_is_understood(path):
    """Another order or kind of steps would stop them: a change needs ``workflow.patched``."""
    await Replayer(workflows=WORKFLOWS, plugins=[PikaPlugin()]).replay_workflow(read(path))


async def test_a_campaign_that_a_worker_without_search_attributes_took_up_goes_on_without():
    """It was started by somebody who knew of them, with a line that is uncertain."""
    kept = HISTORIES[0].with_name("campaign.json").read_text(encoding="utf-8")
    for before, after in (
        ('"account":"halted"', '"searchable":true,"account":"halted"'),
        ('"submitted":3,"succeeded":3', '"submitted":3,"succeeded":2,"uncertain":1'),
    ):
        changed = rewritten(kept, before, after)
        assert changed != kept
        kept = changed
    history = WorkflowHistory.from_json("halted", json.loads(kept)["history"])
    await Replayer(workflows=WORKFLOWS, plugins=[PikaPlugin()]).replay_workflow(history)


def rewritten(history, before, after):
    """The same with another text in what workflows were told, which stands there in base64."""

    def payload(found):
        data = base64.b64decode(found[1]).decode()
        return f'"data":"{base64.b64encode(data.replace(before, after).encode()).decode()}"'

    return re.sub(r'"data":"([^"]*)"', payload, history)


def test_there_is_one_of_each_kind():
    begun = {
        read(path).events[0].workflow_execution_started_event_attributes.workflow_type.name
        for path in HISTORIES
    }
    assert begun == {
        *("PikaGenerateVideo", "PikaAccount", "PikaCampaign", "PikaPage", "PikaRepair")
    }
