"""What the owner of a campaign decides, on a real engine: told what happens, and paid once."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager

import anyio
import pytest
from support.engine import posted
from support.scene import prepared, reset, scene
from temporalio.api.enums.v1 import EventType

from pika_async import FieldError, GenerationRequest, Money
from pika_async.simulator import Fault
from pika_async.temporal import (
    Campaign,
    CampaignError,
    Declined,
    Dropped,
    Finished,
    NoAnswerError,
    Uncertain,
    Why,
)
from pika_async.temporal._contents.files import seal
from pika_async.temporal._repairs import attended
from pika_async.temporal._repairs.spending import Spending
from pika_async.temporal._store.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick", "soon_told")]

UNSURE = Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)


async def campaign_of(at, folder, outcomes, *, page_size=500):
    """One that has ended, whose lines have come to this."""
    await prepared(folder, outcomes, page_size=page_size)
    return await at.ended(folder)


async def outcomes_of(campaign):
    return [result.outcome async for result in campaign.results()]


async def until(holds):
    with anyio.fail_after(180):
        while not await holds():  # noqa: ASYNC110 - is asked
            await anyio.sleep(0.05)


def repair_of(at, campaign, index, number=1, again=""):
    return at.client.get_workflow_handle(f"{campaign.id}/repair/{index}-{number}{again}")


@asynccontextmanager
async def begun(at, campaign, index, **decision):
    """A decision that somebody waits for, who goes away without a result at the end."""
    async with anyio.create_task_group() as group:

        async def wait():
            with anyio.move_on_after(60):
                try:
                    await campaign.resolve(index, queue=at.queue, **decision)
                except CampaignError:
                    return

        group.start_soon(wait)
        yield
        group.cancel_scope.cancel()


async def test_a_repair_waits_for_a_service_that_takes_nothing_for_a_moment(engine, tmp_path):
    """It was refused at once, though nothing was begun, and had to be decided again."""
    async with scene(engine, Fault("503-no-channel", times=2)) as at, at.worker():
        campaign = await campaign_of(at, tmp_path, [UNSURE])
        outcome = await campaign.resolve(0, resubmit=True, queue=at.queue)
    assert isinstance(outcome, Finished)
    assert (len(at.sim.submissions), len(at.sim.jobs)) == (3, 1)


class TestWithoutAWorker:
    async def test_whoever_waits_is_told_and_the_repair_is_done_when_one_comes(
        self, engine, tmp_path
    ):
        """It waited for ever, without a word."""
        async with scene(engine) as at:
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            with anyio.fail_after(20), pytest.raises(NoAnswerError) as caught:
                await campaign.resolve(0, resubmit=True, queue=at.queue)
            way = f"pika-async campaign worker --queue {at.queue}."
            for said in ("prompt 1 (index 0)", at.queue, way, "stands"):
                assert said in str(caught.value)
            async with at.worker():
                await repair_of(at, campaign, 0).result()
            assert isinstance((await outcomes_of(campaign))[0], Finished)
        assert len(at.sim.submissions) == 1

    async def test_whoever_says_the_same_again_waits_for_what_stands(self, engine, tmp_path):
        """It is submitted once, however often that is said."""
        async with scene(engine) as at:
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            for _ in range(2):
                with pytest.raises(NoAnswerError):
                    await campaign.resolve(0, resubmit=True, queue=at.queue)
            async with at.worker():
                ended = await campaign.resolve(0, resubmit=True, queue=at.queue)
        assert isinstance(ended, Finished)
        assert len(at.sim.submissions) == 1

    async def test_whoever_says_something_else_is_told_what_stands(self, engine, tmp_path):
        """He would have got the end of what he did not say."""
        async with scene(engine) as at:
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            with pytest.raises(NoAnswerError):
                await campaign.resolve(0, resubmit=True, queue=at.queue)
            for other in ({"adopt": "66e0818e"}, {"drop": True}):
                with pytest.raises(CampaignError, match="settled already, otherwise: resubmit"):
                    await campaign.resolve(0, queue=at.queue, **other)
            assert await outcomes_of(campaign) == [UNSURE]

    async def test_a_worker_that_has_gone_is_no_worker(self, engine, tmp_path):
        """The engine tells for five minutes of those who have asked for work."""
        async with scene(engine) as at:
            campaign = await campaign_of(at, tmp_path, [UNSURE, UNSURE])
            async with at.worker():
                await campaign.resolve(0, resubmit=True, queue=at.queue)
            with anyio.fail_after(20), pytest.raises(NoAnswerError, match="no worker takes it"):
                await campaign.resolve(1, resubmit=True, queue=at.queue)

    @pytest.mark.long
    async def test_a_worker_that_goes_on_the_way_is_noticed(self, engine, tmp_path):
        """Its job is waited for when another one comes."""
        async with scene(engine, duration=3) as at:
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            async with anyio.create_task_group() as group:

                async def resolve():
                    with pytest.raises(NoAnswerError, match="stands"):
                        await campaign.resolve(0, resubmit=True, queue=at.queue)

                async with at.worker():
                    group.start_soon(resolve)
                    await posted(at.sim)
            async with at.worker():
                assert isinstance(
                    await campaign.resolve(0, resubmit=True, queue=at.queue), Finished
                )
        assert len(at.sim.submissions) == 1

    async def test_a_long_job_that_is_waited_for_is_no_silence(self, engine, tmp_path):
        """A worker has it, and says so."""
        async with scene(engine, duration=5) as at, at.worker():
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            assert isinstance(await campaign.resolve(0, resubmit=True, queue=at.queue), Finished)

    async def test_what_fails_over_and_over_is_told_and_goes_on(
        self, engine, tmp_path, monkeypatch
    ):
        """A service that is down for a day keeps nobody at his terminal for a day."""
        monkeypatch.setattr(attended, "MOST_TRIES", 1)
        async with scene(engine) as at, at.worker():
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            (tmp_path / "videos").write_text("in the way")
            with anyio.fail_after(30), pytest.raises(NoAnswerError, match="over and over"):
                await campaign.resolve(0, resubmit=True, queue=at.queue)
            (tmp_path / "videos").unlink()
            assert isinstance(await campaign.resolve(0, resubmit=True, queue=at.queue), Finished)
        assert len(at.sim.submissions) == 1


class TestARepairThatWasEndedByHand:
    @pytest.mark.parametrize("end", ["terminate", "cancel"])
    async def test_one_that_sent_nothing_blocks_nothing(self, engine, tmp_path, end):
        """The line could never be settled again."""
        async with scene(engine) as at:
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            with pytest.raises(NoAnswerError):
                await campaign.resolve(0, resubmit=True, queue=at.queue)
            handle = repair_of(at, campaign, 0)
            await getattr(handle, end)()
            async with at.worker():
                await until(lambda: _ended(handle))
                ended = await campaign.resolve(0, resubmit=True, queue=at.queue)
        assert isinstance(ended, Finished)
        assert len(at.sim.submissions) == 1

    @pytest.mark.parametrize("end", ["terminate", "cancel"])
    async def test_the_job_that_it_has_submitted_is_gone_on_with(self, engine, tmp_path, end):
        """Its history names it: nothing is paid a second time, and the video is had."""
        async with scene(engine, duration=2) as at, at.worker():
            campaign = await campaign_of(at, tmp_path, [UNSURE, UNSURE])
            async with begun(at, campaign, 0, resubmit=True):
                await until(lambda: _waits(repair_of(at, campaign, 0)))
            await getattr(repair_of(at, campaign, 0), end)()
            await until(lambda: _ended(repair_of(at, campaign, 0)))
            (job_id,) = at.sim.jobs
            for other in ({"drop": True}, {"adopt": "another"}):
                with pytest.raises(CampaignError, match=f"has submitted the job {job_id}, which"):
                    await campaign.resolve(0, queue=at.queue, **other)
            ended = await campaign.resolve(0, resubmit=True, queue=at.queue)
            assert (ended.job_id, len(at.sim.submissions)) == (job_id, 1)
            with pytest.raises(CampaignError, match="is that of prompt 1"):
                await campaign.resolve(1, adopt=job_id, queue=at.queue)

    async def test_what_it_has_submitted_is_spent_also_where_its_owner_adopts_it(
        self, engine, tmp_path
    ):
        """He is told to adopt it, and a repair has paid for it: the budget of repairs is less."""
        async with scene(engine, duration=2) as at, at.worker():
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            async with begun(at, campaign, 0, resubmit=True):
                await until(lambda: _waits(repair_of(at, campaign, 0)))
            await repair_of(at, campaign, 0).terminate()
            (job_id,) = at.sim.jobs
            ended = await campaign.resolve(0, adopt=job_id, queue=at.queue)
            assert isinstance(ended, Finished)
            spending = Spending(open_store(tmp_path), Money(200_000), None)
            await spending.look()
            assert spending.sum == 200_000

    async def test_what_it_may_have_submitted_is_written_down_and_nothing_is_sent(
        self, engine, tmp_path
    ):
        """Its owner said that once more may be paid, not twice more: he is asked again."""
        async with scene(engine) as at, at.worker():
            at.sim.faults.append(Fault("slow-headers", seconds=2, started=True))
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            async with begun(at, campaign, 0, resubmit=True):
                await posted(at.sim)
                await repair_of(at, campaign, 0).terminate()
            with pytest.raises(CampaignError, match="may have started a job"):
                await campaign.resolve(0, resubmit=True, queue=at.queue)
            assert len(at.sim.submissions) == 1
            (unsure,) = await outcomes_of(campaign)
            assert (unsure.why, unsure.sent_at is None) == (Why.UNKNOWN, False)
            ended = await campaign.resolve(0, resubmit=True, queue=at.queue)
            assert (type(ended), len(at.sim.submissions)) == (Finished, 2)

    async def test_whoever_waits_for_it_is_told(self, engine, tmp_path):
        """It raised an error of the engine's library."""
        async with scene(engine, duration=5) as at, at.worker():
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            async with anyio.create_task_group() as group:

                async def resolve():
                    with pytest.raises(CampaignError, match="ended before it had a result"):
                        await campaign.resolve(0, resubmit=True, queue=at.queue)

                group.start_soon(resolve)
                await until(lambda: _waits(repair_of(at, campaign, 0)))
                await repair_of(at, campaign, 0).terminate()

    async def test_one_that_was_begun_anew_and_then_ended_may_have_submitted(
        self, engine, tmp_path
    ):
        """What its earlier run has sent stands in another history."""
        async with scene(engine, duration=5) as at, at.worker():
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            handle = repair_of(at, campaign, 0)
            async with begun(at, campaign, 0, resubmit=True):
                await until(lambda: _waits(handle))
                first = [event async for event in handle.fetch_history_events()]
                ends = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
                begins = next(event.event_id for event in first if event.event_type == ends)
                await handle.terminate()
            at.queue, queue = "nobody's", at.queue
            await reset(at.client, handle, begins)
            await at.client.get_workflow_handle(handle.id).terminate()
            with pytest.raises(CampaignError, match="may have started a job"):
                await campaign.resolve(0, resubmit=True, queue=queue)
            assert len(at.sim.submissions) == 1

    async def test_one_that_has_ended_well_and_is_begun_anew_changes_nothing(
        self, engine, tmp_path
    ):
        """Whoever resets all workflows of a night resets this one, too."""
        async with scene(engine) as at, at.worker():
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            ended = await campaign.resolve(0, resubmit=True, queue=at.queue)
            handle = repair_of(at, campaign, 0)
            events = [event async for event in handle.fetch_history_events()]
            ends = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
            begins = next(event.event_id for event in events if event.event_type == ends)
            await (await reset(at.client, handle, begins)).result()
            assert await outcomes_of(campaign) == [ended]
        assert len(at.sim.submissions) == 1


async def _ended(handle):
    return (await handle.describe()).close_time is not None


async def _waits(handle):
    """Whether a repair waits for its job."""
    try:
        pending = (await handle.describe()).raw_description.pending_activities
    except Exception:  # noqa: BLE001 - it has not been begun yet
        return False
    return any(each.activity_type.name == "pika_finish" for each in pending)


class TestAJobThatIsAnothers:
    async def test_of_a_line_of_another_page_is_refused(self, engine, tmp_path):
        """One paid video would count twice, and another would be lost."""
        theirs = Finished(job_id="66e0818e", videos=(), files=("x.mp4",))
        async with scene(engine) as at, at.worker():
            campaign = await campaign_of(at, tmp_path, [UNSURE, UNSURE, theirs], page_size=2)
            with pytest.raises(CampaignError, match=r"66e0818e is that of prompt 3 \(index 2\)"):
                await campaign.resolve(0, adopt="66e0818e", queue=at.queue)
            assert await outcomes_of(campaign) == [UNSURE, UNSURE, theirs]

    async def test_that_an_open_page_waits_for_is_refused(self, engine, tmp_path):
        """Its line is not written down yet, and its job stands in the account's list."""
        async with scene(engine, duration=4) as at, at.worker():
            lines = [GenerationRequest(f"a red panda {number:03}") for number in range(2)]
            await Campaign.prepare(lines, tmp_path, page_size=1)
            await seal(open_store(tmp_path), 0, [UNSURE])
            campaign = await Campaign.start(
                at.client, uuid.uuid4().hex, tmp_path, queue=at.queue, account=at.queue
            )
            page = at.client.get_workflow_handle(f"{campaign.id}/page/000001")
            await until(lambda: _waits(page))
            (job_id,) = at.sim.jobs
            with pytest.raises(CampaignError, match=r"is that of prompt 2 \(index 1\)"):
                await campaign.resolve(0, adopt=job_id, queue=at.queue)
            assert (await campaign.result()).succeeded == 1

    async def test_that_another_decision_stands_for_is_refused(self, engine, tmp_path):
        """Nobody has written it down yet."""
        async with scene(engine) as at:
            campaign = await campaign_of(at, tmp_path, [UNSURE, UNSURE])
            with pytest.raises(NoAnswerError):
                await campaign.resolve(0, adopt="66e0818e", queue=at.queue)
            with pytest.raises(CampaignError, match=r"is that of prompt 1 \(index 0\)"):
                await campaign.resolve(1, adopt="66e0818e", queue=at.queue)

    async def test_of_two_who_adopt_it_at_the_same_moment_one_gets_it(self, engine, tmp_path):
        """Their looks at the store see the same."""
        async with scene(engine) as at, at.worker():
            campaign = await campaign_of(at, tmp_path, [UNSURE] * 6)
            job_id = await paid_for(at)
            said = []

            async def adopt(index):
                try:
                    said.append(await campaign.resolve(index, adopt=job_id, queue=at.queue))
                except CampaignError as error:
                    said.append(str(error))

            async with anyio.create_task_group() as group:
                for index in range(6):
                    group.start_soon(adopt, index)
            assert sum(isinstance(each, Finished) for each in said) == 1
            found = await outcomes_of(campaign)
            assert sum(isinstance(each, Finished) for each in found) == 1

    async def test_that_nobody_knows_settles_nothing(self, engine, tmp_path):
        """A slip costs nothing; the same line takes the right id afterwards."""
        async with scene(engine) as at, at.worker():
            campaign = await campaign_of(at, tmp_path, [UNSURE, UNSURE])
            job_id = await paid_for(at)
            for _ in range(2):
                with pytest.raises(CampaignError, match="knows no job a-slip"):
                    await campaign.resolve(0, adopt="a-slip", queue=at.queue)
            assert await outcomes_of(campaign) == [UNSURE, UNSURE]
            assert (await campaign.resolve(0, adopt=job_id, queue=at.queue)).job_id == job_id

    async def test_that_its_line_has_given_up_is_free(self, engine, tmp_path):
        """It was named for the wrong line, and waited for in vain."""
        late = Declined(job_id="66e0818e", reason="it takes long", code="timeout")
        async with scene(engine) as at, at.worker():
            job_id = await paid_for(at)
            campaign = await campaign_of(
                at, tmp_path, [Declined(job_id=job_id, reason=late.reason, code="timeout"), UNSURE]
            )
            with pytest.raises(CampaignError, match="is that of prompt 1"):
                await campaign.resolve(1, adopt=job_id, queue=at.queue)
            assert await campaign.resolve(0, drop=True) == Dropped()
            assert (await campaign.resolve(1, adopt=job_id, queue=at.queue)).job_id == job_id

    async def test_that_is_its_own_is_waited_for_again(self, engine, tmp_path):
        """Its video may be had by now."""
        async with scene(engine) as at, at.worker():
            job_id = await paid_for(at)
            late = Declined(job_id=job_id, reason="it takes long", code="timeout")
            campaign = await campaign_of(at, tmp_path, [late])
            assert (await campaign.resolve(0, adopt=job_id, queue=at.queue)).job_id == job_id

    @pytest.mark.parametrize("job_id", ["", " 66e0818e"])
    async def test_that_is_no_id_is_refused(self, engine, tmp_path, job_id):
        async with scene(engine) as at:
            campaign = await campaign_of(at, tmp_path, [UNSURE])
            with pytest.raises(FieldError, match="adopt"):
                await campaign.resolve(0, adopt=job_id, queue=at.queue)


async def paid_for(at):
    """A job that somebody has submitted, of which the campaign does not know."""
    from pika_async import PikaClient  # noqa: PLC0415

    async with PikaClient("a-secret-key", base_url=at.sim.url, dialect=at.sim.dialect) as client:
        return (await client.submit("a red panda 000")).id
