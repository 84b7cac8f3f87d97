"""Whoever asks how a campaign stands is told why nothing is submitted, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
import pytest
from support.ledger import pandas
from support.scene import progress_once, scene
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError

from pika_async.simulator import Fault
from pika_async.temporal import Campaign, CampaignError
from pika_async.temporal._contents.claims import claim
from pika_async.temporal._contents.files import begin
from pika_async.temporal._store.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


async def start(at, folder, count, **options):
    return await at.campaign(folder, pandas(count), page_size=3, **options)


async def forget(at, workflow_id):
    """As the engine does when the time is over for which it keeps what has ended."""
    await at.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace="default", workflow_execution=WorkflowExecution(workflow_id=workflow_id)
        )
    )
    handle = at.client.get_workflow_handle(workflow_id)
    # It takes its time.
    with anyio.fail_after(90), pytest.raises(RPCError, match="not found"):
        while await handle.describe():  # noqa: ASYNC110 - is asked
            await anyio.sleep(0.1)


@pytest.mark.long
async def test_while_the_service_has_no_room_it_is_told_until_when_and_since_when(engine, tmp_path):
    """And what the service says: by night nobody has the log of a worker at hand."""
    full = Fault("429-retry-after-seconds", times=2, retry_after=3)
    async with scene(engine, full) as at, at.worker():
        began = datetime.now(UTC)
        campaign = await start(at, tmp_path, 2, max_in_flight=1)
        progress = await progress_once(campaign, lambda told: told.waiting is not None)
        waiting = progress.waiting
        assert "429" in waiting.reason
        assert waiting.since >= began - timedelta(seconds=1)
        assert waiting.until - waiting.since >= timedelta(seconds=3)
        assert waiting.tries >= 1
        again = await progress_once(campaign, lambda told: told.waiting and told.waiting.tries == 2)
        assert again.waiting.until > waiting.until
        assert again.waiting.since == waiting.since
        ended = await campaign.result()
    assert (ended.succeeded, ended.waiting) == (2, None)


@pytest.mark.parametrize(
    ("fault", "words"), [("401-new-api-error", "key"), ("403-quota-not-enough", "balance")]
)
async def test_what_is_wrong_for_all_is_told_as_a_pause_with_what_to_do(
    fault, words, engine, tmp_path
):
    async with scene(engine, Fault(fault, times=None)) as at, at.worker():
        campaign = await start(at, tmp_path, 1)
        progress = await progress_once(campaign, lambda told: told.paused)
        assert words in progress.paused
        assert progress.waiting is None
        await campaign.stop()
        await campaign.result()


@pytest.mark.long
async def test_where_the_account_has_no_place_it_is_told_since_when(engine, tmp_path):
    """Another campaign has all of them; once it has left, nothing is said of it any more."""
    async with scene(engine, duration=3) as at, at.worker():
        one = await start(at, tmp_path / "one", 1, max_in_flight=1)
        await progress_once(one, lambda told: told.in_flight)
        began = datetime.now(UTC)
        two = await start(at, tmp_path / "two", 1)
        told = await progress_once(two, lambda told: told.crowded_since)
        assert told.crowded_since >= began - timedelta(seconds=1)
        assert (told.share, told.waiting, (await one.progress()).crowded_since) == (0, None, None)
        await progress_once(two, lambda told: told.share and told.crowded_since is None)
        assert (await two.result()).crowded_since is None


@pytest.mark.long
async def test_a_campaign_that_the_engine_has_forgotten_is_told_by_its_store(engine, tmp_path):
    """How many lines ended in which way lies there for good."""
    lost = Fault("reset-after", started=True)
    async with scene(engine, lost, Fault("400-invalid-request")) as at, at.worker():
        campaign = await start(at, tmp_path, 6)
        known = await campaign.result()
        assert (known.succeeded, known.refused, known.uncertain) == (4, 1, 1)
        await forget(at, campaign.id)
        for told in (await campaign.progress(), await campaign.result()):
            assert (told.succeeded, told.refused, told.uncertain) == (4, 1, 1)
            assert (told.prompts, told.taken, told.submitted) == (6, 6, 4)
            assert (told.ended, told.forgotten, known.forgotten) == (True, True, False)
        with pytest.raises(CampaignError, match=r"its store tells.*store="):
            await Campaign(at.client, campaign.id).progress()
        with pytest.raises(CampaignError, match="not of another; nothing was changed"):
            await Campaign(at.client, "another", store=tmp_path).progress()


async def test_pages_that_a_forgotten_campaign_has_begun_and_not_sealed_are_uncertain(
    engine, tmp_path
):
    """Nobody knows any more what was submitted of them; what was never begun was not."""
    await Campaign.prepare(pandas(9), tmp_path, page_size=3)
    store = open_store(tmp_path)
    async with scene(engine) as at:
        await claim(at.client, store, "of last year", 3, carry_on=False)
        assert await begin(store, 1, "a run")
        told = await Campaign(at.client, "of last year", store=tmp_path).progress()
    assert (told.uncertain, told.stranded, told.taken) == (3, (1,), 3)
    assert (told.prompts, told.ended, told.forgotten) == (9, True, True)
