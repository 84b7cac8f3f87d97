"""A night's uncertain lines are settled by one command, and nobody pays more than he was told."""

from __future__ import annotations

import uuid

import anyio
import pytest
from support.scene import prepared, progress_once, scene
from support.tables import every_row

from pika_async import FieldError, GenerationRequest, Money
from pika_async.simulator import Fault
from pika_async.temporal import (
    Campaign,
    CampaignError,
    Decision,
    Declined,
    Dropped,
    Finished,
    NoAnswerError,
    Refused,
    Uncertain,
    Why,
)
from pika_async.temporal._contents.repairs import add_repair
from pika_async.temporal._limits.purse import Cost
from pika_async.temporal._messages.campaigns import CampaignOrder, CampaignState
from pika_async.temporal._messages.pages import Tally
from pika_async.temporal._repairs.bulk import Terms, planned
from pika_async.temporal._repairs.owners import ADOPTED, SUBMITTED, Note, note_of, take_note
from pika_async.temporal._repairs.resolving import Resolving

UNSURE = Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)
CENTS_20 = Money(200_000)


def resubmits(*indexes):
    return [Decision(index=index, resubmit=True) for index in indexes]


def state_of(*, budget=None, price=None, spent=0, **ended):
    order = CampaignOrder(
        store="s",
        digest="d",
        prompts=9,
        pages=1,
        page_size=9,
        account="a",
        budget=budget,
        price=price,
        spent=spent,
        ended=Tally(**ended),
    )
    return CampaignState(order=order)


async def plan(folder, decisions, state=None, outcomes=(UNSURE,) * 9, **terms):
    store = await prepared(folder, list(outcomes))
    looked = await Resolving(None, "x", store, "q").look(decisions, begun_before=True)
    return (await planned(looked, state, Terms(**terms), store)).plan


class TestThePlan:
    async def test_it_says_what_submitting_again_comes_to(self, tmp_path):
        state = state_of(price=CENTS_20)
        told = await plan(tmp_path, [*resubmits(0, 1, 2), Decision(index=3, drop=True)], state)
        assert (told.resubmits, told.price, told.cost) == (3, CENTS_20, 3 * CENTS_20)
        assert (told.budget, told.left, len(told.decisions)) == (None, None, 4)

    async def test_it_tells_what_has_started_no_job_before(self, tmp_path):
        """None of it is paid a second time; an earlier repair may have left a job."""
        failed = Declined(job_id="two", reason="no")
        unsent = Refused(error="NotSubmittedError", meaning="stopped")
        refused = Refused(error="E", meaning="no")
        store = await prepared(tmp_path, [unsent, refused, unsent, UNSURE, failed])
        await add_repair(store, 2, 1, UNSURE)
        await add_repair(store, 2, 2, unsent)
        resolving = Resolving(None, "x", store, "q")
        looked = await resolving.look(resubmits(*range(5)), begun_before=True)
        told = (await planned(looked, state_of(price=CENTS_20), Terms(), store)).plan
        assert (told.resubmits, told.unpaid, told.cost) == (5, 2, 5 * CENTS_20)

    async def test_where_no_price_was_said_jobs_cost_what_they_were_charged(self, tmp_path):
        """On average, rounded up: it is to be enough."""
        state = state_of(succeeded=2, failed=1, cost=Cost(charged=Money(500_000)))
        assert (await plan(tmp_path, resubmits(0), state)).price == Money(166_667)

    async def test_where_nobody_knows_a_price_none_is_told(self, tmp_path):
        told = await plan(tmp_path, resubmits(0), state_of())
        assert (told.price, told.cost, told.resubmits) == (None, None, 1)

    async def test_what_is_left_of_the_budget_is_not_passed(self, tmp_path):
        """Uncertain lines stay counted as spent, so that nothing is counted away."""
        state = state_of(budget=Money(1_000_000), price=CENTS_20, spent=600_000)
        told = await plan(tmp_path, resubmits(0, 1), state)
        assert (told.left, told.cost) == (2 * CENTS_20, 2 * CENTS_20)
        with pytest.raises(CampaignError, match=r"3 jobs at \$0.20 come to \$0.60, and of the bud"):
            await plan(tmp_path, resubmits(0, 1, 2), state)

    async def test_a_campaign_that_goes_on_keeps_what_it_has_still_to_submit(self, tmp_path):
        """It spends all of its budget, whatever is submitted beside it: else both together pass it.

        Two of nine prompts have ended, at 0.40; one more is granted.
        """
        store = await prepared(tmp_path, [UNSURE] * 9)
        looked = await Resolving(None, "x", store, "q").look(resubmits(0, 1))
        cost = Cost(estimated=2 * CENTS_20)
        spent = {"price": CENTS_20, "spent": 600_000, "uncertain": 2, "cost": cost}
        state = state_of(budget=11 * CENTS_20, **spent)
        told = (await planned(looked, state, Terms(), store, goes_on=True)).plan
        assert told.left == 2 * CENTS_20
        tight = state_of(budget=10 * CENTS_20, **spent)
        with pytest.raises(CampaignError, match=r"\$0.20 left; the campaign goes on, .* \$1.20"):
            await planned(looked, tight, Terms(), store, goes_on=True)
        for all_of_it in (
            await planned(looked, tight, Terms(), store),
            await planned(looked, tight, Terms(budget=7 * CENTS_20), store, goes_on=True),
        ):
            assert all_of_it.plan.left == 7 * CENTS_20

    async def test_what_earlier_repairs_have_submitted_is_spent(self, tmp_path):
        """What they have adopted was counted as spent before."""
        store = await prepared(tmp_path, [UNSURE] * 9)
        for index, job, how in ((0, "one", SUBMITTED), (1, "two", ADOPTED)):
            saved = Finished(job_id=job, videos=(), files=())
            await add_repair(store, index, 1, saved)
            await take_note(store, job, Note(index=index, how=how, repair=1, tries=1))
        await add_repair(store, 2, 1, UNSURE)
        state = state_of(budget=Money(1_000_000), price=CENTS_20)
        assert (await plan(tmp_path, resubmits(5), state)).left == 3 * CENTS_20

    async def test_a_job_that_was_submitted_again_and_then_adopted_is_spent_once(self, tmp_path):
        """Waited for no longer, it ends all the same: a second repair adopts what one has paid."""
        store = await prepared(tmp_path, [UNSURE] * 9)
        late = Declined(job_id="one", reason="late", code="timeout")
        await add_repair(store, 0, 1, late)
        submitted = Note(index=0, how=SUBMITTED, repair=1, tries=1)
        await take_note(store, "one", submitted)
        adopted = Note(index=0, how=ADOPTED, repair=2, tries=1)
        await take_note(store, "one", adopted, after=await note_of(store, "one"))
        await add_repair(store, 0, 2, Finished(job_id="one", videos=(), charge=2 * CENTS_20))
        state = state_of(budget=Money(1_000_000), price=CENTS_20)
        assert (await plan(tmp_path, resubmits(5), state)).left == 3 * CENTS_20

    async def test_a_budget_of_its_own_takes_its_place(self, tmp_path):
        state = state_of(budget=Money(1_000_000), price=CENTS_20, spent=1_000_000)
        told = await plan(tmp_path, resubmits(0), state, budget=CENTS_20)
        assert (told.budget, told.left) == (CENTS_20, CENTS_20)

    async def test_a_budget_without_a_price_is_refused(self, tmp_path):
        """Nobody could keep to it."""
        with pytest.raises(CampaignError, match="say a price"):
            await plan(tmp_path, resubmits(0), None, budget=CENTS_20)
        assert await plan(tmp_path, [Decision(index=0, drop=True)], None, budget=CENTS_20)

    async def test_what_is_settled_already_is_left_out(self, tmp_path):
        """The same file is given again after the night was cut short."""
        saved = Finished(job_id="one", videos=(), files=())
        outcomes = [saved, Dropped(), saved, UNSURE]
        store = await prepared(tmp_path, [UNSURE] * 4)
        for index, outcome in enumerate(outcomes[:3]):
            await add_repair(store, index, 1, outcome)
        decisions = [
            Decision(index=0, adopt="one"),
            Decision(index=1, drop=True),
            *resubmits(2, 3),
        ]
        looked = await Resolving(None, "x", store, "q").look(decisions[1:], begun_before=True)
        told = (await planned(looked, state_of(price=CENTS_20), Terms(), store)).plan
        assert (told.settled, told.decisions) == (2, (decisions[3],))
        assert told.cost == CENTS_20

    async def test_all_that_is_wrong_is_said_before_anything_is_changed(self, tmp_path):
        store = await prepared(
            tmp_path, [UNSURE, Finished(job_id="j", videos=(), files=()), UNSURE], page_size=2
        )
        resolving = Resolving(None, "x", store, "q")
        with pytest.raises(CampaignError, match="prompt 2 .* is finished: there is nothing to"):
            await resolving.look([*resubmits(0), Decision(index=1, drop=True)])
        with pytest.raises(FieldError, match="one decision about a prompt"):
            await resolving.look([*resubmits(0), Decision(index=0, drop=True)])
        with pytest.raises(FieldError, match="a job of one prompt"):
            await resolving.look([Decision(index=0, adopt="a"), Decision(index=2, adopt="a")])
        with pytest.raises(FieldError, match="0 to 2"):
            await resolving.look(resubmits(3))

    async def test_many_decisions_read_each_page_once_and_their_own_repairs(self, tmp_path):
        """Three hundred read the store three hundred times less than one by one."""
        store = await prepared(tmp_path, [UNSURE] * 300, page_size=100)
        reads = []

        class Counting:
            place = store.place

            async def read(self, name):
                reads.append(name)
                return await store.read(name)

        looked = await Resolving(None, "x", Counting(), "q").look(resubmits(*range(300)))
        assert len(looked) == 300
        assert sum(name.startswith("results/") for name in reads) == 3
        assert sum(name.startswith("repairs/") for name in reads) == 300

    @every_row("words", [{}, {"drop": True, "resubmit": True}, {"adopt": "x", "drop": True}])
    def test_a_decision_is_one_of_three(self, words):
        with pytest.raises(FieldError, match="one of adopt, resubmit and drop"):
            Decision(index=0, **words)


@pytest.mark.slow
@pytest.mark.usefixtures("quick", "soon_told")
class TestOnAnEngine:
    @pytest.mark.long
    async def test_a_file_of_decisions_is_carried_out_and_may_be_given_again(
        self, engine, tmp_path
    ):
        """Whoever was cut off does not know how far it went."""
        async with scene(engine) as at, at.worker():
            await prepared(tmp_path, [UNSURE] * 30, page_size=10)
            campaign = await at.ended(tmp_path)
            decisions = [
                Decision(index=index, drop=not index % 3, resubmit=bool(index % 3))
                for index in range(30)
            ]
            decided = campaign.resolve_all(decisions, queue=at.queue)
            for _ in range(15):
                await anext(decided)
            await decided.aclose()
            again = [one async for one in campaign.resolve_all(decisions, queue=at.queue)]
            assert [one.problem for one in again] == [None] * len(again)
            found = [result.outcome async for result in campaign.results()]
            assert [isinstance(each, Dropped) for each in found] == [
                not index % 3 for index in range(30)
            ]
            assert sum(isinstance(each, Finished) for each in found) == 20
            assert len(at.sim.submissions) == 20
            assert (await campaign.plan_repairs(decisions)).settled == 30

    @pytest.mark.long
    async def test_not_more_than_so_many_are_under_way(self, engine, tmp_path):
        """The limit of the account does not count them."""
        async with scene(engine, duration=0.5) as at, at.worker():
            await prepared(tmp_path, [UNSURE] * 9)
            campaign = await at.ended(tmp_path)
            decided = campaign.resolve_all(resubmits(*range(9)), queue=at.queue, max_in_flight=2)
            assert len([one async for one in decided]) == 9
            jobs = at.sim.jobs.values()
            moments = [(job.submitted_at, 1) for job in jobs] + [(j.finished_at, -1) for j in jobs]
            running = most = 0
            for _, change in sorted(moments):
                running += change
                most = max(most, running)
            assert most == 2

    @pytest.mark.long
    async def test_of_two_who_settle_the_same_lines_each_is_submitted_once(self, engine, tmp_path):
        """Two colleagues at two terminals see the same list in the morning."""
        async with scene(engine) as at, at.worker():
            await prepared(tmp_path, [UNSURE] * 20)
            name = (await at.ended(tmp_path)).id

            async def settle():
                campaign = Campaign(at.client, name, store=tmp_path)
                decided = campaign.resolve_all(resubmits(*range(20)), queue=at.queue)
                assert len([one async for one in decided]) <= 20

            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(settle)
            found = [
                each.outcome async for each in Campaign(at.client, name, store=tmp_path).results()
            ]
        assert all(isinstance(each, Finished) for each in found)
        assert len(at.sim.submissions) == 20

    async def test_two_who_settle_other_lines_at_once_together_keep_to_the_budget(
        self, engine, tmp_path
    ):
        """Each has a plan that fits by itself."""
        async with scene(engine) as at, at.worker():
            await prepared(tmp_path, [UNSURE] * 20)
            name = (await at.ended(tmp_path)).id
            ended = []
            planned_all, both = [], anyio.Event()

            class Together(Campaign):
                async def _planned(self, *args, **options):
                    found = await super()._planned(*args, **options)
                    planned_all.append(found)
                    if len(planned_all) == 2:
                        both.set()
                    await both.wait()
                    return found

            async def settle(lines):
                campaign = Together(at.client, name, store=tmp_path)
                terms = {"budget": 12 * CENTS_20, "price": CENTS_20, "queue": at.queue}
                ended.extend(
                    [one async for one in campaign.resolve_all(resubmits(*lines), **terms)]
                )

            async with anyio.create_task_group() as group:
                group.start_soon(settle, range(10))
                group.start_soon(settle, range(10, 20))
        assert len(at.sim.submissions) == 12
        problems = [one.problem for one in ended if one.problem is not None]
        assert len(problems) == 8
        assert all("was not submitted: the budget is used up" in one for one in problems)

    async def test_what_is_uncertain_again_is_not_submitted_again(self, engine, tmp_path):
        """A service that breaks off all answers is not asked for ever."""
        async with scene(engine) as at, at.worker():
            at.sim.faults.append(Fault("reset-after", times=None, started=True))
            await prepared(tmp_path, [UNSURE] * 8)
            campaign = await at.ended(tmp_path)
            decided = campaign.resolve_all(resubmits(*range(8)), queue=at.queue)
            ended = [one async for one in decided]
            assert [one.outcome.why for one in ended] == [Why.NO_ANSWER] * 8
            assert len(at.sim.submissions) == 8
            at.sim.faults.clear()
            # The same is said once more, as by whoever saw his command end in the middle.
            decided = campaign.resolve_all(resubmits(*range(8)), queue=at.queue)
            assert [one async for one in decided] == []
            assert (await campaign.plan_repairs(resubmits(*range(8)))).repaired == 8
            assert len(at.sim.submissions) == 8
            once_more = campaign.resolve_all(resubmits(*range(8)), queue=at.queue, again=True)
            assert all([isinstance(one.outcome, Finished) async for one in once_more])
            assert len(at.sim.submissions) == 16

    async def test_one_that_goes_wrong_stops_none_of_the_others(self, engine, tmp_path):
        async with scene(engine) as at, at.worker():
            at.sim.faults.append(Fault("400-invalid-request", prompt="a red panda 001"))
            await prepared(tmp_path, [UNSURE] * 4)
            campaign = await at.ended(tmp_path)
            decisions = [Decision(index=0, adopt="a-slip"), *resubmits(1, 2, 3)]
            ended = {
                one.index: one async for one in campaign.resolve_all(decisions, queue=at.queue)
            }
        assert "knows no job a-slip" in ended[0].problem
        assert isinstance(ended[1].outcome, Refused)
        assert all(isinstance(ended[index].outcome, Finished) for index in (2, 3))

    @pytest.mark.long
    async def test_without_a_worker_it_is_said_how_many_stand(self, engine, tmp_path):
        """What needs no worker is done, and the rest is not begun."""
        async with scene(engine) as at:
            await prepared(tmp_path, [UNSURE] * 20)
            campaign = await at.ended(tmp_path)
            decisions = [*resubmits(*range(18)), Decision(index=19, drop=True)]
            ended = []
            with anyio.fail_after(30), pytest.raises(NoAnswerError) as caught:
                decided = campaign.resolve_all(decisions, queue=at.queue, max_in_flight=4)
                while True:
                    ended.append(await anext(decided))
            assert [one.index for one in ended] == [19]
            assert "So it is with 4 of the prompts. 14 more were not begun." in str(caught.value)
            async with at.worker():
                rest = campaign.resolve_all(decisions, queue=at.queue)
                assert len([one async for one in rest]) == 18
        assert len(at.sim.submissions) == 18

    async def test_where_jobs_cost_more_than_was_said_the_rest_is_not_submitted(
        self, engine, tmp_path
    ):
        """The price was a guess; the budget was not."""
        async with scene(engine, service="pika") as at, at.worker():
            await prepared(tmp_path, [UNSURE] * 6)
            campaign = await at.ended(tmp_path)
            decided = campaign.resolve_all(
                resubmits(*range(6)),
                queue=at.queue,
                max_in_flight=1,
                price=Money(10_000),
                budget=Money(400_000),
            )
            ended = [one async for one in decided]
            charged = sum(one.outcome.charge.micros for one in ended if one.outcome)
            assert charged == at.sim.service_at_work.spent_micro_usd
            assert 0 < sum(one.outcome is not None for one in ended) < 6
            assert "the budget is used up" in ended[-1].problem

    @pytest.mark.long
    async def test_the_jobs_of_pages_that_were_ended_by_hand_are_had_without_paying_again(
        self, engine, tmp_path
    ):
        """Somebody ends all workflows; all lines of open pages are uncertain then."""
        async with scene(engine, duration=2) as at, at.worker():
            lines = [GenerationRequest(f"a red panda {number}") for number in range(12)]
            await Campaign.prepare(lines, tmp_path, page_size=6)
            way = {"queue": at.queue, "account": at.queue}
            one = await Campaign.start(
                at.client, uuid.uuid4().hex, tmp_path, max_in_flight=5, **way
            )
            await progress_once(one, lambda now: now.submitted >= 5)
            for name in (one.id, f"{one.id}/page/000000", f"pika-account-{at.queue}"):
                await at.client.get_workflow_handle(name).terminate()
            paid = set(at.sim.jobs)
            two = await Campaign.start(
                at.client, uuid.uuid4().hex, tmp_path, carry_on=True, max_in_flight=6, **way
            )
            progress = await two.result()
            assert (progress.succeeded, progress.uncertain) == (6, 6)
            known = await two.known_jobs(range(12))
            first = {index: job for index, job in known.items() if index < 6}
            assert set(first.values()) == paid
            posts = len(at.sim.submissions)
            with pytest.raises(CampaignError, match="which is paid for: adopt it"):
                await two.plan_repairs(resubmits(*range(6)))
            decisions = [Decision(index=index, adopt=job) for index, job in first.items()]
            ended = [one async for one in two.resolve_all(decisions, queue=at.queue)]
            assert all(isinstance(one.outcome, Finished) for one in ended)
            assert len(ended) == 5
            assert len(at.sim.submissions) == posts == 11
            (left,) = set(range(6)) - set(first)
            (last,) = [r async for r in two.resolve_all(resubmits(left), queue=at.queue)]
            assert isinstance(last.outcome, Finished)
            assert len(at.sim.jobs) == 12

    async def test_the_budget_of_the_campaign_holds(self, engine, tmp_path):
        """Told before anything is submitted."""
        async with scene(engine) as at, at.worker():
            at.sim.faults.append(Fault("reset-after", times=3, started=True))
            lines = [GenerationRequest(f"a red panda {number}") for number in range(5)]
            await Campaign.prepare(lines, tmp_path)
            campaign = await Campaign.start(
                at.client,
                uuid.uuid4().hex,
                tmp_path,
                queue=at.queue,
                account=at.queue,
                budget=Money(1_200_000),
                price=CENTS_20,
            )
            assert (await campaign.result()).uncertain == 3
            unsure = [
                r.index
                async for r in campaign.results()
                if r.outcome is not None and isinstance(r.outcome, Uncertain)
            ]
            with pytest.raises(CampaignError, match=r"there are \$0.20 left"):
                await campaign.plan_repairs(resubmits(*unsure))
            assert len(at.sim.submissions) == 5
            (one,) = [r async for r in campaign.resolve_all(resubmits(unsure[0]), queue=at.queue)]
            assert isinstance(one.outcome, Finished)
            with pytest.raises(CampaignError, match=r"there are \$0.00 left"):
                await campaign.plan_repairs(resubmits(unsure[1]))
            # What was submitted again before counts towards it.
            told = await campaign.plan_repairs(resubmits(unsure[1]), budget=1)
            assert (told.earlier, told.left) == (CENTS_20, Money(800_000))
